"""tambah payments inbox, tambah payments rerun: what providers told us, and what came of it."""

from __future__ import annotations

from datetime import tzinfo

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import reason
from tambah.domain.payment import ProviderId
from tambah.payments.rerun import rerun
from tambah.store.payment_inbox import Event, EventState, list_events

_PROVIDERS = [provider.name.lower() for provider in ProviderId]


@click.command("inbox", cls=rich_click.RichCommand)
@click.option("--verdict", help="Only those that ended so, as silent or payment_unknown.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="How many at most.")
@answering
def inbox_command(verdict: str | None, limit: int) -> Answer:
    """List what payment providers told us, the latest first, and what came of it."""

    async def look(desk: Desk) -> Answer:
        """Read the events and describe them."""
        events = await list_events(desk.database, verdict=verdict, limit=limit)
        text = "\n".join(_in_words(event, desk.zone) for event in events) or "There are none."
        return Answer(document={"items": [_document(event) for event in events]}, text=text)

    return at_desk(look)


@click.command("rerun", cls=rich_click.RichCommand)
@click.argument("provider", type=click.Choice(_PROVIDERS))
@click.argument("event")
@reason
@answering
def rerun_command(provider: str, event: str, reason: str) -> Answer:
    """Have an EVENT of a PROVIDER processed again; nothing is done twice."""

    async def again(desk: Desk) -> Answer:
        """Queue it; a running server or worker takes it up within a second."""
        whose = ProviderId[provider.upper()]
        if not await rerun(desk.database, whose, event, actor(reason), desk.now):
            raise click.BadParameter(f"{provider} sent no event {event}")
        return Answer(
            document={"provider": provider, "event": event, "queued": True},
            text=f"{event} is queued again; a running server or worker takes it up.",
        )

    return at_desk(again)


def _document(event: Event) -> dict[str, object]:
    return {
        "event": event.event_id,
        "provider": ProviderId(event.provider),
        "type": event.event_type,
        "provider_ref": event.provider_ref,
        "first_at": event.first_at,
        "last_at": event.last_at,
        "times": event.times,
        "event_state": event.state,
        "tries": event.tries,
        "verdict": event.verdict,
    }


def _in_words(event: Event, zone: tzinfo) -> str:
    whose = ProviderId(event.provider).name.lower()
    is_done = event.state is EventState.DONE
    ended = event.verdict if is_done else f"queued, tried {event.tries} times"
    return (
        f"{show_instant(event.last_at, zone)} {whose} {event.event_id} {event.event_type}: {ended}"
    )

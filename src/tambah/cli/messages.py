"""tambah messages …: what is stuck on its way to subscribers, until there is a console."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, cast

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.options import reason
from tambah.domain.numbering import mask_msisdn
from tambah.domain.refusals import ReasonMissing
from tambah.engine.messages import retry_messages
from tambah.i18n import texts
from tambah.store.views.messages import WAITED_LONG, MessageView, list_stuck

_MOST = 5000


class MessageId(click.ParamType[tuple[int, int]]):
    """A message's own number, LINE-NUMBER, as `messages stuck` shows it."""

    name = "id"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return line and number."""
        if isinstance(value, tuple):
            return cast("tuple[int, int]", value)
        found = re.fullmatch(r"(-?\d{1,19})-(\d{1,9})", str(value))
        if found is None:
            self.fail("write a message's id like 4711-3", param, ctx)
        return int(found[1]), int(found[2])


@click.group(cls=rich_click.RichGroup)
def messages() -> None:
    """See which messages are stuck, and have them tried again."""


@messages.command(cls=rich_click.RichCommand)
@click.option("--limit", type=click.IntRange(1, _MOST), default=200)
@click.option(
    "--minutes",
    type=click.IntRange(0, 1440),
    default=WAITED_LONG // timedelta(minutes=1),
    show_default=True,
    help="How long what waits has waited at least; 0 lists all that waits.",
)
@answering
def stuck(limit: int, minutes: int) -> Answer:
    """List what waits, failed within a week, or was taken over a day ago without a receipt.

    Neither the number whole nor the text is shown.
    """

    async def look(desk: Desk) -> Answer:
        """List them."""
        waited = timedelta(minutes=minutes)
        found = await list_stuck(desk.database, desk.now, limit, waited)
        document = {"items": [_document(one, desk) for one in found]}
        lines = [_line(one, desk) for one in found]
        return Answer(document=document, text="\n".join(lines) or "No message is stuck.")

    return at_desk(look)


@messages.command(cls=rich_click.RichCommand)
@click.argument("ids", type=MessageId(), nargs=-1)
@click.option("--failed", "all_failed", is_flag=True, help="All that failed within a week.")
@reason
@answering
def retry(ids: tuple[tuple[int, int], ...], all_failed: bool, reason: str) -> Answer:
    """Have messages tried again at once: those of IDS, or --failed.

    Nothing that a gateway took is sent again, nor what is of no more use, nor what held a secret
    that is erased.
    """
    if bool(ids) == all_failed:
        raise click.UsageError("give ids or --failed, one of them")
    if not reason.strip():
        raise ReasonMissing

    async def work(desk: Desk) -> Answer:
        """Put them back."""
        wanted = list(ids) or [
            (one.line_id, one.number)
            for one in await list_stuck(desk.database, desk.now, _MOST)
            if one.can_be_retried and one.state.name == "FAILED"
        ]
        done = await retry_messages(desk.database, wanted, actor=actor(reason))
        if ids and not done:
            raise CommandRefused(
                "message_not_retryable",
                "No such message can be tried again: it is unknown, was taken by its gateway, is"
                " of no more use, or held a secret that is erased.",
            )
        named = [f"{line_id}-{number}" for line_id, number in done]
        left = len(set(wanted)) - len(done)
        text = f"{len(done)} put back" + (f", {left} cannot be" if left else "")
        return Answer(document={"retried": named, "left": left}, text=text + ".")

    return at_desk(work)


def _document(one: MessageView, desk: Desk) -> dict[str, object]:
    return {
        "id": f"{one.line_id}-{one.number}",
        "at": one.at,
        "state": one.state,
        "template": one.template,
        "gateway": one.gateway or None,
        "attempts": one.attempts,
        "reason": one.reason or None,
        "due_at": one.due_at,
        "to": mask_msisdn(one.msisdn, desk.rules.numbers),
        "can_be_retried": one.can_be_retried,
    }


def _line(one: MessageView, desk: Desk) -> str:
    when = texts("en").when(one.at, desk.rules.validity.zone)
    state = one.state.name.lower().replace("_", " ")
    to = mask_msisdn(one.msisdn, desk.rules.numbers)
    end = "" if one.can_be_retried else "  (cannot be retried)"
    return (
        f"{one.line_id}-{one.number}  {when}  {state}  {one.template}  {to}"
        f"  {one.gateway or '-'}  {one.attempts} tries  {one.reason or '-'}{end}"
    )

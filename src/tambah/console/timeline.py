"""A line's last events from every door in one row: money, stages, use, acts, messages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from tambah.desks.history_words import WORDS, Shown, show_entry
from tambah.desks.usage_words import Described, describe_usage
from tambah.domain.validity import TICK
from tambah.store.views.console import Act, Sent, acts_on_line, messages_to_line
from tambah.store.views.history import Asked, read_history
from tambah.store.views.usage import used_by_line
from tambah.web.site import Site

EVENTS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a line: one of the four is there."""

    at: datetime
    money: Shown | None = None
    use: Described | None = None
    act: Act | None = None
    sent: Sent | None = None


async def read_timeline(site: Site, line_id: int, at: datetime) -> list[Event]:
    """Return a line's last events until an instant, the newest first."""
    asked = Asked(
        shown=list(WORDS),
        stages=True,
        since=_EPOCH,
        before=at + TICK,
        after=None,
        limit=EVENTS,
    )
    history, used, acts, messages = await asyncio.gather(
        read_history(site.database, line_id, asked),
        used_by_line(site.database, line_id, None, EVENTS),
        acts_on_line(site.database, line_id, EVENTS),
        messages_to_line(site.database, line_id, EVENTS),
    )
    numbers = site.rules.numbers
    events = [
        *(Event(at=entry.at, money=show_entry(entry)) for entry in history),
        *(Event(at=one.began_at, use=describe_usage(one, numbers)) for one in used),
        *(Event(at=act.at, act=act) for act in acts),
        *(Event(at=sent.at, sent=sent) for sent in messages),
    ]
    # Each comes newest first, and sorting keeps that order among those of one instant.
    return sorted(events, key=lambda event: event.at, reverse=True)[:EVENTS]

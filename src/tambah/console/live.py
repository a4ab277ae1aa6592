"""Counters on the first page: how it stands this minute, as far as a role goes.

They are drawn with the page and asked for again every few seconds by a script, which does not
count as doing something: a console that is left alone ends its session all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get

from tambah.console.facts import PAYMENTS, TICKETS
from tambah.console.guard import Reach, quietly, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME, SignedIn
from tambah.domain.staff import Permission
from tambah.store.views.console_lists import Queue, count_queues
from tambah.store.views.operations import (
    count_pending,
    count_queued,
    count_topups,
    count_wrong_codes,
)
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

LIVE = f"{HOME}/live"
PENDING_LONG = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)
_WEEK = timedelta(days=7)


class Counter(NamedTuple):
    """A counter: a text `console.live.<word>`, who may see it, and where it leads."""

    word: str
    permission: Permission
    path: str
    tally: Callable[[Site, str, datetime], Awaitable[int]]


async def _topups(site: Site, _name: str, now: datetime) -> int:
    return await count_topups(site.database, now - _MINUTE)


async def _wrong_codes(site: Site, _name: str, now: datetime) -> int:
    return await count_wrong_codes(site.database, now - _MINUTE)


async def _pending(site: Site, _name: str, now: datetime) -> int:
    return await count_pending(site.database, before=now - PENDING_LONG, since=now - _WEEK)


async def _messages(site: Site, _name: str, _now: datetime) -> int:
    return await count_queued(site.database)


async def _tickets(site: Site, name: str, now: datetime) -> int:
    return (await count_queues(site.database, name, now))[Queue.OPEN]


async def _late(site: Site, name: str, now: datetime) -> int:
    return (await count_queues(site.database, name, now))[Queue.OVERDUE]


COUNTERS = (
    Counter("topups", Permission.LINES_READ, "", _topups),
    Counter("wrong_codes", Permission.OPERATIONS_READ, f"{HOME}/operations", _wrong_codes),
    Counter("pending", Permission.PAYMENTS_READ, PAYMENTS, _pending),
    Counter("messages", Permission.OPERATIONS_READ, f"{HOME}/operations", _messages),
    Counter("tickets", Permission.TICKETS_READ, TICKETS, _tickets),
    Counter("late", Permission.TICKETS_READ, f"{TICKETS}?queue=overdue", _late),
)


async def count_all(site: Site, me: SignedIn) -> list[tuple[Counter, int]]:
    """Return the counters that somebody may see, each with its count."""
    mine = [one for one in COUNTERS if me.may(one.permission)]
    counts = await asyncio.gather(*(one.tally(site, me.staff.name, me.at) for one in mine))
    return list(zip(mine, counts, strict=True))


def live_routes(pages: ConsolePages) -> list[Any]:
    """Return the handler that the first page's script asks."""

    @get(LIVE, opt=quietly(reaches(Reach.STAFF)), include_in_schema=False)
    async def count(request: AnyRequest) -> Response[bytes]:
        counted = await count_all(pages.site, signed_in(request))
        body = msgspec.json.encode({one.word: f"{count:,}" for one, count in counted})
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    return [count]

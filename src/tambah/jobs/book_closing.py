"""Closing each day when it is over, and each month with its last day, if the operator wants it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from tambah.domain.actor import Actor
from tambah.domain.finance.closing import SETTLING, Period, PeriodKind
from tambah.domain.refusals import BooksDisagree, PeriodOutOfOrder
from tambah.domain.validity import ValidityRule
from tambah.engine.finance import close_period
from tambah.store.closes import last_closes
from tambah.store.database import Database

log = structlog.get_logger(__name__)

LOOK_SECONDS = 900.0
_A_DAY = timedelta(days=1)
_ACTOR = Actor(who="job:book_closing", why="Closed automatically: it is over.")
_MOST_AT_ONCE = 62  # days; more wait for the next look


async def close_what_is_over(database: Database, validity: ValidityRule) -> list[Period]:
    """Close the days that are over, from the last closed on (else yesterday), and their months.

    Stops at the first that does not agree: it is logged, and stays open until somebody looks.
    """
    closed: list[Period] = []
    for _ in range(_MOST_AT_ONCE):
        period = await _due(database, validity)
        if period is None:
            break
        try:
            await close_period(database, period, _ACTOR, validity)
            closed.append(period)
            if period.next.first.day == 1:
                month = Period(kind=PeriodKind.MONTH, first=period.first.replace(day=1))
                await close_period(database, month, _ACTOR, validity)
                closed.append(month)
        except (BooksDisagree, PeriodOutOfOrder) as refused:
            log.error("books not closed", period=str(period), code=refused.code, **refused.params)
            break
    return closed


async def close_for_ever(database: Database, validity: ValidityRule) -> None:
    """Look every quarter of an hour what is over, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            for period in await close_what_is_over(database, validity):
                log.info("books closed", period=str(period))
        except Exception as bug:
            log.error("closing the books failed", exc_info=bug)


async def _due(database: Database, validity: ValidityRule) -> Period | None:
    """Return the next day to be closed, None when there is none that is over."""
    async with database.read() as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        last = await last_closes(connection)
    over = validity.local_day(now - SETTLING) - _A_DAY
    days = [one.period for one in last if one.period.kind is PeriodKind.DAY]
    due = days[0].next if days else Period(kind=PeriodKind.DAY, first=over)
    return due if due.first <= over else None

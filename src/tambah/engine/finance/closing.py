"""Closing a day or a month of the books, and proving the chain of closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tambah.domain.actor import Actor
from tambah.domain.finance.cards import BatchCards
from tambah.domain.finance.closing import (
    Close,
    Counted,
    Line,
    Measure,
    Period,
    PeriodKind,
    lines_of_day,
    lines_of_month,
    require_in_order,
    require_over,
)
from tambah.domain.finance.statement import balances_after
from tambah.domain.money import ringgit
from tambah.domain.records import replace
from tambah.domain.refusals import PeriodUnknown, ReasonMissing
from tambah.domain.validity import ValidityRule
from tambah.engine.administer import note
from tambah.store import closes
from tambah.store.database import Connection, Database
from tambah.store.ledger.audit import GENESIS, link
from tambah.store.views.finance import held_by_account, sum_eras
from tambah.store.views.sold_cards import count_cards, count_moved, owed_after

_A_DAY = timedelta(days=1)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A period's close. is_new: whether it was closed just now."""

    close: Close
    is_new: bool


async def close_period(
    database: Database, period: Period, actor: Actor, validity: ValidityRule
) -> Closed:
    """Close a day or a month; one that is closed already is returned as it stands.

    A day's figures are of one snapshot, and go on from the day closed before it. They are written
    in a transaction of their own, after it: what is over cannot change in between, and the trail's
    newest row may have.

    Raises PeriodNotOver, PeriodOutOfOrder, PeriodTooEarly, BooksDisagree and ReasonMissing.
    """
    if not actor.why.strip():
        raise ReasonMissing
    connection = await database.connect()
    try:
        async with closes.one_at_a_time(connection):
            found = await closes.find_close(connection, period)
            if found is not None:
                return Closed(close=found, is_new=False)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                close = await _figures(connection, period, actor, validity)
            async with connection.transaction():
                await closes.insert_close(connection, close)
                after = {
                    "seq": close.seq,
                    "hash": close.hash.hex(),
                    "cards": ringgit(close.cards_micros),
                }
                await note(connection, actor, "CloseBooks", f"books:{period}", after=after)
    finally:
        await connection.close()
    return Closed(close=close, is_new=True)


async def read_period(database: Database, period: Period) -> Close:
    """Return a period's close. Raises PeriodUnknown."""
    async with database.read() as connection:
        close = await closes.find_close(connection, period)
    if close is None:
        raise PeriodUnknown
    return close


async def prove_chain(database: Database) -> Close | None:
    """Follow the chain from its first close; return the first that is not what was hashed."""
    async with database.read() as connection:
        seq, previous = 0, GENESIS
        while found := await closes.chain_after(connection, seq, limit=_AT_ONCE):
            for close in found:
                if close.seq != seq + 1 or close.previous != previous:
                    return close
                if link(previous, close.content()) != close.hash:
                    return close
                seq, previous = close.seq, close.hash
    return None


async def _figures(
    connection: Connection, period: Period, actor: Actor, validity: ValidityRule
) -> Close:
    now: datetime = await connection.fetchval("SELECT now()")
    last = await closes.last_closes(connection)
    require_over(validity.start_of(period.last + _A_DAY), now)
    require_in_order(period, last)
    since = period.first
    if period.kind is PeriodKind.DAY:
        before = next((one for one in last if one.period.kind is PeriodKind.DAY), None)
        lines = await _count_day(connection, period, before, validity)
    else:
        days = await closes.days_between(connection, period.first, period.last)
        since, lines = days[0].since, lines_of_month(days)
    seq, previous = await closes.end_of_chain(connection)
    close = Close(
        seq=seq + 1,
        period=period,
        since=since,
        closed_at=now.astimezone(UTC),
        who=actor.who,
        why=actor.why,
        lines=lines,
        previous=previous or GENESIS,
    )
    return replace(close, hash=link(close.previous, close.content()))


async def _count_day(
    connection: Connection, period: Period, before: Close | None, validity: ValidityRule
) -> tuple[Line, ...]:
    day = period.first
    starts_at, ends_at = validity.start_of(day), validity.start_of(day + _A_DAY)
    # What came before the day is read only once, by the first close there ever is.
    edges = [starts_at, ends_at]
    if before is not None:
        edges.insert(0, validity.start_of(before.period.first))
    named = [day] * (len(edges) + 1)
    eras = await sum_eras(connection, edges, from_first=before is not None, days=named)
    earlier, (moved, later) = eras[-3], eras[-2:]
    cards_before, cards_after = await _count_cards(connection, period, before, validity)
    counted = Counted(
        opening=before.balances if before else balances_after({}, earlier),
        again=tuple(earlier) if before else (),
        moved=tuple(moved),
        later=tuple(later),
        held=await held_by_account(connection),
        cards_before=cards_before,
        cards=cards_after,
    )
    return lines_of_day(counted, before)


async def _count_cards(
    connection: Connection, period: Period, before: Close | None, validity: ValidityRule
) -> tuple[tuple[BatchCards, ...], tuple[BatchCards, ...]]:
    """Return what was owed for cards when a day began and when it ended.

    Both go on from the close two days back, so the day before is counted once more. Every card is
    read for the first two closes there are, which have none to go on from.
    """
    starts_at = validity.start_of(period.first)
    ends_at = validity.start_of(period.first + _A_DAY)
    base = None
    if before is not None:
        day = Period(kind=PeriodKind.DAY, first=before.period.first - _A_DAY)
        base = await closes.find_close(connection, day)
    if before is None or base is None:
        every = await count_cards(connection, starts_at, ends_at, validity.zone)
        return every.before, every.after
    zone, since = validity.zone, validity.start_of(before.period.first)
    again = await count_moved(connection, since, starts_at, zone)
    closed = base.values(Measure.CARDS)
    _, cards_before = await owed_after(connection, closed, again, starts_at, zone)
    moved = await count_moved(connection, starts_at, ends_at, zone)
    counts = {one.batch_id: one.count for one in cards_before}
    _, cards_after = await owed_after(connection, counts, moved, ends_at, zone)
    return cards_before, cards_after

"""How the books stand now: what is owed, from the last closed day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tambah.domain.finance.cards import BatchCards
from tambah.domain.finance.closing import Close, Measure, Period, PeriodKind
from tambah.domain.finance.statement import Balances, Owed, Statement, state
from tambah.domain.validity import ValidityRule
from tambah.store.closes import last_closes
from tambah.store.database import Connection, Database
from tambah.store.views.finance import sum_movements
from tambah.store.views.sold_cards import count_cards, count_moved, owed_after

READ_SECONDS = 120.0
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)
_NOTHING: Balances = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is owed and earned at an instant.

    since: the last closed day, after whose end everything here moved; None for from the beginning.
    cards: sold and not used, by batch. cards_owed: the same in money.
    """

    at: datetime
    since: Period | None
    statement: Statement
    cards: tuple[BatchCards, ...]
    cards_owed: Owed


async def read_standing(database: Database, validity: ValidityRule) -> Standing:
    """Return how the books stand, from one snapshot. Only what is not closed is added up.

    While no day is closed that is everything: every transfer and every card.
    """
    connection = await database.connect(timeout_seconds=READ_SECONDS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _standing(connection, validity)
    finally:
        await connection.close()


async def _standing(connection: Connection, validity: ValidityRule) -> Standing:
    at: datetime = await connection.fetchval("SELECT now()")
    last = await last_closes(connection)
    closed = next((one for one in last if one.period.kind is PeriodKind.DAY), None)
    since, opening = _BEGINNING, _NOTHING
    if closed is not None:
        since = validity.start_of(closed.period.last + timedelta(days=1))
        opening = closed.balances
    until = max(at, since)
    moved = await sum_movements(connection, since, until, validity.zone)
    cards, cards_owed = await _cards(connection, closed, since, until, validity)
    return Standing(
        at=at,
        since=closed.period if closed else None,
        statement=state(opening, moved),
        cards=cards,
        cards_owed=cards_owed,
    )


async def _cards(
    connection: Connection,
    closed: Close | None,
    since: datetime,
    until: datetime,
    validity: ValidityRule,
) -> tuple[tuple[BatchCards, ...], Owed]:
    """Return what is owed for cards sold and unused: by batch, and as it moved."""
    if closed is None:
        cards = await count_cards(connection, since, until, validity.zone)
        before, after = cards.before, cards.after
    else:
        cards = await count_moved(connection, since, until, validity.zone)
        counts = closed.values(Measure.CARDS)
        before, after = await owed_after(connection, counts, cards, until, validity.zone)
    facts = cards.facts
    return after, Owed(
        opening_micros=sum(one.amount_micros for one in before),
        added_micros=facts.outside_micros + facts.by_dealers_micros,
        taken_micros=facts.used_micros + facts.voided_micros,
    )

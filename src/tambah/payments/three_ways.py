"""The three-way reconciliation of some days: providers asked, the books read in one snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from tambah.domain.finance.three_way import (
    Settled,
    ThreeWay,
    UnsoldCards,
    reconcile_three_ways,
)
from tambah.domain.records import replace
from tambah.domain.refusals import PeriodAhead
from tambah.payments.reconcile import (
    READ_SECONDS,
    Question,
    Reconciled,
    ask_providers,
    compare_with_books,
)
from tambah.store.database import Database
from tambah.store.views.finance import sum_movements
from tambah.store.views.sold_cards import count_moved, find_never_sold, find_odd_sales

_A_DAY = timedelta(days=1)


async def reconcile_books(database: Database, question: Question) -> ThreeWay:
    """Put what was sold, what was used and what is owed beside each other. Writes nothing.

    A provider that cannot be asked is believed to have what the books say, and named. Raises
    PeriodAhead.
    """
    if question.span.last > question.today:
        raise PeriodAhead
    asked = await ask_providers(question)
    span, validity = question.span, question.validity
    since, before = validity.start_of(span.first), validity.start_of(span.last + _A_DAY)
    connection = await database.connect(timeout_seconds=READ_SECONDS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await compare_with_books(connection, asked, question)
            movements = await sum_movements(connection, since, before, validity.zone)
            cards = await count_moved(connection, since, before, validity.zone)
            odd_sales = await find_odd_sales(connection, since, before, validity.zone)
            never_sold = await find_never_sold(connection, before)
    finally:
        await connection.close()
    unsold = _in_order((*cards.facts.unsold, *never_sold))
    facts = replace(cards.facts, unsold=unsold, odd_sales=odd_sales)
    return reconcile_three_ways(
        span, movements, facts, _settled(found), found.differences, today=question.today
    )


def _in_order(unsold: Iterable[UnsoldCards]) -> tuple[UnsoldCards, ...]:
    """Sort by batch, then by the day on which they were used; those not used yet last."""
    return tuple(sorted(unsold, key=lambda one: (one.batch_id, one.day or date.max)))


def _settled(found: Reconciled) -> list[Settled]:
    problems = {side.provider: side.problem for side in found.sides}
    return [
        Settled(
            provider=provider,
            settled_micros=sums.settled_micros,
            booked_micros=sums.booked_micros,
            other_days_micros=sums.other_days_micros,
            problem=problems[provider],
        )
        for provider, sums in found.sums.items()
    ]

"""Closing days and months on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.finance.closing import Close, Measure, Period, PeriodKind
from tambah.domain.finance.statement import Earning, Liability
from tambah.domain.ledger import Account
from tambah.domain.refusals import (
    BooksDisagree,
    PeriodNotOver,
    PeriodOutOfOrder,
    PeriodUnknown,
    ReasonMissing,
)
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.finance import close_period, prove_chain, read_period
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.book_closing import close_what_is_over
from tambah.store.closes import read_closes
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import add_line
from tests.payments.test_reconcile import NUMBERS, RM, World
from tests.payments.three_ways import A_DAY, Trade, a_day

ANNA = Actor(who="anna", why="The day is over.")


@pytest.fixture
async def trade(
    database: Database, rules: Rules, keys: Keys, fresh: Fresh
) -> AsyncIterator[Trade]:
    """Run an engine with lines, cards and a partner, from the end of two months ago on."""
    world = World(Engine(database, rules=rules, keys=keys, clock=Clock()), database, rules, keys)
    world.engine = Engine(database, rules=rules, keys=keys, clock=world.clock)
    this_month = world.today.replace(day=1)
    last_month = (this_month - A_DAY).replace(day=1)
    world.travel_to(last_month - 3 * A_DAY)
    await world.engine.start()
    for number in NUMBERS:
        world.lines.append(
            await add_line(
                world.engine,
                database,
                number,
                active_until=world.clock.now() + timedelta(days=200),
                grace_until=world.clock.now() + timedelta(days=300),
            )
        )
    trade = Trade(world, fresh.owner_dsn)
    await trade.open()
    yield trade
    await world.engine.stop()


def a_close_of(day: date) -> Period:
    """Return a day."""
    return Period(kind=PeriodKind.DAY, first=day)


async def close(trade: Trade, day: date) -> Close:
    """Close a day."""
    world = trade.world
    done = await close_period(world.database, a_close_of(day), ANNA, world.rules.validity)
    return done.close


async def test_days_are_closed_one_after_the_other_and_say_what_was_owed(trade: Trade) -> None:
    world = trade.world
    first = world.day + A_DAY
    for day in (first, first + A_DAY, first + 2 * A_DAY):
        await a_day(trade, day)

    one = await close(trade, first)
    two = await close(trade, first + A_DAY)

    assert one.cards_micros == 60 * RM
    assert two.values(Measure.CARDS) == {trade.batch_id: 12}
    statement = two.statement
    assert {a: m for a, m in statement.opening.items() if m} == {
        a: m for a, m in one.balances.items() if m
    }
    # The day's own payments, and the one of the day before that was heard of after midnight.
    assert statement.owed[Liability.HELD].added_micros == (5 + 10 + 30 + 10 + 10 + 3) * RM
    assert statement.owed[Liability.FLOATS].taken_micros == 45 * RM
    assert statement.earned[Earning.BONUS_GIVEN] == 4 * RM
    assert (two.previous, two.seq, two.who) == (one.hash, 2, "anna")
    assert two.balances[Account.FLOAT] == (500 - 90) * RM
    assert await prove_chain(world.database) is None
    assert (await verify(world.database, full=True)).is_clean
    trail = await world.database.fetch(
        "SELECT subject, who, why FROM audit WHERE action = 'CloseBooks' ORDER BY seq"
    )
    assert [tuple(row) for row in trail] == [
        (f"books:{day}", "anna", "The day is over.") for day in (first, first + A_DAY)
    ]


async def test_closing_again_gives_the_first_answer(trade: Trade) -> None:
    world = trade.world
    day = world.day
    first = await close(trade, day)

    other = replace(ANNA, who="badrul")
    closing = close_period(world.database, a_close_of(day), other, world.rules.validity)
    again = await closing

    assert (again.close, again.is_new) == (first, False)
    assert await read_period(world.database, a_close_of(day)) == first
    assert await world.database.fetch_value("SELECT count(*) FROM book_close") == 1


async def test_two_who_close_at_once_close_it_once(trade: Trade) -> None:
    world = trade.world
    day = a_close_of(world.day)

    done = await asyncio.gather(
        *(close_period(world.database, day, ANNA, world.rules.validity) for _ in range(3))
    )

    assert sorted(one.is_new for one in done) == [False, False, True]
    assert len({one.close.hash for one in done}) == 1


async def test_what_is_not_over_or_not_next_is_refused(trade: Trade) -> None:
    world = trade.world
    validity = world.rules.validity
    with pytest.raises(PeriodNotOver):
        await close(trade, world.today)
    day = await close(trade, world.day)
    with pytest.raises(PeriodOutOfOrder) as refused:
        await close(trade, world.day + 2 * A_DAY)
    assert refused.value.params == {"period": str(day.period.next)}
    with pytest.raises(PeriodUnknown):
        await read_period(world.database, a_close_of(world.day + A_DAY))
    with pytest.raises(ReasonMissing):
        await close_period(world.database, day.period.next, replace(ANNA, why=" "), validity)
    assert len(await read_closes(world.database, limit=9)) == 1


async def test_what_comes_into_a_closed_day_stops_the_next_close(trade: Trade) -> None:
    world = trade.world
    await a_day(trade, world.day)
    day = world.day - A_DAY
    await close(trade, day)
    await trade.by_hand(
        """
        INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, request)
        VALUES ($1, 900, $2, 7, 16, 12, 5, '')
        """,
        world.lines[0],
        world.rules.validity.start_of(day) + timedelta(hours=3),
    )

    with pytest.raises(BooksDisagree) as refused:
        await close(trade, day + A_DAY)

    assert refused.value.params == {"what": str(day)}


async def test_buckets_that_do_not_hold_what_the_ledger_says_stop_a_close(trade: Trade) -> None:
    await trade.by_hand(
        "UPDATE bucket SET remaining_micros = 1 WHERE kind = 1 AND owner_id = $1",
        trade.world.lines[0],
    )

    with pytest.raises(BooksDisagree) as refused:
        await close(trade, trade.world.day)

    assert refused.value.params == {"what": "line_main"}


async def test_a_card_that_is_gone_stops_the_next_close(trade: Trade) -> None:
    world = trade.world
    await trade.sell(1, 10)
    await close(trade, world.day)
    await trade.by_hand("DELETE FROM voucher WHERE number = 3")

    with pytest.raises(BooksDisagree):
        await close(trade, world.day + A_DAY)


async def test_the_product_cannot_change_a_close_and_a_hand_that_does_is_seen(
    trade: Trade,
) -> None:
    world = trade.world
    await close(trade, world.day)
    await close(trade, world.day + A_DAY)
    for statement in (
        "UPDATE book_close_line SET value = value + 1",
        "DELETE FROM book_close_line",
        "UPDATE book_close SET why = ''",
        "DELETE FROM book_close",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.database.execute(statement)  # type: ignore[arg-type]

    await trade.by_hand("UPDATE book_close_line SET value = value + 1 WHERE seq = 2")
    broken: Any = await prove_chain(world.database)
    assert broken.seq == 2
    await trade.by_hand("UPDATE book_close_line SET value = value - 1 WHERE seq = 2")
    assert await prove_chain(world.database) is None
    await trade.by_hand("DELETE FROM book_close WHERE seq = 1")
    broken = await prove_chain(world.database)
    assert broken.seq == 2


async def test_a_month_is_closed_from_its_days_and_the_job_closes_both(trade: Trade) -> None:
    world = trade.world
    first = world.day
    await a_day(trade, first)
    await a_day(trade, first + 3 * A_DAY)  # of the next month
    await close(trade, first)

    closed = await close_what_is_over(world.database, world.rules.validity)

    months = [one for one in closed if one.kind is PeriodKind.MONTH]
    assert len(months) == 2
    days = [one.first for one in closed if one.kind is PeriodKind.DAY]
    assert days[:3] == [first + n * A_DAY for n in (1, 2, 3)]
    assert (world.today - days[-1]).days in (1, 2)  # two in the first minutes of a day
    assert await close_what_is_over(world.database, world.rules.validity) == []
    earlier = await read_period(world.database, months[0])
    later = await read_period(world.database, months[1])
    assert (earlier.since, later.since) == (first, months[1].first)
    assert {a: m for a, m in later.statement.opening.items() if m} == {
        a: m for a, m in earlier.balances.items() if m
    }
    assert (earlier.cards_micros, later.cards_micros) == (60 * RM, 120 * RM)
    assert later.balances == (await read_closes(world.database, limit=1))[0].balances
    assert await prove_chain(world.database) is None


async def test_the_job_begins_with_yesterday_and_stops_where_books_disagree(
    trade: Trade,
) -> None:
    world = trade.world
    validity = world.rules.validity
    closed = await close_what_is_over(world.database, validity)
    assert closed[0] == a_close_of(closed[0].first)
    assert (world.today - closed[0].first).days in (1, 2)

    await trade.by_hand("DELETE FROM book_close")
    await trade.by_hand("DELETE FROM book_close_line")
    await trade.by_hand("UPDATE bucket SET remaining_micros = remaining_micros + 1")
    assert await close_what_is_over(world.database, validity) == []

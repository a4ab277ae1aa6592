"""Three ways on a real PostgreSQL: days that agree, and faults planted in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from tambah.domain.finance.three_way import ItemKind, Moved, Sold, Used
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import add_line
from tests.payments.test_reconcile import NUMBERS, RM, SEN, World
from tests.payments.three_ways import A_DAY, Trade, a_day


@pytest.fixture
async def trade(
    database: Database, rules: Rules, keys: Keys, fresh: Fresh
) -> AsyncIterator[Trade]:
    """Run an engine with forty lines, cards and a partner, three weeks ago."""
    world = World(Engine(database, rules=rules, keys=keys, clock=Clock()), database, rules, keys)
    world.engine = Engine(database, rules=rules, keys=keys, clock=world.clock)
    world.travel_to(world.today - 21 * A_DAY)
    await world.engine.start()
    for number in NUMBERS:
        world.lines.append(await add_line(world.engine, database, number))
    trade = Trade(world, fresh.owner_dsn)
    await trade.open()
    yield trade
    await world.engine.stop()


async def test_five_days_with_the_seven_faults_show_these_and_nothing_else(trade: Trade) -> None:
    world = trade.world
    days = [world.today - (15 - n) * A_DAY for n in range(5)]
    for day in days:
        await a_day(trade, day)

    clean = await trade.reconcile(days[0], days[-1])
    assert (clean.items, clean.unexplained_micros, clean.is_clean) == ((), 0, True)
    assert clean.sold[Sold.CARDS_OUTSIDE] == 5 * 100 * RM
    assert clean.used[Used.REDEEMED] == 5 * 40 * RM
    assert clean.moved[Moved.CARDS] == 5 * 60 * RM
    assert clean.sold[Sold.DEALER_RELOADS] == clean.used[Used.RELOADED] == 5 * 45 * RM
    by_day = [await trade.reconcile(day) for day in days]
    assert [one.is_clean for one in by_day] == [True] * 5

    expected = await _plant_seven(trade, days)
    found = await trade.reconcile(days[0], days[-1])

    assert [(i.kind, i.day, i.amount_micros) for i in found.items] == expected
    assert found.unexplained_micros == sum(amount for _, _, amount in expected)
    stolen = next(i for i in found.items if i.kind is ItemKind.CARD_NEVER_SOLD)
    assert (stolen.reference, stolen.count) == (f"{trade.batch_id:04d}-00000055", 2)
    by_hand = next(i for i in found.items if i.kind is ItemKind.MANUAL_CREDIT)
    assert by_hand.note == "line_main: cli:anna: promised on the telephone"
    one_by_one = [item for day in days for item in (await trade.reconcile(day)).items]
    assert tuple(one_by_one) == found.items


async def _plant_seven(trade: Trade, days: list[date]) -> list[tuple[ItemKind, date, int]]:
    """Plant the seven; return what is to be found, in order."""
    world, provider = trade.world, trade.world.provider
    doubled = [record for record in provider.records if record.day == days[1]]
    provider.records += doubled  # the same file twice
    place = next(n for n, record in enumerate(provider.records) if record.day == days[2])
    rounded = provider.records[place]
    provider.records[place] = replace(rounded, gross_micros=rounded.gross_micros - SEN)
    gone = [record for record in provider.records if record.day == days[3]]
    provider.records = [record for record in provider.records if record.day != days[3]]
    world.travel_to(days[4], minutes=15 * 60)
    for number in (55, 56):  # codes copied in the card factory
        await trade.steal(number)
        await trade.redeem(number)
    unheard = await world.open(amount=30 * RM)  # its webhook is late
    world.settle(unheard, 30 * RM, "pi_unheard")
    await world.refund(2 * RM, is_told=False)
    await trade.credit_by_hand(30)
    return [
        (ItemKind.DOUBLE, days[1], sum(record.gross_micros for record in doubled)),
        (ItemKind.AMOUNT_DIFFERS, days[2], -SEN),
        (ItemKind.DAY_MISSING, days[3], -sum(record.gross_micros for record in gone)),
        (ItemKind.CARD_NEVER_SOLD, days[4], -20 * RM),
        (ItemKind.MANUAL_CREDIT, days[4], -30 * RM),
        (ItemKind.MISSING_IN_LEDGER, days[4], 30 * RM),
        (ItemKind.REFUND_MISSING_IN_LEDGER, days[4], -2 * RM),
    ]


async def test_cards_of_dealers_are_explained_by_their_sales(trade: Trade) -> None:
    world = trade.world
    await trade.sell_by_dealer(1)
    await trade.redeem(1)
    await trade.sell_by_dealer(2)

    found = await trade.reconcile(world.day)

    assert (found.items, found.is_clean) == ((), True)
    assert found.sold[Sold.DEALER_CARDS] == 20 * RM
    assert found.moved[Moved.CARDS] == 10 * RM


async def test_a_sale_that_was_undone_is_owed_for_in_between(trade: Trade) -> None:
    world, day = trade.world, trade.world.day
    world.travel_to(day, minutes=24 * 60 - 2)
    reference = await trade.sell_by_dealer(1)
    await trade.sell_by_dealer(2)
    world.travel_to(day + A_DAY, minutes=5)
    await trade.undo_sale(reference)
    world.travel_to(day + 2 * A_DAY)
    await trade.sell_by_dealer(1)
    await trade.redeem(1)

    found = [await trade.reconcile(day + n * A_DAY) for n in range(3)]
    whole = await trade.reconcile(day, day + 2 * A_DAY)

    assert [one.items for one in (*found, whole)] == [()] * 4
    assert [one.moved[Moved.CARDS] for one in found] == [20 * RM, -10 * RM, 0]
    assert [one.sold[Sold.DEALER_CARDS] for one in found] == [20 * RM, -10 * RM, 10 * RM]
    assert whole.moved[Moved.CARDS] == 10 * RM


async def test_sales_that_no_card_explains_are_items(trade: Trade) -> None:
    world = trade.world
    await trade.sell(1, 1)
    world.travel_to(world.day, minutes=20 * 60)
    await trade.make_up_sale(1, 10, seq=900)  # sold before, by range
    await trade.make_up_sale(2, 9, seq=901)  # at another price
    await trade.steal(2)
    await trade.make_up_sale(777, 10, seq=902)  # there is none

    found = await trade.reconcile(world.day)

    assert {(i.kind, i.reference[-3:], i.amount_micros) for i in found.items} == {
        (ItemKind.SALE_WITHOUT_CARD, "001", 10 * RM),
        (ItemKind.SALE_WITHOUT_CARD, "002", -RM),
        (ItemKind.SALE_WITHOUT_CARD, "777", 10 * RM),
    }


async def test_cards_that_can_be_used_and_were_never_sold_show_every_day(trade: Trade) -> None:
    world = trade.world
    await trade.steal(7)
    await trade.steal(8)

    for day in (world.day, world.day + 3 * A_DAY):
        (item,) = (await trade.reconcile(day)).items
        assert (item.kind, item.amount_micros, item.count) == (
            ItemKind.CARD_USABLE_UNSOLD,
            -20 * RM,
            2,
        )
        assert (item.day, item.reference[-2:]) == (None, "07")


async def test_batches_that_need_no_activation_are_sold_when_released(trade: Trade) -> None:
    world = trade.world
    await trade.by_hand(
        "UPDATE voucher_batch SET born_active = true, released_at = $1", world.clock.now()
    )
    await trade.by_hand("UPDATE voucher SET state = 2, activated = true")
    await trade.redeem(1)

    found = await trade.reconcile(world.day)

    assert found.is_clean
    assert found.sold[Sold.CARDS_OUTSIDE] == 600 * RM
    assert found.moved[Moved.CARDS] == 590 * RM


async def test_sold_cards_that_are_voided_are_owed_no_more(trade: Trade) -> None:
    world = trade.world
    await trade.sell(1, 10)
    world.travel_to(world.day + A_DAY)
    await trade.void(4, 6)

    found = await trade.reconcile(world.day)

    assert found.is_clean
    assert found.used[Used.CARDS_VOIDED] == 30 * RM
    assert found.moved[Moved.CARDS] == -30 * RM


async def test_a_card_that_is_reversed_is_owed_again(trade: Trade) -> None:
    world = trade.world
    await trade.sell(1, 1)
    await trade.redeem(1)
    await trade.reverse(1)

    found = await trade.reconcile(world.day)

    assert found.is_clean
    assert (found.used[Used.REDEEMED], found.moved[Moved.CARDS_TAKEN_BACK]) == (0, 10 * RM)


async def test_a_top_up_that_is_moved_changes_no_side(trade: Trade) -> None:
    world = trade.world
    await trade.sell(1, 1)
    await trade.redeem(1)
    await trade.reload(10)
    before = await trade.reconcile(world.day)
    await trade.move(1)

    found = await trade.reconcile(world.day)

    assert found.is_clean
    assert (found.sold, found.used, found.moved) == (before.sold, before.used, before.moved)


async def test_without_a_provider_the_books_are_believed_and_that_is_said(trade: Trade) -> None:
    await trade.world.pay()

    found = await trade.reconcile(trade.world.day, configured=False)

    assert (found.unexplained_micros, found.items) == (0, ())
    assert list(found.problems.values()) == ["not_configured"]
    assert not found.is_clean

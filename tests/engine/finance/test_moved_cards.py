"""What moved of cards since a close, against the count of every card."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.engine.finance import read_standing
from tambah.store.views.sold_cards import count_cards, count_moved, find_never_sold, owed_after
from tests.engine.finance.test_closing import close, trade
from tests.payments.test_reconcile import RM
from tests.payments.three_ways import A_DAY, CODES, Trade, a_day

__all__ = ["trade"]


async def busy_day(trade: Trade, chance: random.Random) -> None:
    """Have things happen to cards as they fall: sold by range or dealer, used, voided, undone."""
    for _ in range(12):
        first = chance.randrange(1, len(CODES) - 3)
        match chance.randrange(6):
            case 0:
                await trade.sell(first, first + chance.randrange(4))
            case 1:
                with suppress(Refusal):
                    await trade.void(first, first)
            case 2:
                await trade.by_hand(
                    "UPDATE voucher SET state = 2, activated = true"
                    " WHERE number = $1 AND state = 1",
                    first,
                )
            case 3:
                with suppress(Refusal):
                    reference = await trade.sell_by_dealer(first)
                    if chance.random() < 0.5:
                        await trade.undo_sale(reference)
            case _:
                with suppress(Refusal):
                    await trade.redeem(first)


@pytest.fixture
def chances() -> list[random.Random]:
    """Return chances that fall alike in every run."""
    return [random.Random(seed) for seed in range(3)]


async def test_what_moved_added_to_a_close_is_what_every_card_says(
    trade: Trade, chances: list[random.Random]
) -> None:
    world = trade.world
    validity, database = world.rules.validity, world.database
    days = [world.day + number * A_DAY for number in range(1, 7)]
    closed: dict[int, int] = {}
    met = set[str]()
    for day, chance in zip(days, chances * 2, strict=True):
        world.travel_to(day)
        await busy_day(trade, chance)
        since, before = validity.start_of(day), validity.start_of(day + A_DAY)
        async with database.read() as connection, connection.transaction():
            every = await count_cards(connection, since, before, validity.zone)
            moved = await count_moved(connection, since, before, validity.zone)
            never = await find_never_sold(connection, before)
            _, after = await owed_after(connection, closed, moved, before, validity.zone)

        assert after == every.after
        used_unsold = tuple(one for one in every.facts.unsold if one.day is not None)
        usable = tuple(one for one in every.facts.unsold if one.day is None)
        assert moved.facts == replace(every.facts, unsold=used_unsold)
        assert never == usable
        closed = {one.batch_id: one.count for one in every.after}
        met |= {
            name
            for name in ("used", "voided", "outside", "by_dealers")
            if getattr(every.facts, f"{name}_micros")
        }
        met |= {"never"} if usable else set()
    assert met == {"used", "voided", "outside", "by_dealers", "never"}


async def test_the_standing_goes_on_from_the_last_close(trade: Trade) -> None:
    world = trade.world
    day = world.day + A_DAY
    await a_day(trade, day)
    before = await read_standing(world.database, world.rules.validity)
    await close(trade, day)
    await a_day(trade, day + A_DAY)
    world.travel_to(world.today)

    standing = await read_standing(world.database, world.rules.validity)

    assert before.since is None
    assert standing.since is not None
    assert [one.count for one in standing.cards] == [12]
    owed = standing.cards_owed
    assert (owed.opening_micros, owed.added_micros, owed.taken_micros) == (
        60 * RM,
        100 * RM,
        40 * RM,
    )

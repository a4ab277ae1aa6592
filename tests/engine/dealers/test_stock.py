"""Cards from hand to hand, and sold out of whose hands they are in."""

from __future__ import annotations

import asyncio

import pytest

from tambah.domain import refusals as no
from tambah.domain.card_stock import STOLEN, WAREHOUSE, Move, MoveKind
from tambah.engine.dealers import Moved, move_stock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tambah.store.views.dealers import recent_sales, stock_by_range
from tests.engine.books import add_cards
from tests.engine.test_engine import code

from .tree import STAFF, Tree, fund, plant, sell, undo

NEW, LOCKED = 1, 4


@pytest.fixture
async def tree(database: Database, engine: Engine) -> Tree:
    """Plant a tree whose shop has RM100 of float."""
    tree = await plant(database)
    await fund(engine, tree.shop, 100)
    return tree


@pytest.fixture
async def batch_id(database: Database, keys: Keys) -> int:
    """Add twenty cards of RM10 that were not sold yet."""
    return await add_cards(database, keys, [code(n) for n in range(1, 21)], state=NEW)


async def test_cards_are_sold_out_of_the_hands_that_they_are_in(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    async def move(first: int, last: int, kind: MoveKind, from_id: int, to_id: int) -> Moved:
        cards = Move(
            batch_id=batch_id, first=first, last=last, kind=kind, from_id=from_id, to_id=to_id
        )
        return await move_stock(database, cards, STAFF, "DO 7")

    async def held() -> list[tuple[int, int, int, int]]:
        found = await stock_by_range(database, batch_id=batch_id)
        return [(one.first, one.last, one.holder_id, one.sold) for one in found]

    assert (await move(1, 15, MoveKind.SHIP, WAREHOUSE, tree.dealer)).move_no == 1
    await move(1, 10, MoveKind.SHIP, tree.dealer, tree.shop)
    assert await held() == [(1, 10, tree.shop, 0), (11, 15, tree.dealer, 0), (16, 20, 0, 0)]

    # A till sells its shop's cards, not the dealer's nor those in the warehouse.
    await engine.submit(sell(tree.till, batch_id, 3, "slip 1"))
    for number in (11, 16):
        with pytest.raises(no.CardNotYours):
            await engine.submit(sell(tree.till, batch_id, number, f"slip {number}"))
    with pytest.raises(no.StockSold, match="stock_sold") as sold:
        await move(1, 10, MoveKind.RETURN, tree.shop, tree.dealer)
    assert sold.value.params == {"serial": f"{batch_id:04d}-00000003"}
    with pytest.raises(no.StockNotHeld) as foreign:
        await move(8, 12, MoveKind.RETURN, tree.shop, tree.dealer)
    assert foreign.value.params == {"serial": f"{batch_id:04d}-00000011"}
    with pytest.raises(no.DealerNotRelated):
        await move(8, 9, MoveKind.SHIP, tree.shop, tree.distributor)
    with pytest.raises(no.RangeBeyondBatch) as beyond:
        await move(20, 21, MoveKind.SHIP, WAREHOUSE, tree.shop)
    assert beyond.value.params == {"serial": f"{batch_id:04d}-00000020"}

    await move(8, 10, MoveKind.RETURN, tree.shop, tree.dealer)
    assert await held() == [(1, 7, tree.shop, 1), (8, 15, tree.dealer, 0), (16, 20, 0, 0)]
    stolen = await move(5, 7, MoveKind.STOLEN, tree.shop, STOLEN)
    assert stolen.locked is not None
    assert stolen.locked.changed == 3
    with pytest.raises(no.CardNotYours):
        await engine.submit(sell(tree.shop, batch_id, 6, "slip 6"))
    with pytest.raises(no.StockNotHeld):
        await move(6, 6, MoveKind.STOLEN, tree.shop, STOLEN)
    states = await database.fetch_value(
        "SELECT array_agg(state ORDER BY number) FROM voucher WHERE batch_id = $1 AND number < 9",
        batch_id,
    )
    assert states == [NEW, NEW, 2, NEW, LOCKED, LOCKED, LOCKED, NEW]
    # Undone, the card is in the shop's stock again, and may be moved.
    await engine.submit(undo(tree.till, "slip 1"))
    await move(1, 4, MoveKind.RETURN, tree.shop, WAREHOUSE)
    assert (await verify(database)).findings == ()
    last = await recent_sales(database, [tree.till])
    assert [(one.reference, one.undone_at is not None) for one in last] == [("slip 1", True)]


async def test_moves_and_sales_of_one_range_come_one_after_another(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    def move(kind: MoveKind, from_id: int, to_id: int) -> Move:
        return Move(batch_id=batch_id, first=1, last=20, kind=kind, from_id=from_id, to_id=to_id)

    await move_stock(database, move(MoveKind.SHIP, WAREHOUSE, tree.dealer), STAFF)
    await move_stock(database, move(MoveKind.SHIP, tree.dealer, tree.shop), STAFF)

    answers = await asyncio.gather(
        move_stock(database, move(MoveKind.RETURN, tree.shop, tree.dealer), STAFF),
        move_stock(database, move(MoveKind.RETURN, tree.shop, WAREHOUSE), STAFF),
        engine.submit(sell(tree.shop, batch_id, 1, "slip 1")),
        return_exceptions=True,
    )

    done = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(done) == 1, answers
    assert (await verify(database)).findings == ()

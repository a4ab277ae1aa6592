"""Every way to falsify dealers' trade that we could think of is found and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.card_stock import WAREHOUSE, Move, MoveKind
from tambah.domain.commands import TopUp
from tambah.domain.dealer_commands import MoveFloat, PayCommission
from tambah.engine.dealers import move_stock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import Verdict, close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import RM, add_cards, add_line
from tests.engine.test_engine import code
from tests.engine.verifying.history import tamper

from .tree import STAFF, Tree, fund, plant, sell, undo

ALICE = 60123456789
COPY = (
    "partner_id, payer_id, at, kind, price_micros, terminal, batch_id, number, holder_id, move_no"
)
# Owners: 1 distributor, 2 dealer, 3 shop, 4 till, 5 alice. The shop's transfers: 1 funding, 2 and
# 3 margin and price of card 1, 4 and 5 of card 2 (sold by the till), 6 and 7 that undone, 8 and 9
# a reload by the till, 10 float from the dealer. The dealer's: 1 funding, 2 float, 3 commission.
DEEDS = {
    "a sale's price": (
        "UPDATE dealer_sale SET price_micros = 9000000 WHERE payer_seq = 3",
        {"sale sale:3/3", "commission sale:3/3"},
    ),
    "a sale deleted": (
        "DELETE FROM dealer_sale WHERE payer_seq = 3",
        {"sale transfer:3/3", "commission sale:3/3"},
    ),
    "a sale of a card made up": (
        f"INSERT INTO dealer_sale (payer_seq, {COPY}) "
        f"SELECT 99, {COPY} FROM dealer_sale WHERE payer_seq = 3",
        {"sale sale:3/99", "commission sale:3/99", "voucher voucher:0001-00000001"},
    ),
    "a sold card put back": (
        "UPDATE voucher SET state = 1 WHERE number = 1",
        {"voucher voucher:0001-00000001"},
    ),
    "an undone sale made to stand": (
        "UPDATE dealer_sale SET undone_at = NULL, undone_seq = NULL WHERE payer_seq = 5",
        {"sale transfer:3/6", "commission sale:3/5", "voucher voucher:0001-00000002"},
    ),
    "a sale made to be undone": (
        "UPDATE dealer_sale SET undone_at = at, undone_seq = 3 WHERE payer_seq = 3",
        {"sale sale:3/3", "commission sale:3/3"},
    ),
    "commission owed": (
        "UPDATE commission SET amount_micros = 1 WHERE partner_id = 1 AND payer_seq = 3",
        {"commission sale:3/3"},
    ),
    "commission paid": (
        "UPDATE commission SET amount_micros = 1 WHERE partner_id = 2 AND payer_seq = 3",
        {"commission sale:3/3", "commission transfer:2/3"},
    ),
    "commission deleted": (
        "DELETE FROM commission WHERE partner_id = 1 AND payer_seq = 9",
        {"commission sale:3/9"},
    ),
    "what an undone sale took back": (
        "DELETE FROM commission WHERE partner_id = 1 AND is_undo",
        {"commission sale:3/5"},
    ),
    "commission marked as paid": (
        "UPDATE commission SET paid_seq = 77 WHERE partner_id = 1 AND payer_seq = 9",
        {"commission transfer:1/77"},
    ),
    "an agreement": (
        "UPDATE dealer_agreement SET rate_bp = 250 WHERE partner_id = 3",
        {"commission sale:3/3", "commission sale:3/5", "commission sale:3/9"},
    ),
    "a move of float": (
        "UPDATE transfer SET peer_seq = 99 WHERE owner_id = 2 AND seq = 2",
        {"sale transfer:2/2", "sale transfer:3/10"},
    ),
    "who paid for a reload": (
        "UPDATE topup SET payer_id = NULL",
        {"topup topup:5/1", "sale sale:3/9"},
    ),
    "a holder": (
        "UPDATE stock_holding SET holder_id = 2 WHERE first = 1",
        {"stock stock:0001-00000001"},
    ),
    "a holding deleted": (
        "DELETE FROM stock_holding WHERE first = 1",
        {"stock stock:0001-00000001"},
    ),
    "a move of cards": (
        "UPDATE stock_move SET to_id = 4 WHERE move_no = 2",
        {"stock stock:0001-00000001", "stock stock:0001-00000002"},
    ),
    "out of whose stock a card was": (
        "UPDATE dealer_sale SET holder_id = 2 WHERE payer_seq = 3",
        {"stock stock:0001-00000001"},
    ),
}


@pytest.fixture
async def tree(database: Database, engine: Engine, keys: Keys) -> Tree:
    """Plant a tree, fund it, and ship ten of twelve cards down to the shop."""
    tree = await plant(database)
    await add_line(engine, database, ALICE)
    await fund(engine, tree.shop, 100)
    await fund(engine, tree.dealer, 50)
    await add_cards(database, keys, [code(n) for n in range(1, 13)], state=1)
    for giver, taker in ((WAREHOUSE, tree.dealer), (tree.dealer, tree.shop)):
        cards = Move(batch_id=1, first=1, last=10, kind=MoveKind.SHIP, from_id=giver, to_id=taker)
        await move_stock(database, cards, STAFF)
    return tree


async def trade(engine: Engine, tree: Tree) -> None:
    """Sell, undo, reload, move float and pay commission, each once."""
    till = f"partner:{tree.till}"
    await engine.submit(sell(tree.shop, 1, 1, "slip 1"))
    await engine.submit(sell(tree.till, 1, 2, "slip 2"))
    await engine.submit(undo(tree.till, "slip 2"))
    await engine.submit(
        TopUp(
            caller=till,
            request_key="slip 3",
            msisdn=ALICE,
            partner_id=tree.till,
            amount_micros=10 * RM,
            reference="slip 3",
        )
    )
    await engine.submit(
        MoveFloat(
            caller="cli",
            request_key="move",
            partner_id=tree.dealer,
            to_partner_id=tree.shop,
            amount_micros=20 * RM,
        )
    )
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    await engine.submit(
        PayCommission(
            caller="cli", request_key="run", partner_id=tree.dealer, until=tomorrow, actor=STAFF
        )
    )


def named(verdict: Verdict) -> set[str]:
    """Return what a verdict names, kind and subject."""
    return {f"{f.kind} {f.subject}" for f in verdict.findings}


@pytest.mark.parametrize("name", DEEDS)
async def test_what_was_done_to_the_trade_is_named(
    name: str, engine: Engine, tree: Tree, database: Database, fresh: Fresh
) -> None:
    statement, found = DEEDS[name]
    await trade(engine, tree)
    assert named(await verify(database)) == set()

    await tamper(fresh.owner_dsn, statement)

    assert named(await verify(database)) == found


async def test_trade_after_a_closing_is_proved_from_there(
    engine: Engine, tree: Tree, database: Database, fresh: Fresh
) -> None:
    await engine.submit(sell(tree.till, 1, 3, "before"))
    closed = await close_books(database)
    assert closed.closed_at is not None
    await engine.submit(undo(tree.till, "before"))
    await engine.submit(sell(tree.shop, 1, 1, "after"))

    verdict = await verify(database)
    assert verdict.closed_at is not None
    assert named(verdict) == set()
    assert named(await verify(database, full=True)) == set()

    await tamper(
        fresh.owner_dsn,
        "UPDATE commission SET amount_micros = 1 WHERE partner_id = 1 AND NOT is_undo",
    )

    assert {"commission sale:3/3", "commission sale:3/7"} <= named(await verify(database))

"""A small tree of dealers: a distributor, a dealer, a shop, and tills that draw on the shop."""

from __future__ import annotations

from dataclasses import dataclass

from tambah.domain.actor import Actor
from tambah.domain.commands import FundPartner
from tambah.domain.dealer import DealerKind, PaidAs
from tambah.domain.dealer_commands import SellCard, UndoSale
from tambah.engine.dealers import Limits, NewDealer, Terms, add_dealer
from tambah.engine.engine import Engine
from tambah.store.database import Database

RM = 1_000_000
STAFF = Actor(who="aminah", why="Contract 7")


@dataclass(frozen=True, slots=True)
class Tree:
    """Partner ids. Rates of the face value: 6 %, 5 %, 3 %, none."""

    distributor: int
    dealer: int
    shop: int
    till: int


async def plant(database: Database, *, shop_paid_as: PaidAs = PaidAs.MARGIN) -> Tree:
    """Add the tree, all floats empty."""
    distributor = await add(database, DealerKind.DISTRIBUTOR, None, 600)
    dealer = await add(database, DealerKind.DEALER, distributor, 500, PaidAs.TRANSFER)
    shop = await add(database, DealerKind.SHOP, dealer, 300, shop_paid_as)
    till = await add(database, DealerKind.TERMINAL, shop, 0, draws=True)
    return Tree(distributor, dealer, shop, till)


async def add(
    database: Database,
    kind: DealerKind,
    parent_id: int | None,
    rate_bp: int,
    paid_as: PaidAs = PaidAs.MARGIN,
    *,
    draws: bool = False,
    most_day: int | None = None,
    name: str = "",
) -> int:
    """Add a dealer; its rate in hundredths of a percent."""
    terms = Terms(
        rate_bp=rate_bp,
        paid_as=paid_as,
        most_day_micros=None if most_day is None else most_day * RM,
    )
    new = NewDealer(
        name=name or f"Test {kind.name.lower()}",
        kind=kind,
        parent_id=parent_id,
        draws_on_parent=draws,
        limits=Limits(),
        terms=terms if rate_bp or most_day else None,
    )
    return await add_dealer(database, new, STAFF)


async def fund(engine: Engine, partner_id: int, ringgit: int) -> None:
    """Add to a float what was paid in."""
    key = f"fund {partner_id} {ringgit}"
    await engine.submit(
        FundPartner(
            caller="cli",
            request_key=key,
            partner_id=partner_id,
            amount_micros=ringgit * RM,
            reference=key,
            actor=STAFF,
        )
    )


def sell(partner_id: int, batch_id: int, number: int, key: str) -> SellCard:
    """Sell a card; the reference is the key."""
    return SellCard(
        caller=f"partner:{partner_id}",
        request_key=key,
        partner_id=partner_id,
        batch_id=batch_id,
        number=number,
        reference=key,
    )


def undo(partner_id: int, reference: str, key: str | None = None) -> UndoSale:
    """Undo a sale."""
    return UndoSale(
        caller=f"partner:{partner_id}",
        request_key=key or f"undo {reference}",
        partner_id=partner_id,
        reference=reference,
    )


async def float_of(database: Database, partner_id: int) -> int:
    """Return what a float holds, micro-ringgit."""
    return await database.fetch_value(
        "SELECT remaining_micros FROM bucket WHERE owner_id = $1", partner_id
    )


async def commissions(database: Database) -> list[tuple[int, int, int, bool]]:
    """Return earner, micro-ringgit, how paid, and whether it is paid, of all commissions."""
    rows = await database.fetch(
        "SELECT partner_id, amount_micros, paid_as, paid_seq IS NOT NULL FROM commission "
        "ORDER BY at, partner_id, is_undo"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]

"""Dealers buy float by bank transfer: by their reference, or by hand where one is in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, cast

import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import Funded, FundFromBank
from tambah.domain.finance.three_way import Sold, ThreeWay, Used
from tambah.domain.floats import float_reference
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId, show_reference
from tambah.domain.refusals import (
    BankEntryDone,
    DealerUnknown,
    FieldMalformed,
    ReasonMissing,
    Unavailable,
)
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.verifying import verify
from tambah.payments.bank import BankDesk, BankProvider
from tambah.payments.provider import Provider
from tambah.payments.reconcile import Question
from tambah.payments.three_ways import reconcile_books
from tambah.store.bank import TELLING, EntryState, entries_with, queued_entries
from tambah.store.database import Database
from tests.conftest import KUALA_LUMPUR
from tests.engine.dealers.tree import Tree, plant

from .conftest import Pay
from .made import ACCOUNT, Line, camt, today

RM = 1_000_000
STAFF = Actor(who="test", why="ticket 7")


@pytest.fixture(autouse=True)
async def books_are_proved(database: Database) -> AsyncIterator[None]:
    """Prove the books after each test."""
    yield
    assert (await verify(database)).findings == ()


@pytest.fixture
async def tree(database: Database) -> Tree:
    """Plant a tree; its till draws on its shop's float."""
    return await plant(database)


async def floats(database: Database, partner_id: int) -> int:
    """Return a dealer's float in micro-ringgit."""
    return await database.fetch_value(
        "SELECT remaining_micros FROM bucket WHERE owner_id = $1", partner_id
    )


async def states(database: Database) -> list[tuple[int, str, int | None]]:
    """Return state, reason and dealer of each entry, by amount."""
    rows = await database.fetch(
        "SELECT state, reason, partner_id FROM bank_entry ORDER BY amount_micros"
    )
    return [tuple(row) for row in rows]


def paying(partner_id: int, amount: str = "200.00", **more: str) -> Line:
    """Return a transfer under a dealer's reference, as its bank writes it."""
    return Line(amount=amount, text=f"FLOAT {show_reference(float_reference(partner_id))}", **more)


async def three_ways(database: Database, rules: Rules, day: str) -> ThreeWay:
    """Put the three sides of a day beside each other, the bank asked."""
    bank = cast(Provider, BankProvider(database, Clock(), bank_days=3))
    on = date.fromisoformat(day)
    return await reconcile_books(
        database,
        Question(
            span=Span(first=on, last=on),
            providers={ProviderId.BANK: bank},
            wanted=tuple(ProviderId),
            today=on,
            validity=rules.validity,
            read_id=lambda _: None,
        ),
    )


async def test_a_dealers_transfer_is_its_float_once(
    desk: BankDesk, database: Database, tree: Tree, rules: Rules
) -> None:
    first = camt(paying(tree.dealer, day=today(), ref="R1"))
    await desk.import_file("a.xml", first)
    await desk.import_file("a.xml", first)
    # The same entry in another file, and one more transfer.
    await desk.import_file(
        "b.xml",
        camt(paying(tree.dealer, day=today(), ref="R1"), paying(tree.dealer, "9.50", day=today())),
    )

    assert await floats(database, tree.dealer) == 209_500_000
    matched = (EntryState.MATCHED, "float", tree.dealer)
    assert await states(database) == [matched, matched]
    trail = await database.fetch("SELECT who, action, subject FROM audit WHERE who = 'bank'")
    assert [tuple(row) for row in trail] == [
        ("bank", "FundFromBank", f"partner:{tree.dealer}")
    ] * 2
    found = await three_ways(database, rules, today())
    assert (found.items, found.unexplained_micros) == ((), 0)
    assert found.sold[Sold.SETTLED] == found.used[Used.FLOAT_BOUGHT] == 209_500_000


async def test_a_till_buys_for_the_float_that_pays_for_it(
    desk: BankDesk, database: Database, tree: Tree
) -> None:
    await desk.import_file("a.xml", camt(paying(tree.till)))

    assert await floats(database, tree.shop) == 200 * RM
    assert await floats(database, tree.till) == 0


async def test_what_is_in_doubt_waits_and_is_assigned_once(
    desk: BankDesk, database: Database, tree: Tree, pay: Pay
) -> None:
    payment = await pay()
    both = f"{float_reference(tree.dealer)} {payment.reference}"
    two = f"{float_reference(tree.dealer)} and {float_reference(tree.shop)}"
    mistyped = float_reference(tree.dealer)[:-2] + float_reference(tree.dealer)[:-3:-1]
    await desk.import_file(
        "a.xml",
        camt(
            Line(amount="1.00", text=both, ref="R1"),
            Line(amount="2.00", text=two, ref="R2"),
            Line(amount="3.00", text=mistyped, ref="R3"),
            paying(tree.dealer, "4.00", way="RC", ref="R4"),
            paying(tree.dealer, "5.00", currency="SGD", ref="R5"),
            paying(tree.dealer, "6.00", way="D", ref="R6"),
        ),
    )
    assert await floats(database, tree.dealer) == 0
    waiting, count = await queued_entries(database, limit=9)
    assert count == len(waiting) == 5
    name = next(row.name for row in waiting if row.amount_micros == 3 * RM)

    with pytest.raises(ReasonMissing):
        await desk.assign(name, tree.dealer, Actor(who="test", why=""))
    with pytest.raises(DealerUnknown):
        await desk.assign(name, 999_999, STAFF)
    out = camt(Line(amount="7.00", text=payment.reference, way="D", ref="R7"))
    await desk.import_file("b.xml", out)
    waiting, _ = await queued_entries(database, limit=9)
    debit = next(row.name for row in waiting if row.amount_micros == 7 * RM)
    with pytest.raises(FieldMalformed):
        await desk.assign(debit, tree.dealer, STAFF)
    funded = await desk.assign(name, tree.till, STAFF)
    assert (funded.partner_id, funded.float_micros) == (tree.shop, 3 * RM)
    with pytest.raises(BankEntryDone):
        await desk.assign(name, tree.dealer, STAFF)
    said = await database.fetch(
        "SELECT action, who, why FROM audit WHERE action IN ('bank_match', 'FundFromBank')"
        " ORDER BY seq"
    )
    assert [tuple(row) for row in said] == [
        ("bank_match", "test", "ticket 7"),
        ("FundFromBank", "test", "ticket 7"),
    ]


async def test_who_dies_while_telling_is_told_again_and_funds_once(
    desk: BankDesk, engine: Engine, database: Database, tree: Tree
) -> None:
    async def die_after(command: FundFromBank) -> Funded:
        await engine.submit(command)
        raise Unavailable

    dying = BankDesk(database, cast(Any, die_after), zone=KUALA_LUMPUR, account_number=ACCOUNT)
    with pytest.raises(Unavailable):
        await dying.import_file("a.xml", camt(paying(tree.dealer)))
    assert len(await entries_with(database, TELLING, limit=9)) == 1

    await desk.settle()
    await desk.settle()

    assert await floats(database, tree.dealer) == 200 * RM
    assert await states(database) == [(EntryState.MATCHED, "float", tree.dealer)]


async def test_float_that_no_statement_knows_is_told(
    engine: Engine, database: Database, tree: Tree, rules: Rules
) -> None:
    await engine.submit(
        FundFromBank(
            caller="bank",
            request_key="made up",
            partner_id=tree.dealer,
            amount_micros=50 * RM,
            entry="00" * 32,
            actor=STAFF,
        )
    )

    found = await three_ways(database, rules, today())

    assert [item.amount_micros for item in found.items] == [-50 * RM]
    assert found.unexplained_micros == -50 * RM

"""Bank statements in the three-way reconciliation: one file twice, one transfer in two files."""

from __future__ import annotations

from datetime import date

from tambah.domain.finance.three_way import ItemKind, Sold, ThreeWay, Used
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.payments.bank import BankDesk, BankProvider
from tambah.payments.reconcile import Question
from tambah.payments.three_ways import reconcile_books
from tambah.store.database import Database

from .conftest import RM, Pay
from .made import Line, camt, mt940, today


async def reconcile(database: Database, rules: Rules) -> ThreeWay:
    """Put today's three sides beside each other, with the statements that were read."""
    day = date.fromisoformat(today())
    return await reconcile_books(
        database,
        Question(
            span=Span(first=day, last=day),
            providers={ProviderId.BANK: BankProvider(database, Clock(), bank_days=5)},
            wanted=tuple(ProviderId),
            today=day,
            validity=rules.validity,
            read_id=lambda _: None,
        ),
    )


async def test_a_statement_that_is_read_twice_counts_once(
    desk: BankDesk, pay: Pay, database: Database, rules: Rules
) -> None:
    payment = await pay(30)
    line = Line(amount="30.00", text=payment.reference, ref="B1", day=today())
    await desk.import_file("one.xml", camt(line))
    again = await desk.import_file("one.xml", camt(line))
    other = await desk.import_file("one.sta", mt940(line))

    found = await reconcile(database, rules)

    assert (again.is_again, other.new_entries) == (True, 0)
    assert (found.items, found.unexplained_micros, found.is_clean) == ((), 0, True)
    assert found.sold[Sold.SETTLED] == found.used[Used.PAID] == 30 * RM


async def test_a_payer_who_paid_twice_shows_until_one_is_sent_back(
    desk: BankDesk, pay: Pay, database: Database, rules: Rules
) -> None:
    payment = await pay(30)
    lines = [
        Line(amount="30.00", text=payment.reference, ref=ref, day=today()) for ref in ("B1", "B2")
    ]
    await desk.import_file("two.xml", camt(*lines))

    (item,) = (await reconcile(database, rules)).items

    assert item.amount_micros == 30 * RM
    assert item.kind is ItemKind.MISSING_IN_LEDGER
    assert item.provider is ProviderId.BANK


async def test_a_statement_that_was_not_read_is_a_missing_day(
    desk: BankDesk, pay: Pay, database: Database, rules: Rules
) -> None:
    payment = await pay(30)
    line = Line(amount="30.00", text=payment.reference, ref="B1", day=today())
    await desk.import_file("one.xml", camt(line))
    await database.execute("DELETE FROM bank_entry")

    (item,) = (await reconcile(database, rules)).items

    assert (item.kind, item.amount_micros) == (ItemKind.DAY_MISSING, -30 * RM)

"""Falsified payments are found and named, from the start and from a closing."""

from __future__ import annotations

import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import (
    NewsKind,
    OpenPayment,
    PaymentNews,
    RefundPayment,
)
from tambah.domain.payment import ProviderId
from tambah.engine.engine import Engine
from tambah.engine.verifying import close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import RM, add_line

from .history import tamper

NUMBER = 60123456789
STAFF = Actor(who="aisyah", why="test")


async def pay(engine: Engine, line_id: int, number: int) -> None:
    """Pay RM30 for the line."""
    opened = await engine.submit(
        OpenPayment(
            caller="web",
            request_key=f"form {number}",
            msisdn=NUMBER,
            amount_micros=30 * RM,
            provider=ProviderId.SANDBOX,
            method="sandbox",
        )
    )
    assert opened.payment_no == number
    await engine.submit(news(line_id, number, NewsKind.PAID, 30))


def news(line_id: int, payment_no: int, kind: NewsKind, rm: int) -> PaymentNews:
    """Return what a provider says."""
    return PaymentNews(
        line_id=line_id, payment_no=payment_no, kind=kind, amount_micros=rm * RM, refund_no=1
    )


@pytest.fixture
async def paid(engine: Engine, database: Database) -> int:
    """Leave a line with a payment credited, one refunded in part, one in dispute."""
    line_id = await add_line(engine, database, NUMBER)
    for number in (1, 2, 3):
        await pay(engine, line_id, number)
    await engine.submit(
        RefundPayment(
            caller="cli",
            request_key="undo",
            line_id=line_id,
            payment_no=2,
            amount_micros=10 * RM,
            actor=STAFF,
        )
    )
    await engine.submit(news(line_id, 2, NewsKind.REFUNDED, 10))
    await engine.submit(news(line_id, 3, NewsKind.DISPUTED, 30))
    return line_id


async def test_payments_of_every_kind_are_proved(paid: int, database: Database) -> None:
    assert (await verify(database)).findings == ()
    assert (await close_books(database)).verdict.findings == ()
    assert (await verify(database)).findings == ()


DEEDS = [
    ("UPDATE payment SET received_micros = 31000000 WHERE payment_no = 1", ["received"]),
    ("UPDATE payment SET held_micros = 5 WHERE payment_no = 1", ["is held"]),
    (
        "UPDATE payment SET refunded_micros = 20000000 WHERE payment_no = 2",
        ["sent back, its transfers", "sent back, its refunds"],
    ),
    ("UPDATE payment SET disputed_micros = 0 WHERE payment_no = 3", ["is disputed"]),
    ("UPDATE refund SET amount_micros = 9000000 WHERE payment_no = 2", ["its refunds"]),
    ("UPDATE payment SET topup_no = NULL WHERE payment_no = 1", ["names none"]),
    ("UPDATE topup SET payment_no = NULL WHERE payment_no = 1", ["does not name it"]),
    ("DELETE FROM payment WHERE payment_no = 1", ["names none", "does not exist"]),
]


@pytest.mark.parametrize("is_full", [True, False])
@pytest.mark.parametrize(("statement", "found"), DEEDS)
async def test_a_falsified_payment_is_found(
    paid: int, fresh: Fresh, database: Database, statement: str, found: list[str], is_full: bool
) -> None:
    await tamper(fresh.owner_dsn, statement)
    findings = [f for f in (await verify(database, full=is_full)).findings if f.kind == "payment"]
    assert len(findings) == len(found), findings
    for part in found:
        assert any(part in finding.detail for finding in findings), findings
    for finding in findings:
        assert finding.subject == f"payment:{paid}/{statement.rpartition(' ')[2]}"


async def test_what_is_paid_after_a_closing_is_proved_on_from_it(
    paid: int, engine: Engine, fresh: Fresh, database: Database
) -> None:
    await close_books(database)
    await pay(engine, paid, 4)
    assert (await verify(database)).findings == ()
    await tamper(fresh.owner_dsn, "UPDATE payment SET held_micros = 5 WHERE payment_no = 1")
    kinds = {(f.kind, f.subject) for f in (await verify(database)).findings}
    assert kinds == {("payment", f"payment:{paid}/1")}

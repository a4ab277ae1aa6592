"""The import on a real database with the real engine: every entry ends in one state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import NewsKind, PaymentNews, PaymentStands, RefundPayment
from tambah.domain.payment import PaymentState, ProviderId, RefundState
from tambah.domain.refusals import (
    BankEntryDone,
    BankEntryUnknown,
    Busy,
    CurrencyNotAccepted,
    PaymentAmountDiffers,
    PaymentUnknown,
    ReasonMissing,
    StatementMalformed,
    Unavailable,
)
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.verifying import verify
from tambah.payments.bank import BankDesk, BankProvider, ImportedFile, ReturnedRefund
from tambah.payments.provider import Settled, SettledKind
from tambah.store.bank import EntryState, entries_with
from tambah.store.database import Database
from tambah.store.views.payments import read_payment, refunds_of
from tests.conftest import KUALA_LUMPUR

from .conftest import Pay
from .made import ACCOUNT, OTHERS, Line, camt, load, mt940, today

RM = 1_000_000
UNKNOWN = OTHERS[0]
STAFF = Actor(who="test", why="ticket 7")
QUEUED, MATCHED, IGNORED = EntryState.QUEUED, EntryState.MATCHED, EntryState.IGNORED


def counts(done: ImportedFile) -> dict[str, int]:
    """Return the counts by state and reason as one word."""
    return {f"{s.name.lower()} {reason}": n for (s, reason), n in done.counts.items()}


async def rows(database: Database) -> list[tuple[Any, ...]]:
    found = await database.fetch(
        "SELECT fingerprint, state, reason, line_id, payment_no, refund_no FROM bank_entry"
        " ORDER BY fingerprint"
    )
    return [tuple(row) for row in found]


async def state_of(database: Database, stands: PaymentStands) -> PaymentState:
    view = await read_payment(database, stands.line_id, stands.payment_no)
    assert view is not None
    return view.state


async def transfers(database: Database) -> int:
    return await database.fetch_value("SELECT count(*) FROM transfer")


@pytest.fixture(autouse=True)
async def books_are_proved(database: Database) -> AsyncIterator[None]:
    """Prove the books after each test, and that every entry has one state and a reason."""
    yield
    verdict = await verify(database)
    assert verdict.findings == ()
    assert await database.fetch_value("SELECT count(*) FROM bank_entry WHERE reason = 'new'") == 0


async def test_a_transfer_is_credited_once(desk: BankDesk, pay: Pay, database: Database) -> None:
    paid = await pay()
    file = mt940(Line(text=f"TOP UP {paid.reference}", ref="R1"))

    first = await desk.import_file("a.mt940", file)
    before = (await rows(database), await transfers(database))
    again = await desk.import_file("b.mt940", file)

    assert (first.form, first.is_again, first.entries, first.new_entries) == ("mt940", False, 1, 1)
    assert counts(first) == {"matched paid": 1}
    assert (again.is_again, again.entries, again.new_entries, counts(again)) == (
        True, 1, 0, {"matched paid": 1},
    )  # fmt: skip
    assert (await rows(database), await transfers(database)) == before
    assert await state_of(database, paid) is PaymentState.CREDITED


async def test_every_entry_of_a_day_ends_in_one_state(
    desk: BankDesk, pay: Pay, database: Database
) -> None:
    one, two, three = await pay(30), await pay(50), await pay(10)

    done = await desk.import_file(
        "day.sta",
        load(
            "plain.mt940",
            A1=one.reference[:4],
            A2=one.reference[4:],
            B=two.reference,
            C=three.reference,
        ),
    )

    assert done.entries == done.new_entries == sum(done.counts.values()) == 8
    assert counts(done) == {
        "queued no_reference": 2,
        "queued other_currency": 1,
        "queued reversal": 2,
        "matched paid": 2,
        "ignored debit": 1,
    }
    assert [await state_of(database, p) for p in (one, two, three)] == [
        PaymentState.CREDITED,
        PaymentState.CREDITED,
        PaymentState.AWAITING,
    ]


async def test_batches_of_camt053(desk: BankDesk, pay: Pay, database: Database) -> None:
    one, two, three = await pay(30), await pay(50), await pay(30)
    file = load("camt053_v08_batches.xml", A=one.reference, B=two.reference, C=three.reference)

    done = await desk.import_file("day.xml", file)

    assert counts(done) == {
        "queued batch_unclear": 1,
        "queued no_reference": 1,
        "queued other_currency": 1,
        "queued reversal": 1,
        "queued underpaid": 1,
        "matched paid": 2,
        "ignored information": 1,
    }
    assert await state_of(database, two) is PaymentState.CREDITED
    assert await state_of(database, three) is PaymentState.AWAITING


async def test_structured_fields_of_mt940(desk: BankDesk, pay: Pay) -> None:
    paid = await pay(50)
    reference = paid.reference

    done = await desk.import_file(
        "s.sta", load("structured.mt940", A1=reference[:6], A2=reference[6:])
    )

    assert counts(done) == {"matched paid": 1}


async def test_notification_and_statement_count_once(
    desk: BankDesk, pay: Pay, database: Database
) -> None:
    paid, pending = await pay(30), await pay(50)
    notice = load("camt054_v04_prefixed.xml", A=paid.reference)
    statement = load("camt053_v02.xml", A=paid.reference, B=pending.reference)
    statement = statement.decode().encode("iso-8859-1")

    first = await desk.import_file("n.xml", notice)
    second = await desk.import_file("s.xml", statement)

    assert counts(first) == {"matched paid": 1}
    assert (second.entries, second.new_entries) == (4, 3)
    assert counts(second) == {
        "queued no_reference": 1,
        "ignored debit": 1,
        "ignored pending": 1,
    }
    booked = await desk.import_file(
        "t.xml", camt(Line(amount="50.00", text=pending.reference, ref="IBG0000000000104"))
    )
    assert counts(booked) == {"matched paid": 1}
    assert await state_of(database, pending) is PaymentState.CREDITED


async def test_second_transfer_with_one_reference_waits(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    text = paid.reference

    same_file = await desk.import_file(
        "a", camt(Line(text=text, ref="R1"), Line(text=text, ref="R2"))
    )
    later = await desk.import_file("b", camt(Line(text=text, ref="R3", day="2026-11-24")))

    assert counts(same_file) == {"matched paid": 1, "queued paid_before": 1}
    assert counts(later) == {"queued paid_before": 1}


async def test_line_that_a_bank_wrote_twice_waits(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    line = Line(text=paid.reference, ref="R1")

    done = await desk.import_file("a", camt(line, line))

    assert counts(done) == {"matched paid": 1, "queued duplicate": 1}


@pytest.mark.parametrize(
    ("amount", "reason"), [("30.01", "overpaid"), ("29.99", "underpaid"), ("300.00", "overpaid")]
)
async def test_other_amounts_wait_and_move_no_money(
    desk: BankDesk, pay: Pay, database: Database, amount: str, reason: str
) -> None:
    paid = await pay()
    before = await transfers(database)

    done = await desk.import_file("a", camt(Line(amount=amount, text=paid.reference)))

    assert counts(done) == {f"queued {reason}": 1}
    assert await transfers(database) == before


async def test_amount_alone_never_matches(desk: BankDesk, pay: Pay, database: Database) -> None:
    paid = await pay()

    done = await desk.import_file("a", camt(Line(text="top up", ref="R1", day=today())))

    assert counts(done) == {"queued no_reference": 1}
    assert await state_of(database, paid) is PaymentState.AWAITING
    (waiting,), count = await desk.queue()
    assert count == 1
    assert [(s.reference, s.why) for s in waiting.suggestions] == [(paid.reference, "same_amount")]


async def test_expired_payment_is_still_paid(
    desk: BankDesk, pay: Pay, engine: Engine, database: Database
) -> None:
    paid = await pay()
    await engine.submit(
        PaymentNews(line_id=paid.line_id, payment_no=paid.payment_no, kind=NewsKind.EXPIRED)
    )

    done = await desk.import_file("a", camt(Line(text=paid.reference)))

    assert counts(done) == {"matched paid": 1}
    assert await state_of(database, paid) is PaymentState.CREDITED


async def test_payment_by_another_provider_is_not_paid(desk: BankDesk, pay: Pay) -> None:
    paid = await pay(provider=ProviderId.STRIPE)

    done = await desk.import_file("a", camt(Line(text=paid.reference)))

    assert counts(done) == {"queued other_provider": 1}
    (waiting,), _ = await desk.queue()
    with pytest.raises(PaymentUnknown):
        await desk.match(waiting.row.name, paid.reference, STAFF)


async def test_reversal_of_a_matched_transfer_waits(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))

    back = await desk.import_file(
        "b", camt(Line(text=paid.reference, ref="R1", way="RC"), kind="054")
    )

    assert counts(back) == {"queued reversal": 1}
    (waiting,), _ = await desk.queue()
    assert [(p.reference, p.received_micros) for p in waiting.named] == [(paid.reference, 30 * RM)]
    assert waiting.suggestions == ()


async def test_refund_is_settled_by_our_own_transfer(
    desk: BankDesk, pay: Pay, engine: Engine, database: Database
) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))
    refunding = await engine.submit(
        RefundPayment(
            caller="cli",
            request_key="1",
            line_id=paid.line_id,
            payment_no=paid.payment_no,
            actor=STAFF,
        )
    )
    assert refunding.refund_micros == 30 * RM

    wrong = await desk.import_file(
        "b", camt(Line(text=f"refund {paid.reference}", way="D", amount="29.00"))
    )
    right = await desk.import_file("c", camt(Line(text=f"refund {paid.reference}", way="D")))
    more = await desk.import_file(
        "d", camt(Line(text=f"refund {paid.reference}", way="D", ref="again"))
    )

    assert counts(wrong) == {"queued refund_differs": 1}
    assert counts(right) == {"matched refunded": 1}
    assert counts(more) == {"queued refund_told_before": 1}
    assert await state_of(database, paid) is PaymentState.REFUNDED


Refund = Callable[[PaymentStands, int], Awaitable[int]]


@pytest.fixture
def refund(engine: Engine) -> Refund:
    """Return what opens a refund of so many ringgit and says its number."""

    async def open_refund(paid: PaymentStands, amount: int) -> int:
        stands = await engine.submit(
            RefundPayment(
                caller="cli",
                request_key=f"{next(_keys)}",
                line_id=paid.line_id,
                payment_no=paid.payment_no,
                amount_micros=amount * RM,
                actor=STAFF,
            )
        )
        assert stands.refund_no is not None
        return stands.refund_no

    return open_refund


_keys = count(1)


async def refund_states(database: Database, paid: PaymentStands) -> list[RefundState]:
    refunds = await refunds_of(database, paid.line_id, paid.payment_no)
    return [refund.state for refund in refunds]


async def test_debit_told_twice_settles_one_refund(
    desk: BankDesk, pay: Pay, refund: Refund, database: Database
) -> None:
    """In the notification under one reference of the bank, in the statement under another."""
    paid = await pay()
    text = f"refund {paid.reference}"
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))
    await refund(paid, 10)
    debit = Line(text=text, way="D", amount="10.00")

    notice = await desk.import_file("n", camt(replace(debit, ref="N-77"), kind="054"))
    await refund(paid, 10)
    statement = await desk.import_file(
        "s", camt(replace(debit, ref="S-99", day="2026-11-24"), kind="053")
    )

    assert counts(notice) == {"matched refunded": 1}
    assert counts(statement) == {"queued refund_told_before": 1}
    assert await refund_states(database, paid) == [RefundState.DONE, RefundState.PENDING]
    sent = await desk.import_file(
        "t", camt(replace(debit, text=f"{text}-2", ref="S-100", day="2026-11-25"))
    )
    assert counts(sent) == {"matched refunded": 1}
    assert await refund_states(database, paid) == [RefundState.DONE, RefundState.DONE]


async def test_debits_for_equal_refunds_wait_unless_they_say_which(
    desk: BankDesk, pay: Pay, refund: Refund, database: Database
) -> None:
    paid = await pay()
    reference = paid.reference
    await desk.import_file("a", camt(Line(text=reference, ref="R1")))
    assert [await refund(paid, 10) for _ in range(3)] == [1, 2, 3]

    done = await desk.import_file(
        "b",
        camt(
            Line(text=f"refund {reference}", way="D", amount="10.00", ref="R2"),
            Line(
                text=f"refund {reference[:5]}-{reference[5:]}-2",
                way="D",
                amount="10.00",
                ref="R3",
            ),
            Line(text=f"refund {reference}-2", way="D", amount="10.00", ref="R4"),
        ),
    )

    assert counts(done) == {
        "queued refund_told_before": 1,
        "queued several_refunds": 1,
        "matched refunded": 1,
    }
    assert await refund_states(database, paid) == [
        RefundState.PENDING,
        RefundState.DONE,
        RefundState.PENDING,
    ]
    bare, again = (entry.row for entry in (await desk.queue())[0])
    # What names a refund that is done is no transfer for another, whoever says so.
    with pytest.raises(PaymentAmountDiffers):
        await desk.match(again.name, reference, STAFF)
    await desk.match(bare.name, reference, STAFF)
    assert await refund_states(database, paid) == [
        RefundState.DONE,
        RefundState.DONE,
        RefundState.PENDING,
    ]


async def test_debit_of_a_refund_that_a_person_called_done_settles_no_other(
    desk: BankDesk, pay: Pay, refund: Refund, engine: Engine, database: Database
) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))
    first = await refund(paid, 10)
    await engine.submit(
        PaymentNews(
            line_id=paid.line_id,
            payment_no=paid.payment_no,
            kind=NewsKind.REFUNDED,
            amount_micros=10 * RM,
            refund_no=first,
        )
    )
    await refund(paid, 10)

    done = await desk.import_file(
        "b", camt(Line(text=paid.reference, way="D", amount="10.00", ref="R2"))
    )

    assert counts(done) == {"queued refund_told_before": 1}
    assert await refund_states(database, paid) == [RefundState.DONE, RefundState.PENDING]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line(text="RETURNED @-1 ACCOUNT CLOSED", ref="R3"), "refund_returned"),
        (Line(text="RETURNED @-1", ref="R3", way="RD"), "refund_returned"),
        (Line(text="RETURNED @", ref="R3", way="RD"), "reversal"),
        (Line(text="@", ref="R3"), "paid_before"),
    ],
)
async def test_refund_that_came_back_waits_and_says_so(
    desk: BankDesk, pay: Pay, refund: Refund, database: Database, line: Line, reason: str
) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))
    await refund(paid, 30)
    await desk.import_file("b", camt(Line(text=f"{paid.reference}-1", way="D", ref="R2")))
    before = await transfers(database)

    back = await desk.import_file(
        "c", camt(replace(line, text=line.text.replace("@", paid.reference)))
    )

    assert counts(back) == {f"queued {reason}": 1}
    assert await transfers(database) == before
    (waiting,), _ = await desk.queue()
    assert waiting.returned == (ReturnedRefund(reference=paid.reference, refund_no=1),)


async def test_money_that_is_no_refund_is_not_called_one(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))

    await desk.import_file("b", camt(Line(text=paid.reference, ref="R2")))

    (waiting,), _ = await desk.queue()
    assert (waiting.row.verdict.reason, waiting.returned) == ("paid_before", ())


async def test_credit_told_twice_on_different_days_waits(
    desk: BankDesk, pay: Pay, database: Database
) -> None:
    paid = await pay()
    line = Line(text=paid.reference)

    notice = await desk.import_file("n", camt(replace(line, ref="N-1"), kind="054"))
    statement = await desk.import_file("s", camt(replace(line, ref="S-2", day="2026-11-24")))

    assert counts(notice) == {"matched paid": 1}
    assert counts(statement) == {"queued paid_before": 1}
    assert await state_of(database, paid) is PaymentState.CREDITED


async def test_refused_file_leaves_nothing(desk: BankDesk, database: Database) -> None:
    with pytest.raises(StatementMalformed):
        await desk.import_file("a", camt(Line(ref="R1"), Line(amount="x", ref="R2")))

    assert await database.fetch_value("SELECT count(*) FROM bank_file") == 0
    assert await rows(database) == []


# By hand


async def one_waiting(desk: BankDesk, *lines: Line) -> str:
    await desk.import_file("a", camt(*lines))
    (waiting,), _ = await desk.queue()
    return waiting.row.name


async def test_match_by_hand_credits_and_is_audited(
    desk: BankDesk, pay: Pay, database: Database
) -> None:
    paid = await pay()
    name = await one_waiting(desk, Line(text="top up", ref="R1"))

    stands = await desk.match(name.upper(), f" {paid.reference[:5]}-{paid.reference[5:]}", STAFF)

    assert (stands.state, stands.received_micros) == (PaymentState.CREDITED, 30 * RM)
    assert (await desk.queue()) == ([], 0)
    with pytest.raises(BankEntryDone):
        await desk.match(name, paid.reference, STAFF)
    audited = await database.fetch("SELECT who, action, subject, why FROM audit ORDER BY seq")
    assert ("test", "bank_match", f"bank entry {name}", "ticket 7") in [tuple(a) for a in audited]


async def test_match_by_hand_refuses_what_does_not_fit(
    desk: BankDesk, pay: Pay, database: Database
) -> None:
    paid = await pay()
    name = await one_waiting(desk, Line(text="top up", ref="R1", amount="31.00"))
    before = await rows(database)

    for entry, reference, actor, refusal in (
        (name, paid.reference, STAFF, PaymentAmountDiffers),
        (name, UNKNOWN, STAFF, PaymentUnknown),
        (name, "nothing", STAFF, PaymentUnknown),
        ("0" * 12, paid.reference, STAFF, BankEntryUnknown),
        (name[:4], paid.reference, STAFF, BankEntryUnknown),
        ("%' OR true", paid.reference, STAFF, BankEntryUnknown),
        (name, paid.reference, Actor(who="test", why=" "), ReasonMissing),
    ):
        with pytest.raises(refusal):
            await desk.match(entry, reference, actor)

    assert await rows(database) == before
    assert await state_of(database, paid) is PaymentState.AWAITING


async def test_match_by_hand_never_pays_twice(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    await desk.import_file("z", camt(Line(text=paid.reference, ref="R0")))
    name = await one_waiting(desk, Line(text=paid.reference, ref="R1"))

    with pytest.raises(PaymentAmountDiffers):
        await desk.match(name, paid.reference, STAFF)


async def test_match_by_hand_takes_ringgit_only(desk: BankDesk, pay: Pay) -> None:
    paid = await pay()
    name = await one_waiting(desk, Line(text=paid.reference, currency="SGD"))

    with pytest.raises(CurrencyNotAccepted):
        await desk.match(name, paid.reference, STAFF)


async def test_ignored_entry_is_done(desk: BankDesk, database: Database) -> None:
    name = await one_waiting(desk, Line(text="rent", ref="R1"))

    with pytest.raises(ReasonMissing):
        await desk.ignore(name, Actor(who="test", why=""))
    row = await desk.ignore(name, STAFF)

    assert (row.verdict.state, row.verdict.reason) == (IGNORED, "by_hand")
    with pytest.raises(BankEntryDone):
        await desk.ignore(name, STAFF)
    assert [r[1:3] for r in await rows(database)] == [(3, "by_hand")]
    assert await database.fetch_value("SELECT action FROM audit") == "bank_ignore"


# When things break off


class Dying(Exception):
    """What ends a process in the middle."""


async def test_import_that_died_at_any_step_is_finished_by_the_next(
    engine: Engine, pay: Pay, database: Database
) -> None:
    """Before the engine is told, and after it was told and before that was written down."""
    first, second = await pay(), await pay()
    heard: list[PaymentNews] = []

    async def die_before(news: PaymentNews) -> PaymentStands:
        raise Dying

    async def die_after(news: PaymentNews) -> PaymentStands:
        heard.append(news)
        await engine.submit(news)
        raise Dying

    for submit, paid in ((die_before, first), (die_after, second)):
        dying = BankDesk(database, submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)
        file = camt(
            Line(text=paid.reference, ref=f"{paid.payment_no}a"),
            Line(text=paid.reference, ref=f"{paid.payment_no}b"),
        )
        with pytest.raises(Dying):
            await dying.import_file("a", file)
        assert [
            r.verdict.payment_no for r in await entries_with(database, "telling", limit=9)
        ] == [paid.payment_no]

        whole = BankDesk(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)
        done = await whole.import_file("a", file)

        assert counts(done) == {"matched paid": 1, "queued paid_before": 1}
        assert await state_of(database, paid) is PaymentState.CREDITED
    assert len(heard) == 1


@pytest.mark.parametrize("refusal", [Busy, Unavailable])
async def test_what_the_engine_cannot_take_now_stays(
    engine: Engine, pay: Pay, database: Database, refusal: type[Exception]
) -> None:
    paid = [await pay() for _ in range(3)]
    told = 0

    async def sometimes(news: PaymentNews) -> PaymentStands:
        nonlocal told
        told += 1
        if told == 2:
            raise refusal
        return await engine.submit(news)

    desk = BankDesk(database, sometimes, zone=KUALA_LUMPUR, account_number=ACCOUNT)
    file = camt(*(Line(text=p.reference, ref=f"R{p.payment_no}") for p in paid))

    with pytest.raises(refusal):
        await desk.import_file("a", file)
    assert await desk.settle() == 1

    assert [await state_of(database, p) for p in paid] == [PaymentState.CREDITED] * 3
    assert told == 4


async def test_refusal_of_the_engine_is_a_reason(pay: Pay, database: Database) -> None:
    paid = await pay()

    async def refuse(news: PaymentNews) -> PaymentStands:
        raise PaymentAmountDiffers

    desk = BankDesk(database, refuse, zone=KUALA_LUMPUR, account_number=ACCOUNT)

    done = await desk.import_file("a", camt(Line(text=paid.reference)))

    assert counts(done) == {"queued payment_amount_differs": 1}


async def test_imports_at_once_pay_once(engine: Engine, pay: Pay, database: Database) -> None:
    paid = [await pay() for _ in range(5)]
    desks = [
        BankDesk(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)
        for _ in range(4)
    ]
    files = [
        camt(*(Line(text=p.reference, ref=f"{n}-{p.payment_no}") for p in paid)) for n in range(4)
    ]

    await asyncio.gather(
        *(desk.import_file("a", file) for desk, file in zip(desks, files, strict=True)),
        desks[0].import_file("b", files[3]),
    )

    ended = await database.fetch(
        "SELECT state, reason, count(*) FROM bank_entry GROUP BY state, reason ORDER BY state"
    )
    assert [tuple(row) for row in ended] == [(1, "paid_before", 15), (2, "paid", 5)]
    assert [await state_of(database, p) for p in paid] == [PaymentState.CREDITED] * 5


# What reconciliation reads


async def test_settled_gives_the_entries_of_the_days(
    desk: BankDesk, pay: Pay, engine: Engine, database: Database
) -> None:
    paid = await pay()
    await desk.import_file("a", camt(Line(text=paid.reference, ref="R1")))
    await engine.submit(
        RefundPayment(
            caller="cli",
            request_key="1",
            line_id=paid.line_id,
            payment_no=paid.payment_no,
            actor=STAFF,
        )
    )
    await desk.import_file(
        "b",
        camt(
            Line(text=paid.reference, way="D", ref="R2", day="2026-11-24"),
            Line(text="hello", ref="R3", day="2026-11-24"),
            Line(text="rent", way="D", amount="7.00", ref="R4", day="2026-11-24"),
            Line(text="soon", ref="R5", day="2026-11-24", status="PDNG"),
            Line(text="far", ref="R6", day="2026-11-24", currency="SGD"),
            Line(text=f"{paid.reference}-1", ref="R8", day="2026-11-24"),
            Line(text=paid.reference, ref="R7", day="2026-11-25"),
        ),
    )
    provider = BankProvider(database, Clock(), bank_days=5)

    found = [s async for s in provider.settled(date(2026, 11, 23), date(2026, 11, 24))]

    def brief(one: Settled) -> tuple[Any, ...]:
        return (
            one.day.day,
            one.kind,
            one.gross_micros,
            one.provider_ref,
            one.refund_ref,
            one.text,
        )

    reference = paid.reference
    assert [brief(one) for one in found] == [
        (23, SettledKind.PAYMENT, 30 * RM, reference, None, "paid"),
        (24, SettledKind.REFUND, -30 * RM, reference, f"{reference}-1", "refunded"),
        (24, SettledKind.PAYMENT, 30 * RM, None, None, "no_reference"),
        (24, SettledKind.OTHER, -7 * RM, None, None, "debit"),
        (24, SettledKind.REFUND, 30 * RM, reference, f"{reference}-1", "refund_returned"),
    ]
    assert len({one.record_id for one in found}) == 5

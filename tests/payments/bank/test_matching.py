"""What an entry of a statement means, and what it may mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.payment import ProviderId, RefundState
from tambah.payments.bank.entry import Booking, Entry
from tambah.payments.bank.matching import decide, first_verdict
from tambah.payments.bank.suggesting import Suggestion, Why, errors_within, suggest
from tambah.store.bank import BankRow, EntryState, KnownPayment, KnownRefund, Verdict
from tests.conftest import KUALA_LUMPUR

from .made import ACCOUNT, FOLDED, OTHERS

RM = 1_000_000
A, B, C = OTHERS
QUEUED, MATCHED, IGNORED = EntryState.QUEUED, EntryState.MATCHED, EntryState.IGNORED
ENTRY = Entry(
    account=FOLDED,
    booked_on=date(2026, 11, 23),
    amount_micros=30 * RM,
    currency="MYR",
    is_credit=True,
)
PAYMENT = KnownPayment(
    line_id=1,
    payment_no=1,
    reference=A,
    provider=ProviderId.BANK,
    total_micros=30 * RM,
    received_micros=0,
)
OTHER = replace(PAYMENT, line_id=2, reference=B)
REFUNDS = (
    KnownRefund(refund_no=1, amount_micros=10 * RM, state=RefundState.PENDING),
    KnownRefund(refund_no=2, amount_micros=30 * RM, state=RefundState.PENDING),
    KnownRefund(refund_no=3, amount_micros=30 * RM, state=RefundState.PENDING),
)
TODAY = date(2026, 11, 23)


def row(texts: str, **changes: Any) -> BankRow:
    values: dict[str, Any] = {
        "fingerprint": b"f",
        "place": 1,
        "booked_on": date(2026, 11, 23),
        "amount_micros": 30 * RM,
        "currency": "MYR",
        "is_credit": True,
        "bank_ref": None,
        "texts": texts,
        "verdict": Verdict(state=QUEUED, reason="new"),
        **changes,
    }
    return BankRow(**values)


def said(verdict: Verdict) -> tuple[EntryState, str]:
    return verdict.state, verdict.reason


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, QUEUED, "new"),
        ({"is_credit": False}, QUEUED, "new"),
        ({"booking": Booking.PENDING}, IGNORED, "pending"),
        ({"booking": Booking.INFORMATION, "is_credit": False}, IGNORED, "information"),
        ({"booking": Booking.UNCLEAR}, QUEUED, "status_unclear"),
        ({"amount_micros": 0}, IGNORED, "zero"),
        ({"is_reversal": True}, QUEUED, "reversal"),
        ({"is_reversal": True, "is_credit": False}, QUEUED, "reversal"),
        ({"is_reversal": True, "texts": f"returned {A}-1"}, QUEUED, "refund_returned"),
        ({"is_reversal": True, "texts": f"returned {A}"}, QUEUED, "reversal"),
        ({"is_reversal": True, "is_credit": False, "texts": f"{A}-1"}, QUEUED, "reversal"),
        ({"currency": "SGD"}, QUEUED, "other_currency"),
        ({"currency": "SGD", "is_credit": False}, IGNORED, "debit"),
        ({"account": "990099009900"}, QUEUED, "other_account"),
        ({"account": "990099009900", "is_credit": False}, IGNORED, "debit"),
        ({"account": ""}, QUEUED, "new"),
        ({"account": f"BKCT{FOLDED}"}, QUEUED, "new"),
        ({"is_unclear": True}, QUEUED, "batch_unclear"),
    ],
)
def test_first_verdict_needs_no_books(
    changes: dict[str, Any], state: EntryState, reason: str
) -> None:
    assert said(first_verdict(replace(ENTRY, **changes), ACCOUNT)) == (state, reason)


def test_first_verdict_of_a_line_that_is_there_twice() -> None:
    assert said(first_verdict(ENTRY, ACCOUNT, is_repeat=True)) == (QUEUED, "duplicate")


@pytest.mark.parametrize(
    ("texts", "changes", "state", "reason"),
    [
        (f"topup {A}", {}, MATCHED, "paid"),
        (f"{A} {A[:5]}-{A[5:]}", {}, MATCHED, "paid"),
        ("topup mak", {}, QUEUED, "no_reference"),
        ("", {}, QUEUED, "no_reference"),
        (f"topup {C}", {}, QUEUED, "unknown_reference"),
        (f"{A} {B}", {}, QUEUED, "several_references"),
        (f"{A} {C}", {}, QUEUED, "several_references"),
        (A, {"amount_micros": 31 * RM}, QUEUED, "overpaid"),
        (A, {"amount_micros": 29 * RM}, QUEUED, "underpaid"),
    ],
)
def test_credit_is_matched_by_reference_and_amount(
    texts: str, changes: dict[str, Any], state: EntryState, reason: str
) -> None:
    verdict = decide(row(texts, **changes), {A: PAYMENT, B: OTHER})

    assert said(verdict) == (state, reason)
    known = reason in ("paid", "overpaid", "underpaid")
    assert (verdict.line_id, verdict.payment_no) == ((1, 1) if known else (None, None))


@pytest.mark.parametrize(
    ("changes", "taken", "reason"),
    [
        ({"received_micros": 30 * RM}, set[Any](), "paid_before"),
        ({}, {(1, 1, None)}, "paid_before"),
        ({"provider": ProviderId.STRIPE}, set[Any](), "other_provider"),
    ],
)
def test_credit_for_a_payment_that_takes_none_waits(
    changes: dict[str, Any], taken: set[Any], reason: str
) -> None:
    payment = replace(PAYMENT, **changes)

    assert said(decide(row(A), {A: payment}, taken)) == (QUEUED, reason)


@pytest.mark.parametrize(
    ("texts", "state", "reason", "refund_no"),
    [
        (f"returned {A}-2", QUEUED, "refund_returned", 2),
        (f"{A}-1 {A}-2", QUEUED, "refund_returned", None),
        (f"returned {A}-9", QUEUED, "paid_before", None),
        (f"returned {A}", QUEUED, "paid_before", None),
    ],
)
def test_credit_that_names_a_refund_is_one_that_came_back(
    texts: str, state: EntryState, reason: str, refund_no: int | None
) -> None:
    payment = replace(PAYMENT, received_micros=30 * RM, refunds=REFUNDS)

    verdict = decide(row(texts), {A: payment})

    assert (*said(verdict), verdict.refund_no) == (state, reason, refund_no)
    assert (verdict.line_id, verdict.payment_no) == (1, 1)


@pytest.mark.parametrize(
    ("texts", "amount", "taken", "state", "reason", "refund_no"),
    [
        (f"refund {A}", 30 * RM, set[Any](), QUEUED, "several_refunds", None),
        (f"refund {A}", 30 * RM, {(1, 1, 2)}, QUEUED, "refund_told_before", None),
        (f"refund {A}-2", 30 * RM, set[Any](), MATCHED, "refunded", 2),
        (f"refund {A}-3", 30 * RM, set[Any](), MATCHED, "refunded", 3),
        (f"refund {A}-3", 30 * RM, {(1, 1, 2)}, MATCHED, "refunded", 3),
        (f"refund {A}-3", 30 * RM, {(1, 1, 3)}, QUEUED, "refund_told_before", None),
        (f"refund {A}-2 {A}-3", 30 * RM, set[Any](), QUEUED, "several_refunds", None),
        (f"refund {A}-2 {A}-3", 30 * RM, {(1, 1, 2)}, QUEUED, "refund_told_before", None),
        (f"refund {A}-1", 30 * RM, set[Any](), QUEUED, "refund_differs", None),
        (f"refund {A}-4", 30 * RM, set[Any](), QUEUED, "refund_unexpected", None),
        (f"refund {A}", 10 * RM, set[Any](), MATCHED, "refunded", 1),
        (f"refund {A}", 10 * RM, {(1, 1, 2)}, MATCHED, "refunded", 1),
        (f"refund {A}", 11 * RM, set[Any](), QUEUED, "refund_differs", None),
        (f"refund {B}", 30 * RM, set[Any](), QUEUED, "refund_unexpected", None),
        (f"refund {A} {B}", 30 * RM, set[Any](), QUEUED, "several_references", None),
        (f"refund {C}", 30 * RM, set[Any](), IGNORED, "debit", None),
        ("salaries", 30 * RM, set[Any](), IGNORED, "debit", None),
    ],
)
def test_debit_is_a_refund_or_none_of_our_business(
    texts: str, amount: int, taken: set[Any], state: EntryState, reason: str, refund_no: int | None
) -> None:
    debit = row(texts, is_credit=False, amount_micros=amount)
    payments = {A: replace(PAYMENT, refunds=REFUNDS), B: OTHER}

    verdict = decide(debit, payments, taken)

    assert (*said(verdict), verdict.refund_no) == (state, reason, refund_no)


def told(**changes: Any) -> KnownRefund:
    return replace(REFUNDS[1], **{"state": RefundState.DONE, **changes})


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (told(told_on=(TODAY,)), "refund_told_before"),
        (told(told_on=(TODAY - timedelta(days=7),)), "refund_told_before"),
        (told(told_on=(TODAY + timedelta(days=7),)), "refund_told_before"),
        (told(told_on=(TODAY - timedelta(days=8),), settled_on=TODAY), "refunded"),
        (told(told_on=(TODAY,), amount_micros=29 * RM), "refunded"),
        # It came back and is sent once more under the number of the second.
        (told(told_on=(TODAY,), state=RefundState.CANCELLED), "refund_told_before"),
        (told(state=RefundState.FAILED), "refunded"),
        # A person said that it was done, and no statement told of it yet.
        (told(settled_on=TODAY - timedelta(days=7)), "refund_told_before"),
        (told(settled_on=TODAY + timedelta(days=30)), "refund_told_before"),
        (told(settled_on=TODAY - timedelta(days=8)), "refunded"),
    ],
)
def test_debit_that_may_be_one_told_before_waits(first: KnownRefund, reason: str) -> None:
    payment = replace(PAYMENT, refunds=(first, REFUNDS[2]))

    bare = decide(row(f"refund {A}", is_credit=False), {A: payment})
    named = decide(row(f"refund {A}-3", is_credit=False), {A: payment})

    assert bare.reason == reason
    assert (bare.state, bare.refund_no) == (
        (MATCHED, 3) if reason == "refunded" else (QUEUED, None)
    )
    assert (*said(named), named.refund_no) == (MATCHED, "refunded", 3)


@pytest.mark.parametrize(
    ("state", "told_on", "reason"),
    [
        (RefundState.DONE, (TODAY,), "refund_told_before"),
        (RefundState.FAILED, (TODAY,), "refund_told_before"),
        (RefundState.FAILED, (), "refund_unexpected"),
    ],
)
def test_debit_that_names_a_refund_settles_no_other(
    state: RefundState, told_on: tuple[date, ...], reason: str
) -> None:
    payment = replace(PAYMENT, refunds=(told(state=state, told_on=told_on), REFUNDS[2]))

    assert said(decide(row(f"{A}-2", is_credit=False), {A: payment})) == (QUEUED, reason)


def test_debit_for_another_provider_s_payment_waits() -> None:
    payment = replace(PAYMENT, provider=ProviderId.PAYPAL, refunds=REFUNDS)

    assert said(decide(row(A, is_credit=False), {A: payment})) == (QUEUED, "other_provider")


REASONS = {
    (MATCHED, "paid"),
    (MATCHED, "refunded"),
    (IGNORED, "debit"),
    *(
        (QUEUED, reason)
        for reason in (
            "no_reference",
            "unknown_reference",
            "several_references",
            "other_provider",
            "paid_before",
            "overpaid",
            "underpaid",
            "refund_differs",
            "refund_returned",
            "refund_told_before",
            "refund_unexpected",
            "several_refunds",
        )
    ),
}


@given(
    texts=st.lists(st.sampled_from([A, B, C, "topup", "\n", " ", "-", "9", "-2"]), max_size=6),
    is_credit=st.booleans(),
    amount=st.sampled_from([10, 29, 30, 31]),
    received=st.sampled_from([0, 30]),
    provider=st.sampled_from(ProviderId),
)
def test_every_entry_ends_in_one_known_way(
    texts: list[str], is_credit: bool, amount: int, received: int, provider: ProviderId
) -> None:
    entry = row("".join(texts), is_credit=is_credit, amount_micros=amount * RM)
    payment = replace(PAYMENT, received_micros=received * RM, provider=provider, refunds=REFUNDS)

    verdict = decide(entry, {A: payment, B: OTHER})

    assert said(verdict) in REASONS
    if said(verdict) == (MATCHED, "paid"):
        assert (amount, is_credit) == (30, True)
        assert (A if verdict.line_id == 1 else B) in entry.texts.replace(" ", "").replace(
            "-", ""
        ).replace("\n", "")


# Suggestions


@dataclass(frozen=True)
class Waits:
    reference: str
    total_micros: int = 30 * RM
    created_at: datetime = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    @property
    def expires_at(self) -> datetime:
        return self.created_at + timedelta(days=5)


def suggested(texts: str, *payments: Waits, amount: int = 30) -> list[tuple[str, Why]]:
    found: list[Suggestion] = suggest(
        texts, amount * RM, date(2026, 11, 23), payments, KUALA_LUMPUR
    )
    return [(one.reference, one.why) for one in found]


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (A[:9] + ("2" if A[9] != "2" else "3"), Why.NEAR_REFERENCE),
        (f"top up {A[0]}{A[2]}{A[1]}{A[3:]} tq", Why.NEAR_REFERENCE),
        (f"x{A[:4]}{A[5:]}x", Why.NEAR_REFERENCE),
        (f"x{A[:4]}9{A[4:]}x", Why.NEAR_REFERENCE),
        (f"TOP UP FOR MY {A[:6]}\nDUITNOW", Why.CUT_REFERENCE),
        ("top up", Why.SAME_AMOUNT),
    ],
)
def test_payment_of_the_same_amount_is_suggested(texts: str, why: Why) -> None:
    assert suggested(texts, Waits(A)) == [(A, why)]


def test_payments_of_other_amounts_and_times_are_not_suggested() -> None:
    late = Waits(A, created_at=datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    early = Waits(B, created_at=datetime(2026, 11, 1, tzinfo=UTC))

    assert suggested("top up", late, early, Waits(C, total_micros=31 * RM)) == []


def test_suggestions_are_few_and_the_best_comes_first() -> None:
    many = [Waits(f"{C[:8]}{n:02d}") for n in range(20, 40)]

    found = suggested(f"pay {A[:9]}x", *many, Waits(A))

    assert len(found) == 5
    assert found[0] == (A, Why.NEAR_REFERENCE)


@pytest.mark.parametrize(
    ("text", "errors"),
    [("", 10), (A, 0), (f"zz{A}zz", 0), (A[1:], 1), (A[:3] + "z" + A[4:], 1), ("zzzzzzzzzz", 10)],
)
def test_errors_within(text: str, errors: int) -> None:
    assert errors_within(A, text) == errors

"""A payment's life: opened, heard of in any order, credited or sent back."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tambah.domain import refusals as no
from tambah.domain.commands import (
    AgeLine,
    NewsKind,
    OpenPayment,
    PaymentNews,
    PaymentStands,
    RefundPayment,
)
from tambah.domain.ledger import CLEARING, Account, TransferKind
from tambah.domain.line import LineState
from tambah.domain.payment import (
    REFERENCE_ALPHABET,
    Dispute,
    PaymentRule,
    PaymentState,
    ProviderId,
    RefundState,
    fold_reference,
    reference_for,
    show_reference,
)
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules

from .memory_books import MemoryBooks
from .proofs import balances, prove
from .world import (
    ALICE,
    BOB,
    RM,
    STAFF,
    START,
    adjust,
    bar,
    day,
    import_line,
    move,
    reverse,
    rules_for,
)

NOW = START + timedelta(hours=10)
LINE = 11
CARD_FEE = 1 * RM


def rules_with(**limits: Any) -> Rules:
    """Return rules in which a card costs RM1 on top."""
    rule = PaymentRule(fees=(("card", CARD_FEE),), **limits)
    return replace(rules_for(), payments=rule)


def books_for(**limits: Any) -> MemoryBooks:
    """Return books with Alice's line, ten days left and no credit."""
    books = MemoryBooks(rules_with(**limits))
    books.submit(import_line(LINE, until=day(10)), START)
    return books


def opening(key: str = "form 1", rm: float = 20, **changes: Any) -> OpenPayment:
    """Return a payment of RM20 for Alice's line by the sandbox."""
    values: dict[str, Any] = {
        "caller": "web",
        "request_key": key,
        "msisdn": ALICE,
        "amount_micros": round(rm * RM),
        "provider": ProviderId.SANDBOX,
        "method": "sandbox",
        **changes,
    }
    return OpenPayment(**values)


def news(kind: NewsKind, rm: float = 0, payment_no: int = 1, **changes: Any) -> PaymentNews:
    """Return what the provider says of Alice's first payment."""
    amount = round(rm * RM)
    return PaymentNews(
        line_id=LINE, payment_no=payment_no, kind=kind, amount_micros=amount, **changes
    )


def refunding(rm: float | None = None, key: str = "undo", **changes: Any) -> RefundPayment:
    """Return a refund of Alice's first payment by hand."""
    amount = None if rm is None else round(rm * RM)
    return RefundPayment(
        caller="cli",
        request_key=key,
        line_id=LINE,
        payment_no=1,
        amount_micros=amount,
        actor=STAFF,
        **changes,
    )


def stands(answer: object) -> PaymentStands:
    """Return an answer as what it must be."""
    assert isinstance(answer, PaymentStands)
    return answer


def told(books: MemoryBooks) -> list[str]:
    """Return the templates of the messages so far."""
    return [message.template for _, message in sorted(books.messages.items())]


def paid_books() -> MemoryBooks:
    """Return books in which Alice paid RM20 (RM18.87 and tax) and has it."""
    books = books_for()
    books.submit(opening(), NOW)
    books.submit(news(NewsKind.PAID, 20, provider_ref="p1"), NOW)
    return books


# Opening


def test_an_opened_payment_promises_what_the_catalogue_promises_today() -> None:
    books = books_for()
    answer = stands(books.submit(opening(method="card", provider=ProviderId.STRIPE), NOW))
    assert answer.state is PaymentState.CREATED
    assert answer.total_micros == 21 * RM
    payment = books.payments[LINE, 1].payment
    assert (payment.price_micros, payment.tax_micros, payment.credit_micros) == (
        20_000_000,
        1_130_000,
        18_870_000,
    )
    assert payment.expires_at == NOW + timedelta(minutes=60)
    assert fold_reference(payment.reference) == payment.reference
    assert list(books.payment_refs) == [(payment.reference, 0)]
    assert books.transfers == {}
    prove(books)


def test_a_bank_transfer_is_waited_for_some_days() -> None:
    books = books_for()
    answer = books.submit(opening(provider=ProviderId.BANK, method="bank"), NOW)
    assert stands(answer).expires_at == NOW + timedelta(days=5)


def test_the_same_request_is_the_same_payment() -> None:
    books = books_for()
    first = books.submit(opening(), NOW)
    assert books.submit(opening(), NOW + timedelta(hours=1)) == first
    assert len(books.payments) == 1
    with pytest.raises(no.IdempotencyKeyReused):
        books.submit(opening(rm=30), NOW)


@pytest.mark.parametrize(
    ("command", "limits", "refusal"),
    [
        (opening(msisdn=60100000000), {}, no.NumberUnknown),
        (opening(rm=0.5), {}, no.AmountOutOfRange),
        (opening(rm=51), {"most_micros": 50 * RM}, no.AmountOutOfRange),
        (opening(rm=20), {"line_daily_count": 0}, no.PaymentsOfDayReached),
        (opening(rm=20), {"line_daily_micros": 19 * RM}, no.PaymentsOfDayReached),
    ],
)
def test_what_cannot_be_paid_is_refused_and_changes_nothing(
    command: OpenPayment, limits: dict[str, Any], refusal: type[Refusal]
) -> None:
    books = books_for(**limits)
    before = books.state()
    with pytest.raises(refusal):
        books.submit(command, NOW)
    assert books.state() == before


def test_a_line_that_is_barred_takes_no_payment() -> None:
    books = books_for()
    books.submit(bar("lost", barred=True), NOW)
    with pytest.raises(no.LineBarred):
        books.submit(opening(), NOW)


def test_a_line_that_is_full_takes_no_payment() -> None:
    books = MemoryBooks(replace(rules_with(), most_credit_micros=30 * RM))
    books.submit(import_line(LINE, opening=25), START)
    with pytest.raises(no.BalanceTooHigh):
        books.submit(opening(), NOW)


def test_payments_of_a_day_are_limited_and_open_ones_do_not_count() -> None:
    books = books_for(line_daily_count=2)
    for number in (1, 2):
        books.submit(opening(f"form {number}"), NOW)
        books.submit(opening(f"a stranger's {number}"), NOW)
    for number in (1, 3):
        books.submit(news(NewsKind.PAID, 20, payment_no=number), NOW)
    with pytest.raises(no.PaymentsOfDayReached):
        books.submit(opening("form 3"), NOW)
    books.submit(opening("form 3"), day(1) + timedelta(hours=1))


# What a provider says


def test_a_paid_payment_is_credited_in_the_same_decision() -> None:
    books = books_for()
    books.submit(opening(method="card", provider=ProviderId.STRIPE), NOW)
    books.submit(news(NewsKind.BEGUN, provider_ref="p1", pay_url="https://pay"), NOW)
    answer = stands(books.submit(news(NewsKind.PAID, 21, provider_ref="p1"), NOW))
    assert (answer.state, answer.topup_no) == (PaymentState.CREDITED, 1)
    sums = balances(books)
    assert sums[Account.CLEARING_STRIPE] == -21 * RM
    assert sums[Account.LINE_MAIN] == 18_870_000
    assert sums[Account.TAX] == 1_130_000
    assert sums[Account.FEES_EARNED] == 1 * RM
    assert sums[Account.HELD] == 0
    receipt = books.topups[LINE, 1].receipt
    assert receipt == answer.reference
    assert told(books) == ["credited"]
    prove(books)


def test_who_begins_is_awaited_and_a_repeat_changes_nothing() -> None:
    books = books_for()
    books.submit(opening(), NOW)
    begun = news(NewsKind.BEGUN, provider_ref="p1", pay_url="https://pay")
    assert stands(books.submit(begun, NOW)).changed
    assert not stands(books.submit(begun, NOW)).changed
    payment = books.payments[LINE, 1].payment
    assert (payment.state, payment.pay_url) == (PaymentState.AWAITING, "https://pay")
    books.submit(news(NewsKind.UNKNOWN), NOW)
    assert books.payments[LINE, 1].payment.state is PaymentState.UNKNOWN
    assert not stands(books.submit(news(NewsKind.UNKNOWN), NOW)).changed
    assert stands(books.submit(begun, NOW)).state is PaymentState.AWAITING


@pytest.mark.parametrize("late", [NewsKind.FAILED, NewsKind.EXPIRED])
def test_money_that_comes_late_is_credited_all_the_same(late: NewsKind) -> None:
    books = books_for()
    books.submit(opening(), NOW)
    books.submit(news(late), NOW)
    ended = books.payments[LINE, 1].payment
    assert ended.reason == {"failed": "declined", "expired": "expired"}[late]
    assert not stands(books.submit(news(NewsKind.BEGUN, provider_ref="p"), NOW)).changed
    answer = stands(books.submit(news(NewsKind.PAID, 20), day(2)))
    assert answer.state is PaymentState.CREDITED
    assert books.payments[LINE, 1].payment.reason is None
    assert not stands(books.submit(news(late), day(2))).changed
    prove(books)


def test_another_amount_is_refused_and_changes_nothing() -> None:
    books = books_for()
    books.submit(opening(), NOW)
    before = books.state()
    for amount in (19.99, 20.01, 0):
        with pytest.raises(no.PaymentAmountDiffers):
            books.submit(news(NewsKind.PAID, amount), NOW)
    assert books.state() == before


def test_news_of_no_payment_is_refused() -> None:
    books = books_for()
    with pytest.raises(no.PaymentUnknown):
        books.submit(news(NewsKind.PAID, 20), NOW)
    with pytest.raises(no.PaymentUnknown):
        books.submit(replace(news(NewsKind.PAID, 20), line_id=99), NOW)
    books.submit(opening(), NOW)
    with pytest.raises(no.PaymentUnknown):
        books.submit(news(NewsKind.PAID, 20, provider=ProviderId.STRIPE), NOW)
    books.submit(news(NewsKind.PAID, 20, provider=ProviderId.SANDBOX), NOW)


@pytest.mark.parametrize("state", [LineState.EXPIRED, LineState.TERMINATED])
def test_money_for_a_line_that_ended_goes_back_by_itself(state: LineState) -> None:
    books = books_for()
    books.submit(opening(), NOW)
    then = day(70) if state is LineState.EXPIRED else day(400)
    answer = stands(books.submit(news(NewsKind.PAID, 20, provider_ref="p1"), then))
    assert books.lines[LINE].line.state is state
    assert (answer.state, answer.refund_no) == (PaymentState.REFUNDING, 1)
    account = books.payments[LINE, 1]
    assert account.refunds[0].due_at == then
    assert (
        account.refunds[0].reason
        == {
            LineState.EXPIRED: "line_expired",
            LineState.TERMINATED: "line_terminated",
        }[state]
    )
    assert balances(books)[Account.HELD] == 20 * RM
    answer = stands(books.submit(news(NewsKind.REFUNDED, 20, refund_no=1, refund_ref="r1"), then))
    assert answer.state is PaymentState.REFUNDED
    assert balances(books)[Account.CLEARING_SANDBOX] == 0
    has_owner = state is LineState.EXPIRED
    refund_messages = [t for t in told(books) if t.startswith("payment_")]
    assert refund_messages == ["payment_refunding", "payment_refunded"] * has_owner
    prove(books)


def test_a_payment_of_an_ended_line_leaves_its_number_to_the_next_owner() -> None:
    books = books_for()
    books.submit(opening(), NOW)
    books.submit(AgeLine(msisdn=ALICE), day(450))
    books.submit(import_line(12, digest=b"next", until=day(500)), day(450))
    books.submit(news(NewsKind.PAID, 20), day(451))
    assert books.line_of[ALICE] == 12
    assert books.lines[12].main.remaining_micros == 0
    prove(books)


_FULL_STORY = (
    news(NewsKind.BEGUN, provider_ref="p1", pay_url="https://pay"),
    news(NewsKind.PAID, 20, provider_ref="p1"),
    news(NewsKind.REFUNDED, 20, refund_ref="r1"),
    news(NewsKind.UNKNOWN),
)


def tell(books: MemoryBooks, *stories: PaymentNews) -> None:
    """Submit news; what goes back before it is known to have come is refused and told again."""
    for one in stories:
        before = books.state()
        try:
            books.submit(one, NOW)
        except no.PaymentNotRefundable:
            assert books.payments[LINE, 1].payment.received_micros == 0
            assert books.state() == before
        prove(books)


@pytest.mark.parametrize("order", list(itertools.permutations(_FULL_STORY)))
def test_news_in_any_order_end_the_same(order: tuple[PaymentNews, ...]) -> None:
    books = books_for()
    books.submit(opening(), NOW)
    tell(books, *order, *order)
    payment = books.payments[LINE, 1].payment
    assert payment.state is PaymentState.REFUNDED
    assert payment.received_micros == payment.refunded_micros == 20 * RM
    assert balances(books)[Account.CLEARING_SANDBOX] == 0
    assert books.lines[LINE].main.remaining_micros == 0


_DISPUTE_STORY = (
    news(NewsKind.PAID, 20, provider_ref="p1"),
    news(NewsKind.DISPUTED, 20),
    news(NewsKind.DISPUTE_WON),
    news(NewsKind.FAILED),
)


@pytest.mark.parametrize("order", list(itertools.permutations(_DISPUTE_STORY)))
def test_a_dispute_in_any_order_ends_the_same(order: tuple[PaymentNews, ...]) -> None:
    books = books_for()
    books.submit(opening(), NOW)
    tell(books, *order, *order)
    payment = books.payments[LINE, 1].payment
    assert (payment.state, payment.dispute) == (PaymentState.CREDITED, Dispute.WON)
    assert balances(books)[Account.DISPUTES] == 0
    assert books.lines[LINE].main.remaining_micros == 18_870_000


def test_a_dispute_books_the_money_where_it_is_and_bars_nothing() -> None:
    books = paid_books()
    answer = stands(books.submit(news(NewsKind.DISPUTED, 20), NOW))
    assert (answer.state, answer.dispute) == (PaymentState.DISPUTED, Dispute.OPEN)
    sums = balances(books)
    assert (sums[Account.DISPUTES], sums[Account.CLEARING_SANDBOX]) == (-20 * RM, 0)
    line = books.lines[LINE]
    assert (line.line.barred, line.main.remaining_micros) == (False, 18_870_000)
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(refunding(), NOW)
    assert stands(books.submit(news(NewsKind.DISPUTE_LOST), NOW)).dispute is Dispute.LOST
    assert not stands(books.submit(news(NewsKind.DISPUTE_WON), NOW)).changed
    assert balances(books)[Account.DISPUTES] == -20 * RM
    prove(books)


def test_a_dispute_that_ends_by_a_refund_takes_the_money_once() -> None:
    books = paid_books()
    books.submit(news(NewsKind.DISPUTED, 20), NOW)
    answer = stands(books.submit(news(NewsKind.REFUNDED, 20, refund_ref="r1"), NOW))
    assert (answer.dispute, answer.refunded_micros) == (Dispute.LOST, 20 * RM)
    assert balances(books)[Account.CLEARING_SANDBOX] == balances(books)[Account.DISPUTES] == 0
    assert not stands(books.submit(news(NewsKind.REFUNDED, 20, refund_ref="r1"), NOW)).changed
    prove(books)


def test_a_lost_dispute_of_a_part_and_the_refund_that_ended_it_count_once() -> None:
    books = paid_books()
    books.submit(news(NewsKind.DISPUTED, 5), NOW)
    books.submit(news(NewsKind.DISPUTE_LOST), NOW)
    books.submit(news(NewsKind.REFUNDED, 5, refund_ref="r1"), NOW)
    payment = books.payments[LINE, 1].payment
    assert (payment.disputed_micros, payment.refunded_micros) == (0, 5 * RM)
    assert balances(books)[Account.CLEARING_SANDBOX] == -15 * RM
    prove(books)


def test_a_second_dispute_is_taken_in_and_a_repeat_of_the_first_is_not() -> None:
    books = paid_books()
    books.submit(news(NewsKind.DISPUTED, 20, dispute_ref="d1"), NOW)
    books.submit(news(NewsKind.DISPUTE_WON, dispute_ref="d1"), NOW)
    assert not stands(books.submit(news(NewsKind.DISPUTED, 20, dispute_ref="d1"), NOW)).changed
    assert not stands(books.submit(news(NewsKind.DISPUTED, 20), NOW)).changed
    answer = stands(books.submit(news(NewsKind.DISPUTED, 20, dispute_ref="d2"), NOW))
    assert answer.dispute is Dispute.OPEN
    assert balances(books)[Account.DISPUTES] == -20 * RM
    books.submit(news(NewsKind.DISPUTE_LOST, dispute_ref="d2"), NOW)
    assert books.payments[LINE, 1].payment.dispute is Dispute.LOST
    prove(books)


def test_a_dispute_after_a_full_refund_takes_nothing_more() -> None:
    books = paid_books()
    books.submit(news(NewsKind.REFUNDED, 20, refund_ref="r1"), NOW)
    answer = stands(books.submit(news(NewsKind.DISPUTED, 20), NOW))
    assert (answer.state, answer.dispute) == (PaymentState.DISPUTED, Dispute.OPEN)
    assert balances(books)[Account.CLEARING_SANDBOX] == 0
    answer = stands(books.submit(news(NewsKind.DISPUTE_WON), NOW))
    assert answer.state is PaymentState.REFUNDED
    prove(books)


def test_a_lost_dispute_is_lost_for_good() -> None:
    books = paid_books()
    answer = stands(books.submit(news(NewsKind.DISPUTE_LOST, 20), NOW))
    assert (answer.state, answer.dispute) == (PaymentState.DISPUTED, Dispute.LOST)
    assert not stands(books.submit(news(NewsKind.DISPUTE_LOST, 20), NOW)).changed
    assert not stands(books.submit(news(NewsKind.DISPUTE_WON), NOW)).changed
    prove(books)


@pytest.mark.parametrize(
    "kind",
    [NewsKind.REFUNDED, NewsKind.DISPUTED, NewsKind.DISPUTE_WON, NewsKind.DISPUTE_LOST],
)
def test_what_goes_back_is_not_believed_before_it_is_known_to_have_come(kind: NewsKind) -> None:
    books = books_for()
    books.submit(opening(), NOW)
    before = books.state()
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(news(kind, 20, refund_ref="r1"), NOW)
    assert books.state() == before


def test_a_payment_may_have_two_names_and_keeps_the_first() -> None:
    books = books_for()
    books.submit(opening(), NOW)
    books.submit(news(NewsKind.BEGUN, provider_ref="session"), NOW)
    books.submit(news(NewsKind.PAID, 20, provider_ref="intent"), NOW)
    assert books.payments[LINE, 1].payment.provider_ref == "session"
    assert {("session", 1), ("intent", 1)} < set(books.payment_refs)


# Refunds by hand


def test_a_full_refund_takes_credit_tax_and_days_back() -> None:
    books = books_for()
    books.submit(opening(method="card"), NOW)
    books.submit(news(NewsKind.PAID, 21, provider_ref="p1"), NOW)
    answer = stands(books.submit(refunding(), NOW))
    assert (answer.refund_no, answer.refund_micros) == (1, 21 * RM)
    assert (answer.state, answer.held_micros) == (PaymentState.REFUNDING, 21 * RM)
    line = books.lines[LINE]
    assert line.main.remaining_micros == 0
    assert line.line.active_until == day(10)
    assert books.audits[-1].action == "RefundPayment"
    assert books.audits[-1].after["payment_state"] == "refunding"
    assert books.submit(refunding(), NOW) == answer, "a repeat is the same refund"
    done = news(NewsKind.REFUNDED, 21, refund_no=1, refund_ref="r1")
    assert stands(books.submit(done, NOW)).state is PaymentState.REFUNDED
    assert not stands(books.submit(replace(done, refund_no=None), NOW)).changed
    assert told(books) == ["credited", "payment_refunding", "payment_refunded"]
    assert sum(balances(books).values()) == 0
    assert balances(books)[Account.CLEARING_SANDBOX] == balances(books)[Account.FEES_EARNED] == 0
    prove(books)


def test_spent_credit_is_sent_back_only_when_it_is_forgiven() -> None:
    books = paid_books()
    books.submit(adjust("calls", -8.87), NOW)
    with pytest.raises(no.CreditSpent) as refused:
        books.submit(refunding(20), NOW)
    assert refused.value.params == {"most": "10.00"}
    answer = stands(books.submit(refunding(20, forgive_spent=True), NOW))
    assert answer.refund_micros == 20 * RM
    assert books.payments[LINE, 1].refunds[0].spent_micros == 10 * RM
    assert balances(books)[Account.HELD] == 20 * RM
    prove(books)


def test_without_an_amount_what_is_unspent_goes_back() -> None:
    books = paid_books()
    books.submit(adjust("calls", -8.87), NOW)
    assert stands(books.submit(refunding(), NOW)).refund_micros == 10 * RM
    assert books.lines[LINE].main.remaining_micros == 0
    prove(books)


def test_what_two_agreed_on_goes_back_or_nothing() -> None:
    books = paid_books()
    books.submit(adjust("spent", -5), START)
    whole = stands(paid_books().submit(refunding(), START)).refund_micros
    before = books.state()
    with pytest.raises(no.CreditSpent):
        books.submit(refunding(only_micros=whole), START)
    assert books.state() == before
    left = stands(paid_books().submit(refunding(7), START)).refund_micros
    answer = stands(books.submit(refunding(7, key="seven", only_micros=left), START))
    assert answer.refund_micros == left == 7 * RM
    prove(books)


def test_a_paid_top_up_is_refunded_and_not_moved() -> None:
    books = paid_books()
    books.submit(import_line(LINE + 1, BOB, until=day(10)), START)
    with pytest.raises(no.RefundInstead):
        books.submit(move("m", 1), START)


def test_nothing_unspent_is_nothing_to_refund() -> None:
    books = paid_books()
    books.submit(adjust("calls", -18.87), NOW)
    with pytest.raises(no.CreditSpent):
        books.submit(refunding(), NOW)


def test_parts_go_back_one_after_the_other_and_never_more_than_was_paid() -> None:
    books = paid_books()
    first = stands(books.submit(refunding(5, key="a"), NOW))
    second = stands(books.submit(refunding(5, key="b"), NOW))
    assert (first.refund_no, second.refund_no) == (1, 2)
    assert books.lines[LINE].main.remaining_micros == 8_870_000
    assert books.lines[LINE].line.active_until == books.topups[LINE, 1].active_until
    with pytest.raises(no.AmountOutOfRange) as refused:
        books.submit(refunding(10.01, key="c"), NOW)
    assert refused.value.params == {"least": "0.01", "most": "10.00"}
    with pytest.raises(no.CreditSpent):
        books.submit(refunding(10, key="c"), NOW)
    for number in (1, 2):
        books.submit(news(NewsKind.REFUNDED, 5, refund_no=number), NOW)
    assert books.payments[LINE, 1].payment.state is PaymentState.CREDITED
    books.submit(refunding(10, key="d", forgive_spent=True), NOW)
    books.submit(news(NewsKind.REFUNDED, 10, refund_no=3), NOW)
    assert books.payments[LINE, 1].payment.state is PaymentState.REFUNDED
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(refunding(key="e"), NOW)
    prove(books)


def test_a_part_of_what_is_spent_is_at_the_operators_cost() -> None:
    books = paid_books()
    books.submit(adjust("calls", -18.87), NOW)
    with pytest.raises(no.CreditSpent):
        books.submit(refunding(5), NOW)
    books.submit(refunding(5, forgive_spent=True), NOW)
    assert books.payments[LINE, 1].refunds[0].spent_micros == 5 * RM
    prove(books)


@pytest.mark.parametrize("amount", [0, 0.001, -1, 20.01])
def test_an_amount_out_of_range_is_no_refund(amount: float) -> None:
    books = paid_books()
    with pytest.raises(no.AmountOutOfRange):
        books.submit(refunding(amount), NOW)


def test_what_was_never_paid_cannot_be_refunded() -> None:
    books = books_for()
    books.submit(opening(), NOW)
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(refunding(), NOW)
    with pytest.raises(no.PaymentUnknown):
        books.submit(replace(refunding(), payment_no=9), NOW)


def test_a_refund_of_credit_that_was_forfeited_is_at_the_operators_cost() -> None:
    books = paid_books()
    with pytest.raises(no.CreditSpent):
        books.submit(refunding(20), day(100))
    books.submit(refunding(20, forgive_spent=True), day(100))
    assert books.payments[LINE, 1].refunds[0].spent_micros == 20 * RM
    prove(books)


def failed_books() -> MemoryBooks:
    """Return books in which Alice's payment is to go back, and the provider refuses."""
    books = paid_books()
    books.submit(refunding(), NOW)
    books.submit(news(NewsKind.REFUND_FAILED, refund_no=1), NOW)
    return books


def test_a_refused_refund_keeps_the_money_in_sight() -> None:
    books = failed_books()
    payment = books.payments[LINE, 1].payment
    assert (payment.state, payment.held_micros) == (PaymentState.REFUNDING, 20 * RM)
    refund = books.payments[LINE, 1].refunds[0]
    assert (refund.state, refund.due_at) == (RefundState.FAILED, None)
    for number in (1, 7):
        again = news(NewsKind.REFUND_FAILED, refund_no=number)
        assert not stands(books.submit(again, NOW)).changed
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(refunding(key="again"), NOW)
    by_hand = news(NewsKind.REFUNDED, 20, refund_no=1, actor=STAFF)
    assert stands(books.submit(by_hand, NOW)).state is PaymentState.REFUNDED
    assert books.audits[-1].action == "PaymentNews"
    prove(books)


def test_a_refused_refund_made_at_the_providers_desk_is_that_refund() -> None:
    books = failed_books()
    answer = stands(books.submit(news(NewsKind.REFUNDED, 20, refund_ref="desk"), NOW))
    assert (answer.state, answer.refund_no) == (PaymentState.REFUNDED, 1)
    prove(books)


def test_a_refused_refund_may_be_sent_again_under_another_number() -> None:
    books = failed_books()
    again = news(NewsKind.REFUND_AGAIN, refund_no=1, actor=STAFF)
    answer = stands(books.submit(again, NOW))
    assert (answer.state, answer.refund_no) == (PaymentState.REFUNDING, 2)
    first, second = books.payments[LINE, 1].refunds
    assert (first.state, second.state) == (RefundState.CANCELLED, RefundState.PENDING)
    assert second.due_at == NOW
    with pytest.raises(no.PaymentNotRefundable):
        books.submit(again, NOW)
    done = news(NewsKind.REFUNDED, 20, refund_no=2, refund_ref="r2")
    assert stands(books.submit(done, NOW)).state is PaymentState.REFUNDED
    prove(books)


def test_the_money_of_a_refused_refund_may_be_kept() -> None:
    books = failed_books()
    kept = news(NewsKind.REFUND_KEPT, refund_no=1, actor=STAFF)
    answer = stands(books.submit(kept, NOW))
    assert (answer.state, answer.held_micros) == (PaymentState.CREDITED, 0)
    assert balances(books)[Account.ADJUSTMENTS] == 20 * RM
    for number in (1, 9):
        with pytest.raises(no.PaymentNotRefundable):
            books.submit(news(NewsKind.REFUND_KEPT, refund_no=number, actor=STAFF), NOW)
    prove(books)


def test_a_refund_that_comes_back_is_held_again() -> None:
    books = paid_books()
    books.submit(refunding(), NOW)
    books.submit(news(NewsKind.REFUNDED, 20, refund_no=1, refund_ref="r1"), NOW)
    answer = stands(books.submit(news(NewsKind.REFUND_FAILED, refund_ref="r1"), NOW))
    assert (answer.state, answer.held_micros) == (PaymentState.REFUNDING, 20 * RM)
    assert answer.refunded_micros == 0
    assert balances(books)[Account.CLEARING_SANDBOX] == -20 * RM
    books.submit(news(NewsKind.REFUND_AGAIN, refund_no=1, actor=STAFF), NOW)
    books.submit(news(NewsKind.REFUNDED, 20, refund_no=2), NOW)
    assert books.payments[LINE, 1].payment.state is PaymentState.REFUNDED
    prove(books)


def test_nobody_sends_back_less_than_a_sen() -> None:
    books = paid_books()
    drawn = replace(adjust("call", -1), amount_micros=-1_234_567)
    books.submit(drawn, NOW)
    answer = stands(books.submit(refunding(), NOW))
    assert answer.refund_micros == 17_630_000
    assert books.lines[LINE].main.remaining_micros == 0
    assert balances(books)[Account.ADJUSTMENTS] == 1_234_567 + 5_433
    prove(books)


def test_a_refund_made_at_the_providers_desk_takes_the_credit_back() -> None:
    books = paid_books()
    answer = stands(books.submit(news(NewsKind.REFUNDED, 20, refund_ref="r9"), NOW))
    assert (answer.state, answer.refund_no) == (PaymentState.REFUNDED, 1)
    assert books.lines[LINE].main.remaining_micros == 0
    again = stands(books.submit(news(NewsKind.REFUNDED, 20, refund_ref="r9"), NOW))
    assert not again.changed
    assert stands(books.submit(news(NewsKind.REFUNDED, 5, refund_ref="r10"), NOW)).changed is False
    prove(books)


def test_a_refund_at_the_providers_desk_is_not_taken_for_ours() -> None:
    books = paid_books()
    books.submit(refunding(5), NOW)
    books.submit(news(NewsKind.REFUNDED, 5, refund_ref="desk"), NOW)
    books.submit(news(NewsKind.REFUNDED, 5, refund_no=1, refund_ref="ours"), NOW)
    payment = books.payments[LINE, 1].payment
    assert payment.refunded_micros == 10 * RM
    assert len(books.payments[LINE, 1].refunds) == 2
    assert balances(books)[Account.CLEARING_SANDBOX] == -10 * RM
    prove(books)


def test_a_paid_top_up_is_refunded_and_not_merely_reversed() -> None:
    books = paid_books()
    with pytest.raises(no.RefundInstead):
        books.submit(reverse("undo", 1), NOW)


def test_every_provider_has_its_clearing_account() -> None:
    assert set(CLEARING) == set(ProviderId)
    assert len(set(CLEARING.values())) == len(ProviderId)


def test_a_payments_credit_is_a_kind_of_its_own() -> None:
    books = paid_books()
    kinds = [t.kind for _, t in sorted(books.transfers.items())]
    assert kinds == [TransferKind.PAYMENT, TransferKind.CREDIT, TransferKind.TAX]


# References


def test_a_reference_is_read_however_it_is_written() -> None:
    reference = reference_for(b"digest", 1, 1)
    assert len(reference) == 10
    shown = show_reference(reference)
    assert shown == f"{reference[:5]}-{reference[5:]}"
    assert fold_reference(f" {shown.lower()} ") == reference
    assert fold_reference("") is None
    assert fold_reference(reference[:-1]) is None
    assert fold_reference("0" + reference[1:]) is None


def test_any_one_wrong_character_and_any_two_swapped_are_noticed() -> None:
    reference = reference_for(b"another", 7, 3)
    for place in range(10):
        for letter in REFERENCE_ALPHABET:
            changed = reference[:place] + letter + reference[place + 1 :]
            assert (fold_reference(changed) is None) == (changed != reference)
    for a, b in itertools.combinations(range(10), 2):
        letters = list(reference)
        letters[a], letters[b] = letters[b], letters[a]
        swapped = "".join(letters)
        assert (fold_reference(swapped) is None) == (swapped != reference)


def test_references_differ_by_request_line_and_number() -> None:
    made = {
        reference_for(request, line_id, payment_no)
        for request in (b"a", b"b")
        for line_id in (1, 2)
        for payment_no in (1, 2)
    }
    assert len(made) == 8

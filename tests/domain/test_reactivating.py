"""An expired line comes back: an identity check, then a top-up that covers the fee."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tambah.domain import refusals as no
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import (
    Command,
    Credited,
    LineChanged,
    NewsKind,
    OpenPayment,
    PaymentNews,
    PaymentStands,
    RefundPayment,
)
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import LifeRule, LineState
from tambah.domain.payment import PaymentState, ProviderId
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks
from .proofs import balances, prove
from .world import (
    ALICE,
    RM,
    STAFF,
    START,
    activate,
    adjust,
    bar,
    code,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    rules_for,
    top_up,
)

LINE = 11
HOUR = timedelta(hours=1)
# The line is active for ten days, in grace for fifty, then expired for thirty.
EXPIRED = day(60) + 10 * HOUR
QUARANTINED = day(90)


def rules(fee: int = 10, **changes: object) -> Rules:
    """Return rules by which a line comes back for RM10."""
    life = LifeRule(reactivation_fee_micros=fee * RM, **changes)  # type: ignore[arg-type]
    return rules_for(life=life)


def expired_books(fee: int = 10, **changes: object) -> MemoryBooks:
    """Return books with Alice's line, RM25 of which were forfeited, and a funded shop."""
    books = MemoryBooks(rules(fee, **changes))
    books.submit(import_line(LINE, opening=25), START)
    books.submit(fund("float"), START)
    return books


def allow(key: str = "checked", line_id: int = LINE) -> AllowReactivation:
    """Return what is submitted once the identity was checked."""
    return AllowReactivation(caller="care", request_key=key, line_id=line_id, actor=STAFF)


def checked_books(fee: int = 10, **changes: object) -> MemoryBooks:
    """Return expired books whose owner has been checked."""
    books = expired_books(fee, **changes)
    books.submit(allow(), EXPIRED)
    return books


def told(books: MemoryBooks) -> list[str]:
    """Return every message's template, in order."""
    return [message.template for _, message in sorted(books.messages.items())]


def state_of(books: MemoryBooks) -> LineState:
    """Return the state that the line is written in."""
    return books.lines[LINE].line.state


def test_the_check_opens_a_window_to_the_end_of_a_day_and_is_told_and_audited() -> None:
    books = expired_books()

    answer = books.submit(allow(), EXPIRED)

    assert answer == LineChanged(
        msisdn=ALICE,
        state=LineState.EXPIRED,
        barred=False,
        suspended=False,
        balance_micros=0,
        active_until=day(10),
        grace_until=day(60),
        reactivation_until=day(63),  # 48 hours on, to the end of that day
    )
    message = books.messages[LINE, 2]
    assert (message.template, message.params) == (
        "reactivation_allowed",
        {"fee_micros": 10 * RM, "allowed_until": day(63).isoformat()},
    )
    audit = books.audits[-1]
    assert (audit.who, audit.action, audit.why) == (STAFF.who, "AllowReactivation", STAFF.why)
    prove(books)


def test_without_an_actor_nothing_is_audited() -> None:
    books = expired_books()
    before = len(books.audits)

    books.submit(replace(allow(), actor=None), EXPIRED)

    assert len(books.audits) == before
    assert books.lines[LINE].line.reactivation_until == day(63)


def test_the_window_ends_with_the_stage() -> None:
    books = expired_books()

    books.submit(allow(), QUARANTINED - HOUR)

    assert books.lines[LINE].line.reactivation_until == QUARANTINED
    with pytest.raises(no.LineTerminated):
        books.submit(top_up("late"), QUARANTINED)


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (day(5), no.LineAlreadyActive),
        (day(30), no.LineAlreadyActive),  # grace: any top-up does it
        (QUARANTINED, no.LineTerminated),
        (day(400), no.LineTerminated),
    ],
)
def test_only_an_expired_line_is_let_back(now: datetime, refusal: type[Refusal]) -> None:
    books = expired_books()
    with pytest.raises(refusal):
        books.submit(allow(), now)
    assert books.lines[LINE].line.reactivation_until is None


def test_a_line_that_never_began_has_nothing_to_come_back_to() -> None:
    books = MemoryBooks(rules())
    books.submit(import_line(LINE, until=None), START)
    with pytest.raises(no.LineNotActivated):
        books.submit(allow(), START)


def test_nobodys_line_is_unknown() -> None:
    with pytest.raises(no.NumberUnknown):
        expired_books().submit(allow(line_id=99), EXPIRED)


def test_a_top_up_brings_the_line_back_for_the_fee() -> None:
    books = checked_books()

    answer = books.submit(top_up("sale", 30), EXPIRED + HOUR)

    assert isinstance(answer, Credited)
    assert (answer.credited_micros, answer.balance_micros) == (30 * RM, 20 * RM)
    assert answer.bonus_balance_micros == 2 * RM
    assert answer.active_until == day(91)  # thirty days, today's rest on top
    line = books.lines[LINE].line
    assert (line.state, line.reactivation_until) == (LineState.ACTIVE, None)
    fee = next(t for t in books.transfers.values() if t.kind is TransferKind.REACTIVATION)
    assert (fee.debit, fee.credit, fee.amount_micros, fee.topup_no) == (
        Account.LINE_MAIN,
        Account.REVENUE,
        10 * RM,
        1,
    )
    assert books.topups[LINE, 1].reactivation_micros == 10 * RM
    assert balances(books)[Account.REVENUE] == 10 * RM
    message = books.messages[LINE, 3]
    assert message.template == "reactivated"
    assert message.params == {
        "credited_micros": 30 * RM,
        "fee_micros": 10 * RM,
        "balance_micros": 20 * RM,
        "active_until": day(91).isoformat(),
        "receipt": answer.receipt,
    }
    prove(books)


def test_a_line_that_came_back_pays_no_fee_for_the_next_top_up() -> None:
    books = checked_books()
    books.submit(top_up("first", 10), EXPIRED)
    answer = books.submit(top_up("second", 5), EXPIRED + HOUR)
    assert isinstance(answer, Credited)
    assert answer.balance_micros == 5 * RM
    assert books.topups[LINE, 2].reactivation_micros == 0
    assert told(books)[-2:] == ["reactivated", "credited"]


def test_without_a_fee_nothing_is_booked() -> None:
    books = checked_books(fee=0)
    books.submit(top_up("sale", 5), EXPIRED)
    assert state_of(books) is LineState.ACTIVE
    assert TransferKind.REACTIVATION not in {t.kind for t in books.transfers.values()}
    assert told(books)[-2:] == ["reactivation_allowed_free", "credited"]
    prove(books)


@pytest.mark.parametrize("command", [top_up("small", 5), redeem("small", code(101))])
def test_a_smaller_top_up_is_refused_and_changes_nothing(command: Command) -> None:
    books = checked_books(fee=11)
    before = books.state()

    with pytest.raises(no.ReactivationTooLittle) as refused:
        books.submit(command, EXPIRED)

    assert refused.value.params == {"least": "11.00"}
    assert books.state() == before
    assert books.cards[1, 1].state is VoucherState.ACTIVE


def test_it_is_the_credit_that_covers_the_fee_not_the_price() -> None:
    books = checked_books(fee=20)
    with pytest.raises(no.ReactivationTooLittle):
        books.submit(top_up("with tax", 20), EXPIRED)  # RM1.13 of it is tax


@pytest.mark.parametrize(
    ("command", "credit"), [(top_up("sale", 10), 10), (redeem("card", code(201)), 28)]
)
def test_every_door_brings_it_back(command: Command, credit: int) -> None:
    books = checked_books()
    answer = books.submit(command, EXPIRED)
    assert isinstance(answer, Credited)
    assert answer.balance_micros == (credit - 10) * RM
    assert state_of(books) is LineState.ACTIVE
    prove(books)


@pytest.mark.parametrize("command", [top_up("sale"), redeem("card", code(101))])
def test_without_the_check_or_after_its_window_it_is_expired_as_ever(command: Command) -> None:
    books = expired_books()
    with pytest.raises(no.LineExpired):
        books.submit(command, EXPIRED)
    books.submit(allow(), EXPIRED)
    with pytest.raises(no.LineExpired):
        books.submit(command, day(63))


def test_a_barred_line_is_not_brought_back_before_the_bar_is_lifted() -> None:
    books = checked_books()
    books.submit(bar("lost", barred=True), EXPIRED)
    with pytest.raises(no.LineBarred):
        books.submit(top_up("sale"), EXPIRED)
    books.submit(bar("found", barred=False), EXPIRED)
    books.submit(top_up("sale"), EXPIRED)
    assert state_of(books) is LineState.ACTIVE


def test_credit_cannot_be_given_by_hand_to_an_expired_line() -> None:
    with pytest.raises(no.LineTerminated):
        checked_books().submit(adjust("gift", 20), EXPIRED)
    with pytest.raises(no.LineAlreadyActive):
        checked_books().submit(activate("again"), EXPIRED)


# Payments


def opening(rm: int = 30) -> OpenPayment:
    """Return a payment for Alice's line by the sandbox."""
    return OpenPayment(
        caller="web",
        request_key="form",
        msisdn=ALICE,
        amount_micros=rm * RM,
        provider=ProviderId.SANDBOX,
        method="card",
    )


def paid(rm: int = 30) -> PaymentNews:
    """Return the news that it was paid."""
    return PaymentNews(line_id=LINE, payment_no=1, kind=NewsKind.PAID, amount_micros=rm * RM)


def test_a_payment_brings_it_back() -> None:
    books = checked_books()
    books.submit(opening(), EXPIRED)
    answer = books.submit(paid(), EXPIRED + HOUR)
    assert isinstance(answer, PaymentStands)
    assert answer.state is PaymentState.CREDITED
    assert state_of(books) is LineState.ACTIVE
    assert books.lines[LINE].main.remaining_micros == 20 * RM
    prove(books)


def test_a_payment_that_would_be_too_little_is_not_opened() -> None:
    with pytest.raises(no.ReactivationTooLittle):
        checked_books().submit(opening(5), EXPIRED)


def test_a_payment_that_became_too_little_goes_back() -> None:
    books = expired_books()
    books.submit(opening(5), day(9))  # while the line was active
    books.submit(allow(), EXPIRED)
    answer = books.submit(paid(5), EXPIRED)
    assert isinstance(answer, PaymentStands)
    assert answer.state is PaymentState.REFUNDING
    assert books.payments[LINE, 1].refunds[0].reason == "reactivation_too_little"
    assert state_of(books) is LineState.EXPIRED
    prove(books)


def test_a_payment_that_comes_after_the_window_goes_back() -> None:
    books = checked_books()
    books.submit(opening(), EXPIRED)
    answer = books.submit(paid(), day(63))
    assert isinstance(answer, PaymentStands)
    assert answer.state is PaymentState.REFUNDING
    prove(books)


# Taking it back: the fee counts as spent


def test_a_reversal_leaves_the_fee_and_gives_the_line_its_grace() -> None:
    books = checked_books()
    books.submit(top_up("sale", 30), EXPIRED)

    reversed_ = books.submit(reverse("undo", 1), EXPIRED + HOUR)

    assert (reversed_.main_micros, reversed_.spent_micros) == (20 * RM, 10 * RM)  # type: ignore[union-attr]
    line = books.lines[LINE].line
    assert line.state is LineState.GRACE
    assert line.grace_until == day(111)  # fifty whole days from today
    assert balances(books)[Account.REVENUE] == 10 * RM
    prove(books)


def test_a_refund_sends_back_what_is_left_and_the_fee_only_if_it_is_forgiven() -> None:
    refund = RefundPayment(caller="cli", request_key="r", line_id=LINE, payment_no=1, actor=STAFF)
    for forgives, back in ((False, 20), (True, 30)):
        books = checked_books()
        books.submit(opening(), EXPIRED)
        books.submit(paid(), EXPIRED)
        answer = books.submit(replace(refund, forgive_spent=forgives), EXPIRED)
        assert isinstance(answer, PaymentStands)
        assert answer.refund_micros == back * RM
        prove(books)

"""What promotions give is booked, lapses, and is taken back as far as it is unspent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tambah.domain.balance import BucketKind, draw_down
from tambah.domain.commands import (
    AgeLine,
    NewsKind,
    OpenPayment,
    PaymentNews,
    RefundPayment,
)
from tambah.domain.gift import Gift, GiftKind
from tambah.domain.ledger import Account, TransferKind, allowance_of
from tambah.domain.line import LineState
from tambah.domain.payment import ProviderId
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.records import replace as changed
from tambah.domain.state import LineAccount, TopUpSource

from .memory_books import MemoryBooks
from .proofs import prove
from .world import (
    ALICE,
    ALWAYS,
    RM,
    STAFF,
    START,
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
FIRST = Promotion(
    name="first", since=ALWAYS, extra_permille=100, bonus_days=30, first_topup=True, group="bonus"
)
DATA = Promotion(
    name="data",
    since=ALWAYS,
    until=day(5),
    extra_days=2,
    allowances=(
        Allowance(kind=BucketKind.BYTES, amount=2**30, days=7),
        Allowance(kind=BucketKind.SECONDS, amount=600, days=7),
    ),
    group="data",
)
MORE_DATA = Promotion(
    name="more",
    since=ALWAYS,
    allowances=(Allowance(kind=BucketKind.BYTES, amount=5, days=7),),
    group="more",
)
WEEK_ON = day(8)
"""The end of the seventh day after the first."""


def books_with(*promotions: Promotion) -> MemoryBooks:
    """Return books with Alice's line, ten days left, and a funded shop."""
    books = MemoryBooks(replace(rules_for(), promotions=promotions))
    books.submit(import_line(LINE), START)
    books.submit(fund("fund"), START)
    return books


def held(books: MemoryBooks, kind: BucketKind) -> int:
    """Return what Alice's line holds of a kind."""
    return sum(b.remaining_micros for b in books.lines[LINE].buckets if b.kind is kind)


def use(books: MemoryBooks, kind: BucketKind, amount: int) -> None:
    """Take from a bucket as a charge would, so far behind the books' back."""
    account = books.lines[LINE]
    buckets = tuple(
        changed(b, remaining_micros=b.remaining_micros - amount) if b.kind is kind else b
        for b in account.buckets
    )
    books.lines[LINE] = LineAccount(line=account.line, buckets=buckets)


def test_a_top_up_gives_what_promotions_give_and_says_so() -> None:
    books = books_with(FIRST, DATA)

    credited = books.submit(top_up("1", 30), START)

    assert (credited.bonus_micros, credited.bonus_balance_micros) == (5 * RM, 5 * RM)
    assert credited.balance_micros == 30 * RM
    assert credited.active_until == day(42)
    assert credited.gifts == (
        Gift(
            promotion="first",
            kind=GiftKind.BONUS,
            amount=3 * RM,
            bucket_id=2,
            expires_at=day(31),
        ),
        Gift(promotion="data", kind=GiftKind.DAYS, amount=2),
        Gift(
            promotion="data",
            kind=GiftKind.BYTES,
            amount=2**30,
            bucket_id=3,
            expires_at=WEEK_ON,
        ),
        Gift(
            promotion="data",
            kind=GiftKind.SECONDS,
            amount=600,
            bucket_id=4,
            expires_at=WEEK_ON,
        ),
    )
    topup = books.topups[LINE, 1]
    assert topup.gifts == credited.gifts
    assert (topup.bonus_micros, topup.own_bonus_micros, topup.valid_days) == (5 * RM, 2 * RM, 32)
    assert topup.line_state is LineState.ACTIVE
    assert books.messages[LINE, 1].template == "credited_with_bonus"
    assert books.messages[LINE, 1].params["bonus_micros"] == 5 * RM
    prove(books)


def test_gifts_into_one_bucket_are_one_transfer() -> None:
    books = books_with(DATA, MORE_DATA)

    books.submit(top_up("1", 10), START)

    grants = [t for t in books.transfers.values() if t.kind is TransferKind.GRANT]
    assert [(t.debit, t.credit, t.amount_micros) for t in grants] == [
        (Account.BYTES_GIVEN, Account.LINE_BYTES, 2**30 + 5),
        (Account.SECONDS_GIVEN, Account.LINE_SECONDS, 600),
    ]
    assert {t.topup_no for t in grants} == {1}
    prove(books)


def test_a_card_keeps_its_promise_and_gets_the_promotion_of_its_day_on_top() -> None:
    books = books_with(FIRST)

    credited = books.submit(redeem("1", code(201)), START)

    # RM28 of credit and RM3 of bonus are the card's own.
    assert (credited.credited_micros, credited.bonus_micros) == (28 * RM, 5_800_000)
    assert books.topups[LINE, 1].own_bonus_micros == 3 * RM
    prove(books)


def test_only_the_first_top_up_is_the_first_even_if_it_is_reversed() -> None:
    books = books_with(FIRST)
    books.submit(top_up("1", 10), START)
    books.submit(reverse("undo", 1), START)

    assert books.submit(top_up("2", 10), START).bonus_micros == 0


def test_a_reversal_takes_back_what_is_unspent_of_bonus_and_allowances() -> None:
    books = books_with(FIRST, DATA)
    books.submit(top_up("1", 30), START)
    use(books, BucketKind.BYTES, 2**30 - 7)
    use(books, BucketKind.SECONDS, 600)

    undone = books.submit(reverse("undo", 1), day(1))

    assert (undone.main_micros, undone.bonus_micros) == (30 * RM, 5 * RM)
    assert [(gift.promotion, gift.kind, gift.amount) for gift in undone.gifts] == [
        ("first", GiftKind.BONUS, 3 * RM),
        ("data", GiftKind.BYTES, 7),
    ]
    assert undone.active_until == day(10)
    assert {held(books, kind) for kind in BucketKind} == {0}


def test_a_reversal_leaves_what_another_top_up_gave() -> None:
    books = books_with(MORE_DATA)
    books.submit(top_up("1", 10), START)
    books.submit(top_up("2", 10), START)

    books.submit(reverse("undo", 1), START)

    assert held(books, BucketKind.BYTES) == 5
    prove(books)


def test_an_allowance_lapses_at_its_end() -> None:
    books = books_with(DATA)
    books.submit(top_up("1", 10), START)

    books.submit(AgeLine(msisdn=ALICE), WEEK_ON)

    assert held(books, BucketKind.BYTES) == held(books, BucketKind.SECONDS) == 0
    lapses = [t for t in books.transfers.values() if t.kind is TransferKind.LAPSE]
    assert [(t.debit, t.credit, t.amount_micros) for t in lapses] == [
        (Account.LINE_BYTES, Account.BYTES_LAPSED, 2**30),
        (Account.LINE_SECONDS, Account.SECONDS_LAPSED, 600),
    ]
    prove(books)


def test_the_end_of_a_line_forfeits_its_allowances() -> None:
    long = replace_days(DATA, 300)
    books = books_with(long)
    books.submit(top_up("1", 10), START)

    books.submit(AgeLine(msisdn=ALICE), day(10 + 12 + 50))

    assert books.lines[LINE].line.state is LineState.EXPIRED
    assert held(books, BucketKind.BYTES) == 0
    prove(books)


def replace_days(promotion: Promotion, days: int) -> Promotion:
    """Return a promotion whose allowances live for so many days."""
    allowances = tuple(changed(one, days=days) for one in promotion.allowances)
    return changed(promotion, allowances=allowances)


# Payments


def opened(books: MemoryBooks, key: str, now: object) -> int:
    """Open a payment of RM10; return its number."""
    command = OpenPayment(
        caller="web",
        request_key=key,
        msisdn=ALICE,
        amount_micros=10 * RM,
        provider=ProviderId.SANDBOX,
        method="card",
    )
    return books.submit(command, now).payment_no  # type: ignore[arg-type]


def pay(books: MemoryBooks, payment_no: int, now: object) -> None:
    """Say that a payment was paid."""
    books.submit(
        PaymentNews(
            line_id=LINE, payment_no=payment_no, kind=NewsKind.PAID, amount_micros=10 * RM
        ),
        now,  # type: ignore[arg-type]
    )


def test_a_payment_gives_what_was_promised_when_it_was_opened() -> None:
    books = books_with(DATA)
    payment_no = opened(books, "1", day(4.9))

    pay(books, payment_no, day(6))

    # The promotion is over; its days and its gigabyte were promised.
    assert held(books, BucketKind.BYTES) == 2**30
    topup = books.topups[LINE, 1]
    assert (topup.valid_days, topup.line_state) == (12, LineState.ACTIVE)
    assert topup.gifts[1].expires_at == day(14)
    prove(books)


def test_a_payment_opened_before_a_promotion_gets_nothing_of_it() -> None:
    books = books_with(changed(DATA, since=day(2)))
    payment_no = opened(books, "1", day(1))

    pay(books, payment_no, day(3))

    assert books.topups[LINE, 1].gifts == ()


def test_of_two_payments_only_the_one_paid_first_is_the_first_top_up() -> None:
    books = books_with(FIRST, changed(FIRST, name="any", first_topup=False, extra_permille=10))
    early, late = opened(books, "1", START), opened(books, "2", START)

    pay(books, late, day(1))
    pay(books, early, day(1))

    assert [books.topups[LINE, no].gifts[0].promotion for no in (1, 2)] == ["first", "any"]
    assert [books.topups[LINE, no].bonus_micros for no in (1, 2)] == [RM, RM // 10]
    prove(books)


def test_a_refund_in_full_takes_gifts_back() -> None:
    books = books_with(FIRST, DATA)
    pay(books, opened(books, "1", START), START)

    books.submit(
        RefundPayment(
            caller="cli",
            request_key="back",
            line_id=LINE,
            payment_no=1,
            amount_micros=10 * RM,
            actor=STAFF,
        ),
        START,
    )

    assert {held(books, kind) for kind in BucketKind} == {0}
    assert books.lines[LINE].line.active_until == day(10)
    prove(books)


def test_a_promotion_may_be_for_one_door_alone() -> None:
    books = books_with(changed(MORE_DATA, sources=(TopUpSource.PAYMENT,)))
    books.submit(top_up("1", 10), START)
    pay(books, opened(books, "1", START), START)

    assert [books.topups[LINE, no].gifts != () for no in (1, 2)] == [False, True]


# Units


def test_an_allowance_pays_no_price() -> None:
    books = books_with(MORE_DATA)
    books.submit(top_up("1", 10), START)

    with pytest.raises(ValueError, match="allowance"):
        draw_down(books.lines[LINE].buckets, 1, START)


def test_every_account_is_kept_in_one_unit() -> None:
    kept = {account.name: allowance_of(account) for account in Account}

    assert {name for name, unit in kept.items() if unit is None} == {
        account.name
        for account in Account
        if not account.name.endswith(("SECONDS", "MESSAGES", "BYTES", "LAPSED", "_USED"))
        and account.name not in ("SECONDS_GIVEN", "MESSAGES_GIVEN", "BYTES_GIVEN")
    }
    assert all(unit.name in name for name, unit in kept.items() if unit is not None)

"""Taking a top-up back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tambah.domain.commands import AgeLine, Command, Reversed
from tambah.domain.decide import decide
from tambah.domain.ledger import Account, Transfer, TransferKind
from tambah.domain.line import LineState
from tambah.domain.records import replace
from tambah.domain.refusals import LineTerminated, PartnerUnknown
from tambah.domain.reversal import replay_dates
from tambah.domain.state import Known, LineAccount
from tambah.domain.validity import ValidityPolicy
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks, plain_digest
from .proofs import prove
from .world import (
    ALICE,
    RM,
    SHOP,
    START,
    adjust,
    code,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    rules_for,
    top_up,
)

NOW = START + timedelta(hours=10)
LINE = 11
MAX, ADD, CAP, REPLACE = (
    ValidityPolicy.MAX,
    ValidityPolicy.ADD,
    ValidityPolicy.ADD_WITH_CAP,
    ValidityPolicy.REPLACE,
)


def books_for(policy: ValidityPolicy = ADD, until: datetime | None = None) -> MemoryBooks:
    """Return books with one line without credit, and a shop with RM1000."""
    books = MemoryBooks(rules_for(policy, cap_days=40))
    books.submit(import_line(LINE, until=until or day(10)), START)
    books.submit(fund("float", 1000), START)
    return books


def undone(books: MemoryBooks, topup_no: int, now: datetime = NOW) -> Reversed:
    """Reverse a top-up and return the outcome."""
    answer = books.submit(reverse(f"undo {topup_no}", topup_no), now)
    assert isinstance(answer, Reversed)
    prove(books)
    return answer


def float_of(books: MemoryBooks) -> int:
    """Return the shop's float in micro-ringgit."""
    return books.partners[SHOP].float_bucket.remaining_micros


def moves(books: MemoryBooks) -> list[tuple[int, Account, Account, int]]:
    """Return the last decision's transfers: owner, debit, credit, micro-ringgit."""
    assert books.decision is not None
    return [(t.owner_id, t.debit, t.credit, t.amount_micros) for t in books.decision.transfers]


def test_an_untouched_top_up_goes_back_whole_with_its_tax() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    answer = undone(books, 1)
    assert answer == Reversed(
        msisdn=ALICE,
        topup_no=1,
        main_micros=18_870_000,
        bonus_micros=0,
        spent_micros=0,
        balance_micros=0,
        active_until=day(10),
    )
    assert float_of(books) == 1000 * RM
    digest = plain_digest("console", "undo 1")
    assert books.decision is not None
    assert books.decision.transfers == (
        Transfer(
            owner_id=SHOP,
            seq=3,
            at=NOW,
            kind=TransferKind.REVERSAL,
            debit=Account.TRANSIT,
            credit=Account.FLOAT,
            amount_micros=20 * RM,
            bucket_id=1,
            balance_micros=1000 * RM,
            reference="sale",
            peer_owner_id=LINE,
            peer_seq=3,
            request=digest,
        ),
        Transfer(
            owner_id=LINE,
            seq=3,
            at=NOW,
            kind=TransferKind.REVERSAL,
            debit=Account.LINE_MAIN,
            credit=Account.TRANSIT,
            amount_micros=18_870_000,
            bucket_id=1,
            balance_micros=0,
            peer_owner_id=SHOP,
            peer_seq=3,
            mends_topup_no=1,
            request=digest,
        ),
        Transfer(
            owner_id=LINE,
            seq=4,
            at=NOW,
            kind=TransferKind.REVERSAL,
            debit=Account.TAX,
            credit=Account.TRANSIT,
            amount_micros=1_130_000,
            topup_no=1,
            peer_owner_id=SHOP,
            peer_seq=3,
            mends_topup_no=1,
            request=digest,
        ),
    )
    assert books.topups[LINE, 1].reversed_at == NOW
    last = list(books.messages.values())[-1]
    assert (last.template, last.params) == (
        "reversed",
        {"returned_micros": 18_870_000, "balance_micros": 0},
    )
    audit = books.audits[-1]
    assert (audit.action, audit.subject) == ("ReverseTopUp", f"line:{LINE}")
    assert (audit.before["main"], audit.after["main"]) == ("18.87", "0.00")
    assert (audit.before["float"], audit.after["float"]) == ("980.00", "1000.00")


@pytest.mark.parametrize("spent", [0.01, 10, 18.86])
def test_what_was_spent_stays_with_the_line_and_the_tax_with_the_state(spent: float) -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    books.submit(adjust("spent", -spent), NOW)
    answer = undone(books, 1)
    spent_micros = round(spent * RM)
    assert answer.spent_micros == spent_micros
    assert answer.main_micros == 18_870_000 - spent_micros
    assert answer.balance_micros == 0
    assert float_of(books) == 980 * RM + answer.main_micros
    assert Account.TAX not in {account for move in moves(books) for account in move[1:3]}


def test_a_top_up_spent_fully_gives_nothing_back_and_still_takes_its_days() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    books.submit(adjust("spent", -18.87), NOW)
    answer = undone(books, 1)
    assert (answer.main_micros, answer.spent_micros) == (0, 18_870_000)
    assert answer.active_until == day(10)
    assert moves(books) == []
    assert float_of(books) == 980 * RM
    assert books.topups[LINE, 1].reversed_at == NOW


def test_other_credit_of_the_line_may_cover_what_was_spent_of_this_one() -> None:
    books = books_for()
    books.submit(top_up("1", 10), NOW)
    books.submit(top_up("2", 10), NOW)
    books.submit(adjust("spent", -12), NOW)
    assert undone(books, 1).main_micros == 8 * RM
    assert undone(books, 2).main_micros == 0


def test_bonus_is_clawed_back_as_far_as_it_is_there() -> None:
    books = books_for()
    books.submit(top_up("1", 30), NOW)
    answer = undone(books, 1)
    assert (answer.main_micros, answer.bonus_micros) == (30 * RM, 2 * RM)
    assert moves(books)[0] == (LINE, Account.LINE_BONUS, Account.BONUS_GIVEN, 2 * RM)
    assert [b.remaining_micros for b in books.lines[LINE].buckets] == [0, 0]


def test_bonus_of_another_top_up_in_the_same_bucket_stays() -> None:
    books = books_for()
    books.submit(top_up("1", 30), NOW)
    books.submit(top_up("2", 50), NOW)
    assert undone(books, 2).bonus_micros == 5 * RM
    assert [b.remaining_micros for b in books.lines[LINE].buckets] == [30 * RM, 2 * RM]


def test_a_lapsed_bonus_is_forfeited_and_not_clawed() -> None:
    books = books_for()
    books.submit(redeem("1", code(201)), NOW)  # bonus for a week
    answer = undone(books, 1, day(8))
    assert answer.bonus_micros == 0
    assert moves(books)[0] == (LINE, Account.LINE_BONUS, Account.FORFEITED, 3 * RM)


def test_a_bonus_bucket_that_is_gone_is_no_hindrance() -> None:
    books = books_for()
    books.submit(top_up("1", 30), NOW)
    account = books.lines[LINE]
    known = books.known(reverse("undo", 1), NOW)
    bare = LineAccount(line=account.line, buckets=account.buckets[:1])
    decision = decide(
        reverse("undo", 1),
        Known(line=bare, partner=known.partner, topups=known.topups),
        books.rules,
        NOW,
    )
    assert isinstance(decision.answer, Reversed)
    assert decision.answer.bonus_micros == 0


def test_a_card_stays_used_and_its_worth_is_owed_again() -> None:
    books = books_for()
    books.submit(redeem("1", code(201)), NOW)
    answer = undone(books, 1)
    assert (answer.main_micros, answer.bonus_micros) == (28 * RM, 3 * RM)
    assert moves(books)[1:] == [
        (LINE, Account.LINE_MAIN, Account.CARDS_SOLD, 28 * RM),
        (LINE, Account.TAX, Account.CARDS_SOLD, 2 * RM),
    ]
    assert books.cards[2, 1].state is VoucherState.REDEEMED
    assert float_of(books) == 1000 * RM


def test_a_reversal_needs_the_partner_it_pays_back() -> None:
    books = books_for()
    books.submit(top_up("1"), NOW)
    known = books.known(reverse("undo", 1), NOW)
    without = Known(line=known.line, topups=known.topups)
    assert isinstance(decide(reverse("undo", 1), without, books.rules, NOW).answer, PartnerUnknown)


def test_an_expired_line_has_nothing_to_take_back() -> None:
    books = books_for()
    books.submit(top_up("1", 5), NOW)
    with pytest.raises(LineTerminated):
        books.submit(reverse("undo", 1), day(65))


# Dates


RELOADS: list[tuple[float, int]] = [(0, 10), (2, 30), (4, 5)]
"""Day and days of each reload, on a line with ten days left."""


@pytest.mark.parametrize(
    ("policy", "topup_no", "ends"),
    [
        # As they were: MAX 33, ADD 55, CAP (40) 45, REPLACE 10.
        (MAX, 1, 33),
        (MAX, 2, 11),
        (MAX, 3, 33),
        (ADD, 1, 45),
        (ADD, 2, 25),
        (ADD, 3, 50),
        (CAP, 1, 45),
        (CAP, 2, 25),
        (CAP, 3, 43),
        (REPLACE, 1, 10),
        (REPLACE, 2, 10),
        (REPLACE, 3, 33),
    ],
)
def test_the_later_top_ups_are_replayed_on_the_dates_before(
    policy: ValidityPolicy, topup_no: int, ends: int
) -> None:
    books = books_for(policy)
    for at, days in RELOADS:
        books.submit(top_up(f"{at}", days), day(at) + timedelta(hours=1))
    answer = undone(books, topup_no, day(4) + timedelta(hours=2))
    assert answer.active_until == day(ends)
    line = books.lines[LINE].line
    assert (line.state, line.grace_until) == (LineState.ACTIVE, day(ends + 50))


@pytest.mark.parametrize(
    "order", [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
)
@pytest.mark.parametrize("policy", ValidityPolicy)
def test_reversing_all_in_any_order_gives_the_dates_before_all(
    policy: ValidityPolicy, order: tuple[int, ...]
) -> None:
    books = books_for(policy)
    for at, days in RELOADS:
        books.submit(top_up(f"{at}", days), day(at) + timedelta(hours=1))
    for topup_no in order:
        undone(books, topup_no, day(5))
    assert books.lines[LINE].line.active_until == day(10)
    assert float_of(books) == 1000 * RM


def test_days_reversed_before_a_top_up_are_not_replayed_into_it() -> None:
    books = books_for(ADD)
    books.submit(top_up("1", 10), day(1))
    books.submit(top_up("2", 5), day(1))
    undone(books, 1, day(2))  # 10 + 5
    books.submit(top_up("3", 30), day(3))  # 15 + 30
    books.submit(top_up("4", 5), day(4))  # 45 + 5
    assert books.lines[LINE].line.active_until == day(50)
    undone(books, 3, day(5))
    assert books.lines[LINE].line.active_until == day(20)
    undone(books, 2, day(6))
    assert books.lines[LINE].line.active_until == day(15)
    undone(books, 4, day(7))
    assert books.lines[LINE].line.active_until == day(10)


def test_a_line_that_falls_behind_the_clock_gets_a_whole_grace_from_today() -> None:
    books = books_for(ADD)
    books.submit(top_up("1", 50), NOW)
    books.submit(top_up("2", 5), NOW)
    long_after = day(65) + timedelta(hours=3)  # the first dates would be over, grace and all
    answer = undone(books, 1, long_after)
    line = books.lines[LINE].line
    assert answer.active_until == day(15)
    assert (line.state, line.grace_until) == (LineState.GRACE, day(116))
    assert line.last_at == long_after
    books.submit(AgeLine(msisdn=ALICE), day(116) - timedelta(microseconds=1))
    assert books.lines[LINE].line.state is LineState.GRACE
    books.submit(AgeLine(msisdn=ALICE), day(116))
    assert books.lines[LINE].line.state is LineState.EXPIRED


def test_a_reversal_in_grace_keeps_the_line_in_grace_with_its_credit() -> None:
    books = books_for(ADD)
    books.submit(adjust("credit", 7), NOW)
    books.submit(top_up("1", 5), NOW)
    answer = undone(books, 1, day(20))
    assert answer.balance_micros == 7 * RM
    assert answer.active_until == day(10)
    line = books.lines[LINE].line
    assert (line.state, line.grace_until) == (LineState.GRACE, day(71))


def test_a_line_without_an_end_before_is_active_until_tonight() -> None:
    books = books_for(ADD)
    books.submit(top_up("1", 10), NOW)
    known = books.known(reverse("undo", 1), NOW)
    first = replace(known.topups[0], active_until_before=None)
    command: Command = reverse("undo", 1)
    decision = decide(command, replace(known, topups=(first,)), books.rules, NOW)
    assert isinstance(decision.answer, Reversed)
    assert decision.answer.active_until == day(1)


def test_replaying_nothing_changes_nothing() -> None:
    validity = rules_for().validity
    assert replay_dates(None, [], validity) is None
    assert replay_dates(day(3), [], validity) == day(3)


def test_a_change_of_policy_does_not_rewrite_the_dates_of_earlier_top_ups() -> None:
    books = books_for(ADD)
    books.submit(top_up("1", 10), day(1))
    books.submit(top_up("2", 10), day(1))  # until day 30
    books.rules = rules_for(MAX)
    books.submit(top_up("3", 50), day(2))
    assert undone(books, 3, day(3)).active_until == day(30)
    assert undone(books, 2, day(3)).active_until == day(20)


def test_a_top_up_and_a_reversal_of_one_instant_still_give_the_dates_before() -> None:
    books = books_for(ADD)
    books.submit(top_up("1", 10), NOW)
    books.submit(top_up("2", 5), NOW)
    undone(books, 1, NOW)
    assert undone(books, 2, NOW).active_until == day(10)

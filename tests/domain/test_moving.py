"""A top-up that went to a wrong number is moved to the right one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain import refusals as no
from tambah.domain.balance import BucketKind
from tambah.domain.commands import TopUpMoved
from tambah.domain.gift import GiftKind
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import LifeRule
from tambah.domain.promotion import Promotion
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpSource
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks
from .proofs import prove
from .world import (
    ALICE,
    ALWAYS,
    BOB,
    CAROL,
    RM,
    SHOP,
    START,
    activate,
    adjust,
    bar,
    code,
    day,
    fund,
    import_line,
    move,
    redeem,
    reverse,
    rules_for,
    top_up,
)

NOW = START + timedelta(hours=10)
A, B = 11, 12


def books_for(rules: Rules | None = None) -> MemoryBooks:
    """Return books with two lines without credit, and a shop with RM1000."""
    books = MemoryBooks(rules or rules_for())
    books.submit(import_line(A, until=day(10)), START)
    books.submit(import_line(B, BOB, until=day(20)), START)
    books.submit(fund("float", 1000), START)
    return books


def moved(books: MemoryBooks, topup_no: int = 1) -> TopUpMoved:
    """Move a top-up from ALICE to BOB and return the outcome."""
    answer = books.submit(move(f"move {topup_no}", topup_no), NOW)
    assert isinstance(answer, TopUpMoved)
    prove(books)
    return answer


def main_of(books: MemoryBooks, line_id: int) -> int:
    """Return a line's main credit in micro-ringgit."""
    return books.lines[line_id].main.remaining_micros


def test_an_untouched_top_up_moves_whole_with_its_days_and_the_float_stays_as_it_was() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    paid = books.partners[SHOP]
    answer = moved(books)
    assert (answer.taken.main_micros, answer.taken.spent_micros) == (18_870_000, 0)
    assert (answer.given.credited_micros, answer.given.balance_micros) == (18_870_000, 18_870_000)
    assert (answer.given.price_micros, answer.given.tax_micros) == (18_870_000, 0)
    assert (main_of(books, A), main_of(books, B)) == (0, 18_870_000)
    assert answer.taken.active_until == day(10)
    bought = books.topups[A, 1].valid_days
    assert answer.given.active_until == day(20) + timedelta(days=bought)
    assert books.partners[SHOP] == paid


def test_both_lines_books_name_each_other_and_the_top_up_that_is_mended() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    moved(books)
    out, into = [t for t in books.transfers.values() if t.kind is TransferKind.MOVE]
    assert (out.owner_id, out.debit, out.credit) == (A, Account.LINE_MAIN, Account.TRANSIT)
    assert (into.owner_id, into.debit, into.credit) == (B, Account.TRANSIT, Account.LINE_MAIN)
    assert (out.peer_owner_id, out.peer_seq, out.mends_topup_no) == (B, into.seq, 1)
    assert (into.peer_owner_id, into.peer_seq, into.topup_no) == (A, out.seq, 1)
    gone, come = books.topups[A, 1], books.topups[B, 1]
    assert (gone.reversed_at, gone.moved_line_id, gone.moved_topup_no) == (NOW, B, 1)
    assert (come.source, come.moved_line_id, come.moved_topup_no) == (TopUpSource.MOVED, A, 1)


def test_both_subscribers_are_told_and_both_lines_have_an_audit_row() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    moved(books)
    last = {line_id: m for (line_id, _), m in sorted(books.messages.items())}
    assert (last[A].template, last[A].params) == (
        "topup_moved",
        {"returned_micros": 18_870_000, "balance_micros": 0},
    )
    assert last[B].template == "credited"
    gone, come = books.audits[-2:]
    assert (gone.subject, gone.after["moved"], gone.after["to_line"]) == ("line:11", "18.87", B)
    assert (come.subject, come.after["moved"], come.after["from_line"]) == ("line:12", "18.87", A)
    assert (gone.action, gone.why) == (come.action, come.why) == ("MoveTopUp", "Ticket 7")


def test_what_is_spent_stays_and_the_rest_moves_with_all_days_but_without_the_bonus() -> None:
    books = books_for()
    books.submit(redeem("card", code(201)), NOW)
    given = books.topups[A, 1]
    assert given.own_bonus_micros > 0
    books.submit(adjust("spent", -3), NOW)
    answer = moved(books)
    assert answer.taken.spent_micros == 3 * RM
    assert answer.given.credited_micros == given.main_micros - 3 * RM
    assert (answer.taken.bonus_micros, answer.given.bonus_micros) == (given.own_bonus_micros, 0)
    assert books.topups[B, 1].valid_days == given.valid_days


def test_its_own_bonus_moves_to_the_same_end_when_nothing_was_spent() -> None:
    books = books_for()
    books.submit(redeem("card", code(201)), NOW)
    given = books.topups[A, 1]
    end = books.lines[A].buckets[1].expires_at
    later = NOW + timedelta(hours=20)
    answer = books.submit(move("later", 1), later)
    prove(books)
    assert isinstance(answer, TopUpMoved)
    assert answer.given.bonus_micros == given.own_bonus_micros
    bonus = books.lines[B].buckets[1]
    assert (bonus.kind, bonus.expires_at) == (BucketKind.BONUS, end)


def test_a_card_stays_the_one_that_was_used_on_the_first_line() -> None:
    books = books_for()
    books.submit(redeem("card", code(101)), NOW)
    moved(books)
    card = books.cards[books.codes[code(101)]]
    assert (card.state, card.redeemed_line_id) == (VoucherState.REDEEMED, A)
    with pytest.raises(no.CodeAlreadyYours) as told:
        books.submit(redeem("again", code(101)), NOW)
    assert told.value.params == {"used_at": NOW}


def test_promotions_gifts_are_taken_back_and_not_given_again() -> None:
    extra = Promotion(name="extra", since=ALWAYS, extra_permille=100, bonus_days=7, extra_days=4)
    books = books_for(replace_promotions(rules_for(), extra))
    books.submit(top_up("sale", 20), NOW)
    answer = moved(books)
    gift = answer.taken.gifts[0]
    assert (gift.kind, gift.amount) == (GiftKind.BONUS, answer.taken.bonus_micros)
    assert (answer.given.gifts, answer.given.bonus_micros) == ((), 0)
    assert books.topups[B, 1].valid_days == books.topups[A, 1].valid_days - 4


def replace_promotions(rules: Rules, *promotions: Promotion) -> Rules:
    """Return rules with promotions."""
    return Rules(catalog=rules.catalog, validity=rules.validity, promotions=promotions)


def test_a_repeat_gets_the_first_answer_and_moves_nothing() -> None:
    books = books_for()
    books.submit(top_up("sale", 20), NOW)
    first, before = moved(books), books.state()
    assert books.submit(move("move 1", 1), NOW + timedelta(minutes=1)) == first
    assert books.state() == before


REFUSED: list[tuple[str, list[object], object, type[Refusal]]] = [
    ("nobody's number", [top_up("s", 20)], move("m", 1, ALICE, CAROL), no.NumberUnknown),
    ("no line", [], move("m", 1, CAROL, ALICE), no.NumberUnknown),
    ("the same number", [top_up("s", 20)], move("m", 1, ALICE, ALICE), no.MoveToSameNumber),
    ("no such top-up", [], move("m", 1), no.TopUpUnknown),
    ("taken back", [top_up("s", 20), reverse("r", 1)], move("m", 1), no.AlreadyReversed),
    ("moved twice", [top_up("s", 20), move("n", 1)], move("m", 1), no.AlreadyReversed),
    ("moved on", [top_up("s", 20), move("n", 1)], move("m", 1, BOB, ALICE), no.TopUpWasMoved),
    ("moved, reversed", [top_up("s", 20), move("n", 1)], reverse("r", 1, BOB), no.TopUpWasMoved),
    ("spent", [top_up("s", 20), adjust("a", -18.87)], move("m", 1), no.NothingToMove),
    ("barred there", [top_up("s", 20), bar("b", BOB, barred=True)], move("m", 1), no.LineBarred),
    ("too much there", [top_up("s", 20), adjust("a", 190, BOB)], move("m", 1), no.BalanceTooHigh),
]


@pytest.mark.parametrize(
    ("before", "command", "refusal"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_a_refused_move_changes_nothing(
    before: list[object], command: object, refusal: type[Refusal]
) -> None:
    books = books_for(rules_for(most=200))
    for earlier in before:
        books.submit(earlier, NOW)  # pyright: ignore[reportArgumentType]
    state = books.state()
    with pytest.raises(refusal):
        books.submit(command, NOW)  # pyright: ignore[reportArgumentType]
    assert books.state() == state


def test_a_top_up_moves_within_its_hours_and_not_at_their_end() -> None:
    for hours, later, is_late in [
        (24, timedelta(hours=24), True),
        (0, timedelta(), True),
        (24, timedelta(hours=23, minutes=59), False),
    ]:
        rules = rules_for()
        books = books_for(Rules(catalog=rules.catalog, validity=rules.validity, move_hours=hours))
        books.submit(top_up("sale", 20), NOW)
        if is_late:
            with pytest.raises(no.MoveTooLate) as told:
                books.submit(move("m", 1), NOW + later)
            assert told.value.params == {"hours": hours}
        else:
            books.submit(move("m", 1), NOW + later)


def test_a_line_that_ended_keeps_what_it_lost_and_one_that_ended_gets_nothing() -> None:
    rules = replace_life(rules_for(), LifeRule(grace_days=0))
    books = books_for(rules)
    books.submit(import_line(13, CAROL, until=day(0.5)), START)
    books.submit(top_up("sale", 20), NOW)
    with pytest.raises(no.LineExpired):
        books.submit(move("m", 1, ALICE, CAROL), NOW + timedelta(hours=20))


def replace_life(rules: Rules, life: LifeRule) -> Rules:
    """Return rules with another life of lines."""
    return Rules(catalog=rules.catalog, validity=rules.validity, life=life)


def test_a_line_that_never_was_active_is_not_moved_to() -> None:
    books = books_for()
    books.submit(import_line(13, CAROL, until=None), START)
    books.submit(top_up("sale", 20), NOW)
    with pytest.raises(no.LineNotActivated):
        books.submit(move("m", 1, ALICE, CAROL), NOW)
    books.submit(activate("start", 5, CAROL), NOW)
    books.submit(move("m", 1, ALICE, CAROL), NOW)
    prove(books)


@given(
    sums=st.lists(st.sampled_from([5, 10, 20, 30]), min_size=1, max_size=5),
    spent=st.integers(0, 95_00),
    clock_ahead=st.integers(0, 3600),
)
def test_money_taken_is_money_given_whatever_was_spent_before(
    sums: list[int], spent: int, clock_ahead: int
) -> None:
    books = books_for()
    for place, amount in enumerate(sums):
        books.submit(top_up(f"sale {place}", amount), NOW)
    held = main_of(books, A)
    if spent:
        books.submit(adjust("spent", -min(spent, held // 10_000) / 100), NOW)
    # The other line's own clock may be ahead: both sides still bear one instant.
    books.submit(adjust("touched", 1, BOB), NOW + timedelta(seconds=clock_ahead))
    for no_ in range(1, len(sums) + 1):
        both = main_of(books, A) + main_of(books, B)
        unspent = min(main_of(books, A), books.topups[A, no_].main_micros)
        if unspent == 0:
            with pytest.raises(no.NothingToMove):
                books.submit(move(f"m{no_}", no_), NOW)
            continue
        answer = books.submit(move(f"m{no_}", no_), NOW)
        assert isinstance(answer, TopUpMoved)
        assert answer.taken.main_micros == answer.given.credited_micros == unspent
        assert main_of(books, A) + main_of(books, B) == both
        prove(books)

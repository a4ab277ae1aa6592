"""Three ways: a month that agrees, faults planted in it, and each of them found as one item."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.differences import DifferenceKind
from tambah.domain.finance.advice import ADVICE
from tambah.domain.finance.statement import Movement
from tambah.domain.finance.three_way import (
    CardFacts,
    ItemKind,
    Moved,
    OddSale,
    Settled,
    Sold,
    ThreeWay,
    UnsoldCards,
    Used,
    reconcile_three_ways,
)
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.matching import Flow, Span, add_up, match
from tambah.domain.payment import ProviderId
from tambah.domain.reconciling import differ, of_hand
from tests.domain.test_reconciling import (
    DAYS,
    SPAN,
    STRIPE,
    WHOLE_DAYS,
    Month,
    clean_month,
    double_file,
    late_webhook,
    manual_credit,
    missing_day,
    plantings,
    provider_fee,
    refund_at_the_desk,
    rounding,
)

from .sums import RM, movement

A, K = Account, TransferKind
TODAY = SPAN.last + timedelta(days=10)
QUICK = settings(max_examples=20, deadline=None)


@dataclass
class Books:
    """A month of payments (`Month`), and beside it cards and reloads of every day.

    stolen: cards by day that were redeemed and never sold.
    """

    month: Month
    stolen: dict[date, int] = field(default_factory=dict[date, int])

    def reconcile(self, span: Span = SPAN) -> ThreeWay:
        """Put the three sides of a span beside each other."""
        month = self.month
        matched = match(month.booked, month.settled)
        sums = add_up(matched, span)
        return reconcile_three_ways(
            span,
            [one for one in self._movements() if one.day in span],
            self._cards(span),
            [
                Settled(
                    provider=STRIPE,
                    settled_micros=sums.settled_micros,
                    booked_micros=sums.booked_micros,
                    other_days_micros=sums.other_days_micros,
                )
            ],
            [
                *differ(STRIPE, matched, span),
                *of_hand(one for one in month.by_hand if one.day in span),
            ],
            today=TODAY,
        )

    def _cards(self, span: Span) -> CardFacts:
        days = sum(day in span for day in DAYS)
        return CardFacts(
            outside_micros=days * 200 * RM,
            by_dealers_micros=days * 50 * RM,
            used_micros=days * 120 * RM,
            kept_micros=days * 12 * RM,
            voided_micros=days * 10 * RM,
            unsold=tuple(
                UnsoldCards(batch_id=3, first=7, count=n, amount_micros=n * 9 * RM, day=day)
                for day, n in self.stolen.items()
                if day in span
            ),
        )

    def _movements(self) -> list[Movement]:
        found: list[Movement] = []
        for day in DAYS:
            redeemed = 12 + self.stolen.get(day, 0)
            found += [
                movement(day, K.CARD_SALE, A.FLOAT, A.CARDS_SOLD, 70),
                movement(day, K.REVERSAL, A.CARDS_SOLD, A.FLOAT, 20),
                movement(day, K.REDEMPTION, A.CARDS_SOLD, A.LINE_MAIN, 8 * redeemed),
                movement(day, K.TAX, A.CARDS_SOLD, A.TAX, redeemed),
                movement(day, K.REVERSAL, A.LINE_MAIN, A.CARDS_SOLD, 8),
                movement(day, K.REVERSAL, A.TAX, A.CARDS_SOLD, 1),
                movement(day, K.SALE, A.FLOAT, A.TRANSIT, 30),
                movement(day, K.TOPUP, A.TRANSIT, A.LINE_MAIN, 30),
                movement(day, K.REVERSAL, A.LINE_MAIN, A.TRANSIT, 5),
                movement(day, K.REVERSAL, A.TRANSIT, A.FLOAT, 5),
                movement(day, K.FLOAT_MOVE, A.FLOAT, A.TRANSIT, 40),
                movement(day, K.FLOAT_MOVE, A.TRANSIT, A.FLOAT, 40),
                movement(day, K.PAYMENT, A.CLEARING_BANK, A.HELD, 0.01),
                movement(day, K.REFUND, A.HELD, A.CLEARING_BANK, 0.01),
                movement(day, K.ADJUSTMENT, A.LINE_MAIN, A.ADJUSTMENTS, 2),
            ]
        for entry in self.month.booked:
            found += _of_payment(entry.flow, entry.day, entry.amount_micros / RM)
        for one in self.month.by_hand:
            found.append(
                movement(one.day, K.ADJUSTMENT, A.ADJUSTMENTS, A.LINE_MAIN, one.amount_micros / RM)
            )
        return found


def _of_payment(flow: Flow, day: date, amount: float) -> list[Movement]:
    if flow is Flow.PAYMENT:
        return [
            movement(day, K.PAYMENT, A.CLEARING_STRIPE, A.HELD, amount),
            movement(day, K.CREDIT, A.HELD, A.LINE_MAIN, amount / 2),
            movement(day, K.TAX, A.HELD, A.TAX, amount / 4),
        ]
    if flow is Flow.REFUND:
        return [
            movement(day, K.TAKE_BACK, A.ADJUSTMENTS, A.HELD, -amount / 2),
            movement(day, K.REFUND, A.HELD, A.CLEARING_STRIPE, -amount),
        ]
    if amount < 0:
        return [movement(day, K.DISPUTE, A.DISPUTES, A.CLEARING_STRIPE, -amount)]
    return [movement(day, K.DISPUTE_WON, A.CLEARING_STRIPE, A.DISPUTES, amount)]


def theft(books: Books, day: date) -> None:
    """Codes were copied in the card factory: three redeemed that were never sold."""
    books.stolen[day] = books.stolen.get(day, 0) + 3


def test_a_month_without_faults_leaves_nothing_unexplained() -> None:
    found = Books(clean_month(Random(1))).reconcile()

    assert (found.items, found.unexplained_micros, found.is_clean) == ((), 0, True)
    assert found.sold[Sold.DEALER_CARDS] == 30 * 50 * RM
    assert found.sold[Sold.CARDS_OUTSIDE] == 30 * 200 * RM
    assert found.sold[Sold.DEALER_RELOADS] == found.used[Used.RELOADED] == 30 * 25 * RM
    assert found.used[Used.REDEEMED] == 30 * (12 * 9 - 9) * RM
    assert found.moved[Moved.CARDS_TAKEN_BACK] == 30 * 9 * RM
    assert found.moved[Moved.CARDS] == 30 * 120 * RM
    assert found.moved[Moved.TRANSIT] == 0


SEVEN_FAULTS = {
    "theft": ItemKind.CARD_NEVER_SOLD,
    "late webhook": ItemKind.MISSING_IN_LEDGER,
    "double file": ItemKind.DOUBLE,
    "refund": ItemKind.REFUND_MISSING_IN_LEDGER,
    "rounding": ItemKind.AMOUNT_DIFFERS,
    "missing day": ItemKind.DAY_MISSING,
    "manual credit": ItemKind.MANUAL_CREDIT,
}
OF_PAYMENTS = {
    "late webhook": late_webhook,
    "double file": double_file,
    "refund": refund_at_the_desk,
    "rounding": rounding,
    "missing day": missing_day,
    "manual credit": manual_credit,
}


def plant(names: list[str]) -> tuple[Books, dict[ItemKind, tuple[date, int]]]:
    """Plant faults, each on a day of its own; return what is to be found, by kind."""
    books = Books(clean_month(Random(20260901)))
    expected: dict[ItemKind, tuple[date, int]] = {}
    for name in names:
        day = DAYS[4 * [*SEVEN_FAULTS].index(name) + 2]
        if name == "theft":
            theft(books, day)
            expected[SEVEN_FAULTS[name]] = day, -27 * RM
        else:
            planted = OF_PAYMENTS[name](books.month, day)
            amount = planted.provider_micros - planted.ledger_micros
            expected[SEVEN_FAULTS[name]] = planted.day, amount
    return books, expected


@given(names=st.lists(st.sampled_from([*SEVEN_FAULTS]), unique=True))
@QUICK
def test_any_of_the_seven_faults_are_found_and_nothing_else(names: list[str]) -> None:
    books, expected = plant(names)

    found = books.reconcile()

    assert {i.kind: (i.day, i.amount_micros) for i in found.items} == expected
    assert len(found.items) == len(names)
    assert found.unexplained_micros == sum(amount for _, amount in expected.values())
    assert found.is_clean is (names == [])


def test_all_seven_are_found_and_aged() -> None:
    books, expected = plant([*SEVEN_FAULTS])

    found = books.reconcile()

    assert [item.kind for item in found.items] == [*SEVEN_FAULTS.values()]
    for item in found.items:
        assert item.day is not None
        assert (item.day, item.amount_micros) == expected[item.kind]
        assert item.age_days == (TODAY - item.day).days
    stolen, late, *_, by_hand = found.items
    assert (stolen.reference, stolen.count) == ("0003-00000007", 3)
    assert stolen.path == ("vouchers", "0003-00000007")
    assert late.path == ("payments", late.reference)
    assert (by_hand.path, by_hand.line_id) == (None, 7)
    assert by_hand.note == "line_main: cli:anna: promised on the telephone"


@given(
    seed=st.integers(0, 2**32 - 1),
    planting=plantings(),
    thefts=st.lists(st.sampled_from(DAYS), max_size=3),
    ends=st.tuples(st.integers(0, 29), st.integers(0, 29)),
)
@QUICK
def test_whatever_is_planted_the_items_make_the_figure_on_any_days(
    seed: int, planting: list[tuple[object, date]], thefts: list[date], ends: tuple[int, int]
) -> None:
    books = Books(clean_month(Random(seed)))
    for fault, day in sorted(planting, key=lambda pair: pair[0] in WHOLE_DAYS):
        try:
            fault(books.month, day)  # type: ignore[operator]
        except IndexError:
            continue
    for day in thefts:
        theft(books, day)
    span = Span(first=DAYS[min(ends)], last=DAYS[max(ends)])

    found = books.reconcile(span)

    assert ItemKind.UNTOLD not in [item.kind for item in found.items]
    assert found.unexplained_micros == sum(item.amount_micros for item in found.items)
    days = [books.reconcile(Span(first=d, last=d)) for d in DAYS if d in span]
    assert sum(day.unexplained_micros for day in days) == found.unexplained_micros


def test_fees_are_told_beside_the_figure_and_not_in_it() -> None:
    books = Books(clean_month(Random(2)))
    fee = provider_fee(books.month, DAYS[3])

    found = books.reconcile()

    assert (found.items, found.kept_by_providers_micros) == ((), fee.provider_micros)


def test_a_provider_that_was_not_asked_is_said() -> None:
    believed = Settled(
        provider=ProviderId.BANK, settled_micros=RM, booked_micros=RM, problem="silent"
    )
    a_payment = [
        movement(DAYS[0], K.PAYMENT, A.CLEARING_BANK, A.HELD, 1),
        movement(DAYS[0], K.CREDIT, A.HELD, A.LINE_MAIN, 1),
    ]

    found = reconcile_three_ways(SPAN, a_payment, CardFacts(), [believed], [], today=TODAY)

    assert (found.unexplained_micros, found.items) == (0, ())
    assert found.problems == {ProviderId.BANK: "silent"}
    assert not found.is_clean


def test_cards_that_can_be_used_and_sales_of_no_card_are_items() -> None:
    cards = CardFacts(
        by_dealers_micros=10 * RM,
        unsold=(UnsoldCards(batch_id=1, first=2, count=5, amount_micros=50 * RM),),
        odd_sales=(
            OddSale(day=DAYS[1], partner_id=9, reference="0001-00000001", amount_micros=10 * RM),
        ),
    )
    sold = [movement(DAYS[1], K.CARD_SALE, A.FLOAT, A.CARDS_SOLD, 20)]

    found = reconcile_three_ways(SPAN, sold, cards, [], [], today=TODAY)

    odd, usable = found.items
    assert (odd.kind, odd.amount_micros) == (ItemKind.SALE_WITHOUT_CARD, 10 * RM)
    assert (odd.note, odd.age_days) == ("partner 9", (TODAY - DAYS[1]).days)
    assert (usable.kind, usable.amount_micros) == (ItemKind.CARD_USABLE_UNSOLD, -50 * RM)
    assert (usable.day, usable.age_days, usable.count) == (None, 0, 5)
    assert found.unexplained_micros == -40 * RM


def test_what_no_item_tells_is_an_item_of_its_own() -> None:
    lost = [movement(DAYS[5], K.SALE, A.FLOAT, A.TRANSIT, 3)]
    gone = [*lost, movement(DAYS[5], K.FORFEIT, A.TRANSIT, A.FORFEITED, 3)]

    found = reconcile_three_ways(SPAN, gone, CardFacts(), [], [], today=TODAY)

    assert [(i.kind, i.day, i.amount_micros) for i in found.items] == [
        (ItemKind.UNTOLD, SPAN.last, 3 * RM)
    ]
    assert reconcile_three_ways(SPAN, lost, CardFacts(), [], [], today=TODAY).is_clean


@pytest.mark.parametrize("kind", DifferenceKind)
def test_every_difference_has_a_place(kind: DifferenceKind) -> None:
    explained = {DifferenceKind.FEE, DifferenceKind.OTHER_DAY}
    assert (kind.value in {one.value for one in ItemKind}) is (kind not in explained)


@pytest.mark.parametrize("kind", ItemKind)
def test_everybody_is_told_what_to_do(kind: ItemKind) -> None:
    assert ADVICE[kind].endswith(".")

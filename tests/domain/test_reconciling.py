"""Reconciling: a month of payments with faults planted in it, and small cases one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.differences import ADVICE, Difference, DifferenceKind, in_order
from tambah.domain.payment import ProviderId
from tambah.domain.reconciling import (
    Booked,
    ByHand,
    Flow,
    Settlement,
    Span,
    compare,
    of_hand,
)
from tambah.domain.records import replace

RM = 1_000_000
SEN = 10_000
DAY = timedelta(days=1)
SPAN = Span(first=date(2026, 9, 1), last=date(2026, 9, 30))
DAYS = [SPAN.first + n * DAY for n in range(30)]
STRIPE = ProviderId.STRIPE


@dataclass
class Month:
    """Both sides of a month, with some days on either side of it; they agree until faults come."""

    random: Random
    booked: list[Booked] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    by_hand: list[ByHand] = field(default_factory=list)
    touched: set[tuple[Flow, int]] = field(default_factory=set)

    def differences(self) -> list[Difference]:
        """Compare the two sides, in whatever order they come."""
        self.random.shuffle(self.booked)
        self.random.shuffle(self.settled)
        found = compare(STRIPE, self.booked, self.settled, SPAN)
        return in_order([*found, *of_hand(self.by_hand)])

    def book(self, flow: Flow, number: int, amount: int, settled_on: date, **moved: date) -> None:
        """Put a pair of rows in. booked_on: where it was booked on another day."""
        day = moved.get("booked_on", settled_on)
        refund_no = 1 if flow is Flow.REFUND else None
        refund_ref = f"re_{number}" if flow is Flow.REFUND else None
        self.booked.append(
            Booked(
                flow=flow,
                day=day,
                near_day=settled_on if day != settled_on else None,
                amount_micros=amount,
                payment=(number, 1),
                reference=f"REF{number}",
                provider_ref=f"pi_{number}",
                refund_ref=refund_ref,
                refund_no=refund_no,
            )
        )
        self.settled.append(
            Settlement(
                record_id=f"txn_{flow}_{number}_{amount > 0}",
                flow=flow,
                day=settled_on,
                gross_micros=amount,
                provider_ref=f"pi_{number}",
                refund_ref=refund_ref,
                payment=(number, 1),
                refund_no=refund_no,
                reference=f"REF{number}",
            )
        )

    def pick(self, flow: Flow, day: date) -> tuple[Booked, Settlement]:
        """Return a pair of a day that no fault has touched yet."""
        entry = self.random.choice(
            [
                entry
                for entry in self.booked
                if entry.flow is flow
                and entry.day == day
                and entry.near_day is None
                and (flow, entry.payment[0]) not in self.touched
            ]
        )
        self.touched.add((flow, entry.payment[0]))
        record = next(
            r
            for r in self.settled
            if r.flow is flow and r.payment == entry.payment and r.day == day
        )
        return entry, record

    def swap(self, old: Settlement, new: Settlement) -> None:
        """Put one record in another's place."""
        self.settled[self.settled.index(old)] = new


def clean_month(random: Random) -> Month:
    """Make some three hundred payments with refunds, disputes, midnights and payouts."""
    month = Month(random)
    number = 0
    for day in [SPAN.first - 2 * DAY, SPAN.first - DAY, *DAYS, SPAN.last + DAY]:
        for _ in range(random.randint(8, 12)):
            number += 1
            total = random.choice((5, 10, 30, 50)) * RM + random.choice((0, 50)) * SEN
            month.book(Flow.PAYMENT, number, total, day)
            if number % 4 == 0:
                month.book(Flow.REFUND, number, -random.choice((total, RM)), day)
            if number % 7 == 0:
                month.book(Flow.DISPUTE, number, -total, day)
            if number % 14 == 0:
                month.book(Flow.DISPUTE, number, total, day + DAY)
        number += 1
        month.book(Flow.PAYMENT, number, 10 * RM, day, booked_on=day + random.choice((DAY, -DAY)))
        month.settled.append(
            Settlement(record_id=f"po_{day}", flow=Flow.OTHER, day=day, gross_micros=-99 * RM)
        )
    return month


# What is planted: each returns the one difference that must be found for it.


def late_webhook(month: Month, day: date) -> Difference:
    """Settled at the provider; the books have heard nothing yet."""
    entry, record = month.pick(Flow.PAYMENT, day)
    month.booked.remove(entry)
    return _expected(DifferenceKind.MISSING_IN_LEDGER, record=record)


def unknown_payment(month: Month, day: date) -> Difference:
    """The provider settled something of a name that the books do not know."""
    record = Settlement(
        record_id=f"txn_new_{day}",
        flow=Flow.PAYMENT,
        day=day,
        gross_micros=30 * RM,
        provider_ref="pi_nobody",
    )
    month.settled.append(record)
    return _expected(DifferenceKind.MISSING_IN_LEDGER, record=record)


def double_file(month: Month, day: date) -> Difference:
    """A day's settlement file was loaded twice."""
    records = [record for record in month.settled if record.day == day]
    month.settled += records
    return Difference(
        kind=DifferenceKind.DOUBLE,
        day=day,
        provider=STRIPE,
        provider_micros=sum(record.gross_micros for record in records),
        count=len(records),
    )


def refund_at_the_desk(month: Month, day: date) -> Difference:
    """The provider sent money back and the books were not told."""
    entry, record = month.pick(Flow.REFUND, day)
    month.booked.remove(entry)
    return _expected(DifferenceKind.REFUND_MISSING_IN_LEDGER, record=record)


def refund_not_sent(month: Month, day: date) -> Difference:
    """The books say that money went back; the provider never sent it."""
    entry, record = month.pick(Flow.REFUND, day)
    month.settled.remove(record)
    return _expected(DifferenceKind.REFUND_MISSING_AT_PROVIDER, entry=entry)


def rounding(month: Month, day: date) -> Difference:
    """One sen more or less."""
    entry, record = month.pick(month.random.choice((Flow.PAYMENT, Flow.REFUND)), day)
    other = replace(record, gross_micros=record.gross_micros + month.random.choice((SEN, -SEN)))
    month.swap(record, other)
    return _expected(DifferenceKind.AMOUNT_DIFFERS, entry=entry, record=other)


def missing_day(month: Month, day: date) -> Difference:
    """The provider has nothing of a day, not even of what was booked after its midnight."""
    gone = [record for record in month.settled if record.day == day]
    month.settled = [record for record in month.settled if record.day != day]
    compared = [r for r in gone if r.flow in (Flow.PAYMENT, Flow.REFUND, Flow.DISPUTE)]
    return Difference(
        kind=DifferenceKind.DAY_MISSING,
        day=day,
        provider=STRIPE,
        ledger_micros=sum(record.gross_micros for record in compared),
        count=len(compared),
    )


def manual_credit(month: Month, day: date) -> Difference:
    """Somebody credited a line by hand."""
    month.by_hand.append(
        ByHand(
            day=day,
            provider=None,
            account="line_main",
            amount_micros=30 * RM,
            line_id=7,
            who="cli:anna",
            why="promised on the telephone",
        )
    )
    return Difference(
        kind=DifferenceKind.MANUAL_CREDIT, day=day, provider=None, ledger_micros=30 * RM
    )


def provider_fee(month: Month, day: date) -> Difference:
    """The provider kept something, in a row of its own or out of a payment."""
    if month.random.random() < 0.5:
        record = Settlement(
            record_id=f"fee_{day}", flow=Flow.FEE, day=day, gross_micros=-3 * RM - 40 * SEN
        )
        month.settled.append(record)
    else:
        _, old = month.pick(Flow.PAYMENT, day)
        record = replace(old, fee_micros=3 * RM + 40 * SEN)
        month.swap(old, record)
    return Difference(
        kind=DifferenceKind.FEE,
        day=day,
        provider=STRIPE,
        provider_micros=3 * RM + 40 * SEN,
        reference=record.reference,
    )


def not_settled(month: Month, day: date) -> Difference:
    """The books have a payment that the provider has not."""
    entry, record = month.pick(Flow.PAYMENT, day)
    month.settled.remove(record)
    return _expected(DifferenceKind.MISSING_AT_PROVIDER, entry=entry)


def paid_twice(month: Month, day: date) -> Difference:
    """One payment stands in two records of their own."""
    _, record = month.pick(Flow.PAYMENT, day)
    month.settled.append(replace(record, record_id=f"{record.record_id}_again", day=day + DAY))
    return replace(_expected(DifferenceKind.DOUBLE, record=record), day=day + DAY)


def dispute_unheard(month: Month, day: date) -> Difference:
    """The provider has taken money for a dispute that the books do not know."""
    entry, _ = month.pick(Flow.PAYMENT, day)
    record = Settlement(
        record_id=f"dp_{day}",
        flow=Flow.DISPUTE,
        day=day,
        gross_micros=-17 * RM,
        provider_ref=entry.provider_ref,
        payment=(entry.payment[0], 99),
        reference=entry.reference,
    )
    month.settled.append(record)
    return _expected(DifferenceKind.DISPUTE_DIFFERS, record=record)


def booked_late(month: Month, day: date) -> Difference:
    """The webhook came days after the settlement, and was booked."""
    entry, record = month.pick(Flow.PAYMENT, day)
    month.booked[month.booked.index(entry)] = replace(entry, day=day + 4 * DAY)
    return _expected(DifferenceKind.OTHER_DAY, entry=entry, record=record)


Fault = Callable[[Month, date], Difference]
SEVEN: list[Fault] = [
    late_webhook,
    double_file,
    refund_at_the_desk,
    rounding,
    missing_day,
    manual_credit,
    provider_fee,
]
WHOLE_DAYS: list[Fault] = [double_file, missing_day]
MORE: list[Fault] = [
    unknown_payment,
    refund_not_sent,
    not_settled,
    paid_twice,
    dispute_unheard,
    booked_late,
]


def _expected(
    kind: DifferenceKind, *, entry: Booked | None = None, record: Settlement | None = None
) -> Difference:
    side = record or entry
    assert side is not None
    return Difference(
        kind=kind,
        day=side.day,
        provider=STRIPE,
        ledger_micros=entry.amount_micros if entry else 0,
        provider_micros=record.gross_micros if record else 0,
        reference=side.reference,
    )


def essence(difference: Difference) -> tuple[object, ...]:
    """Return what the planting knows of a difference; of many rows it does not know the first."""
    name = difference.reference if difference.count == 1 else None
    return (
        difference.day,
        difference.provider or 0,
        difference.kind,
        difference.ledger_micros,
        difference.provider_micros,
        difference.count,
        name,
    )


def in_essence(differences: list[Difference]) -> list[tuple[object, ...]]:
    """Return the essence of each, sorted."""
    return sorted(map(essence, differences), key=str)


def test_reconciling_finds_the_seven_planted_faults_and_nothing_else() -> None:
    month = clean_month(Random(20260901))
    assert len([e for e in month.booked if e.flow is Flow.PAYMENT]) > 300
    assert month.differences() == []

    planted = [fault(month, DAYS[3 * n + 2]) for n, fault in enumerate(SEVEN)]

    found = month.differences()
    assert in_essence(found) == in_essence(planted)
    assert {difference.kind for difference in found} == {
        DifferenceKind.MISSING_IN_LEDGER,
        DifferenceKind.DOUBLE,
        DifferenceKind.REFUND_MISSING_IN_LEDGER,
        DifferenceKind.AMOUNT_DIFFERS,
        DifferenceKind.DAY_MISSING,
        DifferenceKind.MANUAL_CREDIT,
        DifferenceKind.FEE,
    }


@st.composite
def plantings(draw: st.DrawFn) -> list[tuple[Fault, date]]:
    """Return any of the faults, some of them several times, on any days of the month.

    A day that is missing or doubled has no other fault, nor has the day beside a missing one: what
    is left of those would be another difference.
    """
    whole = draw(st.lists(st.sampled_from(WHOLE_DAYS), max_size=3))
    places = draw(st.permutations(range(0, 30, 5)))
    chosen = [(fault, DAYS[place]) for fault, place in zip(whole, places, strict=False)]
    taken = {day + n * DAY for _, day in chosen for n in (-1, 0, 1)}
    free = [day for day in DAYS[:-1] if day not in taken]
    others = [fault for fault in [*SEVEN, *MORE] if fault not in WHOLE_DAYS]
    once_a_day = {provider_fee, unknown_payment, dispute_unheard}
    for fault in draw(st.lists(st.sampled_from(others), max_size=12)):
        day = draw(st.sampled_from(free))
        if fault not in once_a_day or (fault, day) not in chosen:
            chosen.append((fault, day))
    return chosen


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), planting=plantings())
def test_reconciling_finds_exactly_what_was_planted(
    seed: int, planting: list[tuple[Fault, date]]
) -> None:
    month = clean_month(Random(seed))
    # Days of few refunds or payments are met too: a fault that finds nothing to spoil is left out.
    planted: list[Difference] = []
    for fault, day in sorted(planting, key=lambda pair: pair[0] in WHOLE_DAYS):
        try:
            planted.append(fault(month, day))
        except IndexError:
            continue
    assert in_essence(month.differences()) == in_essence(planted)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_days_reconciled_one_by_one_find_what_the_month_finds(seed: int) -> None:
    month = clean_month(Random(seed))
    for n, fault in enumerate([*SEVEN, *MORE]):
        fault(month, DAYS[2 * n + 1])
    whole = compare(STRIPE, month.booked, month.settled, SPAN)

    by_day = [
        difference
        for day in DAYS
        for difference in compare(STRIPE, month.booked, month.settled, Span(first=day, last=day))
    ]

    assert by_day == whole


# Small cases


def pair() -> tuple[Booked, Settlement]:
    """Return a payment of RM30 that both sides have."""
    month = Month(Random(1))
    month.book(Flow.PAYMENT, 1, 30 * RM, DAYS[9])
    return month.booked[0], month.settled[0]


def kinds(booked: list[Booked], settled: list[Settlement], **options: int) -> list[str]:
    """Return the kinds of what differs."""
    return [d.kind.value for d in compare(STRIPE, booked, settled, SPAN, **options)]


def test_nothing_on_either_side_is_no_difference() -> None:
    assert compare(STRIPE, [], [], SPAN) == []


def test_a_payment_matches_by_its_name_and_not_by_its_amount() -> None:
    entry, record = pair()
    other = replace(record, payment=(2, 1), provider_ref="pi_2", reference="REF2")

    assert kinds([entry], [other]) == ["missing_at_provider", "missing_in_ledger"]


def test_one_sen_is_a_difference_and_says_both_amounts() -> None:
    entry, record = pair()

    (found,) = compare(STRIPE, [entry], [replace(record, gross_micros=30 * RM - SEN)], SPAN)

    assert found == Difference(
        kind=DifferenceKind.AMOUNT_DIFFERS,
        day=DAYS[9],
        provider=STRIPE,
        ledger_micros=30 * RM,
        provider_micros=30 * RM - SEN,
        reference="REF1",
        provider_ref="pi_1",
        record_id="txn_payment_1_True",
        line_id=1,
    )


@pytest.mark.parametrize(("days", "expected"), [(0, []), (1, []), (2, ["other_day"])])
def test_a_payment_may_be_booked_a_day_from_its_settlement(days: int, expected: list[str]) -> None:
    entry, record = pair()

    assert kinds([replace(entry, day=DAYS[9] + days * DAY)], [record]) == expected
    assert kinds([replace(entry, day=DAYS[9] - days * DAY)], [record]) == expected


def test_a_bank_may_be_given_more_days() -> None:
    entry, record = pair()

    assert kinds([replace(entry, day=DAYS[13])], [record], days_apart=4) == []


def test_only_what_lies_in_the_span_is_told() -> None:
    entry, record = pair()
    before, after = SPAN.first - DAY, SPAN.last + DAY

    assert kinds([], [replace(record, day=before)]) == []
    assert kinds([replace(entry, day=after)], []) == []
    assert kinds([], [replace(record, day=SPAN.first)]) == ["missing_in_ledger"]
    assert kinds([replace(entry, day=SPAN.last)], []) == ["day_missing"]


def test_two_refunds_of_one_payment_are_told_apart_by_their_number() -> None:
    month = Month(Random(1))
    month.book(Flow.REFUND, 1, -5 * RM, DAYS[3])
    month.book(Flow.REFUND, 1, -5 * RM, DAYS[20])
    second = replace(month.booked[1], refund_no=2)

    found = compare(
        STRIPE, [month.booked[0], second], [replace(month.settled[1], refund_no=2)], SPAN
    )

    assert [(d.kind, d.day) for d in found] == [(DifferenceKind.DAY_MISSING, DAYS[3])]


def test_refunds_without_numbers_match_by_amount_then_day() -> None:
    month = Month(Random(1))
    for n, (amount, place) in enumerate([(-5, 3), (-5, 20), (-7, 20)]):
        month.book(Flow.REFUND, 1, amount * RM, DAYS[place])
        month.booked[n] = replace(month.booked[n], refund_no=None)
        month.settled[n] = replace(month.settled[n], record_id=f"txn_{n}", refund_no=None)

    assert kinds(month.booked, month.settled[::-1]) == []


def test_a_second_refund_that_the_books_do_not_know_is_missing_in_the_ledger() -> None:
    month = Month(Random(1))
    month.book(Flow.REFUND, 1, -5 * RM, DAYS[3])
    second = replace(month.settled[0], record_id="txn_2", refund_no=None, refund_ref="re_2")

    assert kinds(month.booked, [*month.settled, second]) == ["refund_missing_in_ledger"]


def test_a_refund_that_the_provider_undid_is_no_difference_unless_it_was_booked() -> None:
    month = Month(Random(1))
    month.book(Flow.REFUND, 1, -5 * RM, DAYS[3])
    undone = replace(month.settled[0], record_id="txn_2", gross_micros=5 * RM, day=DAYS[5])

    assert kinds([], [month.settled[0], undone]) == []
    assert kinds(month.booked, [month.settled[0], undone]) == ["refund_missing_at_provider"]


def test_a_payment_that_the_provider_took_back_is_missing_there() -> None:
    entry, record = pair()
    taken = replace(record, record_id="txn_2", gross_micros=-30 * RM)

    assert kinds([entry], [record, taken]) == ["missing_at_provider"]


def test_a_dispute_that_came_in_does_not_match_one_that_went_out() -> None:
    month = Month(Random(1))
    month.book(Flow.DISPUTE, 1, -30 * RM, DAYS[3])
    won = replace(month.settled[0], record_id="won", gross_micros=30 * RM)

    assert kinds(month.booked, [won]) == ["dispute_differs", "dispute_differs"]


def test_a_dispute_of_another_amount_is_a_dispute_that_differs() -> None:
    month = Month(Random(1))
    month.book(Flow.DISPUTE, 1, -30 * RM, DAYS[3])

    assert kinds(month.booked, [replace(month.settled[0], gross_micros=-29 * RM)]) == [
        "dispute_differs"
    ]


def test_one_record_read_three_times_is_one_difference_of_two() -> None:
    entry, record = pair()

    (found,) = compare(STRIPE, [entry], [record] * 3, SPAN)

    assert (found.kind, found.count, found.provider_micros, found.record_id) == (
        DifferenceKind.DOUBLE,
        2,
        60 * RM,
        "txn_payment_1_True",
    )


def test_fees_of_a_day_are_one_difference_and_what_is_given_back_counts_against_them() -> None:
    entry, record = pair()
    fees = [
        Settlement(record_id="f1", flow=Flow.FEE, day=DAYS[9], gross_micros=-2 * RM),
        Settlement(record_id="f2", flow=Flow.FEE, day=DAYS[9], gross_micros=RM),
    ]

    (found,) = compare(STRIPE, [entry], [replace(record, fee_micros=RM // 2), *fees], SPAN)

    assert (found.kind, found.count, found.provider_micros) == (
        DifferenceKind.FEE,
        3,
        3 * RM // 2,
    )


def test_money_moved_by_hand_says_where_and_who_and_why() -> None:
    (found,) = of_hand(
        [
            ByHand(
                day=DAYS[4],
                provider=STRIPE,
                account="clearing_stripe",
                amount_micros=-5 * RM,
                line_id=9,
                who="cli:anna",
                why="ticket 12",
            )
        ]
    )

    assert found.note == "clearing_stripe: cli:anna: ticket 12"
    assert (found.provider, found.ledger_micros, found.line_id) == (STRIPE, -5 * RM, 9)


def test_every_kind_says_what_to_do_and_only_other_days_are_information() -> None:
    assert sorted(ADVICE) == sorted(DifferenceKind)
    told = [Difference(kind=kind, day=DAYS[0], provider=None) for kind in DifferenceKind]
    assert [d.kind.value for d in told if d.is_information] == ["other_day"]
    assert all(d.advice.endswith(".") for d in told)

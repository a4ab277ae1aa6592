"""What the books say of a provider's money, beside what the provider says: every difference.

Both sides are lists; nothing is looked up here. A payment is matched by its name, never by its
day or its amount alone: a webhook before midnight and a settlement after it are one payment.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import groupby, product
from typing import TypeVar

from tambah.domain.differences import Difference, DifferenceKind, in_order
from tambah.domain.payment import ProviderId
from tambah.domain.records import Record, replace

_Row = TypeVar("_Row")

MIDNIGHT_DAYS = 1
"""A payment booked a day before or after it was settled is no news: midnight lay between."""


class Flow(StrEnum):
    """What a row is about, on either side. A dispute that was won is a dispute that comes in."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    OTHER = "other"


PaymentKey = tuple[int, int]
"""Line and payment number: how the books name a payment."""


COMPARED = frozenset({Flow.PAYMENT, Flow.REFUND, Flow.DISPUTE})
"""What both sides have; fees, payouts and the like are the provider's alone."""


class Booked(Record, frozen=True, kw_only=True):
    """A transfer on a provider's clearing account, with the payment it is about.

    day: the local day it was booked; near_day: the one on the other side of midnight, if that was
    close. amount: micro-ringgit, what came in is positive.
    reference: the payment's, for people. provider_ref, refund_ref: the provider's names for the
    payment and the refund. refund_no: our refund, None for anything else.
    """

    flow: Flow
    day: date
    amount_micros: int
    payment: PaymentKey
    reference: str
    provider_ref: str | None = None
    refund_ref: str | None = None
    refund_no: int | None = None
    near_day: date | None = None


class Settlement(Record, frozen=True, kw_only=True):
    """A provider's own record. Micro-ringgit; gross: what came in is positive.

    payment, refund_no: whose it is in the books, None when they know no such name. reference: of
    that payment.
    """

    record_id: str
    flow: Flow
    day: date
    gross_micros: int
    fee_micros: int = 0
    provider_ref: str | None = None
    refund_ref: str | None = None
    payment: PaymentKey | None = None
    refund_no: int | None = None
    reference: str | None = None


class ByHand(Record, frozen=True, kw_only=True):
    """Money that was moved by hand: on a clearing or held account without a payment of the
    provider, or a credit to a line.

    provider: whose clearing account it was, None for any other. account: where it came or went.
    amount: micro-ringgit. line_id: whose books. who, why: of the audit trail, empty without.
    """

    day: date
    provider: ProviderId | None
    account: str
    amount_micros: int
    line_id: int
    reference: str | None = None
    who: str = ""
    why: str = ""


class Span(Record, frozen=True, kw_only=True):
    """Local days from `first` to `last`, both of them in it."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        """Say whether a day is in it."""
        return self.first <= day <= self.last


def compare(
    provider: ProviderId,
    booked: Iterable[Booked],
    settled: Iterable[Settlement],
    span: Span,
    *,
    days_apart: int = MIDNIGHT_DAYS,
) -> list[Difference]:
    """Return every difference of the days of `span`, by day.

    booked, settled: of these days and of some around them, so that a payment finds its other
    side; what lies outside the span is matched and never reported, so days reconciled one after
    the other report each difference once. days_apart: how far booking and settling may lie apart
    before it is told.
    """
    records, found = _without_doubles(provider, settled)
    found += _fees(provider, records)
    settled_days = {record.day for record in records}
    groups = _group(booked, [r for r in records if r.flow in COMPARED])
    unmatched: list[Booked] = []
    for flow, entries, of_provider in groups:
        pairs, only_booked, only_settled = _pair(entries, of_provider)
        found += [d for pair in pairs if (d := _of_pair(provider, *pair, days_apart))]
        standing = _without_undone(only_settled) if flow in _UNDONE else only_settled
        found += [_only_settled(provider, flow, r, is_again=bool(pairs)) for r in standing]
        unmatched += only_booked
    of_missing_days, single = _part(unmatched, settled_days)
    found += _missing_days(provider, of_missing_days)
    found += [_only_booked(provider, entry) for entry in single]
    return in_order(difference for difference in found if difference.day in span)


def of_hand(moved: Iterable[ByHand]) -> list[Difference]:
    """Return a difference for everything that was moved by hand, by day."""
    return in_order(
        Difference(
            kind=DifferenceKind.MANUAL_CREDIT,
            day=one.day,
            provider=one.provider,
            ledger_micros=one.amount_micros,
            reference=one.reference,
            line_id=one.line_id,
            note=": ".join(part for part in (one.account, one.who, one.why) if part),
        )
        for one in moved
    )


_UNDONE = {Flow.PAYMENT, Flow.REFUND}
_BY_FLOW = {
    Flow.PAYMENT: (DifferenceKind.MISSING_IN_LEDGER, DifferenceKind.MISSING_AT_PROVIDER),
    Flow.REFUND: (
        DifferenceKind.REFUND_MISSING_IN_LEDGER,
        DifferenceKind.REFUND_MISSING_AT_PROVIDER,
    ),
    Flow.DISPUTE: (DifferenceKind.DISPUTE_DIFFERS, DifferenceKind.DISPUTE_DIFFERS),
}


def _without_doubles(
    provider: ProviderId, settled: Iterable[Settlement]
) -> tuple[list[Settlement], list[Difference]]:
    """Return each record once, and a difference for each day of which some came again.

    A file that was read twice is one difference, not one for each of its records.
    """
    once: dict[tuple[Flow, str], Settlement] = {}
    again: list[Settlement] = []
    for record in settled:
        name = (record.flow, record.record_id)
        if name in once:
            again.append(record)
        else:
            once[name] = record
    found: list[Difference] = []
    for _, records in _by_day(again, lambda record: record.day):
        first = records[0]
        found.append(
            Difference(
                kind=DifferenceKind.DOUBLE,
                day=first.day,
                provider=provider,
                provider_micros=sum(record.gross_micros for record in records),
                count=len(records),
                reference=first.reference,
                provider_ref=first.provider_ref,
                record_id=first.record_id,
            )
        )
    return list(once.values()), found


def _fees(provider: ProviderId, records: Iterable[Settlement]) -> list[Difference]:
    """Return a difference for each day on which the provider kept something."""
    kept = [r for r in records if r.fee_micros or r.flow is Flow.FEE]
    return [
        Difference(
            kind=DifferenceKind.FEE,
            day=day,
            provider=provider,
            provider_micros=sum(_fee(record) for record in of_day),
            count=len(of_day),
            reference=of_day[0].reference,
            provider_ref=of_day[0].provider_ref,
            record_id=of_day[0].record_id,
        )
        for day, of_day in _by_day(kept, lambda record: record.day)
    ]


def _fee(record: Settlement) -> int:
    """Return what a record says was kept: positive, whichever way the provider counts it."""
    of_row = -record.gross_micros if record.flow is Flow.FEE else 0
    return of_row + record.fee_micros


def _group(
    booked: Iterable[Booked], records: Iterable[Settlement]
) -> list[tuple[Flow, list[Booked], list[Settlement]]]:
    """Put both sides together by payment and flow; a record of no known payment is alone."""
    groups: dict[tuple[Flow, object], tuple[list[Booked], list[Settlement]]] = {}
    for entry in booked:
        groups.setdefault((entry.flow, entry.payment), ([], []))[0].append(entry)
    for record in records:
        # By an unknown name, two records of one payment are still one group.
        payment = record.payment or record.provider_ref or record.record_id
        groups.setdefault((record.flow, payment), ([], []))[1].append(record)
    return [(flow, *sides) for (flow, _), sides in groups.items()]


def _pair(
    entries: Sequence[Booked], records: Sequence[Settlement]
) -> tuple[list[tuple[Booked, Settlement]], list[Booked], list[Settlement]]:
    """Match the two sides of one payment: the closest first, by refund, amount, then day.

    What goes in never matches what goes out (a dispute and its winning), nor one refund another.
    """
    closest = sorted(
        (_distance(entry, record), e, r)
        for (e, entry), (r, record) in product(enumerate(entries), enumerate(records))
        if _may_be_one(entry, record)
    )
    free_entries, free_records = set(range(len(entries))), set(range(len(records)))
    pairs: list[tuple[Booked, Settlement]] = []
    for _, e, r in closest:
        if e in free_entries and r in free_records:
            free_entries.remove(e)
            free_records.remove(r)
            pairs.append((entries[e], records[r]))
    return (
        pairs,
        [entries[e] for e in sorted(free_entries)],
        [records[r] for r in sorted(free_records)],
    )


def _without_undone(records: Sequence[Settlement]) -> list[Settlement]:
    """Leave out what the provider did and undid (a refund that failed): nothing moved."""
    standing: list[Settlement] = []
    for record in records:
        undone = next((r for r in standing if r.gross_micros == -record.gross_micros), None)
        if undone is None:
            standing.append(record)
        else:
            standing.remove(undone)
    return standing


def _may_be_one(entry: Booked, record: Settlement) -> bool:
    known = entry.refund_no is not None and record.refund_no is not None
    if known and entry.refund_no != record.refund_no:
        return False
    return (entry.amount_micros > 0) == (record.gross_micros > 0)


def _distance(entry: Booked, record: Settlement) -> tuple[int, int, int]:
    known = entry.refund_no is not None and entry.refund_no == record.refund_no
    days = abs((entry.day - record.day).days)
    return int(not known), abs(entry.amount_micros - record.gross_micros), days


def _of_pair(
    provider: ProviderId, entry: Booked, record: Settlement, days_apart: int
) -> Difference | None:
    """Return in what a matched pair differs, None when it does not."""
    if entry.amount_micros != record.gross_micros:
        of_dispute = entry.flow is Flow.DISPUTE
        kind = DifferenceKind.DISPUTE_DIFFERS if of_dispute else DifferenceKind.AMOUNT_DIFFERS
    elif abs((entry.day - record.day).days) > days_apart:
        kind = DifferenceKind.OTHER_DAY
    else:
        return None
    return Difference(
        kind=kind,
        day=record.day,
        provider=provider,
        ledger_micros=entry.amount_micros,
        provider_micros=record.gross_micros,
        reference=entry.reference,
        provider_ref=record.provider_ref or entry.provider_ref,
        record_id=record.record_id,
        line_id=entry.payment[0],
    )


def _only_settled(
    provider: ProviderId, flow: Flow, record: Settlement, *, is_again: bool
) -> Difference:
    """Return what a record without a booking is. is_again: another of its payment was booked.

    A payment that the provider took back, or a refund that came back to it, is money that the
    books have and the provider has not.
    """
    came_in = record.gross_micros > 0
    kind = _BY_FLOW[flow][0 if came_in == (flow is Flow.PAYMENT) else 1]
    if kind is DifferenceKind.MISSING_IN_LEDGER and is_again:
        kind = DifferenceKind.DOUBLE
    return Difference(
        kind=kind,
        day=record.day,
        provider=provider,
        provider_micros=record.gross_micros,
        reference=record.reference,
        provider_ref=record.provider_ref,
        record_id=record.record_id,
        line_id=record.payment[0] if record.payment else None,
    )


def _only_booked(provider: ProviderId, entry: Booked) -> Difference:
    return Difference(
        kind=_BY_FLOW[entry.flow][1],
        day=entry.day,
        provider=provider,
        ledger_micros=entry.amount_micros,
        reference=entry.reference,
        provider_ref=entry.refund_ref or entry.provider_ref,
        line_id=entry.payment[0],
    )


def _part(
    unmatched: Sequence[Booked], settled_days: set[date]
) -> tuple[list[Booked], list[Booked]]:
    """Part what was booked on days of which the provider has nothing from all else.

    What was booked just beyond such a day's midnight was settled on it.
    """
    gone = {entry.day for entry in unmatched} - settled_days
    of_gone: list[Booked] = []
    single: list[Booked] = []
    for entry in unmatched:
        if entry.day in gone:
            of_gone.append(entry)
        elif entry.near_day in gone:
            of_gone.append(replace(entry, day=entry.near_day))
        else:
            single.append(entry)
    return of_gone, single


def _missing_days(provider: ProviderId, unmatched: Iterable[Booked]) -> list[Difference]:
    """Return a difference for each day of which the provider has nothing, not one for each row."""
    return [
        Difference(
            kind=DifferenceKind.DAY_MISSING,
            day=day,
            provider=provider,
            ledger_micros=sum(entry.amount_micros for entry in entries),
            count=len(entries),
            reference=entries[0].reference,
            provider_ref=entries[0].provider_ref,
        )
        for day, entries in _by_day(unmatched, lambda entry: entry.day)
    ]


def _by_day(rows: Iterable[_Row], day_of: Callable[[_Row], date]) -> list[tuple[date, list[_Row]]]:
    return [(day, list(of_day)) for day, of_day in groupby(sorted(rows, key=day_of), key=day_of)]

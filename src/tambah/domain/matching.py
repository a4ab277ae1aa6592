"""A provider's records and the books' bookings, matched payment by payment.

Both sides are lists; nothing is looked up here. A payment is matched by its name, never by its
day or its amount alone: a webhook before midnight and a settlement after it are one payment.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import product

from tambah.domain.records import Record, replace


class Flow(StrEnum):
    """What a row is about, on either side. A dispute that was won is a dispute that comes in.

    FUNDING: float that a dealer bought.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FUNDING = "funding"
    FEE = "fee"
    OTHER = "other"


PaymentKey = tuple[int, int]
"""Line and payment number: how the books name a payment; dealer and place for FUNDING."""


COMPARED = frozenset({Flow.PAYMENT, Flow.REFUND, Flow.DISPUTE, Flow.FUNDING})
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


class Span(Record, frozen=True, kw_only=True):
    """Local days from `first` to `last`, both of them in it."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        """Say whether a day is in it."""
        return self.first <= day <= self.last


class Matching(Record, frozen=True, kw_only=True):
    """Both sides, matched.

    again: records that came more than once. undone: what the provider did and took back itself.
    only_settled: records of no booking, with whether another of their payment is booked.
    only_booked: bookings of no record; of_missing_days and single: the same, parted, with those
    just beyond the midnight of a missing day put on that day.
    """

    records: list[Settlement]
    again: list[Settlement]
    pairs: list[tuple[Booked, Settlement]]
    undone: list[Settlement]
    only_settled: list[tuple[Flow, Settlement, bool]]
    only_booked: list[Booked]
    of_missing_days: list[Booked]
    single: list[Booked]


class Sums(Record, frozen=True, kw_only=True):
    """What a matching adds up to in some days, micro-ringgit.

    settled less booked is what the differences of these days come to, and `other_days`: what
    stands on one side in them and on the other outside.
    """

    settled_micros: int
    booked_micros: int
    other_days_micros: int


def match(booked: Iterable[Booked], settled: Iterable[Settlement]) -> Matching:
    """Put a provider's records and its bookings together, payment by payment."""
    records, again = _without_doubles(settled)
    settled_days = {record.day for record in records}
    groups = _group(booked, [r for r in records if r.flow in COMPARED])
    found_pairs: list[tuple[Booked, Settlement]] = []
    undone: list[Settlement] = []
    only_settled: list[tuple[Flow, Settlement, bool]] = []
    unmatched: list[Booked] = []
    for flow, entries, of_provider in groups:
        pairs, only_booked, left = _pair(entries, of_provider)
        found_pairs += pairs
        standing, taken_back = _without_undone(left) if flow in _UNDONE else (left, [])
        undone += taken_back
        only_settled += [(flow, record, bool(pairs)) for record in standing]
        unmatched += only_booked
    of_missing_days, single = _part(unmatched, settled_days)
    return Matching(
        records=records,
        again=again,
        pairs=found_pairs,
        undone=undone,
        only_settled=only_settled,
        only_booked=unmatched,
        of_missing_days=of_missing_days,
        single=single,
    )


def add_up(found: Matching, span: Span) -> Sums:
    """Return what a matching comes to in a span of days."""
    settled = [r for r in found.records if r.flow in COMPARED] + found.again
    booked = [entry for entry, _ in found.pairs] + found.only_booked
    across = sum(
        entry.amount_micros * ((record.day in span) - (entry.day in span))
        for entry, record in found.pairs
    )
    reported = found.of_missing_days + found.single
    moved = _booked_in(reported, span) - _booked_in(found.only_booked, span)
    return Sums(
        settled_micros=_settled_in(settled, span),
        booked_micros=_booked_in(booked, span),
        other_days_micros=across + _settled_in(found.undone, span) + moved,
    )


def _settled_in(records: Iterable[Settlement], span: Span) -> int:
    return sum(record.gross_micros for record in records if record.day in span)


def _booked_in(entries: Iterable[Booked], span: Span) -> int:
    return sum(entry.amount_micros for entry in entries if entry.day in span)


_UNDONE = {Flow.PAYMENT, Flow.REFUND}


def _without_doubles(
    settled: Iterable[Settlement],
) -> tuple[list[Settlement], list[Settlement]]:
    """Return each record once, and those that came again."""
    once: dict[tuple[Flow, str], Settlement] = {}
    again: list[Settlement] = []
    for record in settled:
        name = (record.flow, record.record_id)
        if name in once:
            again.append(record)
        else:
            once[name] = record
    return list(once.values()), again


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


def _without_undone(
    records: Sequence[Settlement],
) -> tuple[list[Settlement], list[Settlement]]:
    """Part what the provider did and undid (a refund that failed) from the rest: nothing moved."""
    standing: list[Settlement] = []
    taken_back: list[Settlement] = []
    for record in records:
        undone = next((r for r in standing if r.gross_micros == -record.gross_micros), None)
        if undone is None:
            standing.append(record)
        else:
            standing.remove(undone)
            taken_back += [undone, record]
    return standing, taken_back


def _may_be_one(entry: Booked, record: Settlement) -> bool:
    known = entry.refund_no is not None and record.refund_no is not None
    if known and entry.refund_no != record.refund_no:
        return False
    return (entry.amount_micros > 0) == (record.gross_micros > 0)


def _distance(entry: Booked, record: Settlement) -> tuple[int, int, int]:
    known = entry.refund_no is not None and entry.refund_no == record.refund_no
    days = abs((entry.day - record.day).days)
    return int(not known), abs(entry.amount_micros - record.gross_micros), days


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

"""What the books say of a provider's money, beside what the provider says: every difference.

Both sides are lists; nothing is looked up here. A payment is matched by its name, never by its
day or its amount alone: a webhook before midnight and a settlement after it are one payment.
"""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby
from typing import TypeVar

from tambah.domain.differences import Difference, DifferenceKind, in_order
from tambah.domain.matching import Booked, Flow, Matching, Settlement, Span, match
from tambah.domain.payment import ProviderId
from tambah.domain.records import Record

_Row = TypeVar("_Row")

MIDNIGHT_DAYS = 1
"""A payment booked a day before or after it was settled is no news: midnight lay between."""


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
    return differ(provider, match(booked, settled), span, days_apart=days_apart)


def differ(
    provider: ProviderId, matched: Matching, span: Span, *, days_apart: int = MIDNIGHT_DAYS
) -> list[Difference]:
    """Return in what two sides that were matched differ in the days of `span`, by day."""
    found = _doubles(provider, matched.again)
    found += _fees(provider, matched.records)
    found += [d for pair in matched.pairs if (d := _of_pair(provider, *pair, days_apart))]
    found += [
        _only_settled(provider, flow, record, is_again=is_again)
        for flow, record, is_again in matched.only_settled
    ]
    found += _missing_days(provider, matched.of_missing_days)
    found += [_only_booked(provider, entry) for entry in matched.single]
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


_BY_FLOW = {
    Flow.PAYMENT: (DifferenceKind.MISSING_IN_LEDGER, DifferenceKind.MISSING_AT_PROVIDER),
    Flow.REFUND: (
        DifferenceKind.REFUND_MISSING_IN_LEDGER,
        DifferenceKind.REFUND_MISSING_AT_PROVIDER,
    ),
    Flow.DISPUTE: (DifferenceKind.DISPUTE_DIFFERS, DifferenceKind.DISPUTE_DIFFERS),
    Flow.FUNDING: (DifferenceKind.MISSING_IN_LEDGER, DifferenceKind.MISSING_AT_PROVIDER),
}


def _doubles(provider: ProviderId, again: Iterable[Settlement]) -> list[Difference]:
    """Return a difference for each day of which some records came again.

    A file that was read twice is one difference, not one for each of its records.
    """
    return [
        Difference(
            kind=DifferenceKind.DOUBLE,
            day=day,
            provider=provider,
            provider_micros=sum(record.gross_micros for record in records),
            count=len(records),
            reference=records[0].reference,
            provider_ref=records[0].provider_ref,
            record_id=records[0].record_id,
        )
        for day, records in _by_day(again, lambda record: record.day)
    ]


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
    kind = _BY_FLOW[flow][0 if came_in == (flow in (Flow.PAYMENT, Flow.FUNDING)) else 1]
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

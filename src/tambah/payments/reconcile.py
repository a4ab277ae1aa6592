"""Reconciliation: providers' settlement records beside the books. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tambah.domain.differences import Difference, DifferenceKind, in_order
from tambah.domain.matching import (
    COMPARED,
    Booked,
    Flow,
    PaymentKey,
    Settlement,
    Span,
    Sums,
    add_up,
    match,
)
from tambah.domain.payment import ProviderId
from tambah.domain.reconciling import MIDNIGHT_DAYS, differ, of_hand
from tambah.domain.records import replace
from tambah.domain.validity import ValidityRule
from tambah.payments.provider import Provider, ProviderRefuses, ProviderSilent, Settled
from tambah.store.database import Connection, Database
from tambah.store.views.clearing import (
    NamedPayment,
    booked_between,
    booked_for,
    find_names,
    find_payments,
    float_bought,
    moved_by_hand,
)

READ_SECONDS = 600.0
"""How long one reading of the books may take."""
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far booking and settling may lie apart, in days.

    around: days on either side of a span that are looked at, to find a payment's other side.
    apart: what is not worth telling.
    """

    around: int = 3
    apart: int = MIDNIGHT_DAYS


PACES: Mapping[ProviderId, Pace] = {
    # A transfer is booked here when its statement is read, after a weekend or a holiday.
    ProviderId.BANK: Pace(around=10, apart=10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What was compared of one provider in the span: its records, and bookings here.

    problem: why nothing was compared, `silent`, `refused` or `not_configured`; None when it was.
    has_later: whether the provider could show the days after the span; if not, what was booked
    just before the last midnight may be told as missing there.
    """

    provider: ProviderId
    settled: int = 0
    booked: int = 0
    problem: str | None = None
    has_later: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A span of days, what was compared, and every difference.

    sums: what both sides come to in the span, of every provider that has anything.
    """

    span: Span
    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]
    sums: Mapping[ProviderId, Sums] = field(default_factory=dict[ProviderId, Sums])

    def is_clean(self, expected: frozenset[DifferenceKind] = frozenset()) -> bool:
        """Say whether every provider could be asked and nothing differs but what was expected."""
        return all(side.problem is None for side in self.sides) and all(
            d.is_information or d.kind in expected for d in self.differences
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be reconciled.

    providers: those to be asked. today: the local day, beyond which no provider is asked.
    read_id: turns our opaque name of a payment, which providers bring back, into line and number.
    by_hand: whether credits by hand, which no provider has to do with, are told too.
    """

    span: Span
    providers: Mapping[ProviderId, Provider]
    wanted: tuple[ProviderId, ...]
    today: date
    validity: ValidityRule
    read_id: Callable[[str], PaymentKey | None]
    by_hand: bool = True


async def reconcile(database: Database, question: Question) -> Reconciled:
    """Ask the providers for their records, then compare them with one snapshot of the books.

    The providers first: what is settled in between is then looked for in newer books, not older.
    """
    asked = await ask_providers(question)
    connection = await database.connect(timeout_seconds=READ_SECONDS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await compare_with_books(connection, asked, question)
    finally:
        await connection.close()


Asked = Mapping[ProviderId, "Records"]
"""What every provider answered."""


async def ask_providers(question: Question) -> Asked:
    """Return every wanted provider's records of the span and around it."""
    return {p: await _ask(p, question) for p in question.wanted}


async def compare_with_books(
    connection: Connection, asked: Asked, question: Question
) -> Reconciled:
    """Compare what providers answered with the books as the connection's snapshot shows them."""
    sides: list[Side] = []
    found: list[Difference] = []
    sums: dict[ProviderId, Sums] = {}
    for provider, records in asked.items():
        side, differences, of_side = await _compare(connection, provider, records, question)
        if side.problem != _NO_MATTER:
            sides.append(side)
            sums[provider] = of_side
        found += differences
    found += await _of_hand(connection, question)
    return Reconciled(
        span=question.span,
        sides=tuple(sides),
        differences=tuple(in_order(found)),
        sums=sums,
    )


_NO_MATTER = "no_matter"
"""A provider that is not configured and of which the books have nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What a provider answered."""

    settled: tuple[Settled, ...] = ()
    problem: str | None = None
    has_later: bool = True


async def _ask(provider_id: ProviderId, question: Question) -> Records:
    """Return a provider's records of the span and around it, as far as they are to be had."""
    provider = question.providers.get(provider_id)
    if provider is None:
        return Records(problem="not_configured")
    span, around = question.span, _pace(provider_id).around * _A_DAY
    try:
        settled = await _read(provider, span.first - around, min(span.last, question.today))
    except ProviderSilent:
        return Records(problem="silent")
    except ProviderRefuses:
        return Records(problem="refused")
    has_later = True
    later = min(span.last + around, question.today)
    if later > span.last:
        try:
            settled += await _read(provider, span.last + _A_DAY, later)
        except (ProviderSilent, ProviderRefuses):
            # Some show a day only when it is over; the span itself can be compared all the same.
            has_later = False
    return Records(settled=tuple(settled), has_later=has_later)


async def _read(provider: Provider, first: date, last: date) -> list[Settled]:
    return [record async for record in provider.settled(first, last)]


async def _compare(
    connection: Connection, provider: ProviderId, records: Records, question: Question
) -> tuple[Side, list[Difference], Sums]:
    span, validity, pace = question.span, question.validity, _pace(provider)
    around = pace.around * _A_DAY
    booked = await booked_between(
        connection,
        provider,
        validity.start_of(span.first - around),
        validity.start_of(span.last + around + _A_DAY),
        validity,
    )
    bought = await float_bought(
        connection,
        provider,
        validity.start_of(span.first - around),
        validity.start_of(span.last + around + _A_DAY),
        validity,
    )
    booked += bought
    count = sum(entry.day in span for entry in booked)
    if records.problem is not None:
        of_no_matter = records.problem == "not_configured" and count == 0
        problem = _NO_MATTER if of_no_matter else records.problem
        micros = sum(entry.amount_micros for entry in booked if entry.day in span)
        believed = Sums(settled_micros=micros, booked_micros=micros, other_days_micros=0)
        return Side(provider=provider, booked=count, problem=problem), [], believed
    settled = await _named(connection, provider, records.settled, question)
    by_name = {entry.reference: entry for entry in bought}
    settled = [_of_float(record, by_name) for record in settled]
    # A payment that was booked on some other day altogether is found by its name.
    here = {(entry.flow, entry.payment) for entry in booked}
    elsewhere = {
        record.payment
        for record in settled
        if record.payment and record.flow in COMPARED and (record.flow, record.payment) not in here
    }
    if elsewhere:
        booked = [entry for entry in booked if entry.payment not in elsewhere]
        booked += await booked_for(connection, provider, elsewhere, validity)
    side = Side(
        provider=provider,
        settled=sum(record.day in span for record in settled),
        booked=count,
        has_later=records.has_later,
    )
    matched = match(booked, settled)
    return side, differ(provider, matched, span, days_apart=pace.apart), add_up(matched, span)


async def _of_hand(connection: Connection, question: Question) -> list[Difference]:
    validity, span = question.validity, question.span
    moved = await moved_by_hand(
        connection,
        validity.start_of(span.first),
        validity.start_of(span.last + _A_DAY),
        validity,
    )
    return of_hand(
        one
        for one in moved
        if (question.by_hand if one.provider is None else one.provider in question.wanted)
    )


async def _named(
    connection: Connection,
    provider: ProviderId,
    records: tuple[Settled, ...],
    question: Question,
) -> list[Settlement]:
    """Say whose each record is: by the refund's name, the payment's, or ours brought back."""
    refs = {ref for record in records for ref in (record.refund_ref, record.provider_ref) if ref}
    names = await find_names(connection, provider, sorted(refs))
    ids = {record.payment_id for record in records if record.payment_id}
    keys = {name: key for name in ids if (key := question.read_id(name)) is not None}
    payments = await find_payments(connection, provider, set(keys.values()))
    ours = {name: payments[key] for name, key in keys.items() if key in payments}

    def whose(record: Settled) -> NamedPayment | None:
        of_provider = names.get(record.refund_ref or "") or names.get(record.provider_ref or "")
        return of_provider or ours.get(record.payment_id or "")

    return [_settlement(record, whose(record)) for record in records]


def _of_float(record: Settlement, bought: Mapping[str, Booked]) -> Settlement:
    """Say which booking float that was bought is, by the name that both have for it."""
    entry = bought.get(record.provider_ref or "") if record.flow is Flow.FUNDING else None
    if entry is None:
        return record
    return replace(record, payment=entry.payment, reference=entry.reference)


def _settlement(record: Settled, named: NamedPayment | None) -> Settlement:
    return Settlement(
        record_id=record.record_id,
        flow=Flow(record.kind.value),
        day=record.day,
        gross_micros=record.gross_micros,
        fee_micros=record.fee_micros,
        provider_ref=record.provider_ref,
        refund_ref=record.refund_ref,
        payment=named.payment if named else None,
        refund_no=named.refund_no if named else None,
        reference=named.reference if named else None,
    )


def _pace(provider: ProviderId) -> Pace:
    return PACES.get(provider, Pace())

"""Which payment an entry in the queue may be of: for a person to look at, never acted upon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from tambah.payments.bank.scanning import LENGTH, squeeze

MOST = 5
_MOST_TEXT = 600
_MOST_WRONG = 2
_LEAST_PREFIX = 6
_AFTER = timedelta(days=7)


class Waiting(Protocol):
    """A payment that has not been paid, as `store.views.payments` reads it."""

    @property
    def reference(self) -> str: ...  # noqa: D102
    @property
    def total_micros(self) -> int: ...  # noqa: D102
    @property
    def created_at(self) -> datetime: ...  # noqa: D102
    @property
    def expires_at(self) -> datetime: ...  # noqa: D102


class Why(StrEnum):
    """What speaks for a payment, the strongest first."""

    CUT_REFERENCE = "cut_reference"
    """The amount is right, and a line ends in the reference's beginning."""
    NEAR_REFERENCE = "near_reference"
    """The amount is right, and the reference is there but for one or two characters."""
    SAME_AMOUNT = "same_amount"
    """The amount is right, and it came while the payment was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A payment that an entry may be of."""

    reference: str
    why: Why
    total_micros: int
    created_at: datetime


def suggest(
    texts: str,
    amount_micros: int,
    booked_on: date,
    payments: Iterable[Waiting],
    zone: tzinfo,
) -> list[Suggestion]:
    """Return the likeliest payments, the best first. zone: of the bank's days."""
    squeezed = squeeze(texts[:_MOST_TEXT])
    ends = [squeeze(line) for line in texts[:_MOST_TEXT].splitlines()]
    found: list[Suggestion] = []
    for payment in payments:
        if payment.total_micros != amount_micros:
            continue
        why = _why(payment, squeezed, ends)
        if why is None and _in_time(payment, booked_on, zone):
            why = Why.SAME_AMOUNT
        if why is not None:
            found.append(_suggestion(payment, why))
    ranks = list(Why)
    found.sort(key=lambda one: (ranks.index(one.why), abs(one.created_at.date() - booked_on)))
    return found[:MOST]


def _why(payment: Waiting, squeezed: str, ends: list[str]) -> Why | None:
    lengths = range(LENGTH - 1, _LEAST_PREFIX - 1, -1)
    if any(end.endswith(payment.reference[:length]) for end in ends for length in lengths):
        return Why.CUT_REFERENCE
    reference = payment.reference
    # Two errors leave one of three pieces whole, and looking for a piece is quick.
    if not any(piece in squeezed for piece in (reference[:3], reference[3:6], reference[6:])):
        return None
    return Why.NEAR_REFERENCE if errors_within(reference, squeezed) <= _MOST_WRONG else None


def errors_within(reference: str, text: str) -> int:
    """Return the fewest wrong, missing or surplus characters with which a text holds it.

    Two neighbours swapped count as two.
    """
    above = list(range(len(reference) + 1))
    best = above[-1]
    for letter in text:
        row = [0]
        for place, wanted in enumerate(reference):
            same = above[place] + (letter != wanted)
            row.append(min(same, above[place + 1] + 1, row[place] + 1))
        above = row
        best = min(best, row[-1])
    return best


def _in_time(payment: Waiting, booked_on: date, zone: tzinfo) -> bool:
    opened = payment.created_at.astimezone(zone).date()
    return opened <= booked_on <= payment.expires_at.astimezone(zone).date() + _AFTER


def _suggestion(payment: Waiting, why: Why) -> Suggestion:
    return Suggestion(
        reference=payment.reference,
        why=why,
        total_micros=payment.total_micros,
        created_at=payment.created_at,
    )

"""Cards that were sold: by what one knows it, and what is owed for those not used yet."""

from collections.abc import Iterable
from datetime import date, datetime
from heapq import heappop, heappush
from itertools import pairwise

from tambah.domain.records import Record

SERIAL_SPACE = 1_000_000_000
"""A batch's cards have numbers below this: batch and number make one key that sorts as both."""

AGES_DAYS = (30, 90, 180, 365)
"""Where ages of batches part: up to 30 days, up to 90, and so on; the last is open."""


class Range(Record, frozen=True, kw_only=True):
    """Cards by key (`serial_key`), both ends included, and when something was done to them."""

    first: int
    last: int
    at: datetime


class BatchCards(Record, frozen=True, kw_only=True):
    """What was sold and not used of a batch at an instant. Micro-ringgit.

    is_past: its cards do not redeem any more; until somebody decides, they are owed all the same.
    """

    batch_id: int
    made_on: date
    count: int
    price_micros: int
    is_past: bool = False

    @property
    def amount_micros(self) -> int:
        """Return what is owed for them."""
        return self.count * self.price_micros


class Aged(Record, frozen=True, kw_only=True):
    """Cards sold and unused of batches of one age. until_days: None for the oldest."""

    until_days: int | None
    count: int
    amount_micros: int
    past_micros: int


def serial_key(batch_id: int, number: int) -> int:
    """Return one number for a card that sorts by batch, then by number."""
    return batch_id * SERIAL_SPACE + number


def earliest(ranges: Iterable[Range]) -> list[Range]:
    """Cut ranges that may overlap into ones that do not; each card keeps its earliest instant.

    The same range may be activated twice: what was done already stays as it was.
    """
    waiting = sorted(ranges, key=lambda one: (one.first, one.at))
    edges = sorted({edge for one in waiting for edge in (one.first, one.last + 1)})
    live: list[tuple[datetime, int]] = []  # (at, last) of those begun, the earliest first
    found: list[Range] = []
    place = 0
    for edge, following in pairwise(edges):
        while place < len(waiting) and waiting[place].first <= edge:
            heappush(live, (waiting[place].at, waiting[place].last))
            place += 1
        while live and live[0][1] < edge:
            heappop(live)
        if live:
            _add(found, Range(first=edge, last=following - 1, at=live[0][0]))
    return found


def by_age(batches: Iterable[BatchCards], on: date) -> list[Aged]:
    """Return what is owed for cards by the age of their batch on a day, youngest first."""
    limits: tuple[int | None, ...] = (*AGES_DAYS, None)
    sorted_in: dict[int | None, list[BatchCards]] = {limit: [] for limit in limits}
    for one in batches:
        age = (on - one.made_on).days
        sorted_in[next((limit for limit in AGES_DAYS if age <= limit), None)].append(one)
    return [
        Aged(
            until_days=limit,
            count=sum(one.count for one in found),
            amount_micros=sum(one.amount_micros for one in found),
            past_micros=sum(one.amount_micros for one in found if one.is_past),
        )
        for limit, found in sorted_in.items()
    ]


def _add(found: list[Range], one: Range) -> None:
    """Add a range, as part of the one before it where they touch and agree."""
    if found and found[-1].last + 1 == one.first and found[-1].at == one.at:
        one = Range(first=found.pop().first, last=one.last, at=one.at)
    found.append(one)

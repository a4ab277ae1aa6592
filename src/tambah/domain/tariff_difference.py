"""What a sheet changes against another: rates added and dropped, dearer and cheaper."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tambah.domain.rating import Rate, Service, cost
from tambah.domain.records import Record
from tambah.domain.tariff import TariffRow

TOLD = 10
"""How many of the biggest changes are told, each way."""

Key = tuple[Service, str, str, bool, str]
"""What a row is for: service, origin, pattern, on-net, hours."""

_MINUTE = 60
_MEGABYTE = 1 << 20
SAMPLES: Mapping[Service, tuple[int, ...]] = MappingProxyType(
    {
        Service.VOICE: (_MINUTE, 1, 10 * _MINUTE),
        Service.SMS: (1,),
        Service.MMS: (1,),
        Service.DATA: (_MEGABYTE, 1, 1 << 30),
    }
)
"""Uses by which two rates are compared; the first is what people compare: a minute, a message,
a megabyte."""


class Change(Record, frozen=True, kw_only=True):
    """A rate that is dearer or cheaper than it was.

    before_micros, after_micros: what SAMPLES' first costs, or the first of them that differs.
    units: how much use that is.
    """

    service: Service
    origin: str
    pattern: str
    on_net: bool
    hours: str
    name: str
    units: int
    before_micros: int
    after_micros: int

    @property
    def step_micros(self) -> int:
        """Return by how much it changed, less where it became cheaper."""
        return self.after_micros - self.before_micros


class Difference(Record, frozen=True, kw_only=True):
    """How many rates a sheet adds, drops and changes against another.

    reworded: another name, class or way of charging, at the same price for every sample.
    mixed: dearer for some use and cheaper for other. most_dearer, most_cheaper: the biggest.
    """

    added: int = 0
    dropped: int = 0
    dearer: int = 0
    cheaper: int = 0
    mixed: int = 0
    reworded: int = 0
    same: int = 0
    most_dearer: tuple[Change, ...] = ()
    most_cheaper: tuple[Change, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Say whether both sheets are the same."""
        return not (
            self.added
            or self.dropped
            or self.dearer
            or self.cheaper
            or self.mixed
            or self.reworded
        )


def compare(before: Iterable[TariffRow], after: Iterable[TariffRow]) -> Difference:
    """Return what `after` changes against `before`."""
    was = {key_of(row): row for row in before}
    counts = Counter[str]()
    changes: dict[str, list[Change]] = {"dearer": [], "cheaper": []}
    for row in after:
        old = was.pop(key_of(row), None)
        if old is None:
            counts["added"] += 1
            continue
        if old == row:
            counts["same"] += 1
            continue
        word, change = _judge(old, row)
        counts[word] += 1
        if word in changes and change is not None:
            changes[word].append(change)
    return Difference(
        dropped=len(was),
        most_dearer=_biggest(changes["dearer"]),
        most_cheaper=_biggest(changes["cheaper"]),
        added=counts["added"],
        dearer=counts["dearer"],
        cheaper=counts["cheaper"],
        mixed=counts["mixed"],
        reworded=counts["reworded"],
        same=counts["same"],
    )


def key_of(row: TariffRow) -> Key:
    """Return what a row is for; a sheet has one rate for it."""
    return row.service, row.origin, row.pattern, row.on_net, row.hours


def _judge(old: TariffRow, new: TariffRow) -> tuple[str, Change | None]:
    """Return in a word how a rate changed, and the first sample by which it did."""
    first: Change | None = None
    steps: set[bool] = set()
    for units in SAMPLES[new.service]:
        change = _change(old.rate, new, units)
        if change.step_micros:
            steps.add(change.step_micros > 0)
            first = first or change
    if not steps:
        return "reworded", None
    return ("mixed" if len(steps) > 1 else "dearer" if True in steps else "cheaper"), first


def _change(old: Rate, new: TariffRow, units: int) -> Change:
    return Change(
        service=new.service,
        origin=new.origin,
        pattern=new.pattern,
        on_net=new.on_net,
        hours=new.hours,
        name=new.name,
        units=units,
        before_micros=cost(old, units),
        after_micros=cost(new.rate, units),
    )


def _biggest(changes: list[Change]) -> tuple[Change, ...]:
    return tuple(
        heapq.nsmallest(
            TOLD, changes, key=lambda one: (-abs(one.step_micros), one.pattern, one.hours)
        )
    )

"""A plain, slow reading of the tariff rules, written apart from the code that it judges.

It knows no index, no bit mask and no closed formula: it reads every line of every sheet, counts
intervals one by one, and divides with fractions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass
class Hours:
    """Days (0 is Monday) on which hours begin, and minutes; past midnight where end <= start."""

    days: set[int]
    start: int
    end: int

    def cover(self, weekday: int, minute: int) -> bool:
        """Say whether a minute of a day is in them."""
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        tonight = weekday in self.days and minute >= self.start
        last_night = (weekday - 1) % 7 in self.days and minute < self.end
        return tonight or last_night


@dataclass
class Line:
    """A line of a rate sheet, as an operator would print it; money in micro-ringgit."""

    service: str
    origin: str
    prefix: str
    is_whole: bool
    own_network: bool
    hours: Hours | None
    label: str
    connection: int
    price: int
    per: int
    first: int
    following: int
    rounding: str
    multiple: int


@dataclass
class Paper:
    """A rate sheet, and from when on it is in force."""

    number: int
    since: datetime
    lines: list[Line]


@dataclass
class Call:
    """A use of the network."""

    service: str
    origin: str
    to: str
    own_network: bool
    units: int
    at: datetime


def read_bill(papers: list[Paper], call: Call, zone: ZoneInfo) -> tuple[int, str, int] | None:
    """Return the sheet's number, the line's label and the charge; None where no line fits."""
    paper = None
    for candidate in papers:
        begun = candidate.since <= call.at
        if begun and (paper is None or candidate.since >= paper.since):
            paper = candidate
    if paper is None:
        return None
    line = _line(paper.lines, call, zone)
    return None if line is None else (paper.number, line.label, charge(line, call.units))


def _line(lines: list[Line], call: Call, zone: ZoneInfo) -> Line | None:
    fitting = [line for line in lines if _fits(line, call)]
    own = [line for line in fitting if line.own_network]
    fitting = own or fitting
    if not fitting:
        return None
    whole = [line for line in fitting if line.is_whole]
    longest = max(len(line.prefix) for line in fitting)
    fitting = whole or [line for line in fitting if len(line.prefix) == longest]
    clock = call.at.astimezone(zone)
    minute = clock.hour * 60 + clock.minute
    for line in fitting:
        if line.hours is not None and line.hours.cover(clock.weekday(), minute):
            return line
    return next(line for line in fitting if line.hours is None)


def _fits(line: Line, call: Call) -> bool:
    if line.service != call.service or line.origin != call.origin:
        return False
    if line.own_network and not call.own_network:
        return False
    if line.is_whole:
        return call.to == line.prefix
    if line.service == "data":
        return not line.prefix
    return call.to[: len(line.prefix)] == line.prefix


def charge(line: Line, units: int) -> int:
    """Return what `units` cost by a line."""
    if units == 0:
        return 0
    counted = line.first
    while counted < units:
        counted += line.following
    exact = line.connection + Fraction(counted * line.price, line.per)
    multiples = exact / line.multiple
    below = math.floor(multiples)
    rest = multiples - below
    if line.rounding == "up":
        above = rest > 0
    elif line.rounding == "down":
        above = False
    else:
        above = rest >= Fraction(1, 2)
    return (below + above) * line.multiple

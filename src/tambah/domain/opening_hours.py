"""When a place is open, as OpenStreetMap writes it: `Mo-Fr 08:00-22:00; Sa,Su 10:00-02:00`.

A part of that notation, read strictly: days, times of 24 hours, `off`, and `24/7`. Instants do not
come in here: a caller hands in the place's own day and minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MINUTES_PER_DAY = 1440
_MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
_ALWAYS = "24/7"
_RULE = re.compile(r"(?:(?P<days>[A-Z][A-Za-z,\- ]*?) +)?(?P<times>off|[0-9][0-9:,\- ]*)")
_SPAN = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", re.ASCII)

Span = tuple[int, int]
"""Minutes after the day's midnight: from, and until (past 1440 where it ends the next day)."""


class HoursMalformed(ValueError):
    """Opening hours that cannot be read."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Opening hours of a week. days: each day's spans, Monday's first, in order, apart."""

    days: tuple[tuple[Span, ...], ...]

    def open_until(self, weekday: int, minute: int) -> int | None:
        """Return in how many minutes it closes, None while it is closed.

        weekday: 0 for Monday. minute: of that day. A place that never closes says a week.
        """
        at = weekday * MINUTES_PER_DAY + minute
        for start, end in _merge_week(self.days):
            # Twice: what began late on Sunday is still open early on Monday.
            for moment in (at, at + _MINUTES_PER_WEEK):
                if start <= moment < end:
                    return min(end - moment, _MINUTES_PER_WEEK)
        return None

    @property
    def is_always(self) -> bool:
        """Say whether it never closes."""
        return self.open_until(0, 0) == _MINUTES_PER_WEEK

    def runs(self) -> list[tuple[int, int, tuple[Span, ...]]]:
        """Return the week in runs of days with the same hours: first day, last day, spans."""
        runs: list[tuple[int, int, tuple[Span, ...]]] = []
        for day, spans in enumerate(self.days):
            if runs and runs[-1][2] == spans:
                runs[-1] = (runs[-1][0], day, spans)
            else:
                runs.append((day, day, spans))
        return runs


@lru_cache(maxsize=4096)
def parse_hours(text: str) -> OpeningHours:
    """Read opening hours. Raises HoursMalformed.

    A later rule replaces what an earlier one said of the same day, as in OpenStreetMap; a day that
    no rule names is closed. An end at or before its start is of the next day.
    """
    if text == _ALWAYS:
        return OpeningHours((((0, MINUTES_PER_DAY),),) * 7)
    days: list[tuple[Span, ...]] = [()] * 7
    for rule in text.split(";"):
        found = _RULE.fullmatch(rule.strip())
        if found is None:
            raise HoursMalformed(text)
        spans = () if found["times"] == "off" else _read_spans(found["times"])
        for day in _read_days(found["days"]):
            days[day] = spans
    return OpeningHours(tuple(days))


def _read_days(text: str | None) -> list[int]:
    """Read `Mo-Fr,Su`; no days are all of them. A range may run over the week's end."""
    if text is None:
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS or part.strip().endswith("-"):
            raise HoursMalformed(text)
        start, end = DAYS.index(first), DAYS.index(last or first)
        days += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return days


def _read_spans(text: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        if found is None:
            raise HoursMalformed(text)
        hour, minute, end_hour, end_minute = (int(group) for group in found.groups())
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        if max(minute, end_minute) > 59 or start >= MINUTES_PER_DAY or end > MINUTES_PER_DAY:
            raise HoursMalformed(text)
        if start == end:
            raise HoursMalformed(text)  # a whole day, or nothing of it? 00:00-24:00 says which
        spans.append((start, end if end > start else end + MINUTES_PER_DAY))
    spans.sort()
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise HoursMalformed(text)
    return tuple(spans)


@lru_cache(maxsize=4096)
def _merge_week(days: tuple[tuple[Span, ...], ...]) -> tuple[Span, ...]:
    """Return the spans in minutes after Monday's midnight, those that meet made one.

    What runs over the week's end is one span as well; a week without an end is two weeks long.
    """
    merged: list[Span] = []
    for week in (0, _MINUTES_PER_WEEK):
        for day, spans in enumerate(days):
            offset = week + day * MINUTES_PER_DAY
            for start, end in spans:
                if merged and offset + start <= merged[-1][1]:
                    merged[-1] = (merged[-1][0], max(merged[-1][1], offset + end))
                else:
                    merged.append((offset + start, offset + end))
    return tuple(merged)

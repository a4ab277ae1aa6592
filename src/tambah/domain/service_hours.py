"""By when an answer is due: business hours, days off, and the minutes that pass in them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_OF_DAY = 24 * 60
_ENTRY = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? ([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])")

Span = tuple[int, int]
"""From which minute of a local day to which; over 1440 where it lasts beyond midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHours:
    """When somebody is there to answer, in the operator's zone.

    week: each weekday's spans in order, Monday first. holidays: local days on which no span
    begins; one that began the evening before goes on.
    """

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a week in which nobody is ever there: nothing would ever be due."""
        if not any(self.week):
            raise ValueError("there must be business hours on one weekday at least")

    def due(self, since: datetime, minutes: int) -> datetime:
        """Return the instant (UTC) at which so many minutes of business hours have passed.

        since: an aware instant; minutes: one or more. Minutes that a change of the clock leaves
        out are not counted, those that it repeats are counted twice: they are worked.
        """
        now, left = since.astimezone(UTC), timedelta(minutes=minutes)
        spans = self._spans(since)
        while True:
            opens, closes = next(spans)
            now = max(now, opens)
            worked = max(closes - now, timedelta())
            if worked >= left:
                return now + left
            left -= worked
            now = max(now, closes)

    def _spans(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Go through all spans from the one that may have begun the day before on."""
        day = since.astimezone(self.zone).date() - timedelta(days=1)
        while True:
            if day not in self.holidays:
                for opens, closes in self.week[day.weekday()]:
                    yield self._instant(day, opens), self._instant(day, closes)
            day += timedelta(days=1)

    def _instant(self, day: date, minute: int) -> datetime:
        days, minute = divmod(minute, _MINUTES_OF_DAY)
        local = datetime.combine(
            day + timedelta(days=days), time_of_day(*divmod(minute, 60)), self.zone
        )
        return local.astimezone(UTC)


def parse_week(entries: Iterable[str]) -> tuple[tuple[Span, ...], ...]:
    """Read `mon-fri 09:00-18:00`, `sat 22:00-06:00`: weekdays, and when somebody is there.

    Raises ValueError, naming the entry.
    """
    week: list[list[Span]] = [[] for _ in WEEKDAYS]
    for entry in entries:
        read = _ENTRY.fullmatch(entry)
        if read is None or not {read[1], read[2] or read[1]} <= set(WEEKDAYS):
            raise ValueError(f"{entry}: write it like mon-fri 09:00-18:00")
        first, last = WEEKDAYS.index(read[1]), WEEKDAYS.index(read[2] or read[1])
        span = _span(int(read[3]) * 60 + int(read[4]), int(read[5]) * 60 + int(read[6]), entry)
        for days in range((last - first) % len(WEEKDAYS) + 1):
            week[(first + days) % len(WEEKDAYS)].append(span)
    return tuple(tuple(sorted(spans)) for spans in week)


def _span(opens: int, closes: int, entry: str) -> Span:
    if opens >= _MINUTES_OF_DAY or closes > _MINUTES_OF_DAY:
        raise ValueError(f"{entry}: a day goes from 00:00 to 24:00")
    return opens, closes if closes > opens else closes + _MINUTES_OF_DAY

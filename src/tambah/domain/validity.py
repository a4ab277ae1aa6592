"""What a top-up does to the dates. Days are people's days: they end at local midnight."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

TICK = timedelta(microseconds=1)


class ValidityPolicy(StrEnum):
    """How days bought meet days left.

    MAX: the later of the two ends wins (Tune Talk). ADD: days accumulate (XOX). ADD_WITH_CAP:
    they accumulate up to so many days from now, and never shrink (U Mobile). REPLACE: the new
    top-up alone decides, even when that is earlier.
    """

    MAX = "max"
    ADD = "add"
    ADD_WITH_CAP = "add_with_cap"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityRule:
    """The operator's policy, its cap in days from now (ADD_WITH_CAP), and the time zone."""

    policy: ValidityPolicy
    zone: ZoneInfo
    cap_days: int = 365

    def extend(self, active_until: datetime | None, valid_days: int, now: datetime) -> datetime:
        """Return the first instant at which the line is no longer active.

        active_until: the same before the top-up, None for a line that never had one.
        """
        bought = self.end_of_day(now, valid_days)
        if self.policy is ValidityPolicy.REPLACE:
            return bought
        left = self.start_of(self.local_day(now)) if active_until is None else active_until
        if self.policy is ValidityPolicy.MAX:
            return max(left, bought)
        added = max(self.end_after(left, valid_days), bought)
        if self.policy is ValidityPolicy.ADD:
            return added
        return max(left, min(added, self.end_of_day(now, self.cap_days)))

    def end_of_day(self, instant: datetime, days_later: int = 0) -> datetime:
        """Return the midnight (UTC instant) that ends the local day `days_later` days on."""
        return _end_of_day(self.zone, instant, days_later)

    def start_of(self, day: date) -> datetime:
        """Return the UTC instant at which a local day starts."""
        return _start_of(self.zone, day)

    def hours_before(
        self, until: datetime, days: tuple[int, ...], hour: int
    ) -> tuple[datetime, ...]:
        """Return that hour of the days so many days before the last day before `until`.

        Ascending; an hour that is not before `until` is left out.
        """
        return _hours_before(self.zone, until, days, hour)

    def local_day(self, instant: datetime) -> date:
        """Return the local day in which an instant lies."""
        return _local_day(self.zone, instant)

    def last_day(self, until: datetime) -> date:
        """Return the last local day that lies before `until`: the date that people are told."""
        return self.local_day(until - TICK)

    def end_after(self, until: datetime, days: int) -> datetime:
        """Return the end (UTC instant) of the local day `days` days after the last before `until`.

        Counting days, not hours, keeps midnights over changes of the clock, even where a day has
        none (Cairo, Beirut).
        """
        return self.end_of_day(until - TICK, days)


# Remembered, for all commands of a batch ask about the same instant.
@lru_cache(maxsize=8192)
def _local_day(zone: ZoneInfo, instant: datetime) -> date:
    return instant.astimezone(zone).date()


@lru_cache(maxsize=8192)
def _end_of_day(zone: ZoneInfo, instant: datetime, days_later: int) -> datetime:
    return _start_of(zone, instant.astimezone(zone).date() + timedelta(days=days_later + 1))


@lru_cache(maxsize=8192)
def _hours_before(
    zone: ZoneInfo, until: datetime, days: tuple[int, ...], hour: int
) -> tuple[datetime, ...]:
    # Remembered, for lines end at midnights, and many at the same.
    last_day = (until - TICK).astimezone(zone).date()
    hours = (_at_hour(zone, last_day - timedelta(days=before), hour) for before in days)
    return tuple(sorted(instant for instant in hours if instant < until))


def _at_hour(zone: ZoneInfo, day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


@lru_cache(maxsize=8192)
def _start_of(zone: ZoneInfo, day: date) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)

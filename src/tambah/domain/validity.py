"""What a top-up does to the dates. Days are people's days: they end at local midnight."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


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
        if active_until is None or self.policy is ValidityPolicy.REPLACE:
            return bought
        if self.policy is ValidityPolicy.MAX:
            return max(active_until, bought)
        added = max(self._add_days(active_until, valid_days), bought)
        if self.policy is ValidityPolicy.ADD:
            return added
        return max(active_until, min(added, self.end_of_day(now, self.cap_days)))

    def end_of_day(self, instant: datetime, days_later: int = 0) -> datetime:
        """Return the midnight (UTC instant) that ends the local day `days_later` days on."""
        return self.start_of(instant.astimezone(self.zone).date() + timedelta(days=days_later + 1))

    def start_of(self, day: date) -> datetime:
        """Return the UTC instant at which a local day starts."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)

    def last_day(self, until: datetime) -> date:
        """Return the last local day that lies before `until`: the date that people are told."""
        return (until - timedelta(microseconds=1)).astimezone(self.zone).date()

    def _add_days(self, until: datetime, days: int) -> datetime:
        """Add local days to a local midnight, over changes of the clock."""
        local = until.astimezone(self.zone).replace(tzinfo=None)
        return (local + timedelta(days=days)).replace(tzinfo=self.zone).astimezone(UTC)

"""The operator's rule for reminders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """On which days a line's subscriber is reminded, and at what hours.

    before_grace, before_expiry, before_quarantine: local days before the last day of being
    active, of grace, of being expired; 0 is that day itself. from_hour, until_hour: local hours
    of the day between which a reminder is sent, the first of them unless the sweep is late.
    """

    before_grace: tuple[int, ...] = (7, 3, 1)
    before_expiry: tuple[int, ...] = (14, 3)
    before_quarantine: tuple[int, ...] = (7,)
    from_hour: int = 10
    until_hour: int = 20

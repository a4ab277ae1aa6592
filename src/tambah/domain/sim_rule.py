"""The operator's rule for SIMs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRule:
    """What follows a replacement. hold_hours: how long sensitive changes wait, 0 for no time."""

    hold_hours: int = 24

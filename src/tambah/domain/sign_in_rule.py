"""The operator's rule for signing in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRule:
    """How signing in is guarded.

    code_minutes: how long a password is good. asks_hourly: passwords an hour for one number.
    ladder: as in `GuessingRule`, for wrong passwords of one number. session_hours: after which one
    signs in anew, whatever one did; idle_minutes: the same after doing nothing.
    """

    code_minutes: int = 5
    asks_hourly: int = 5
    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    session_hours: int = 24
    idle_minutes: int = 60

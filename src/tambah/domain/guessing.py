"""Wrong codes: the ladder on a line, budgets of sources, and the figure for the whole."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from tambah.domain.line import Line
from tambah.domain.records import Record, replace
from tambah.domain.refusals import GuestsPaused, TooManyTries, TooManyWrongCodes


class Audience(IntEnum):
    """Who speaks for the line: its owner on a trusted door, or anyone else."""

    OWN = 1
    GUEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessingRule:
    """The operator's limits.

    ladder: (wrong codes in a row, minutes locked), ascending; from the last step on, each further
    wrong code locks for the last step's time. source_hourly: wrong codes an hour from one source.
    guests_hourly: wrong codes an hour over the whole service, from which guests are paused.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_hourly: int = 30
    guests_hourly: int = 2000


class Tried(Record, frozen=True, kw_only=True):
    """Wrong codes of the last hour: from this command's source, and over all."""

    by_source: int = 0
    over_all: int = 0


def require_may_try(
    line: Line, audience: Audience, tried: Tried, rule: GuessingRule, now: datetime
) -> None:
    """Refuse a try while a lock holds or a budget is spent."""
    own = audience is Audience.OWN
    locked_until = line.own_locked_until if own else line.guest_locked_until
    if locked_until is not None and now < locked_until:
        raise TooManyWrongCodes(until=locked_until)
    if tried.by_source >= rule.source_hourly:
        raise TooManyTries
    if not own and tried.over_all >= rule.guests_hourly:
        raise GuestsPaused


def count_wrong(line: Line, audience: Audience, rule: GuessingRule, now: datetime) -> Line:
    """Return the line with one more wrong code, locked where the ladder says so."""
    wrong = (line.own_wrong if audience is Audience.OWN else line.guest_wrong) + 1
    minutes = lock_minutes(wrong, rule.ladder)
    locked_until = now + timedelta(minutes=minutes) if minutes else None
    if audience is Audience.OWN:
        return replace(line, own_wrong=wrong, own_locked_until=locked_until)
    return replace(line, guest_wrong=wrong, guest_locked_until=locked_until)


def forget_wrong(line: Line, audience: Audience) -> Line:
    """Return the line with its count at 0 after a right code: the ladder counts in a row."""
    if audience is Audience.OWN:
        if line.own_wrong == 0:
            return line
        return replace(line, own_wrong=0, own_locked_until=None)
    if line.guest_wrong == 0:
        return line
    return replace(line, guest_wrong=0, guest_locked_until=None)


def tries_left(line: Line, audience: Audience, rule: GuessingRule) -> int:
    """Return how many wrong codes are left before the next lock."""
    wrong = line.own_wrong if audience is Audience.OWN else line.guest_wrong
    return next((step - wrong for step, _ in rule.ladder if step > wrong), 1)


def lock_minutes(wrong: int, ladder: tuple[tuple[int, int], ...]) -> int:
    """Return for how long the `wrong`th wrong code in a row locks, 0 for not at all."""
    last_step, last_minutes = ladder[-1]
    if wrong >= last_step:
        return last_minutes
    return next((minutes for step, minutes in ladder if step == wrong), 0)


def tries_per_year(rule: GuessingRule) -> float:
    """Return how many codes a patient guesser can try on one line in a year."""
    first_climb = sum(minutes for _, minutes in rule.ladder)
    last_step, last_minutes = rule.ladder[-1]
    minutes_left = max(0, 365 * 1440 - first_climb)
    return last_step + minutes_left / last_minutes

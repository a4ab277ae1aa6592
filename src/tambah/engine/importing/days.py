"""The days of a row, as people write them, and the instants that they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache

from tambah.domain.line import grace_after
from tambah.domain.rules import Rules

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FIRST_BIRTH_YEAR = 1890
_LAST_YEAR = 2199
_REMEMBERED = 65_536

Instants = tuple[datetime | None, datetime | None, datetime | None]
"""activated_at, active_until, grace_until: the last two the first instants after those days."""


class BadDay(Exception):
    """A day cannot be read, contradicts another, or is missing beside another."""

    def __init__(self, column: str, *, is_missing: bool = False) -> None:
        super().__init__(column)
        self.column = column
        self.is_missing = is_missing


def days_reader(rules: Rules, today: date) -> Callable[[str, str, str], Instants]:
    """Return what reads activated_on, active_until and grace_until; it raises BadDay.

    Grace that is not given follows from the operator's rule. The same days come up again and
    again, so that they are worked out once.
    """
    validity = rules.validity

    @lru_cache(maxsize=_REMEMBERED)
    def end_of(column: str, text: str) -> datetime | None:
        day = _read_day(column, text)
        return None if day is None else validity.end_after(validity.start_of(day), 1)

    @lru_cache(maxsize=_REMEMBERED)
    def read(activated_on: str, active_until: str, grace_until: str) -> Instants:
        started = _read_day("activated_on", activated_on)
        if started is not None and started > today:
            raise BadDay("activated_on")
        ends, grace_ends = end_of("active_until", active_until), end_of("grace_until", grace_until)
        if ends is None:
            if started is not None or grace_ends is not None:
                raise BadDay("active_until", is_missing=True)
            return None, None, None
        activated_at = None if started is None else validity.start_of(started)
        grace_ends = grace_ends or grace_after(ends, rules.life, validity)
        _require_order(activated_at, ends, grace_ends)
        return activated_at, ends, grace_ends

    return read


def birth_day_reader(today: date) -> Callable[[str], bool]:
    """Return what says whether a text is somebody's day of birth."""

    @lru_cache(maxsize=_REMEMBERED)
    def is_birth_day(text: str) -> bool:
        try:
            day = _read_day("birth_date", text)
        except BadDay:
            return False
        return day is not None and day.year >= _FIRST_BIRTH_YEAR and day <= today

    return is_birth_day


def _require_order(
    activated_at: datetime | None, active_until: datetime, grace_until: datetime
) -> None:
    if activated_at is not None and active_until <= activated_at:
        raise BadDay("active_until")
    if grace_until < active_until:
        raise BadDay("grace_until")


def _read_day(column: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year > _LAST_YEAR or day.year < _FIRST_BIRTH_YEAR:
        raise BadDay(column)
    return day

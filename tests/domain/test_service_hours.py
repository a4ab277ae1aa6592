"""By when an answer is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.service_hours import ServiceHours, parse_week

from .world import KUALA_LUMPUR

OFFICE = ("mon-fri 09:00-18:00", "sat 09:00-13:00")


def local(text: str, zone: ZoneInfo = KUALA_LUMPUR) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


def hours(
    *entries: str, zone: ZoneInfo = KUALA_LUMPUR, holidays: tuple[str, ...] = ()
) -> ServiceHours:
    days = frozenset(date.fromisoformat(day) for day in holidays)
    return ServiceHours(zone=zone, week=parse_week(entries or OFFICE), holidays=days)


# 2026-11-30 is a Monday.
@pytest.mark.parametrize(
    ("since", "for_hours", "due"),
    [
        ("2026-11-30 10:00", 4, "2026-11-30 14:00"),
        ("2026-11-30 06:00", 4, "2026-11-30 13:00"),
        ("2026-11-30 09:00", 9, "2026-11-30 18:00"),  # to the minute at which they go home
        ("2026-11-30 16:00", 4, "2026-12-01 11:00"),
        ("2026-11-30 22:00", 4, "2026-12-01 13:00"),
        ("2026-11-30 18:00", 4, "2026-12-01 13:00"),
        ("2026-12-04 17:00", 4, "2026-12-05 12:00"),  # Friday into Saturday
        ("2026-12-05 12:00", 4, "2026-12-07 12:00"),  # Saturday over Sunday
        ("2026-12-06 12:00", 1, "2026-12-07 10:00"),
        ("2026-11-30 09:00", 49, "2026-12-05 13:00"),  # a whole week of theirs
    ],
)
def test_hours_that_nobody_is_there_do_not_count(since: str, for_hours: int, due: str) -> None:
    assert hours().due(local(since), for_hours * 60) == local(due)


def test_a_holiday_does_not_count() -> None:
    off = hours(holidays=("2026-12-01", "2026-12-02"))
    assert off.due(local("2026-11-30 17:00"), 120) == local("2026-12-03 10:00")
    assert off.due(local("2026-12-01 10:00"), 60) == local("2026-12-03 10:00")


def test_a_night_lasts_beyond_midnight_and_into_a_holiday() -> None:
    nights = hours("mon-sun 22:00-06:00", holidays=("2026-12-01",))
    assert nights.due(local("2026-11-30 23:00"), 5 * 60) == local("2026-12-01 04:00")
    assert nights.due(local("2026-12-01 03:00"), 5 * 60) == local("2026-12-03 00:00")


def test_a_break_at_noon_does_not_count() -> None:
    assert hours("mon 14:00-18:00", "mon 09:00-13:00").due(
        local("2026-11-30 12:00"), 120
    ) == local("2026-11-30 15:00")


def test_spans_that_overlap_count_once() -> None:
    twice = hours("mon 09:00-12:00", "mon 10:00-14:00")
    assert twice.due(local("2026-11-30 09:00"), 240) == local("2026-11-30 13:00")


def test_all_day_and_every_day_counts_all() -> None:
    always = hours("mon-sun 00:00-24:00")
    since = local("2026-12-05 13:37")
    assert always.due(since, 100 * 60) == since + timedelta(hours=100)


@pytest.mark.parametrize(
    ("since", "due"),
    [
        # The night of 25 October 2026 has 2:00 to 3:00 twice, that of 29 March 2026 has it not.
        ("2026-10-24 23:00", "2026-10-25 04:00"),
        ("2026-03-28 23:00", "2026-03-29 06:00"),
    ],
)
def test_a_change_of_the_clock_is_worked_as_it_is(since: str, due: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    nights = hours("mon-sun 20:00-08:00", zone=berlin)
    assert nights.due(local(since, berlin), 6 * 60) == local(due, berlin).astimezone(UTC)


@given(
    st.integers(0, 365 * 24 * 60),
    st.integers(1, 5000),
    st.integers(1, 5000),
)
def test_more_minutes_are_never_due_sooner(minute: int, some: int, more: int) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    rule = hours(holidays=("2026-12-25",))
    due = rule.due(since, some)
    assert due > since
    assert rule.due(since, some + more) > due
    assert rule.due(due, more) == rule.due(since, some + more)


def test_a_week_may_go_round_its_end() -> None:
    week = parse_week(["sat-mon 09:00-10:00"])
    assert [bool(spans) for spans in week] == [True, False, False, False, False, True, True]


@pytest.mark.parametrize(
    "entry",
    ["", "mon", "mon 9:00-18:00", "moo 09:00-18:00", "mon-xxx 09:00-18:00", "mon 24:00-25:00"],
)
def test_an_entry_that_cannot_be_read_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=entry or ":"):
        parse_week([entry])


def test_a_week_without_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="business hours"):
        ServiceHours(zone=KUALA_LUMPUR, week=parse_week([]))

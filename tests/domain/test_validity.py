"""What a top-up does to the dates: the tables of Malaysian operators, and odd calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.validity import ValidityPolicy, ValidityRule

from .world import KUALA_LUMPUR

CAIRO = ZoneInfo("Africa/Cairo")
BERLIN = ZoneInfo("Europe/Berlin")
MAX, ADD, CAP, REPLACE = (
    ValidityPolicy.MAX,
    ValidityPolicy.ADD,
    ValidityPolicy.ADD_WITH_CAP,
    ValidityPolicy.REPLACE,
)


def rule_of(
    policy: ValidityPolicy, cap_days: int = 365, zone: ZoneInfo = KUALA_LUMPUR
) -> ValidityRule:
    return ValidityRule(policy=policy, zone=zone, cap_days=cap_days)


def last_day_after(
    rule: ValidityRule, reloads: list[tuple[str, int]], until: str | None = None
) -> str:
    """Return the last active day after reloads at local noon, each (day, days bought)."""
    ends = rule.start_of(date.fromisoformat(until) + timedelta(days=1)) if until else None
    for bought_on, days in reloads:
        noon = rule.start_of(date.fromisoformat(bought_on)) + timedelta(hours=12)
        ends = rule.extend(ends, days, noon)
    assert ends is not None
    return rule.last_day(ends).isoformat()


D = "2026-03-01"


@pytest.mark.parametrize(
    ("rule", "reloads", "last_day"),
    [
        # Hotlink (2017): RM5 5 d, RM10 10 d, RM30 30 d, RM60 60 d, RM100 100 d
        (rule_of(MAX), [(D, 5)], "2026-03-06"),
        (rule_of(MAX), [(D, 10)], "2026-03-11"),
        (rule_of(MAX), [(D, 30)], "2026-03-31"),
        (rule_of(MAX), [(D, 60)], "2026-04-30"),
        (rule_of(MAX), [(D, 100)], "2026-06-09"),
        # Tune Talk (FAQ): RM10 ten times on a day is 10 days, RM100 once 100, RM20 + RM30 is 30
        (rule_of(MAX), [(D, 10)] * 10, "2026-03-11"),
        (rule_of(MAX), [(D, 20), (D, 30)], "2026-03-31"),
        (rule_of(MAX), [(D, 30), (D, 20)], "2026-03-31"),
        (rule_of(MAX), [(D, 30), ("2026-03-20", 5)], "2026-03-31"),
        (rule_of(MAX), [(D, 30), ("2026-03-30", 5)], "2026-04-04"),
        # U Mobile: RM1 = 1 d, added up to 365 d
        (rule_of(CAP), [(D, 10), (D, 30)], "2026-04-10"),
        (rule_of(CAP), [(D, 200), (D, 200)], "2027-03-01"),
        (rule_of(CAP), [(D, 365), (D, 1)], "2027-03-01"),
        (rule_of(CAP), [(D, 364), (D, 1)], "2027-03-01"),
        (rule_of(CAP), [(D, 400)], "2027-03-01"),
        (rule_of(CAP), [(D, 365), ("2026-03-02", 5)], "2027-03-02"),
        # XOX (2012): RM1 = 1 d, cumulative to 368 d
        (rule_of(CAP, 368), [(D, 100)] * 3, "2026-12-26"),
        (rule_of(CAP, 368), [(D, 100)] * 4, "2027-03-04"),
        (rule_of(ADD), [(D, 100)] * 4, "2027-04-05"),
        # Replaced: the last one alone decides, even when that is earlier
        (rule_of(REPLACE), [(D, 100), (D, 5)], "2026-03-06"),
        (rule_of(REPLACE), [(D, 5), ("2026-03-03", 5)], "2026-03-08"),
    ],
)
def test_reloads_give_the_dates_of_the_operators_tables(
    rule: ValidityRule, reloads: list[tuple[str, int]], last_day: str
) -> None:
    assert last_day_after(rule, reloads) == last_day


@pytest.mark.parametrize(
    ("policy", "until", "last_day"),
    [
        # Days left are kept (or not), days past are not owed.
        (MAX, "2026-03-05", "2026-03-11"),
        (MAX, "2026-05-01", "2026-05-01"),
        (MAX, "2026-01-01", "2026-03-11"),
        (ADD, "2026-03-05", "2026-03-15"),
        (ADD, "2026-02-28", "2026-03-11"),
        (ADD, "2026-01-01", "2026-03-11"),
        (CAP, "2026-03-05", "2026-03-15"),
        (CAP, "2027-02-25", "2027-03-01"),
        (CAP, "2028-01-01", "2028-01-01"),
        (CAP, "2026-01-01", "2026-03-11"),
        (REPLACE, "2026-05-01", "2026-03-11"),
        (REPLACE, "2026-01-01", "2026-03-11"),
    ],
)
def test_ten_days_bought_meet_what_was_left(
    policy: ValidityPolicy, until: str, last_day: str
) -> None:
    assert last_day_after(rule_of(policy), [(D, 10)], until) == last_day


@pytest.mark.parametrize(
    ("bought_on", "days", "last_day"),
    [
        ("2026-01-31", 30, "2026-03-02"),
        ("2026-02-28", 1, "2026-03-01"),
        ("2028-02-28", 1, "2028-02-29"),  # a leap day
        ("2028-02-29", 365, "2029-02-28"),
        ("2028-02-29", 366, "2029-03-01"),
        ("2026-12-31", 1, "2027-01-01"),
        ("2026-12-31", 0, "2026-12-31"),
    ],
)
@pytest.mark.parametrize("policy", ValidityPolicy)
def test_days_count_over_ends_of_months_and_leap_days(
    policy: ValidityPolicy, bought_on: str, days: int, last_day: str
) -> None:
    assert last_day_after(rule_of(policy, 400), [(bought_on, days)]) == last_day


@pytest.mark.parametrize(
    ("utc", "ends"),
    [
        ("2026-03-01T15:59:59.999999+00:00", "2026-03-11T16:00:00+00:00"),  # 1 March, 23:59:59
        ("2026-03-01T16:00:00+00:00", "2026-03-12T16:00:00+00:00"),  # 2 March, 00:00
        ("2026-03-02T00:00:00+00:00", "2026-03-12T16:00:00+00:00"),
    ],
)
def test_a_day_is_the_local_day(utc: str, ends: str) -> None:
    now = datetime.fromisoformat(utc)
    assert rule_of(MAX).extend(None, 10, now) == datetime.fromisoformat(ends)


def test_the_day_people_are_told_is_the_last_one_that_still_holds() -> None:
    rule = rule_of(MAX)
    ends = datetime(2026, 3, 11, 16, tzinfo=UTC)
    assert rule.last_day(ends) == date(2026, 3, 11)
    assert rule.last_day(ends + timedelta(microseconds=1)) == date(2026, 3, 12)
    assert rule.local_day(ends) == date(2026, 3, 12)
    assert rule.start_of(date(2026, 3, 12)) == ends


def test_a_line_brought_along_with_an_odd_hour_gets_whole_days() -> None:
    odd = datetime(2026, 3, 5, 3, 30, tzinfo=UTC)  # 11:30 in Kuala Lumpur
    ends = rule_of(ADD).extend(odd, 10, datetime(2026, 3, 1, tzinfo=UTC))
    assert ends == datetime(2026, 3, 15, 16, tzinfo=UTC)


def test_days_are_added_over_changes_of_the_clock() -> None:
    rule = rule_of(ADD, zone=BERLIN)
    before = datetime(2026, 3, 27, 23, tzinfo=UTC)  # the 27th is over, in winter time
    ends = rule.extend(before, 2, before - timedelta(hours=1))
    assert ends == datetime(2026, 3, 29, 22, tzinfo=UTC)  # the 29th is over, in summer time
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert rule.end_after(autumn, 1) == datetime(2026, 10, 25, 23, tzinfo=UTC)


def test_a_day_without_a_midnight_does_not_shift_the_next_ones() -> None:
    rule = rule_of(ADD, zone=CAIRO)
    # On 26 April 2024 clocks in Cairo went from 00:00 to 01:00: the day began at 01:00.
    ends = rule.end_of_day(datetime(2024, 4, 24, 12, tzinfo=UTC), 1)
    assert ends == datetime(2024, 4, 25, 22, tzinfo=UTC)
    assert ends.astimezone(CAIRO).hour == 1
    later = rule.extend(ends, 10, ends - timedelta(hours=3))
    assert later.astimezone(CAIRO).isoformat() == "2024-05-06T00:00:00+03:00"
    # On 31 October 2024 at 24:00 they went back to 23:00.
    ends = rule.end_of_day(datetime(2024, 10, 30, 12, tzinfo=UTC), 1)
    assert ends.astimezone(CAIRO).isoformat() == "2024-11-01T00:00:00+02:00"
    assert rule.end_after(ends, 1).astimezone(CAIRO).isoformat() == "2024-11-02T00:00:00+02:00"


INSTANTS = st.integers(0, 25 * 366 * 86_400).map(
    lambda seconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(
    now=INSTANTS,
    left=st.integers(-400, 800),
    days=st.integers(0, 400),
    policy=st.sampled_from(ValidityPolicy),
    zone=st.sampled_from([KUALA_LUMPUR, BERLIN, CAIRO]),
)
def test_what_is_bought_holds_whatever_the_policy(
    now: datetime, left: int, days: int, policy: ValidityPolicy, zone: ZoneInfo
) -> None:
    rule = rule_of(policy, zone=zone)
    until = rule.end_of_day(now, left)
    ends = rule.extend(until, days, now)
    bought = rule.local_day(now) + timedelta(days=min(days, 365) if policy is CAP else days)
    assert ends > now
    assert rule.last_day(ends) >= bought
    assert rule.start_of(rule.local_day(ends)) == ends, "ends are starts of days"
    if policy is not REPLACE:
        assert ends >= until
    if policy is ADD and left >= 0:
        assert rule.last_day(ends) == rule.last_day(until) + timedelta(days=days)

"""Opening hours: what is read, what is refused, and when a place is open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.opening_hours import HoursMalformed, parse_hours

MO, TU, WE, TH, FR, SA, SU = range(7)
WEEK = 7 * 1440


def at(text: str) -> int:
    """Return the minute of a time of day."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


@pytest.mark.parametrize(
    ("hours", "day", "time", "left"),
    [
        ("Mo-Su 08:00-22:00", MO, "07:59", None),
        ("Mo-Su 08:00-22:00", MO, "08:00", 14 * 60),
        ("Mo-Su 08:00-22:00", SU, "21:59", 1),
        ("Mo-Su 08:00-22:00", SU, "22:00", None),
        ("08:00-22:00", WE, "12:00", 10 * 60),
        ("Mo-Fr 09:00-13:00,14:00-18:00", FR, "13:30", None),
        ("Mo-Fr 09:00-13:00, 14:00-18:00", FR, "14:30", 210),
        ("Mo-Fr 09:00-18:00", SA, "12:00", None),
        ("Sa,Su 10:00-12:00", SA, "11:00", 60),
        ("Sa, Su 10:00-12:00", MO, "11:00", None),
        ("Fr-Mo 10:00-12:00", SU, "10:00", 120),
        ("Fr-Mo 10:00-12:00", TU, "10:00", None),
        ("Mo-Su 08:00-22:00; Fr off", FR, "10:00", None),
        ("Mo-Su 08:00-22:00; Fr off", TH, "10:00", 12 * 60),
        ("Mo-Su 08:00-22:00; Fr 08:00-12:00,14:45-22:00", FR, "13:00", None),
        # Past midnight.
        ("Mo-Su 18:00-02:00", TU, "01:59", 1),
        ("Mo-Su 18:00-02:00", TU, "02:00", None),
        ("Fr 18:00-02:00", SA, "01:00", 60),
        ("Fr 18:00-02:00", FR, "01:00", None),
        ("Su 18:00-02:00", MO, "01:00", 60),
        ("Su 18:00-02:00", SU, "23:00", 180),
        ("Mo-Sa 18:00-24:00", SA, "23:59", 1),
        ("Mo-Sa 18:00-24:00", SU, "00:00", None),
        # Spans that meet are one.
        ("Mo 18:00-24:00; Tu 00:00-03:00", MO, "23:00", 240),
        ("Mo-Fr 00:00-24:00", MO, "00:00", 5 * 1440),
        ("Mo 20:00-04:00; Tu 02:00-06:00", TU, "01:00", 300),
        # Never closed.
        ("24/7", SU, "23:59", WEEK),
        ("Mo-Su 00:00-24:00", WE, "12:00", WEEK),
        ("off", MO, "12:00", None),
    ],
)
def test_open_until(hours: str, day: int, time: str, left: int | None) -> None:
    assert parse_hours(hours).open_until(day, at(time)) == left


@pytest.mark.parametrize(
    ("hours", "always"),
    [("24/7", True), ("00:00-24:00", True), ("Mo-Sa 00:00-24:00", False), ("off", False)],
)
def test_is_always(hours: str, always: bool) -> None:
    assert parse_hours(hours).is_always is always


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "8:00-22:00",
        "08:00",
        "08:00-25:00",
        "08:00-24:01",
        "24:00-06:00",
        "08:60-09:00",
        "08:00-09:60",
        "08:00-08:00",
        "Mo",
        "mo-su 08:00-22:00",
        "Mo- 08:00-22:00",
        "Mo-Xx 08:00-22:00",
        "Xx 08:00-22:00",
        "Mo 08:00-22:00;",
        "Mo 08:00-22:00 Tu 08:00-22:00",
        "Mo 08:00-12:00,11:00-14:00",
        "Mo 08:00-12:00,",
        "PH off",
        "24/7; Mo off",
        "Mo-Fr 08:00-22:00 by appointment",
        "Mo ٠٨:00-22:00",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(HoursMalformed):
        parse_hours(text)


def test_runs_put_days_with_the_same_hours_together() -> None:
    hours = parse_hours("Mo-Th,Su 09:00-18:00; Fr 09:00-12:00")

    assert hours.runs() == [
        (MO, TH, ((540, 1080),)),
        (FR, FR, ((540, 720),)),
        (SA, SA, ()),
        (SU, SU, ((540, 1080),)),
    ]


@given(st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 6), st.integers(0, 1439))
def test_a_place_is_open_from_its_start_for_as_long_as_it_says(
    start: int, length: int, day: int, minute: int
) -> None:
    end = (start + length) % 1440
    if end == start:
        return
    shown = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    hours = parse_hours(f"We {shown}")

    passed = (day * 1440 + minute - (WE * 1440 + start)) % WEEK
    assert hours.open_until(day, minute) == (length - passed if passed < length else None)

"""The made-up day, and what is said of it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter

from tambah.simulator.day import CURVES, HOUR_SECONDS, HOURS, Habits, Kind, plan_day
from tambah.simulator.report import Done, Report, draw

MANY = [f"601234{n:05d}" for n in range(2000)]


def test_the_same_seed_makes_the_same_day() -> None:
    assert plan_day(MANY[:50], seed=7) == plan_day(MANY[:50], seed=7)
    assert plan_day(MANY[:50], seed=7) != plan_day(MANY[:50], seed=8)


def test_a_day_is_in_order_and_within_itself() -> None:
    acts = plan_day(MANY, seed=1)
    assert acts == sorted(acts)
    assert {0 <= act.second < HOURS * HOUR_SECONDS for act in acts} == {True}
    assert {act.kind for act in acts} == set(Kind)
    for act in acts:
        assert (act.units > 0) == (act.kind in (Kind.CALL, Kind.TEXT, Kind.BROWSE))
        assert bool(act.to) == (act.kind in (Kind.CALL, Kind.TEXT))
        assert (act.amount_sen > 0) == (act.kind is Kind.TOP_UP)


def test_things_happen_as_often_as_habits_say_and_when_the_curve_says() -> None:
    acts = plan_day(MANY, seed=3, habits=Habits(calls=4, texts=0, sessions=0, packages=0))
    calls = [act for act in acts if act.kind is Kind.CALL]
    assert abs(len(calls) / len(MANY) - 4) < 0.2
    by_hour = Counter(act.second // HOUR_SECONDS for act in calls)
    assert by_hour.most_common(1)[0][0] in (18, 19, 20)
    assert by_hour[3] < by_hour[12] / 5
    assert all(len(curve) == HOURS for curve in CURVES.values())


def test_the_report_adds_up() -> None:
    report = Report()
    report.add(Done(3600, Kind.CALL, 300_000, 3, "", 0.01))
    report.add(Done(3700, Kind.CALL, 0, 1, "credit_too_low", 0.02))
    report.add(Done(80_000, Kind.TOP_UP, 10_000_000, 1, "", 0.03))
    document = report.document(2.0)
    assert document["acts"] == {"call": 2, "text": 0, "browse": 0, "buy": 0, "top_up": 1}
    assert (document["revenue"], document["topped_up"]) == ("0.30", "10.00")
    assert (document["requests"], document["requests_per_second"]) == (5, 2.5)
    assert document["refused"] == {"credit_too_low": 1}
    assert document["milliseconds"] == {"median": 20.0, "p99": 30.0}
    assert "1 credit_too_low" in report.text(2.0)


def test_the_picture_is_well_formed_and_has_a_bar_for_what_happened() -> None:
    report = Report()
    report.add(Done(3600, Kind.CALL, 300_000, 3, "", 0.01))
    root = ElementTree.fromstring(draw(report))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title") is not None
    bars = [one for one in root.iter(f"{space}rect") if one.get("y", "0") not in ("0",)]
    assert len(bars) == 2 + len(Kind), "a count, an amount, the legend"
    assert ElementTree.fromstring(draw(Report())) is not None

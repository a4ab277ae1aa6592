"""A top-up point in the reader's words: what it is, whether it is open, how far away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from functools import reduce
from urllib.parse import quote

from tambah.domain.opening_hours import MINUTES_PER_DAY, OpeningHours, Span, parse_hours
from tambah.domain.point import MICRODEGREES_PER_DEGREE, Point
from tambah.i18n import Texts
from tambah.store.points import FoundPoint

_A_DAY: tuple[Span, ...] = ((0, MINUTES_PER_DAY),)
_ROUNDED_FROM_METRES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPoint:
    """A point as its page shows it.

    hours: of today, or of every day alike. week: all of them, where days differ. at: degrees.
    """

    point_id: int
    name: str
    kind: str
    address: tuple[str, str]
    status: str
    is_open: bool
    hours: str
    week: tuple[tuple[str, str], ...]
    sells: tuple[str, ...]
    distance: str
    at: str
    geo: str


def tell_point(spoken: Texts, found: FoundPoint, now: datetime) -> ToldPoint:
    """Put a point into words. now: the local time at the point."""
    point = found.point
    at = f"{_degrees(point.latitude_microdegrees)},{_degrees(point.longitude_microdegrees)}"
    status, is_open = _status(spoken, point.hours, now)
    hours, week = _hours(spoken, point.hours, now)
    return ToldPoint(
        point_id=found.point_id,
        name=point.name,
        kind=spoken.get(f"points.kind.{point.kind.name.lower()}"),
        address=(point.address, f"{point.postcode} {point.town}, {point.state}"),
        status=status,
        is_open=is_open,
        hours=hours,
        week=week,
        sells=_sells(spoken, point),
        distance="" if found.metres is None else tell_distance(spoken, found.metres),
        at=at,
        # RFC 5870 names the place; `q` has most phones put a pin with a name there.
        geo=f"geo:{at}?q={at}({quote(point.name)})",
    )


def tell_distance(spoken: Texts, metres: int) -> str:
    """Write a distance: 350 m, 2.4 km, 31 km."""
    if metres < 950:
        return spoken.get("points.metres", n=max(50, round(metres / 50) * 50))
    if metres < _ROUNDED_FROM_METRES:
        return spoken.get("points.kilometres", n=f"{metres / 1000:.1f}")
    return spoken.get("points.kilometres", n=f"{round(metres / 1000):,}")


def is_open_at(hours: str, now: datetime) -> bool:
    """Say whether a place with those hours is open. now: the local time there."""
    return _open_until(parse_hours(hours), now) is not None


def _open_until(hours: OpeningHours, now: datetime) -> int | None:
    return hours.open_until(now.weekday(), now.hour * 60 + now.minute)


def _status(spoken: Texts, hours: str, now: datetime) -> tuple[str, bool]:
    if not hours:
        return spoken.get("points.hours.unknown"), False
    read = parse_hours(hours)
    left = _open_until(read, now)
    if left is None:
        return spoken.get("points.closed"), False
    if left > MINUTES_PER_DAY:
        return spoken.get("points.open"), True
    ends = (now.hour * 60 + now.minute + left) % MINUTES_PER_DAY
    return spoken.get("points.open_until", time=_time(spoken, ends)), True


def _hours(spoken: Texts, hours: str, now: datetime) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return today's hours in words, and the week's where its days differ."""
    if not hours:
        return "", ()
    read = parse_hours(hours)
    if read.is_always:
        return spoken.get("points.hours.always"), ()
    today = _spans(spoken, read.days[now.weekday()])
    runs = read.runs()
    if len(runs) == 1:
        return spoken.get("points.hours.every_day", hours=today), ()
    week = tuple(
        (_days(spoken, first, last), _spans(spoken, spans)) for first, last, spans in runs
    )
    return spoken.get("points.hours.today", hours=today), week


def _days(spoken: Texts, first: int, last: int) -> str:
    names = [spoken.get(f"points.day.{day + 1}") for day in (first, last)]
    return names[0] if first == last else spoken.get("points.days", first=names[0], last=names[1])


def _spans(spoken: Texts, spans: tuple[Span, ...]) -> str:
    if not spans:
        return spoken.get("points.hours.none")
    if spans == _A_DAY:
        return spoken.get("points.hours.all_day")
    told = [
        spoken.get("points.hours.span", start=_time(spoken, start), end=_time(spoken, end))
        for start, end in spans
    ]
    return reduce(lambda a, b: spoken.get("points.hours.joined", first=a, then=b), told)


def _time(spoken: Texts, minutes: int) -> str:
    hour, minute = divmod(minutes % MINUTES_PER_DAY, 60)
    return spoken.time(time(hour, minute))


def _sells(spoken: Texts, point: Point) -> tuple[str, ...]:
    wares = {"cards": point.sells_cards, "reloads": point.sells_reloads}
    return tuple(spoken.get(f"points.sells.{ware}") for ware, sold in wares.items() if sold)


def _degrees(microdegrees: int) -> str:
    """Write microdegrees as degrees, without going through a float."""
    whole, fraction = divmod(abs(microdegrees), MICRODEGREES_PER_DEGREE)
    return f"{'-' if microdegrees < 0 else ''}{whole}.{fraction:06d}"

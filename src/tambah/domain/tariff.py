"""Tariffs: what a destination costs, by the sheet in force, the longest prefix and local time.

A tariff has sheets, each in force from an instant until the tariff's next one. A sheet's rows say
for a service and an origin (home, or a roaming zone) what numbers that begin so cost, at all times
or within hours of the week. For numbers on our own network, rows that say so come before others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tambah.domain.opening_hours import MINUTES_PER_DAY, parse_hours
from tambah.domain.rating import Rate, Service
from tambah.domain.records import Record
from tambah.domain.refusals import RateUnknown

HOME = "home"
STANDARD = "standard"
RECEIVED = "received"
"""What `Usage.to` says of a call that is received, abroad."""
EXACT = "="
"""What a pattern begins with that is a whole number, or a whole word, and no prefix."""

_DAY = timedelta(days=1)
_WEEK_MINUTES = 7 * MINUTES_PER_DAY
_LOOK_AHEAD_DAYS = 15
"""A week and the same week again, for a change of the clock may leave a band out of the first."""

Place = tuple[Service, str, bool]
"""A table of a sheet: the service, the origin, and whether for numbers on our network only."""


class Usage(Record, frozen=True, kw_only=True):
    """What is used. origin: HOME or a roaming zone. to: E.164 digits without plus, a short code,
    or RECEIVED; empty for data.

    on_net: the number is on our own network, as was looked up. application: the data's class.
    """

    service: Service
    origin: str = HOME
    to: str = ""
    on_net: bool = False
    application: str = ""


class Quote(Record, frozen=True, kw_only=True):
    """A price that holds. destination_class: `on-net`, `idd-1`; of data its class, or `data`.

    name: the destination's, in English, or empty. until: the first instant at which another rate
    may hold, by hours or by a new sheet; None for never as far as is known.
    """

    rate: Rate
    destination_class: str
    name: str
    sheet_id: int
    until: datetime | None


class TariffRow(Record, frozen=True, kw_only=True):
    """A row of a sheet. pattern: a prefix in E.164 digits, EXACT and a whole number or word, or
    empty for everything else.

    hours: of the week, in the operator's zone, as `opening_hours` reads them; empty for all times.
    """

    service: Service
    origin: str
    pattern: str
    on_net: bool
    hours: str
    destination_class: str
    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Band:
    """Hours of the week. minutes: a 1 for each minute in it, from Monday's midnight on.

    turns: the minutes of a day at which it begins or ends on some day.
    """

    hours: str
    minutes: bytes
    turns: frozenset[int]

    def overlaps(self, other: Band) -> bool:
        """Say whether some minute is in both."""
        own, others = (int.from_bytes(band.minutes, "big") for band in (self, other))
        return own & others != 0


@lru_cache(maxsize=4096)
def read_band(hours: str) -> Band:
    """Read hours of the week. Raises HoursMalformed."""
    minutes = bytearray(_WEEK_MINUTES)
    turns: set[int] = set()
    for day, spans in enumerate(parse_hours(hours).days):
        for start, end in spans:
            turns |= {start % MINUTES_PER_DAY, end % MINUTES_PER_DAY}
            for minute in range(start, end):
                minutes[(day * MINUTES_PER_DAY + minute) % _WEEK_MINUTES] = 1
    return Band(hours, bytes(minutes), frozenset(turns))


class Entry(Record, frozen=True, kw_only=True):
    """What a pattern costs: `rate`, unless a band of `banded` covers the instant."""

    destination_class: str
    name: str
    rate: Rate
    banded: tuple[tuple[Band, Rate], ...] = ()

    def rate_at(self, at: datetime, zone: ZoneInfo) -> Rate:
        """Return the rate that holds at an instant, by the clocks of `zone`."""
        band = self.band_at(at, zone)
        return self.rate if band is None else band[1]

    def band_at(self, at: datetime, zone: ZoneInfo) -> tuple[Band, Rate] | None:
        """Return the band that covers an instant, with its rate; None where none does."""
        if not self.banded:
            return None
        local = at.astimezone(zone)
        minute = local.weekday() * MINUTES_PER_DAY + local.hour * 60 + local.minute
        return next((one for one in self.banded if one[0].minutes[minute]), None)

    def changes_at(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first instant (UTC) after `at` at which another rate holds, if ever."""
        if not self.banded:
            return None
        now = self.rate_at(at, zone)
        turns = frozenset[int]().union(*(band.turns for band, _ in self.banded))
        for instant in _instants(turns, at.astimezone(UTC), zone):
            if self.rate_at(instant, zone) != now:
                return instant
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What the patterns of a place cost. lengths: of its prefixes, the longest first.

    ordered: the patterns in order. has_whole: some are whole numbers or words.
    """

    entries: Mapping[str, Entry]
    lengths: tuple[int, ...]
    ordered: tuple[str, ...]
    has_whole: bool

    def find(self, dialled: str) -> Entry | None:
        """Return the entry of the whole number, else of the longest prefix that it begins with."""
        entries = self.entries
        if self.has_whole and (found := entries.get(EXACT + dialled)) is not None:
            return found
        for length in self.lengths:
            found = entries.get(dialled[:length])
            if found is not None:
                return found
        return None

    def under(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """Go through the patterns that begin with a prefix, in order."""
        for place in range(bisect_left(self.ordered, prefix), len(self.ordered)):
            pattern = self.ordered[place]
            if not pattern.startswith(prefix):
                return
            yield pattern, self.entries[pattern]


_NO_TABLE = Table({}, (), (), has_whole=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """The rates of a tariff from an instant on; never changed, made by `build_sheet`."""

    sheet_id: int
    effective_from: datetime
    tables: Mapping[Place, Table]

    @property
    def origins(self) -> list[str]:
        """Return where its usage may come from: home first, then the zones by name."""
        origins = {origin for _, origin, _ in self.tables}
        return sorted(origins, key=lambda origin: (origin != HOME, origin))

    def table(self, service: Service, origin: str = HOME, *, on_net: bool = False) -> Table:
        """Return the table of a place; an empty one where the sheet has none."""
        return self.tables.get((service, origin, on_net), _NO_TABLE)

    def find(self, usage: Usage) -> Entry | None:
        """Return what the usage costs, None where no row is for it."""
        dialled = usage.application if usage.service is Service.DATA else usage.to
        if usage.on_net:
            table = self.tables.get((usage.service, usage.origin, True))
            found = table.find(dialled) if table is not None else None
            if found is not None:
                return found
        table = self.tables.get((usage.service, usage.origin, False))
        return table.find(dialled) if table is not None else None


def build_sheet(sheet_id: int, effective_from: datetime, rows: Iterable[TariffRow]) -> Sheet:
    """Return the sheet of these rows. Equal entries are kept once, so that 200,000 are small.

    Raises ValueError for a pattern with a rate within hours but none at all times, and for a row
    that stands twice.
    """
    always: dict[Place, dict[str, Entry]] = {}
    banded: dict[tuple[Place, str], list[tuple[Band, Rate]]] = {}
    kept: dict[Entry, Entry] = {}
    for row in rows:
        place = (row.service, row.origin, row.on_net)
        if row.hours:
            banded.setdefault((place, row.pattern), []).append((read_band(row.hours), row.rate))
            continue
        entry = Entry(destination_class=row.destination_class, name=row.name, rate=row.rate)
        if always.setdefault(place, {}).setdefault(row.pattern, entry) is not entry:
            raise ValueError(f"{row.pattern} stands twice among {place}")
        always[place][row.pattern] = kept.setdefault(entry, entry)
    for (place, pattern), rates in banded.items():
        plain = always.get(place, {}).get(pattern)
        if plain is None:
            raise ValueError(f"{pattern} among {place} has no rate at all times")
        always[place][pattern] = Entry(
            destination_class=plain.destination_class,
            name=plain.name,
            rate=plain.rate,
            banded=tuple(sorted(rates, key=lambda band: band[0].hours)),
        )
    tables = {place: _table(entries) for place, entries in always.items()}
    return Sheet(sheet_id=sheet_id, effective_from=effective_from, tables=tables)


def _table(entries: Mapping[str, Entry]) -> Table:
    lengths = {len(pattern) for pattern in entries if not pattern.startswith(EXACT)}
    ordered = tuple(sorted(entries))
    has_whole = any(pattern.startswith(EXACT) for pattern in entries)
    return Table(entries, tuple(sorted(lengths, reverse=True)), ordered, has_whole=has_whole)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffBook:
    """All tariffs: each one's sheets in the order in which they come into force.

    plans: which tariff the lines of a plan have; STANDARD those of any other.
    """

    sheets: Mapping[str, tuple[Sheet, ...]] = field(default_factory=lambda: MappingProxyType({}))
    plans: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def tariff_of(self, plan: str) -> str:
        """Return the tariff of a plan."""
        return self.plans.get(plan, STANDARD)

    def sheet(self, tariff: str, at: datetime) -> Sheet | None:
        """Return the sheet in force at an instant, None before a tariff's first."""
        return self._sheets_at(tariff, at)[0]

    def next_sheet(self, tariff: str, at: datetime) -> Sheet | None:
        """Return the sheet that comes into force next, None where none is known."""
        return self._sheets_at(tariff, at)[1]

    def quote(self, tariff: str, usage: Usage, at: datetime, zone: ZoneInfo) -> Quote:
        """Return what the usage costs at an instant, by the clocks of `zone`.

        Raises RateUnknown where no sheet is in force or none of its rows is for it.
        """
        sheet, following = self._sheets_at(tariff, at)
        entry = sheet.find(usage) if sheet is not None else None
        if sheet is None or entry is None:
            raise RateUnknown
        ends = [entry.changes_at(at, zone), following and following.effective_from]
        return Quote(
            rate=entry.rate_at(at, zone),
            destination_class=entry.destination_class,
            name=entry.name,
            sheet_id=sheet.sheet_id,
            until=min((end for end in ends if end is not None), default=None),
        )

    def _sheets_at(self, tariff: str, at: datetime) -> tuple[Sheet | None, Sheet | None]:
        """Return the sheet in force, and the one that follows it."""
        sheets = self.sheets.get(tariff, ())
        place = bisect_right(sheets, at, key=lambda sheet: sheet.effective_from)
        return (
            sheets[place - 1] if place else None,
            sheets[place] if place < len(sheets) else None,
        )


NO_TARIFFS = TariffBook()


def _instants(turns: frozenset[int], since: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Go through the instants (UTC) at which local time is at a turn, or the clock is changed."""
    for _ in range(_LOOK_AHEAD_DAYS):
        until = since + _DAY
        day = since.astimezone(zone).date()
        found = {
            instant
            for ahead in (-1, 0, 1, 2)
            for minute in turns
            for instant in _local(day + ahead * _DAY, minute, zone)
        }
        found |= set(_clock_changes(since, until, zone))
        yield from sorted(instant for instant in found if since < instant <= until)
        since = until


def _local(day: date, minute: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants of a local minute: two where the clock goes back, else twice the same.

    Where the clock leaves it out, neither is; that does no harm, the rate there is looked up.
    """
    local = datetime.combine(day, time_of_day(*divmod(minute, 60)), zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _clock_changes(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Find the instant after `since`, until `until`, at which the zone's clock is changed."""
    before = since.astimezone(zone).utcoffset()
    if before == until.astimezone(zone).utcoffset():
        return
    seconds = bisect_left(
        range(1, int((until - since).total_seconds()) + 1),
        x=True,
        key=lambda ahead: (
            (since + timedelta(seconds=ahead)).astimezone(zone).utcoffset() != before
        ),
    )
    yield (since + timedelta(seconds=seconds + 1)).replace(microsecond=0)

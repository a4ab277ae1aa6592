"""A file of rates as a whole: its good rows, and what is wrong between rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from tambah.domain.records import replace
from tambah.domain.tariff import TariffRow, read_band
from tambah.domain.tariff_difference import Key, key_of
from tambah.engine.importing.bad_rows import BadRow, RefusedRow
from tambah.engine.importing.reading import Table
from tambah.engine.tariffs.rows import HEADER, RateReader

_REPEATED = "An earlier row is for the same service, origin, destination and hours."
_OVERLAPS = "Its hours overlap with those of an earlier row for the same destination."
_NO_REST = "There is no row for this destination at all times, without hours."


@dataclass(slots=True)
class RateFile:
    """What a file of rates says. refused: its bad rows; with one of them it is not loaded."""

    rows: list[TariffRow] = field(default_factory=list[TariffRow])
    sha256: str = ""
    refused: int = 0


def read_rates(
    path: Path, zones: Collection[str], on_refused: Callable[[RefusedRow], None]
) -> RateFile:
    """Read a file; tell of every bad row. Raises FileRefused and OSError. Blocks."""
    told = RateFile()
    lines: dict[Key, int] = {}

    def refuse(line: int, bad: BadRow) -> None:
        told.refused += 1
        on_refused(RefusedRow(line=line, column=bad.column, code=bad.code, reason=bad.reason))

    with path.open("rb") as file:
        table = Table(file, HEADER)
        reader = RateReader(table.columns, table.titles, zones)
        for line, fields in table.rows():
            try:
                if isinstance(fields, BadRow):
                    raise fields
                row = reader.read(fields)
                if lines.setdefault(key_of(row), line) != line:
                    raise BadRow("", "rate_repeated", _REPEATED)
                told.rows.append(row)
            except BadRow as bad:
                refuse(line, bad)
        told.sha256 = table.sha256
    for row, bad in _between(told.rows, lines):
        refuse(lines[key_of(row)], bad)
    return told


def _between(rows: list[TariffRow], lines: dict[Key, int]) -> list[tuple[TariffRow, BadRow]]:
    """Find what is wrong with rows beside others: hours that overlap, or leave the rest open."""
    banded: dict[Key, list[TariffRow]] = {}
    for row in rows:
        if row.hours:
            banded.setdefault(key_of(replace(row, hours="")), []).append(row)
    found: list[tuple[TariffRow, BadRow]] = []
    for key, group in banded.items():
        if key not in lines:
            found.append((group[0], BadRow("", "rate_missing", _NO_REST)))
        found += [
            (later, BadRow("", "hours_overlap", _OVERLAPS))
            for earlier, later in combinations(group, 2)
            if read_band(earlier.hours).overlaps(read_band(later.hours))
        ]
    return found

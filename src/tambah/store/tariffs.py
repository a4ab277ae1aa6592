"""Tariffs: sheets of rates, added and never changed, and all that is read of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tambah.domain.rating import Rate, Rounding, Service
from tambah.domain.tariff import TariffRow
from tambah.domain.tariff_difference import Difference
from tambah.store.database import Connection, Database, Record

# Any number that nobody else takes an advisory lock on.
_LOAD_LOCK = 7_262_471_061
_A_READ = 2_000
_COLUMNS = (
    "sheet_id",
    "place",
    "service",
    "origin",
    "pattern",
    "on_net",
    "hours",
    "destination_class",
    "name",
    "price_micros",
    "connection_micros",
    "per_units",
    "first_units",
    "next_units",
    "rounding",
    "round_to_micros",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSheet:
    """A sheet that is about to be added. agreed_at: None where it waits for a second person.

    digest: SHA-256 of the file that it came from.
    """

    tariff: str
    effective_from: datetime
    agreed_at: datetime | None
    digest: bytes
    file: str
    compared_with: int | None
    difference: Difference
    loaded_at: datetime
    loaded_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A sheet as it stands in the database, without its rates. See `NewSheet`."""

    sheet_id: int
    tariff: str
    effective_from: datetime
    agreed_at: datetime | None
    digest: bytes
    file: str
    rates: int
    compared_with: int | None
    difference: Difference
    loaded_at: datetime
    loaded_by: str
    why: str


async def lock_tariffs(connection: Connection) -> None:
    """Let one load at a time compare and write, until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOAD_LOCK)


async def insert_sheet(connection: Connection, new: NewSheet, rows: Sequence[TariffRow]) -> int:
    """Add a sheet with its rates; return its number. Call it under `lock_tariffs`."""
    sheet_id: int = await connection.fetchval(
        """
        INSERT INTO tariff_sheet (sheet_id, tariff, effective_from, agreed_at, digest, file, rates,
                                  compared_with, difference, loaded_at, loaded_by, why)
        SELECT coalesce(max(sheet_id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
          FROM tariff_sheet
        RETURNING sheet_id
        """,
        new.tariff,
        new.effective_from,
        new.agreed_at,
        new.digest,
        new.file,
        len(rows),
        new.compared_with,
        msgspec.json.encode(new.difference).decode(),
        new.loaded_at,
        new.loaded_by,
        new.why,
    )
    await connection.copy_records_to_table(
        "tariff_rate", records=_records(sheet_id, rows), columns=_COLUMNS
    )
    return sheet_id


async def agree_sheet(
    connection: Connection, sheet_id: int, effective_from: datetime, agreed_at: datetime
) -> None:
    """Let a sheet that waited come into force."""
    await connection.execute(
        """
        UPDATE tariff_sheet SET effective_from = $2, agreed_at = $3
         WHERE sheet_id = $1 AND agreed_at IS NULL
        """,
        sheet_id,
        effective_from,
        agreed_at,
    )


async def sheets_version(database: Database) -> tuple[object, ...]:
    """Return what changes whenever another sheet is agreed to."""
    row = await database.fetch_row(
        "SELECT count(*), max(agreed_at) FROM tariff_sheet WHERE agreed_at IS NOT NULL"
    )
    assert row is not None, "counts always come back"
    return tuple(row)


async def sheet_at(connection: Connection, tariff: str, at: datetime) -> SheetView | None:
    """Return the sheet of a tariff that is in force at an instant, as far as is known now."""
    row = await connection.fetchrow(
        """
        SELECT * FROM tariff_sheet
         WHERE tariff = $1 AND effective_from <= $2 AND agreed_at IS NOT NULL
         ORDER BY effective_from DESC, sheet_id DESC
         LIMIT 1
        """,
        tariff,
        at,
    )
    return _view(row) if row else None


async def waiting_sheet(
    connection: Connection, tariff: str, digest: bytes, effective_from: datetime
) -> SheetView | None:
    """Return the sheet made of the same file for the same day that waits to be agreed to."""
    row = await connection.fetchrow(
        """
        SELECT * FROM tariff_sheet
         WHERE tariff = $1 AND digest = $2 AND effective_from = $3 AND agreed_at IS NULL
         ORDER BY sheet_id DESC
         LIMIT 1
        """,
        tariff,
        digest,
        effective_from,
    )
    return _view(row) if row else None


async def list_sheets(database: Database, limit: int = 500) -> list[SheetView]:
    """Return the latest sheets, by tariff, those in force last first."""
    rows = await database.fetch(
        """
        SELECT * FROM (SELECT * FROM tariff_sheet ORDER BY sheet_id DESC LIMIT $1) AS latest
         ORDER BY tariff, effective_from DESC, sheet_id DESC
        """,
        limit,
    )
    return [_view(row) for row in rows]


async def read_sheet(database: Database, sheet_id: int) -> SheetView | None:
    """Return a sheet without its rates."""
    row = await database.fetch_row("SELECT * FROM tariff_sheet WHERE sheet_id = $1", sheet_id)
    return _view(row) if row else None


async def sheets_in_force_since(database: Database, since: datetime) -> list[SheetView]:
    """Return the sheets that are in force at some time from `since` on; by tariff, in order."""
    rows = await database.fetch(
        """
        SELECT *
          FROM (SELECT *, lead(effective_from) OVER (PARTITION BY tariff
                               ORDER BY effective_from, sheet_id) AS until
                  FROM tariff_sheet
                 WHERE agreed_at IS NOT NULL) AS sheet
         WHERE until IS NULL OR until > greatest($1, effective_from)
         ORDER BY tariff, effective_from, sheet_id
        """,
        since,
    )
    return [_view(row) for row in rows]


async def sheet_rows(database: Database, sheet_id: int) -> list[TariffRow]:
    """Return a sheet's rates. In pieces, so that a large one does not hold up everybody else."""
    rows: list[TariffRow] = []
    kept: dict[Rate, Rate] = {}
    after = -1
    while True:
        records = await database.fetch(
            """
            SELECT * FROM tariff_rate
             WHERE sheet_id = $1 AND place > $2
             ORDER BY place
             LIMIT $3
            """,
            sheet_id,
            after,
            _A_READ,
        )
        if not records:
            return rows
        rows += [_row(record, kept) for record in records]
        after = records[-1]["place"]
        await asyncio.sleep(0)


def _records(sheet_id: int, rows: Sequence[TariffRow]) -> Iterable[tuple[object, ...]]:
    for place, row in enumerate(rows):
        rate = row.rate
        yield (
            sheet_id,
            place,
            row.service,
            row.origin,
            row.pattern,
            row.on_net,
            row.hours,
            row.destination_class,
            row.name,
            rate.price_micros,
            rate.connection_micros,
            rate.per_units,
            rate.first_units,
            rate.next_units,
            rate.rounding,
            rate.round_to_micros,
        )


def _row(record: Record, kept: dict[Rate, Rate]) -> TariffRow:
    rate = Rate(
        price_micros=record["price_micros"],
        connection_micros=record["connection_micros"],
        per_units=record["per_units"],
        first_units=record["first_units"],
        next_units=record["next_units"],
        rounding=Rounding(record["rounding"]),
        round_to_micros=record["round_to_micros"],
    )
    return TariffRow(
        service=Service(record["service"]),
        origin=record["origin"],
        pattern=record["pattern"],
        on_net=record["on_net"],
        hours=record["hours"],
        destination_class=record["destination_class"],
        name=record["name"],
        rate=kept.setdefault(rate, rate),
    )


def _view(row: Record) -> SheetView:
    return SheetView(
        sheet_id=row["sheet_id"],
        tariff=row["tariff"],
        effective_from=row["effective_from"],
        agreed_at=row["agreed_at"],
        digest=row["digest"],
        file=row["file"],
        rates=row["rates"],
        compared_with=row["compared_with"],
        difference=msgspec.json.decode(row["difference"], type=Difference),
        loaded_at=row["loaded_at"],
        loaded_by=row["loaded_by"],
        why=row["why"],
    )

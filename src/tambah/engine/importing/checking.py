"""A pass over a file that writes nothing: what would become of each row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tambah.domain.refusals import NumberInUse, SimNotUsable
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.job import Tally
from tambah.engine.importing.reading import Row, Table
from tambah.engine.importing.rows import ReadRow, RowReader
from tambah.store.database import Connection, Database
from tambah.store.views.importable import (
    find_repeats,
    find_shared_sims,
    make_scratch,
    note_rows,
    taken_numbers,
    unusable_sims,
)

_CHUNK = 5_000


async def check_rows(
    table: Table, reader: RowReader, database: Database, tally: Tally, total_bytes: int
) -> None:
    """Count what an import of the table would create, leave and refuse.

    Numbers that come twice in the file are found by the database, in a table of this connection
    alone, so that the memory needed here does not grow with the file.
    """
    connection = await database.connect()
    try:
        await make_scratch(connection)
        rows = table.rows()
        while part := list(islice(rows, _CHUNK)):
            await _check_part(
                _well_formed(part, reader, tally), reader, database, connection, tally
            )
            tally.request.progress(table.bytes_done, total_bytes)
        await _check_repeats(connection, reader, tally)
    finally:
        await connection.close()
    tally.sha256 = table.sha256
    tally.is_complete = True


def _well_formed(
    part: list[Row], reader: RowReader, tally: Tally
) -> Iterator[tuple[int, ReadRow]]:
    for line, fields in part:
        try:
            if isinstance(fields, BadRow):
                raise fields
            yield line, reader.read(fields)
        except BadRow as bad:
            tally.refuse(line, bad)


async def _check_part(
    rows: Iterator[tuple[int, ReadRow]],
    reader: RowReader,
    database: Database,
    connection: Connection,
    tally: Tally,
) -> None:
    """Compare rows with the lines there are; note those that would be new."""
    found = list(rows)
    taken = await taken_numbers(database, [row.msisdn for _, row in found])
    used_up = await unusable_sims(database, [row.iccid for _, row in found if row.iccid])
    new: list[tuple[int, int, bytes, str | None]] = []
    for line, row in found:
        before = taken.get(row.msisdn)
        if before is not None and before.digest == row.digest:
            tally.unchanged += 1
        elif before is not None and not before.is_free:
            tally.refuse(line, reader.refuse(NumberInUse()))
        elif row.iccid in used_up:
            tally.refuse(line, reader.refuse(SimNotUsable()))
        else:
            new.append((line, row.msisdn, row.digest, row.iccid))
    tally.created += len(new)
    await note_rows(connection, new)


async def _check_repeats(connection: Connection, reader: RowReader, tally: Tally) -> None:
    async for line, is_same in find_repeats(connection):
        tally.created -= 1
        if is_same:
            tally.unchanged += 1
        else:
            tally.refuse(line, reader.refuse(NumberInUse()))
    async for line in find_shared_sims(connection):
        tally.created -= 1
        tally.refuse(line, reader.refuse(SimNotUsable()))

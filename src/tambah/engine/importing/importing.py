"""Bringing lines along from another system, from a CSV file of any size."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

from tambah.domain.refusals import ReasonMissing
from tambah.engine.administer import note
from tambah.engine.engine import Engine
from tambah.engine.importing.checking import check_rows
from tambah.engine.importing.feeding import Feeder
from tambah.engine.importing.job import ImportRequest, ImportResult, Tally
from tambah.engine.importing.reading import Table
from tambah.engine.importing.rows import RowReader, RowRules
from tambah.store.database import CONNECTION_LOST, Database


async def import_lines(
    engine: Engine,
    database: Database,
    request: ImportRequest,
    row_rules: RowRules,
) -> ImportResult:
    """Import a file's good rows and report the bad ones; a file may be imported again.

    A row that was imported before changes nothing. With `all_or_nothing` the whole file is
    checked first. Raises ReasonMissing, FileRefused, OSError, and Unavailable when the database
    stays away: what was imported by then is there, and the import may be started again.
    """
    if not request.dry_run and not request.actor.why.strip():
        raise ReasonMissing
    with request.path.open("rb") as file:
        total_bytes = os.fstat(file.fileno()).st_size
        if request.dry_run or request.all_or_nothing:
            checked = await _check(file, database, request, row_rules, total_bytes)
            if request.dry_run or checked.refused:
                return checked.result(is_written=False)
            file.seek(0)
        return await _write(file, engine, database, request, row_rules)


async def _check(
    file: BinaryIO,
    database: Database,
    request: ImportRequest,
    row_rules: RowRules,
    total_bytes: int,
) -> Tally:
    table = Table(file)
    reader = RowReader(table.columns, table.titles, row_rules)
    tally = Tally(request)
    await check_rows(table, reader, database, tally, total_bytes)
    return tally


async def _write(
    file: BinaryIO,
    engine: Engine,
    database: Database,
    request: ImportRequest,
    row_rules: RowRules,
) -> ImportResult:
    table = Table(file)
    reader = RowReader(table.columns, table.titles, row_rules)
    tally = Tally(request)
    feeder = Feeder(engine, database, row_rules.keys, reader, tally)
    try:
        await feeder.feed(table, os.fstat(file.fileno()).st_size)
    except BaseException:
        # Lines may be there that nobody would otherwise be named for.
        with suppress(*CONNECTION_LOST):
            await _audit(database, request, tally)
        raise
    await _audit(database, request, tally)
    return tally.result(is_written=True)


async def _audit(database: Database, request: ImportRequest, tally: Tally) -> None:
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            await note(
                connection,
                request.actor,
                "ImportLines",
                f"file:{request.path.name}",
                after={
                    "sha256": tally.sha256,
                    "created": tally.created,
                    "unchanged": tally.unchanged,
                    "refused": tally.refused,
                    "complete": tally.is_complete,
                },
            )
    finally:
        await connection.close()

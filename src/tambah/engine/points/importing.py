"""Bringing top-up points in from a CSV file: all that is good of it, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from tambah.domain.commands import Actor
from tambah.domain.point import Point
from tambah.domain.refusals import ReasonMissing
from tambah.engine.administer import note
from tambah.engine.importing.bad_rows import BadRow, FileRefused, RefusedRow
from tambah.engine.importing.reading import Table
from tambah.engine.points.rows import HEADER, PointReader
from tambah.store.database import Connection, Database
from tambah.store.points import all_points, lock_points, write_points


def _ignore_row(_row: RefusedRow) -> None:
    """Stand in until somebody wants the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsRequest:
    """What to import. on_refused: told of each bad row as it is met.

    all_or_nothing: import none if any row is bad. dry_run: only say what would be.
    withdraw_missing: withdraw the points that the file does not have.
    """

    path: Path
    actor: Actor
    all_or_nothing: bool = False
    dry_run: bool = False
    withdraw_missing: bool = False
    on_refused: Callable[[RefusedRow], None] = field(default=_ignore_row)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsResult:
    """What became of a file's rows. sha256: of the file, hexadecimal.

    withdrawn: points that were missing in it. keeps_missing: none was withdrawn although that was
    asked for, since a row without a readable code may have been any of them. is_written: it is so
    now; else the counts say what would be.
    """

    file: str
    sha256: str
    created: int
    changed: int
    unchanged: int
    withdrawn: int
    refused: int
    keeps_missing: bool
    is_written: bool


@dataclass(slots=True)
class _File:
    """What a file says: its good points by code, and what else there is to know of it."""

    points: dict[str, Point] = field(default_factory=dict[str, Point])
    sha256: str = ""
    repeats: int = 0
    refused: int = 0
    refused_codes: set[str] = field(default_factory=set[str])
    has_nameless: bool = False


@dataclass(frozen=True, slots=True)
class _Difference:
    """What the file changes."""

    created: list[Point]
    changed: list[Point]
    withdrawn: list[Point]

    def points(self) -> list[Point]:
        """Return all that is to be written."""
        return [*self.created, *self.changed, *self.withdrawn]


async def import_points(database: Database, request: PointsRequest) -> PointsResult:
    """Import a file's good rows and report the bad ones; the same file again changes nothing.

    Raises ReasonMissing, FileRefused and OSError.
    """
    if not request.dry_run and not request.actor.why.strip():
        raise ReasonMissing
    # In a thread: a large file takes seconds, and a server has others to answer.
    told = await asyncio.to_thread(_read, request)
    if request.withdraw_missing and not told.points:
        raise FileRefused("The file has no good row. Nothing was withdrawn.")
    writes = not request.dry_run and not (request.all_or_nothing and told.refused)
    connection = await database.connect()
    try:
        async with connection.transaction():
            await lock_points(connection)
            difference = _compare(told, await all_points(connection), request)
            result = _result(told, difference, request, is_written=writes)
            if writes:
                now: datetime = await connection.fetchval("SELECT now()")
                await write_points(connection, difference.points(), now)
                await _audit(connection, request, result)
    finally:
        await connection.close()
    return result


def _read(request: PointsRequest) -> _File:
    told = _File()
    with request.path.open("rb") as file:
        table = Table(file, HEADER)
        reader = PointReader(table.columns, table.titles)
        for line, fields in table.rows():
            try:
                if isinstance(fields, BadRow):
                    raise fields
                _take(told, reader.read(fields), reader)
            except BadRow as bad:
                code = None if isinstance(fields, BadRow) else reader.code_of(fields)
                _refuse(told, code)
                request.on_refused(
                    RefusedRow(line=line, column=bad.column, code=bad.code, reason=bad.reason)
                )
        told.sha256 = table.sha256
    return told


def _take(told: _File, point: Point, reader: PointReader) -> None:
    before = told.points.setdefault(point.code, point)
    if before is point:
        return
    if before != point:
        raise reader.repeated()
    told.repeats += 1


def _refuse(told: _File, code: str | None) -> None:
    told.refused += 1
    if code is None:
        told.has_nameless = True
    else:
        told.refused_codes.add(code)


def _compare(told: _File, there: dict[str, Point], request: PointsRequest) -> _Difference:
    created = [point for code, point in told.points.items() if code not in there]
    changed = [point for code, point in told.points.items() if there.get(code, point) != point]
    withdrawn: Iterable[Point] = ()
    if request.withdraw_missing and not told.has_nameless:
        named = told.points.keys() | told.refused_codes
        withdrawn = (p for code, p in there.items() if code not in named and not p.withdrawn)
    return _Difference(created, changed, [replace(p, withdrawn=True) for p in withdrawn])


def _result(
    told: _File, difference: _Difference, request: PointsRequest, *, is_written: bool
) -> PointsResult:
    created, changed = len(difference.created), len(difference.changed)
    return PointsResult(
        file=request.path.name,
        sha256=told.sha256,
        created=created,
        changed=changed,
        unchanged=len(told.points) - created - changed + told.repeats,
        withdrawn=len(difference.withdrawn),
        refused=told.refused,
        keeps_missing=request.withdraw_missing and told.has_nameless,
        is_written=is_written,
    )


async def _audit(connection: Connection, request: PointsRequest, result: PointsResult) -> None:
    after = {
        "sha256": result.sha256,
        "created": result.created,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "withdrawn": result.withdrawn,
        "refused": result.refused,
    }
    await note(connection, request.actor, "ImportPoints", f"file:{result.file}", after=after)

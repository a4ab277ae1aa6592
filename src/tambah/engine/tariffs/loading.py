"""Loading a sheet: all of a file or nothing, told against the sheet that it would replace.

A sheet with a row missing would charge what that row is for by a shorter prefix, so a file with a
bad row is not loaded at all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tambah.domain.actor import Actor
from tambah.domain.refusals import FieldMalformed, ReasonMissing
from tambah.domain.tariff_difference import Difference, compare
from tambah.engine.administer import acting, note
from tambah.engine.importing.bad_rows import FileRefused, RefusedRow
from tambah.engine.tariffs.reading import RateFile, read_rates
from tambah.store.database import Connection, Database
from tambah.store.tariffs import (
    NewSheet,
    insert_sheet,
    lock_tariffs,
    sheet_at,
    sheet_rows,
    waiting_sheet,
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}", re.ASCII)


def _ignore_row(_row: RefusedRow) -> None:
    """Stand in until somebody wants the report."""


class Came(StrEnum):
    """What came of a load. SEEN: it was a dry run. BAD: rows are bad, nothing was loaded.

    SAME: the sheet in force then says the same already.
    """

    SEEN = "seen"
    BAD = "bad"
    SAME = "same"
    ASKED = "asked"
    LOADED = "loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffRequest:
    """What to load. effective_from: None for now. asks: it is to wait for a second person.

    zones: the roaming zones that there are. name: of the file, as it is shown, where that is not
    the path's. on_refused: told of each bad row as it is met.
    """

    path: Path
    tariff: str
    actor: Actor
    now: datetime
    effective_from: datetime | None = None
    asks: bool = False
    dry_run: bool = False
    zones: Collection[str] = ()
    name: str = ""
    on_refused: Callable[[RefusedRow], None] = field(default=_ignore_row)

    @property
    def since(self) -> datetime:
        """Return from when on the sheet is to be in force."""
        return self.effective_from or self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffResult:
    """What came of a file. compared_with: the sheet in force from `effective_from` on without it.

    sheet_id: of the sheet that was made, or that says the same already; None for none.
    """

    tariff: str
    file: str
    sha256: str
    came: Came
    rates: int
    refused: int
    effective_from: datetime
    sheet_id: int | None
    compared_with: int | None
    difference: Difference


async def load_tariff(database: Database, request: TariffRequest) -> TariffResult:
    """Load a file as a tariff's next sheet; the same file again changes nothing.

    Raises ReasonMissing, FieldMalformed (tariff, from: it lies in the past), FileRefused, OSError.
    """
    if not _NAME.fullmatch(request.tariff):
        raise FieldMalformed(field="tariff")
    if not request.dry_run and not request.actor.why.strip():
        raise ReasonMissing
    # In a thread: a large file takes seconds, and a server has others to answer.
    told = await asyncio.to_thread(read_rates, request.path, request.zones, request.on_refused)
    if not told.rows and not told.refused:
        raise FileRefused("The file has no rates. Nothing was loaded.")
    async with acting(database) as connection:
        await lock_tariffs(connection)
        base = await sheet_at(connection, request.tariff, request.since)
        before = await sheet_rows(database, base.sheet_id) if base else []
        difference = await asyncio.to_thread(compare, before, told.rows)
        base_id = base.sheet_id if base else None
        came, sheet_id = await _settle(connection, request, told, base_id, difference)
    return TariffResult(
        tariff=request.tariff,
        file=request.name or request.path.name,
        sha256=told.sha256,
        came=came,
        rates=len(told.rows),
        refused=told.refused,
        effective_from=request.since,
        sheet_id=sheet_id,
        compared_with=base_id,
        difference=difference,
    )


async def _settle(
    connection: Connection,
    request: TariffRequest,
    told: RateFile,
    base_id: int | None,
    difference: Difference,
) -> tuple[Came, int | None]:
    """Write the sheet, unless there is nothing to write; return what came of it."""
    if told.refused:
        return Came.BAD, None
    if difference.is_nothing:
        return Came.SAME, base_id
    if request.since < request.now:
        raise FieldMalformed(field="from")
    if request.dry_run:
        return Came.SEEN, None
    digest = bytes.fromhex(told.sha256)
    if request.asks:
        there = await waiting_sheet(connection, request.tariff, digest, request.since)
        if there is not None:
            return Came.ASKED, there.sheet_id
    sheet_id = await insert_sheet(
        connection, _new(request, digest, base_id, difference), told.rows
    )
    await note(
        connection,
        request.actor,
        "LoadTariff",
        f"tariff_sheet:{sheet_id}",
        after={
            "tariff": request.tariff,
            "sha256": told.sha256,
            "rates": len(told.rows),
            "from": request.since.isoformat(),
            "state": "asked" if request.asks else "agreed",
            **counts_of(difference),
        },
    )
    return (Came.ASKED if request.asks else Came.LOADED), sheet_id


def counts_of(difference: Difference) -> dict[str, int]:
    """Return how many rates a sheet adds, drops and changes, as the audit trail keeps it."""
    return {
        "added": difference.added,
        "dropped": difference.dropped,
        "dearer": difference.dearer,
        "cheaper": difference.cheaper,
        "mixed": difference.mixed,
        "reworded": difference.reworded,
    }


def _new(
    request: TariffRequest, digest: bytes, base_id: int | None, difference: Difference
) -> NewSheet:
    return NewSheet(
        tariff=request.tariff,
        effective_from=request.since,
        agreed_at=None if request.asks else request.now,
        digest=digest,
        file=request.name or request.path.name,
        compared_with=base_id,
        difference=difference,
        loaded_at=request.now,
        loaded_by=request.actor.who,
        why=request.actor.why.strip(),
    )

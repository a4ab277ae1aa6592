"""Bringing SIMs into the inventory, from a CSV file of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from tambah.domain.records import replace
from tambah.domain.refusals import ReasonMissing
from tambah.domain.sim import Sim, SimState
from tambah.engine.administer import note
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.job import ImportRequest, ImportResult, Tally
from tambah.engine.importing.reading import Header, Row, Table
from tambah.engine.sims.rows import COLUMNS, SimRowReader, SimRowRules
from tambah.store.database import Connection, Database, UniqueViolation
from tambah.store.ledger import sims

_CHUNK = 2_000
_TRIES = 3
_Numbered = list[tuple[int, Sim]]


class _NotToBeKept(Exception):
    """Rolls back what was only tried."""


async def import_sims(
    database: Database, request: ImportRequest, row_rules: SimRowRules
) -> ImportResult:
    """Add a file's SIMs to the stock and report the bad rows; a file may be imported again.

    A SIM that came with an imported line is completed, and counts as created. A dry run, and a
    file that is to be imported whole or not at all, are one transaction, which a dry run or a bad
    row rolls back. Raises ReasonMissing, FileRefused, OSError.
    """
    if not request.dry_run and not request.actor.why.strip():
        raise ReasonMissing
    tally = Tally(request)
    connection = await database.connect_writer()
    try:
        with request.path.open("rb") as file:
            if not request.dry_run and not request.all_or_nothing:
                await _bring(connection, file, tally, row_rules)
                await _audit(connection, request, tally)
                return tally.result(is_written=True)
            try:
                async with connection.transaction():
                    await _bring(connection, file, tally, row_rules)
                    if request.dry_run or tally.refused:
                        raise _NotToBeKept
                    await _audit(connection, request, tally)
            except _NotToBeKept:
                return tally.result(is_written=False)
            return tally.result(is_written=True)
    finally:
        await connection.close()


async def _bring(
    connection: Connection, file: BinaryIO, tally: Tally, row_rules: SimRowRules
) -> None:
    table = Table(file, Header(columns=COLUMNS, needed=("iccid",)))
    reader = SimRowReader(table.columns, table.titles, row_rules)
    total_bytes = os.fstat(file.fileno()).st_size
    rows = table.rows()
    while part := list(islice(rows, _CHUNK)):
        await _bring_part(connection, _well_formed(part, reader, tally), reader, tally)
        tally.request.progress(table.bytes_done, total_bytes)
    tally.sha256 = table.sha256
    tally.is_complete = True


def _well_formed(part: Iterable[Row], reader: SimRowReader, tally: Tally) -> _Numbered:
    good: _Numbered = []
    for line, fields in part:
        try:
            if isinstance(fields, BadRow):
                raise fields
            good.append((line, reader.read(fields)))
        except BadRow as bad:
            tally.refuse(line, bad)
    return good


async def _bring_part(
    connection: Connection, rows: _Numbered, reader: SimRowReader, tally: Tally
) -> None:
    """Write what is new of some rows; again when a line brings one of the SIMs at this instant."""
    for attempt in range(1, _TRIES + 1):
        try:
            async with connection.transaction():
                sorted_ = await _sort(connection, rows, reader)
                await sims.write_sims(connection, list(sorted_.written.values()))
                await sims.insert_imsis(connection, list(sorted_.written.values()))
        except UniqueViolation:
            if attempt == _TRIES:
                raise
        else:
            tally.created += len(sorted_.written)
            tally.unchanged += sorted_.unchanged
            for line, bad in sorted_.refused:
                tally.refuse(line, bad)
            return


@dataclass(slots=True)
class _Sorted:
    written: dict[str, Sim] = field(default_factory=dict[str, Sim])
    unchanged: int = 0
    refused: list[tuple[int, BadRow]] = field(default_factory=list[tuple[int, BadRow]])


async def _sort(connection: Connection, rows: _Numbered, reader: SimRowReader) -> _Sorted:
    """Compare rows with the inventory; only SIMs that are to be completed are locked."""
    known = await sims.read_sims(connection, [sim.iccid for _, sim in rows])
    known |= await sims.lock_sims(connection, [i for i, sim in known.items() if not sim.digest])
    owners = await sims.find_imsis(connection, [sim.imsi for _, sim in rows if sim.imsi])
    found = _Sorted()
    for line, sim in rows:
        before = known.get(sim.iccid)
        if before is not None and before.digest == sim.digest:
            found.unchanged += 1
        elif before is not None and before.digest:
            found.refused.append((line, reader.refuse_other()))
        elif sim.imsi and owners.setdefault(sim.imsi, sim.iccid) != sim.iccid:
            found.refused.append((line, reader.refuse_imsi()))
        else:
            known[sim.iccid] = found.written[sim.iccid] = _completed(before, sim)
    return found


def _completed(before: Sim | None, sim: Sim) -> Sim:
    """Return the SIM of a row; what one that came with a line has been through stays."""
    if before is None:
        return sim
    return replace(
        before,
        imsi=sim.imsi,
        kind=sim.kind,
        smdp_address=sim.smdp_address,
        sealed=sim.sealed if before.state <= SimState.ASSIGNED else None,
        digest=sim.digest,
        imported_at=sim.imported_at,
    )


async def _audit(connection: Connection, request: ImportRequest, tally: Tally) -> None:
    async with connection.transaction():
        await note(
            connection,
            request.actor,
            "ImportSims",
            f"file:{request.path.name}",
            after={
                "sha256": tally.sha256,
                "created": tally.created,
                "unchanged": tally.unchanged,
                "refused": tally.refused,
            },
        )

"""Bringing dealers in from a CSV file: all that is good of it, in one transaction.

A dealer is known by its name and its parent's place: the same file again adds nothing. A row that
says otherwise of a dealer that is there is bad: its place, and what was agreed, are for good or
changed by their own commands. Rates and credit limits are none of a file's: they make money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tambah.domain.actor import Actor
from tambah.domain.refusals import DealerExists, FieldMalformed, ReasonMissing, Refusal
from tambah.engine.administer import note
from tambah.engine.dealers.rows import HEADER, DealerReader, DealerRow
from tambah.engine.dealers.setting_up import NewDealer, plant
from tambah.engine.importing.bad_rows import BadRow, RefusedRow
from tambah.engine.importing.reading import Table
from tambah.store.database import Connection, Database
from tambah.store.ledger import dealer_admin
from tambah.store.ledger.dealer_admin import Planted, folded_name


@dataclass(frozen=True, slots=True, kw_only=True)
class DealersRequest:
    """What to import. on_refused: told of each bad row.

    all_or_nothing: import none if any row is bad. dry_run: only say what would be.
    """

    path: Path
    actor: Actor
    all_or_nothing: bool = False
    dry_run: bool = False
    on_refused: Callable[[RefusedRow], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DealersResult:
    """What became of a file's rows. sha256: of the file, hexadecimal.

    is_written: it is so now; else the counts say what would be.
    """

    file: str
    sha256: str
    created: int
    unchanged: int
    refused: int
    is_written: bool


@dataclass(slots=True)
class _File:
    rows: list[DealerRow] = field(default_factory=list[DealerRow])
    refused: int = 0
    sha256: str = ""


class _NotKept(Exception):
    """What was tried is to be undone."""


async def import_dealers(database: Database, request: DealersRequest) -> DealersResult:
    """Import a file's good rows and report the bad ones; parents may come later in the file.

    Raises ReasonMissing, FileRefused and OSError.
    """
    if not request.actor.why.strip() and not request.dry_run:
        raise ReasonMissing
    told = await asyncio.to_thread(_read, request)
    connection = await database.connect()
    planting = _Planting(connection, request, told)
    try:
        async with connection.transaction():
            await planting.run()
            if request.dry_run or (request.all_or_nothing and told.refused):
                raise _NotKept
            await _audit(connection, request, planting.result(is_written=True))
    except _NotKept:
        return planting.result(is_written=False)
    finally:
        await connection.close()
    return planting.result(is_written=True)


class _Planting:
    """Plants rows one after another, each as soon as its parent is there."""

    def __init__(self, connection: Connection, request: DealersRequest, told: _File) -> None:
        self._connection = connection
        self._request = request
        self._told = told
        self._named: dict[str, set[int]] = {}
        self._there: dict[int, Planted] = {}
        self._created = 0
        self._unchanged = 0

    async def run(self) -> None:
        """Plant all that can be; what waits for a parent that never comes is bad."""
        for one in await dealer_admin.all_planted(self._connection):
            self._learn(one)
        waiting = self._told.rows
        while waiting:
            left: list[DealerRow] = []
            for row in waiting:
                if not await self._try(row):
                    left.append(row)
            if len(left) == len(waiting):
                for row in left:
                    self._refuse(row, "parent", "dealer_unknown", "There is no such parent.")
                return
            waiting = left

    def result(self, *, is_written: bool) -> DealersResult:
        """Return what became of the rows."""
        return DealersResult(
            file=self._request.path.name,
            sha256=self._told.sha256,
            created=self._created,
            unchanged=self._unchanged,
            refused=self._told.refused,
            is_written=is_written,
        )

    async def _try(self, row: DealerRow) -> bool:
        """Plant a row if its parent is there; say whether there is no more to do for it."""
        parent_id: int | None = None
        if row.parent:
            found = self._parents(row.parent)
            if not found:
                return False
            if len(found) > 1:
                why = "Several dealers are called so; write the parent's number."
                self._refuse(row, "parent", "parent_ambiguous", why)
                return True
            [parent_id] = found
        await self._plant(row, replace(row.new, parent_id=parent_id))
        return True

    async def _plant(self, row: DealerRow, new: NewDealer) -> None:
        try:
            async with self._connection.transaction():
                partner_id = await plant(self._connection, new, self._actor())
        except DealerExists as refusal:
            self._compare(row, int(str(refusal.params["dealer"])))
        except FieldMalformed as refusal:
            self._refuse(
                row, str(refusal.params["field"]), refusal.code, "The tree has no room for it."
            )
        except Refusal as refusal:
            self._refuse(row, "", refusal.code, "The rules refuse this row.")
        else:
            self._created += 1
            self._learn(await dealer_admin.read_planted(self._connection, partner_id))

    def _compare(self, row: DealerRow, partner_id: int) -> None:
        """Say whether a dealer that is there is as the row has it."""
        there = self._there[partner_id]
        limits = row.new.limits
        told = (
            row.new.kind,
            row.new.draws_on_parent,
            limits.least_micros,
            limits.most_micros,
            limits.daily_cap_micros,
        )
        if told == there.told:
            self._unchanged += 1
            return
        why = f"Dealer {partner_id} of that name and place differs from this row."
        self._refuse(row, "name", DealerExists.code, why)

    def _parents(self, text: str) -> set[int]:
        if text.isdecimal():
            return {int(text)} & self._there.keys()
        return self._named.get(folded_name(text), set())

    def _learn(self, one: Planted) -> None:
        self._there[one.partner_id] = one
        self._named.setdefault(folded_name(one.name), set()).add(one.partner_id)

    def _refuse(self, row: DealerRow, column: str, code: str, reason: str) -> None:
        self._told.refused += 1
        self._request.on_refused(
            RefusedRow(line=row.line, column=column, code=code, reason=reason)
        )

    def _actor(self) -> Actor:
        actor = self._request.actor
        return actor if actor.why.strip() else replace(actor, why="dry run")


def _read(request: DealersRequest) -> _File:
    told = _File()
    with request.path.open("rb") as file:
        table = Table(file, HEADER)
        reader = DealerReader(table.columns, table.titles)
        for line, fields in table.rows():
            try:
                if isinstance(fields, BadRow):
                    raise fields
                told.rows.append(reader.read(line, fields))
            except BadRow as bad:
                told.refused += 1
                request.on_refused(
                    RefusedRow(line=line, column=bad.column, code=bad.code, reason=bad.reason)
                )
        told.sha256 = table.sha256
    return told


async def _audit(connection: Connection, request: DealersRequest, result: DealersResult) -> None:
    after = {
        "sha256": result.sha256,
        "created": result.created,
        "unchanged": result.unchanged,
        "refused": result.refused,
    }
    await note(connection, request.actor, "ImportDealers", f"file:{result.file}", after=after)

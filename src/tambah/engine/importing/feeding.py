"""From the rows of a file into the engine, as fast as it takes them."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from tambah.domain.commands import Imported, Outcome
from tambah.domain.refusals import Busy, Refusal, Unavailable
from tambah.engine.engine import Engine
from tambah.engine.identities import mint_owner_ids
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.job import Tally
from tambah.engine.importing.reading import Table
from tambah.engine.importing.rows import RowReader
from tambah.engine.keys import Keys
from tambah.store.database import Database

# Enough for the next batches to be full, and below the engine's default queue with room to spare
# for everybody else's commands.
MOST_IN_FLIGHT = 1_500
_IDS_AT_ONCE = 5_000
# How many rows are read before the engine gets its turn: a long stretch leaves the database idle.
_STRETCH = 64
_PATIENCE_SECONDS = 30


class Feeder:
    """Hands rows to the engine, a bounded window at a time, and tallies the answers."""

    def __init__(
        self, engine: Engine, database: Database, keys: Keys, reader: RowReader, tally: Tally
    ) -> None:
        self._engine = engine
        self._database = database
        self._keys = keys
        self._reader = reader
        self._tally = tally
        self._ids: deque[int] = deque()  # in their order, so that lines lie as their rows do
        self._flying: deque[tuple[int, asyncio.Future[Outcome]]] = deque()

    async def feed(self, table: Table, total_bytes: int) -> None:
        """Import the table's rows. Raises Unavailable when the database stays away.

        When it raises, or is cancelled, what became of the rows in flight is tallied first.
        """
        try:
            await self._feed(table, total_bytes)
        finally:
            self._tally.sha256 = table.sha256
            await self._land_rest()
        self._tally.is_complete = True

    async def _feed(self, table: Table, total_bytes: int) -> None:
        for place, (line, fields) in enumerate(table.rows()):
            if place % _STRETCH == 0:
                await self._make_room(table, total_bytes)
            try:
                if isinstance(fields, BadRow):
                    raise fields
                row = self._reader.read(fields)
            except BadRow as bad:
                self._tally.refuse(line, bad)
                continue
            command = row.command(self._ids.popleft(), self._keys)
            while True:
                try:
                    self._flying.append((line, self._engine.enqueue(command)))
                    break
                except Busy:
                    await self._land_one()
        while self._flying:
            await self._land_one()
        self._tally.request.progress(total_bytes, total_bytes)

    async def _make_room(self, table: Table, total_bytes: int) -> None:
        """Let the engine work until a stretch of rows fits, with an id for each."""
        if len(self._ids) < _STRETCH:
            self._ids += await mint_owner_ids(self._database, _IDS_AT_ONCE)
        self._tally.request.progress(table.bytes_done, total_bytes)
        while len(self._flying) > MOST_IN_FLIGHT - _STRETCH:
            await self._land_one()
        await asyncio.sleep(0)

    async def _land_one(self) -> None:
        """Wait for the oldest answer, then take all that are there."""
        if not self._flying:
            await asyncio.sleep(0.01)  # somebody else fills the queue
            return
        await asyncio.wait([self._flying[0][1]])
        self._land_ready()

    async def _land_rest(self) -> None:
        """Wait for the answers of what cannot be called back; count what came of it."""
        if not self._flying:
            return
        await asyncio.wait([answer for _, answer in self._flying], timeout=_PATIENCE_SECONDS)
        for line, answer in self._flying:
            if answer.done():
                with suppress(Unavailable):
                    self._land(line, answer)
        self._flying.clear()

    def _land_ready(self) -> None:
        while self._flying and self._flying[0][1].done():
            line, answer = self._flying.popleft()
            self._land(line, answer)

    def _land(self, line: int, answer: asyncio.Future[Outcome]) -> None:
        refusal = answer.exception()
        if isinstance(refusal, Unavailable):
            raise refusal
        if isinstance(refusal, Refusal):
            self._tally.refuse(line, self._reader.refuse(refusal))
            return
        outcome = answer.result()
        if isinstance(outcome, Imported) and outcome.created:
            self._tally.created += 1
        else:
            self._tally.unchanged += 1

"""A lane: a queue, one writing connection, one batch after another.

No timer gathers a batch: the next one is whatever came during the last commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from tambah.domain.commands import Outcome
from tambah.domain.refusals import Refusal, Unavailable
from tambah.domain.rules import Rules
from tambah.engine.batch import answer_bug, run_batch
from tambah.engine.clock import Clock
from tambah.engine.keys import Keys
from tambah.engine.loading import GuestWatch
from tambah.engine.pending import Pending
from tambah.store.database import (
    CONNECTION_LOST,
    RETRYABLE,
    Connection,
    Database,
    UniqueViolation,
)

log = structlog.get_logger(__name__)

BATCH_CAP = 500
STATEMENT_SECONDS = 12.0
_TRIES = 4
_RECONNECT_SECONDS = 0.1
_REST_SECONDS = 1.0


class Lane:
    """One writer. Commands of one line always go to the same lane."""

    def __init__(
        self,
        database: Database,
        *,
        rules: Callable[[], Rules],
        keys: Keys,
        clock: Clock,
        on_messages: Callable[[], object],
    ) -> None:
        self._database = database
        self._rules = rules
        self._keys = keys
        self._clock = clock
        self._on_messages = on_messages
        self._queue: deque[Pending] = deque()
        self._arrived = asyncio.Event()
        self._finishing = False
        self._connection: Connection | None = None
        self._guests = GuestWatch()

    @property
    def waiting(self) -> int:
        """Return how many commands wait."""
        return len(self._queue)

    @property
    def is_connected(self) -> bool:
        """Say whether the writing connection is open."""
        return self._connection is not None and not self._connection.is_closed()

    def put(self, pending: Pending) -> None:
        """Add a command to the queue."""
        self._queue.append(pending)
        self._arrived.set()

    def finish(self) -> None:
        """Have `run` return once the queue is empty."""
        self._finishing = True
        self._arrived.set()

    async def run(self) -> None:
        """Run batches until `finish` was called and nothing waits."""
        while self._queue or not self._finishing:
            if not self._queue:
                await self._rest()
                continue
            size = min(BATCH_CAP, len(self._queue))
            await self._settle([self._queue.popleft() for _ in range(size)])
        if self._connection is not None:
            await self._connection.close()

    async def _rest(self) -> None:
        """Wait for a command; see to it meanwhile that there is a connection to run it on."""
        if not self.is_connected:
            await self._connect(until=asyncio.get_running_loop().time() + _REST_SECONDS)
        self._arrived.clear()
        if self._queue or self._finishing:
            return
        look_again = asyncio.get_running_loop().call_later(_REST_SECONDS, self._arrived.set)
        await self._arrived.wait()
        look_again.cancel()

    async def _settle(self, batch: list[Pending]) -> None:
        """See a batch through to its answers, over lost connections and other writers."""
        tries = 0
        while batch:
            try:
                answers, told = await self._attempt(batch)
            except RETRYABLE:
                tries += 1
                batch = await self._give_way(batch, tries)
            except CONNECTION_LOST as lost:
                log.warning("database away", reason=type(lost).__name__)
                batch = await self._reconnect(batch)
            except Exception as bug:  # noqa: BLE001 - logged and answered, never passed over
                self._drop_connection()  # in whatever state the bug left it
                await self._settle_singly(batch, bug)
                return
            else:
                for pending, answer in zip(batch, answers, strict=True):
                    pending.answer(answer)
                if told:
                    self._on_messages()
                return

    async def _give_way(self, batch: list[Pending], tries: int) -> list[Pending]:
        """Wait a little for another writer; return what is to be tried again, if anything."""
        if tries >= _TRIES:
            _answer_all(batch, Unavailable())
            return []
        await asyncio.sleep(0.01 * tries)
        return batch

    async def _settle_singly(self, batch: list[Pending], bug: Exception) -> None:
        """Run each command of a batch that broke on its own, so that the broken one fails alone.

        A unique value taken by another process in between is no bug: the next try sees it.
        """
        if len(batch) > 1:
            for pending in batch:
                await self._settle([pending])
            return
        if isinstance(bug, UniqueViolation):
            try:
                answers, _ = await self._attempt(batch)
                batch[0].answer(answers[0])
            except Exception as again:  # noqa: BLE001 - logged and answered
                batch[0].answer(answer_bug(batch[0].command, again))
            return
        batch[0].answer(answer_bug(batch[0].command, bug))

    async def _attempt(self, batch: list[Pending]) -> tuple[list[Outcome | Refusal], int]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._open()
        return await run_batch(
            self._connection,
            batch,
            rules=self._rules(),
            keys=self._keys,
            offset=self._clock.offset,
            guests=self._guests,
        )

    async def _reconnect(self, batch: list[Pending]) -> list[Pending]:
        """Wait for the database; return the commands whose callers still wait."""
        self._drop_connection()
        await self._connect(until=max(pending.expires for pending in batch))
        now = asyncio.get_running_loop().time()
        late = [pending for pending in batch if pending.expires <= now]
        _answer_all(late, Unavailable())
        return [pending for pending in batch if pending.expires > now]

    async def _open(self) -> Connection:
        return await self._database.connect_writer(timeout_seconds=STATEMENT_SECONDS)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connect(self, until: float) -> None:
        """Open the connection, trying until the instant given (of the loop's clock)."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            try:
                self._connection = await self._open()
            except Exception as failed:  # noqa: BLE001 - a lane that ends would answer nobody
                log.warning("no writing connection", reason=type(failed).__name__)
                await self._database.revive()
                await asyncio.sleep(_RECONNECT_SECONDS)
            else:
                return


def _answer_all(batch: list[Pending], refusal: Refusal) -> None:
    for pending in batch:
        pending.answer(refusal)

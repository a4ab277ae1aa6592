"""The way to PostgreSQL: a pool for reading pages, a connection of its own for each writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, ItemsView, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString, Protocol, cast

import asyncpg
import structlog

log = structlog.get_logger(__name__)

_REVIVAL_SECONDS = 5.0


class Record(Protocol):
    """A row: by place, by name, or as a mapping."""

    def __getitem__(self, key: int | str) -> Any:
        """Return one value."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Go through the values."""
        ...

    def keys(self) -> Iterable[str]:
        """Return the columns' names."""
        ...

    def items(self) -> ItemsView[str, Any]:
        """Return names and values."""
        ...


class Connection(Protocol):
    """What the product uses of a connection. Statements are literals, never put together."""

    async def fetch(self, query: LiteralString, *args: object) -> list[Record]:
        """Run a query; return its rows."""
        ...

    async def fetchrow(self, query: LiteralString, *args: object) -> Record | None:
        """Run a query; return its first row."""
        ...

    async def fetchval(self, query: LiteralString, *args: object) -> Any:
        """Run a query; return its first row's first value."""
        ...

    async def execute(self, query: LiteralString, *args: object) -> str:
        """Run a statement; return its tag, `UPDATE 3`."""
        ...

    async def copy_records_to_table(
        self,
        table_name: LiteralString,
        *,
        records: Iterable[tuple[object, ...]],
        columns: Sequence[str],
    ) -> str:
        """Add rows by COPY."""
        ...

    def cursor(self, query: LiteralString, *args: object, prefetch: int = 50) -> Any:
        """Go through a query's rows, within a transaction."""
        ...

    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        """Begin a transaction; it commits when the block ends, and rolls back when it raises."""
        ...

    def is_closed(self) -> bool:
        """Say whether the connection is gone."""
        ...

    def terminate(self) -> None:
        """Drop the connection at once."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


UniqueViolation = asyncpg.UniqueViolationError
ConstraintViolation = asyncpg.IntegrityConstraintViolationError

CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    # What the driver says of a connection that dies while it is being spoken to.
    asyncpg.InternalClientError,
    asyncio.IncompleteReadError,
    TimeoutError,
)
"""What the driver raises when the database is away rather than unwilling: safe to try again."""


class Overtaken(Exception):
    """What was read is not any more what stands there: another writer came in between."""


RETRYABLE = (
    Overtaken,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""What the database raises when another writer was in the way: the batch is run again."""

_driver: Any = asyncpg  # its own annotations are partial; ours stand in Connection above

WRITER_SETTINGS = {
    # A prepared `= ANY($1)` planned on an empty table kept its sequential scan and lost five
    # sixths of the rate: writers look up by key and nothing else.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "lock_timeout": "10s",
    "synchronous_commit": "on",
}
READER_SETTINGS = {"jit": "off", "statement_timeout": "30s"}


class Database:
    """A database by its address. `revive` is called when it does not answer (embedded server)."""

    def __init__(self, dsn: str, revive: Callable[[], object] | None = None) -> None:
        self.dsn = dsn
        self._revive = revive
        self._pool: Any = None
        self._reviving: asyncio.Task[None] | None = None

    async def open(self, *, readers: int = 8) -> None:
        """Open the readers' pool."""
        self._pool = await _driver.create_pool(
            self.dsn,
            min_size=1,
            max_size=readers,
            server_settings=READER_SETTINGS,
            command_timeout=30,
        )

    async def close(self) -> None:
        """Close the readers' pool."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def connect_writer(self, *, timeout_seconds: float | None = None) -> Connection:
        """Return a new connection tuned for a writer; the caller closes it.

        timeout_seconds: how long a statement may take before the database counts as away.
        """
        opened: Any = await _driver.connect(
            self.dsn,
            server_settings=WRITER_SETTINGS,
            timeout=5,
            command_timeout=timeout_seconds,
        )
        return cast(Connection, opened)

    async def connect(self, *, timeout_seconds: float | None = None) -> Connection:
        """Return a new plain connection, for long reads and bulk loads; the caller closes it."""
        opened: Any = await _driver.connect(self.dsn, timeout=5, command_timeout=timeout_seconds)
        return cast(Connection, opened)

    async def revive(self) -> None:
        """Have a dead embedded server started again; nothing for a server of the operator's.

        One attempt at a time, waited for briefly: recovery may take longer than a caller's
        patience. A failed attempt is logged and made again by whoever comes next.
        """
        if self._revive is None:
            return
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.create_task(self._attempt_revival(self._revive))
        await asyncio.wait([self._reviving], timeout=_REVIVAL_SECONDS)

    async def _attempt_revival(self, revive: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(revive)
        except Exception as failed:  # noqa: BLE001 - whatever it was, the callers try again
            log.warning("embedded database not started", reason=str(failed))

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Connection]:
        """Lend a reading connection."""
        async with self._need_pool().acquire() as connection:
            yield connection

    async def fetch(self, sql: LiteralString, *values: object) -> list[Record]:
        """Run a reading query; return its rows."""
        return await self._need_pool().fetch(sql, *values)

    async def fetch_row(self, sql: LiteralString, *values: object) -> Record | None:
        """Run a reading query; return its first row."""
        return await self._need_pool().fetchrow(sql, *values)

    async def fetch_value(self, sql: LiteralString, *values: object) -> Any:
        """Run a reading query; return its first row's first column."""
        return await self._need_pool().fetchval(sql, *values)

    async def execute(self, sql: LiteralString, *values: object) -> str:
        """Run a statement that moves no money (the outbox, stamps)."""
        return await self._need_pool().execute(sql, *values)

    def _need_pool(self) -> Any:
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

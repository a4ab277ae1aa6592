"""A list as the console asks for it: a page after a place, or all of it in pieces.

Each list is one statement whose last value is the limit, in an order that a place (the last row's
sort key) goes on from, so that a page costs the same however far down it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Generic, LiteralString, TypeVar

from tambah.store.database import Database, Record

_PIECE = 500
_PLANNED_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"
"""Which filters hold differs each time, and so does the best way: one plan for all of them looked
for the few lines in grace among a million by their numbers, in a second instead of a tenth."""
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[_Row]):
    """A list that was asked for. values: the statement's, but for the limit."""

    sql: LiteralString
    values: tuple[object, ...]
    read: Callable[[Record], _Row]


async def fetch_listed(database: Database, listed: Listed[_Row], limit: int) -> list[_Row]:
    """Return the first rows of a list."""
    async with database.read() as connection, connection.transaction(readonly=True):
        await connection.execute(_PLANNED_ANEW)
        rows = await connection.fetch(listed.sql, *listed.values, limit)
    return [listed.read(row) for row in rows]


async def stream_listed(
    database: Database, listed: Listed[_Row]
) -> AsyncGenerator[list[_Row], None]:
    """Yield a whole list in pieces, as it stood at one instant, on a connection of its own."""
    connection = await database.connect()
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(_PLANNED_ANEW)
            piece: list[_Row] = []
            async for row in connection.cursor(listed.sql, *listed.values, None, prefetch=_PIECE):
                piece.append(listed.read(row))
                if len(piece) == _PIECE:
                    yield piece
                    piece = []
            if piece:
                yield piece
    finally:
        await connection.close()

"""The audit chain: each day's rows hash-linked, the last one the day's head."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any, Literal, NamedTuple

from tambah.store.database import Connection, Record
from tambah.store.ledger.audit import GENESIS, link, row_values

TrailProblem = Literal["missing", "unlinked", "altered", "headless", "cut", "beyond", "beheaded"]


class TrailOdd(NamedTuple):
    """An audit row that is not what the chain says.

    missing: no row of that day has that seq, up to `last`. unlinked: the row does not follow the
    one before it. altered: the row is not what was hashed. cut: the day's rows end before its
    head. beyond: they go on after it. beheaded: its hash is not the last row's. headless: a day
    without a head.
    """

    problem: TrailProblem
    day: date
    seq: int
    last: int


class _At(NamedTuple):
    """Where the walk stands: a day, its last row's place and hash."""

    day: date | None = None
    seq: int = 0
    hash: bytes = GENESIS


async def walk_trail(connection: Connection, from_day: date) -> AsyncGenerator[TrailOdd | None]:
    """Follow the chains of `from_day` and later, row by row; None for a row that is in order."""
    rows: Any = connection.cursor(
        """
        SELECT day, seq, at, who, action, subject, why, before, after, previous, hash
          FROM audit
         WHERE day >= $1
         ORDER BY day, seq
        """,
        from_day,
        prefetch=1000,
    )
    at = _At()
    async for row in rows:
        if row["day"] != at.day:
            at = _At(row["day"])
        yield _check(row, at)
        at = _At(row["day"], row["seq"], row["hash"])


async def prove_heads(connection: Connection) -> list[TrailOdd]:
    """Put every day's last row beside its head."""
    rows = await connection.fetch(
        """
        WITH ending AS (
            SELECT DISTINCT ON (day) day, seq, hash FROM audit ORDER BY day, seq DESC)
        SELECT CASE WHEN head.seq IS NULL THEN 'headless'
                    WHEN head.seq > coalesce(ending.seq, 0) THEN 'cut'
                    WHEN head.seq < ending.seq THEN 'beyond'
                    ELSE 'beheaded' END,
               day,
               CASE WHEN head.seq > coalesce(ending.seq, 0) THEN coalesce(ending.seq, 0) + 1
                    WHEN head.seq < ending.seq THEN head.seq + 1
                    ELSE ending.seq END,
               coalesce(head.seq, ending.seq)
          FROM audit_head AS head
          FULL JOIN ending USING (day)
         WHERE head.seq IS DISTINCT FROM coalesce(ending.seq, 0) OR head.hash <> ending.hash
         ORDER BY day
        """
    )
    return [TrailOdd(*row) for row in rows]


async def count_trail(connection: Connection) -> int:
    """Return how many audit rows there are."""
    counted: int = await connection.fetchval("SELECT count(*) FROM audit")
    return counted


def _check(row: Record, at: _At) -> TrailOdd | None:
    day, seq = row["day"], row["seq"]
    if seq != at.seq + 1:
        return TrailOdd("missing", day, at.seq + 1, seq - 1)
    if row["previous"] != at.hash:
        return TrailOdd("unlinked", day, seq, seq)
    if link(row["previous"], row_values(row)) != row["hash"]:
        return TrailOdd("altered", day, seq, seq)
    return None

"""Days and months that were closed: read, and added to the end of their chain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import date

from tambah.domain.finance.closing import Close, Line, Measure, Period, PeriodKind
from tambah.store.database import Connection, Database, Record

_LOCK = 7_262_471_004  # any number that nobody else takes an advisory lock on


@asynccontextmanager
async def one_at_a_time(connection: Connection) -> AsyncGenerator[None]:
    """Hold what only one close can hold, over more than one transaction."""
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def last_closes(connection: Connection) -> list[Close]:
    """Return the last day and the last month that were closed, with their figures."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (kind) seq, kind, first, since, closed_at, who, why, previous, hash
          FROM book_close
         ORDER BY kind, first DESC
        """
    )
    return await _with_lines(connection, rows)


async def find_close(connection: Connection, period: Period) -> Close | None:
    """Return a period's close, None when it is not closed."""
    rows = await connection.fetch(
        """
        SELECT seq, kind, first, since, closed_at, who, why, previous, hash
          FROM book_close
         WHERE kind = $1 AND first = $2
        """,
        period.kind,
        period.first,
    )
    found = await _with_lines(connection, rows)
    return found[0] if found else None


async def days_between(connection: Connection, first: date, last: date) -> list[Close]:
    """Return the closes of days, in order."""
    rows = await connection.fetch(
        """
        SELECT seq, kind, first, since, closed_at, who, why, previous, hash
          FROM book_close
         WHERE kind = 1 AND first BETWEEN $1 AND $2
         ORDER BY first
        """,
        first,
        last,
    )
    return await _with_lines(connection, rows)


async def read_closes(database: Database, *, limit: int) -> list[Close]:
    """Return the last closes, newest first."""
    async with database.read() as connection:
        rows = await connection.fetch(
            """
            SELECT seq, kind, first, since, closed_at, who, why, previous, hash
              FROM book_close
             ORDER BY seq DESC
             LIMIT $1
            """,
            limit,
        )
        return await _with_lines(connection, rows)


async def chain_after(connection: Connection, seq: int, *, limit: int) -> list[Close]:
    """Return the closes after a place in the chain, in order."""
    rows = await connection.fetch(
        """
        SELECT seq, kind, first, since, closed_at, who, why, previous, hash
          FROM book_close
         WHERE seq > $1
         ORDER BY seq
         LIMIT $2
        """,
        seq,
        limit,
    )
    return await _with_lines(connection, rows)


async def end_of_chain(connection: Connection) -> tuple[int, bytes]:
    """Return place and hash of the last close of all; 0 and nothing before the first."""
    row = await connection.fetchrow("SELECT seq, hash FROM book_close ORDER BY seq DESC LIMIT 1")
    return (row[0], row[1]) if row is not None else (0, b"")


async def insert_close(connection: Connection, close: Close) -> None:
    """Add a close to the end of the chain."""
    await connection.execute(
        """
        INSERT INTO book_close (seq, kind, first, since, closed_at, who, why, previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        close.seq,
        close.period.kind,
        close.period.first,
        close.since,
        close.closed_at,
        close.who,
        close.why,
        close.previous,
        close.hash,
    )
    await connection.execute(
        """
        INSERT INTO book_close_line (seq, measure, item, value)
        SELECT $1, measure, item, value
          FROM unnest($2::smallint[], $3::integer[], $4::bigint[]) AS line (measure, item, value)
        """,
        close.seq,
        [line.measure for line in close.lines],
        [line.item for line in close.lines],
        [line.value for line in close.lines],
    )


async def _with_lines(connection: Connection, rows: Sequence[Record]) -> list[Close]:
    lines: dict[int, list[Line]] = {row["seq"]: [] for row in rows}
    found = await connection.fetch(
        """
        SELECT seq, measure, item, value
          FROM book_close_line
         WHERE seq = ANY($1::integer[])
         ORDER BY seq, measure, item
        """,
        list(lines),
    )
    for seq, measure, item, value in found:
        lines[seq].append(Line(measure=Measure(measure), item=item, value=value))
    return [
        Close(
            seq=row["seq"],
            period=Period(kind=PeriodKind(row["kind"]), first=row["first"]),
            since=row["since"],
            closed_at=row["closed_at"],
            who=row["who"],
            why=row["why"],
            lines=tuple(lines[row["seq"]]),
            previous=row["previous"],
            hash=row["hash"],
        )
        for row in rows
    ]

"""Wrong codes: added one by one, counted from the rows, never from a hot counter."""

from collections.abc import Collection, Sequence
from datetime import datetime

from tambah.store.database import Connection


async def count_by_source(
    connection: Connection, sources: Collection[bytes], since: datetime
) -> dict[bytes, int]:
    """Return how many wrong codes came from each source since an instant."""
    rows = await connection.fetch(
        """
        SELECT source, count(*)
          FROM attempt
         WHERE source = ANY($1::bytea[]) AND at > $2
         GROUP BY source
        """,
        list(sources),
        since,
    )
    return {row[0]: row[1] for row in rows}


async def count_guests(connection: Connection, since: datetime, at_most: int) -> int:
    """Return how many wrong codes guests tried since an instant, counted up to `at_most`."""
    return await connection.fetchval(
        """
        SELECT count(*)
          FROM (SELECT 1 FROM attempt WHERE at > $1 AND audience = 2 LIMIT $2) AS recent
        """,
        since,
        at_most,
    )


async def insert_attempts(
    connection: Connection, attempts: Sequence[tuple[datetime, bytes, int, int]]
) -> None:
    """Add wrong codes: (instant, source, audience, line)."""
    await connection.execute(
        """
        INSERT INTO attempt (at, source, audience, line_id)
        SELECT * FROM unnest($1::timestamptz[], $2::bytea[], $3::smallint[], $4::bigint[])
        """,
        [at for at, _, _, _ in attempts],
        [source for _, source, _, _ in attempts],
        [audience for _, _, audience, _ in attempts],
        [line_id for _, _, _, line_id in attempts],
    )

"""Numbers that somebody had checked: rows only added, counted across processes."""

from datetime import datetime

from tambah.store.database import Database


async def add_look_up(
    database: Database, source: bytes, *, at: datetime, since: datetime, most: int
) -> bool:
    """Add a look-up of a source that had fewer than `most` since an instant; say whether it may.

    Two statements: the second sees what others committed while the first ran, so that those who
    come at once never pass the budget together. A source over its budget adds no more rows.
    """
    added = await database.fetch_value(
        """
        INSERT INTO look_up (at, source)
        SELECT $1, $2
         WHERE (SELECT count(*) FROM look_up WHERE source = $2 AND at > $3) < $4
        RETURNING true
        """,
        at,
        source,
        since,
        most,
    )
    if not added:
        return False
    count = await database.fetch_value(
        "SELECT count(*) FROM look_up WHERE source = $1 AND at > $2", source, since
    )
    return count <= most


async def count_of_source(database: Database, source: bytes, since: datetime) -> int:
    """Return how many numbers a source had checked since an instant."""
    return await database.fetch_value(
        "SELECT count(*) FROM look_up WHERE source = $1 AND at > $2", source, since
    )


async def count_look_ups(database: Database, since: datetime, at_most: int) -> int:
    """Return how many numbers everybody together had checked since an instant, up to `at_most`."""
    return await database.fetch_value(
        "SELECT count(*) FROM (SELECT 1 FROM look_up WHERE at > $1 LIMIT $2) AS recent",
        since,
        at_most,
    )


async def prune_look_ups(database: Database, before: datetime) -> int:
    """Forget look-ups made before an instant; return how many."""
    done = await database.execute("DELETE FROM look_up WHERE at < $1", before)
    return int(done.rsplit(" ", 1)[1])

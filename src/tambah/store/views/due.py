"""Lines that the clock has overtaken."""

from datetime import datetime
from typing import NamedTuple

from tambah.store.database import Database


class DueLine(NamedTuple):
    """A line that is due, in the order of the sweep."""

    due_at: datetime
    line_id: int
    msisdn: int


async def due_lines(
    database: Database, now: datetime, *, after: tuple[datetime, int] | None = None, limit: int
) -> list[DueLine]:
    """Return lines whose `due_at` has come, the longest due first.

    after: due_at and id of the last line of the page before. A line that is due still has its
    number: one whose number went on has ended, and nothing of it is ever due.
    """
    rows = await database.fetch(
        """
        SELECT due_at, line_id, msisdn
          FROM line
         WHERE due_at <= $1
           AND ($2::timestamptz IS NULL OR (due_at, line_id) > ($2, $3::bigint))
         ORDER BY due_at, line_id
         LIMIT $4
        """,
        now,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [DueLine(*row) for row in rows]

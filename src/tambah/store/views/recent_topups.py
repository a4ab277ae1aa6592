"""The latest top-ups, with all that their lines were ever topped up."""

from collections.abc import Collection
from datetime import datetime

from tambah.domain.replaying import LineHistory, PastTopUp
from tambah.store.database import Connection, Database
from tambah.store.ledger.topups import read_topups


async def recent_topups(database: Database, last: int) -> list[LineHistory]:
    """Return the lines with the latest top-ups that were not reversed, of one snapshot.

    Each line comes with every top-up that it had, the latest marked as asked about; those that
    came from another line (source 4) get no promotion and are not asked about. It looks
    through all top-ups: no index is kept for it, for each would slow every top-up down.
    """
    async with (
        database.read() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await connection.fetch(
            """
            SELECT line_id, topup_no
              FROM topup
             WHERE reversed_at IS NULL AND source <> 4
             ORDER BY at DESC, line_id, topup_no
             LIMIT $1::integer
            """,
            last,
        )
        asked = {(row["line_id"], row["topup_no"]) for row in rows}
        return await _histories(connection, {line_id for line_id, _ in asked}, asked)


async def _histories(
    connection: Connection, line_ids: Collection[int], asked: Collection[tuple[int, int]]
) -> list[LineHistory]:
    topups = await read_topups(connection, line_ids)
    opened = await _read_openings(connection, line_ids)
    lines = await connection.fetch(
        """
        SELECT line_id, plan, activated_at
          FROM line
         WHERE line_id = ANY($1::bigint[])
         ORDER BY line_id
        """,
        list(line_ids),
    )
    return [
        LineHistory(
            plan=line["plan"],
            activated_at=line["activated_at"],
            past=tuple(
                PastTopUp(
                    topup=topup,
                    promised_at=opened.get((topup.line_id, topup.payment_no)),
                    is_asked=(topup.line_id, topup.topup_no) in asked,
                )
                for topup in topups[line["line_id"]]
            ),
        )
        for line in lines
    ]


async def _read_openings(
    connection: Connection, line_ids: Collection[int]
) -> dict[tuple[int, int | None], datetime]:
    """Return when the lines' payments were opened, of those that came to a top-up."""
    rows = await connection.fetch(
        """
        SELECT line_id, payment_no, created_at
          FROM payment
         WHERE line_id = ANY($1::bigint[]) AND topup_no IS NOT NULL
        """,
        list(line_ids),
    )
    return {(row["line_id"], row["payment_no"]): row["created_at"] for row in rows}

"""The latest top-ups, as promotions would have seen them."""

from tambah.domain.previewing import PastTopUp, past_of
from tambah.store.database import Database
from tambah.store.ledger.topups import read_gifts, topup_from_row


async def recent_topups(database: Database, last: int) -> list[PastTopUp]:
    """Return the latest top-ups that were not reversed, of one snapshot, the newest first.

    It looks through all top-ups: no index is kept for it, for each would slow every top-up down.
    """
    async with (
        database.read() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await connection.fetch(
            """
            SELECT latest.*, line.plan, line.activated_at, payment.created_at
              FROM (SELECT * FROM topup
                     WHERE reversed_at IS NULL
                     ORDER BY at DESC, line_id, topup_no
                     LIMIT $1::integer) AS latest
              JOIN line USING (line_id)
              LEFT JOIN payment ON payment.line_id = latest.line_id
                               AND payment.payment_no = latest.payment_no
             ORDER BY latest.at DESC, latest.line_id, latest.topup_no
            """,
            last,
        )
        gifts = await read_gifts(connection, {row["line_id"] for row in rows})
    return [
        past_of(
            topup_from_row(row, gifts),
            plan=row["plan"],
            activated_at=row["activated_at"],
            promised_at=row["created_at"],
        )
        for row in rows
    ]

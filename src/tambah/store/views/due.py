"""Lines that the clock has overtaken."""

from datetime import datetime, timedelta

from tambah.store.database import Database


async def due_lines(
    database: Database,
    now: datetime,
    *,
    expired_for: timedelta,
    quarantined_for: timedelta,
    limit: int = 5000,
) -> list[int]:
    """Return numbers of lines with a stage or a bonus that ended and was not written yet.

    expired_for, quarantined_for: how long those stages last.
    """
    rows = await database.fetch(
        """
        SELECT line.msisdn
          FROM line JOIN number ON number.msisdn = line.msisdn AND number.line_id = line.line_id
         WHERE (line.state = 2 AND line.active_until <= $1)
            OR (line.state = 3 AND line.grace_until <= $1)
            OR (line.state = 4 AND line.grace_until + $2::interval <= $1)
            OR (line.state = 5 AND line.grace_until + $2::interval + $3::interval <= $1)
            OR EXISTS (SELECT 1 FROM bucket
                        WHERE bucket.owner_id = line.line_id AND bucket.kind = 2
                          AND bucket.remaining_micros > 0 AND bucket.expires_at <= $1)
         LIMIT $4
        """,
        now,
        expired_for,
        quarantined_for,
        limit,
    )
    return [row[0] for row in rows]

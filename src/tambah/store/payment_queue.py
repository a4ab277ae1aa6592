"""What is to be asked of providers: payments and refunds that are due, claimed with a lease.

A claim puts the row off; whoever dies with it loses nothing. `due_at` and `tries` are the only
columns of a payment that are written outside the engine.
"""

from datetime import datetime, timedelta

from tambah.store.database import Database


async def claim_due_payments(
    database: Database, now: datetime, lease: timedelta, limit: int
) -> list[tuple[int, int]]:
    """Claim payments to be looked at; return (line, number)."""
    rows = await database.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT line_id, payment_no
              FROM payment
             WHERE due_at <= $1
             ORDER BY due_at
             LIMIT $3
               FOR UPDATE SKIP LOCKED
        )
        UPDATE payment
           SET due_at = $1 + $2::interval, tries = tries + 1
          FROM due
         WHERE payment.line_id = due.line_id AND payment.payment_no = due.payment_no
        RETURNING payment.line_id, payment.payment_no
        """,
        now,
        lease,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def claim_payment(
    database: Database, key: tuple[int, int], now: datetime, lease: timedelta
) -> bool:
    """Claim one payment, unless it was looked at before and is not due; say whether."""
    done = await database.execute(
        """
        UPDATE payment
           SET due_at = $3::timestamptz + $4::interval, tries = tries + 1
         WHERE line_id = $1 AND payment_no = $2 AND due_at IS NOT NULL
           AND (tries = 0 OR due_at <= $3::timestamptz)
        """,
        *key,
        now,
        lease,
    )
    return done == "UPDATE 1"


async def put_off_payment(
    database: Database, key: tuple[int, int], due_at: datetime | None
) -> None:
    """Say when to look at a payment again, if there still is something to look for.

    due_at: None for never.
    """
    await database.execute(
        """
        UPDATE payment SET due_at = $3
         WHERE line_id = $1 AND payment_no = $2 AND due_at IS NOT NULL
        """,
        *key,
        due_at,
    )


async def claim_due_refunds(
    database: Database, now: datetime, lease: timedelta, limit: int
) -> list[tuple[int, int, int, int]]:
    """Claim refunds to be sent; return (line, payment, refund, tries so far)."""
    rows = await database.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT line_id, payment_no, refund_no
              FROM refund
             WHERE due_at <= $1
             ORDER BY due_at
             LIMIT $3
               FOR UPDATE SKIP LOCKED
        )
        UPDATE refund
           SET due_at = $1 + $2::interval, tries = tries + 1
          FROM due
         WHERE refund.line_id = due.line_id AND refund.payment_no = due.payment_no
           AND refund.refund_no = due.refund_no
        RETURNING refund.line_id, refund.payment_no, refund.refund_no, tries
        """,
        now,
        lease,
        limit,
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def put_off_refund(database: Database, key: tuple[int, int, int], due_at: datetime) -> None:
    """Say when to send a refund again, if it still is to be sent."""
    await database.execute(
        """
        UPDATE refund SET due_at = $4
         WHERE line_id = $1 AND payment_no = $2 AND refund_no = $3 AND due_at IS NOT NULL
        """,
        *key,
        due_at,
    )

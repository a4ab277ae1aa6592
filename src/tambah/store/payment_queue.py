"""What is to be asked of providers: payments and refunds that are due, claimed with a lease.

A claim puts the row off; whoever dies with it loses nothing. `due_at` and `tries` are the only
columns of a payment that are written outside the engine.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tambah.store.database import Database


async def claim_due_payments(
    database: Database, now: datetime, lease: timedelta, limit: int
) -> list[tuple[int, int, int]]:
    """Claim payments to be looked at; return (line, number, tries so far)."""
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
        RETURNING payment.line_id, payment.payment_no, tries
        """,
        now,
        lease,
        limit,
    )
    return [(row[0], row[1], row[2]) for row in rows]


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


async def put_off_payment(database: Database, key: tuple[int, int], due_at: datetime) -> None:
    """Say when to look at a payment again, if there still is something to look for."""
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


async def note_event(
    database: Database,
    event: tuple[str, int, str, str | None],
    payment: tuple[int, int] | None,
    verdict: str,
    now: datetime,
) -> None:
    """Keep that a provider's signed event came, and what came of it.

    event: (its id, the provider, its type, the provider's name for the payment).
    """
    line_id, payment_no = payment or (None, None)
    await database.execute(
        """
        INSERT INTO payment_event (event_id, provider, event_type, first_at, last_at, times,
                                   line_id, payment_no, provider_ref, verdict)
        VALUES ($1, $2, $3, $4, $4, 1, $5, $6, $7, $8)
            ON CONFLICT (event_id, provider)
            DO UPDATE SET last_at = excluded.last_at, times = payment_event.times + 1,
                          verdict = CASE WHEN payment_event.line_id IS NULL
                                         THEN excluded.verdict ELSE payment_event.verdict END,
                          line_id = coalesce(payment_event.line_id, excluded.line_id),
                          payment_no = coalesce(payment_event.payment_no, excluded.payment_no)
        """,
        event[0],
        event[1],
        event[2],
        now,
        line_id,
        payment_no,
        event[3],
        verdict,
    )


async def recent_verdicts(database: Database, verdicts: Sequence[str]) -> list[tuple[str, int]]:
    """Return the events (id, provider) that ended so: what a person should look at."""
    rows = await database.fetch(
        """
        SELECT event_id, provider FROM payment_event WHERE verdict = ANY($1::text[])
         ORDER BY last_at DESC LIMIT 200
        """,
        list(verdicts),
    )
    return [(row[0], row[1]) for row in rows]

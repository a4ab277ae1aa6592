"""The sandbox provider's own records: a world beside the books, in demo databases only."""

from dataclasses import dataclass
from datetime import datetime

from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRow:
    """A payment as the sandbox has it. paid_at: when its money came or is to come."""

    provider_ref: str
    payment_id: str
    created_at: datetime
    total_micros: int
    return_url: str
    reference: str
    stage: str
    ending: str | None
    paid_at: datetime | None
    refunds_fail: bool


async def add_sandbox_payment(database: Database, row: SandboxRow) -> None:
    """Add a payment, unless it is there."""
    await database.execute(
        """
        INSERT INTO sandbox_payment (provider_ref, payment_id, created_at, total_micros,
                                     return_url, reference, stage, refunds_fail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, false)
            ON CONFLICT (provider_ref) DO NOTHING
        """,
        row.provider_ref,
        row.payment_id,
        row.created_at,
        row.total_micros,
        row.return_url,
        row.reference,
        row.stage,
    )


async def read_sandbox_payment(database: Database, provider_ref: str) -> SandboxRow | None:
    """Return a payment of the sandbox."""
    row = await database.fetch_row(
        "SELECT * FROM sandbox_payment WHERE provider_ref = $1", provider_ref
    )
    return None if row is None else SandboxRow(**dict(row.items()))


async def end_sandbox_payment(
    database: Database,
    provider_ref: str,
    *,
    stage: str,
    ending: str,
    paid_at: datetime | None,
    refunds_fail: bool,
) -> bool:
    """Write how the payer ended it; the first ending stands. Say whether this was it."""
    done = await database.execute(
        """
        UPDATE sandbox_payment
           SET stage = $2, ending = $3, paid_at = $4, refunds_fail = $5
         WHERE provider_ref = $1 AND ending IS NULL
        """,
        provider_ref,
        stage,
        ending,
        paid_at,
        refunds_fail,
    )
    return done == "UPDATE 1"


async def add_sandbox_refund(
    database: Database, refund_id: str, provider_ref: str, amount_micros: int, now: datetime
) -> None:
    """Send money back, once."""
    await database.execute(
        """
        INSERT INTO sandbox_refund (refund_id, provider_ref, at, amount_micros, stage)
        VALUES ($1, $2, $3, $4, 'done') ON CONFLICT (refund_id) DO NOTHING
        """,
        refund_id,
        provider_ref,
        now,
        amount_micros,
    )


async def settled_sandbox(
    database: Database, first: datetime, last: datetime
) -> list[tuple[str, str, datetime, int, str | None]]:
    """Return (kind, payment, instant, amount, refund) of what moved between two instants."""
    rows = await database.fetch(
        """
        SELECT 'payment', provider_ref, paid_at AS at, total_micros, NULL
          FROM sandbox_payment
         WHERE stage = 'paid' AND paid_at >= $1 AND paid_at < $2
        UNION ALL
        SELECT 'refund', provider_ref, at, amount_micros, refund_id
          FROM sandbox_refund
         WHERE at >= $1 AND at < $2
         ORDER BY at
        """,
        first,
        last,
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

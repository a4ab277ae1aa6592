"""What the console looks up: records by any of their names, and what happened around a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.payment import Payment
from tambah.domain.voucher import format_serial
from tambah.store.database import Database
from tambah.store.ledger.payments import payment_from_row
from tambah.store.outbox import MessageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something done by hand, as the audit trail has it. before, after: JSON."""

    at: datetime
    who: str
    action: str
    why: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message to a line's subscriber; what it said is not kept. template: what it was about."""

    at: datetime
    template: str
    state: MessageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemer:
    """Who redeemed a card. is_current: whether the number is still that line's."""

    line_id: int
    msisdn: int
    topup_no: int | None
    is_current: bool


async def acts_on_line(database: Database, line_id: int, limit: int) -> list[Act]:
    """Return what was last done by hand to a line, the newest first."""
    return await acts_on(database, f"line:{line_id}", limit)


async def acts_on(database: Database, subject: str, limit: int) -> list[Act]:
    """Return what was last done by hand to a subject of the audit trail, the newest first."""
    rows = await database.fetch(
        """
        SELECT at, who, action, why, before, after
          FROM audit
         WHERE subject = $1
         ORDER BY at DESC, seq DESC
         LIMIT $2
        """,
        subject,
        limit,
    )
    return [Act(**dict(row.items())) for row in rows]


async def acts_on_batch(database: Database, batch_id: int, limit: int) -> list[Act]:
    """Return what was last done by hand to a batch or to some of its cards, the newest first."""
    rows = await database.fetch(
        """
        SELECT at, who, action, why, before, after
          FROM audit
         WHERE subject = $1 OR starts_with(subject, $2)
         ORDER BY at DESC, seq DESC
         LIMIT $3
        """,
        f"voucher_batch:{batch_id}",
        f"voucher:{format_serial(batch_id, 1).partition('-')[0]}-",
        limit,
    )
    return [Act(**dict(row.items())) for row in rows]


async def acts_on_payment(
    database: Database, line_id: int, reference: str, limit: int
) -> list[Act]:
    """Return what was last done by hand to a payment, the newest first.

    What moved money stands with its line; the payment's reference is in it.
    """
    rows = await database.fetch(
        """
        SELECT at, who, action, why, before, after
          FROM audit
         WHERE subject = $1 OR (subject = $2 AND strpos(after, $3) > 0)
         ORDER BY at DESC, seq DESC
         LIMIT $4
        """,
        f"payment:{reference}",
        f"line:{line_id}",
        reference,
        limit,
    )
    return [Act(**dict(row.items())) for row in rows]


async def messages_to_line(database: Database, line_id: int, limit: int) -> list[Sent]:
    """Return the last messages to a line, the newest first."""
    rows = await database.fetch(
        """
        SELECT at, template, state FROM outbox
         WHERE line_id = $1
         ORDER BY number DESC
         LIMIT $2
        """,
        line_id,
        limit,
    )
    return [
        Sent(at=row["at"], template=row["template"], state=MessageState(row["state"]))
        for row in rows
    ]


async def payments_of_line(database: Database, line_id: int, limit: int) -> list[Payment]:
    """Return a line's last payments, the newest first."""
    rows = await database.fetch(
        "SELECT * FROM payment WHERE line_id = $1 ORDER BY payment_no DESC LIMIT $2",
        line_id,
        limit,
    )
    return [payment_from_row(row) for row in rows]


async def adjusted_since(database: Database, line_id: int, since: datetime) -> int:
    """Return how much of a line's credit was put right by hand, up or down, in micro-ringgit."""
    return await database.fetch_value(
        """
        SELECT coalesce(sum(amount_micros), 0)::bigint FROM transfer
         WHERE owner_id = $1 AND kind = 7 AND at >= $2
        """,
        line_id,
        since,
    )


async def number_of_line(database: Database, line_id: int) -> int | None:
    """Return the number that a line has, None where the number is another line's by now."""
    return await database.fetch_value(
        """
        SELECT number.msisdn FROM line JOIN number USING (msisdn)
         WHERE line.line_id = $1 AND number.line_id = line.line_id
        """,
        line_id,
    )


async def line_of_receipt(database: Database, receipt: str) -> int | None:
    """Return whose top-up a receipt is; receipts are short, of two alike it is the latest."""
    return await database.fetch_value(
        "SELECT line_id FROM topup WHERE receipt = $1 ORDER BY at DESC LIMIT 1", receipt
    )


async def payment_of_ref(database: Database, ref: str) -> tuple[int, int] | None:
    """Return (line, payment) of a reference of ours, or of any provider's name for it."""
    row = await database.fetch_row(
        "SELECT line_id, payment_no FROM payment_ref WHERE ref = $1 ORDER BY provider LIMIT 1", ref
    )
    return (row[0], row[1]) if row else None


async def redeemer_of(database: Database, batch_id: int, number: int) -> Redeemer | None:
    """Return who redeemed a card, None for nobody."""
    row = await database.fetch_row(
        """
        SELECT line.line_id, line.msisdn, voucher.redeemed_topup_no AS topup_no,
               coalesce(number.line_id = line.line_id, false) AS is_current
          FROM voucher_serial
          JOIN voucher USING (digest)
          JOIN line ON line.line_id = voucher.redeemed_line_id
          LEFT JOIN number ON number.msisdn = line.msisdn
         WHERE voucher_serial.batch_id = $1 AND voucher_serial.number = $2
        """,
        batch_id,
        number,
    )
    return Redeemer(**dict(row.items())) if row else None


async def sign_in_lock(database: Database, line_id: int) -> datetime | None:
    """Return until when wrong one-time passwords keep a line's subscriber waiting, if they do."""
    return await database.fetch_value(
        "SELECT locked_until FROM sign_in WHERE line_id = $1", line_id
    )

"""What a refund would meet: read like the engine reads it, but nothing is locked."""

from tambah.domain.state import Known, LineAccount
from tambah.store.database import Database
from tambah.store.ledger.buckets import read_buckets
from tambah.store.ledger.lines import line_from_row
from tambah.store.ledger.payments import read_payments
from tambah.store.ledger.topups import read_topups


async def read_refundable(database: Database, line_id: int, payment_no: int) -> Known:
    """Return a payment with its refunds, its line, and all the line's top-ups, of one instant."""
    async with (
        database.read() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        row = await connection.fetchrow(
            """
            SELECT line_id, msisdn, language, plan, state, last_at, barred, suspended,
                   activated_at, active_until, grace_until, transfer_seq, bucket_seq, topup_seq,
                   message_seq, payment_seq, own_wrong, own_locked_until, guest_wrong,
                   guest_locked_until, due_at, reactivation_until, hold_until, reminds,
                   low_credit_micros, own_bar
              FROM line
             WHERE line_id = $1
            """,
            line_id,
        )
        if row is None:
            return Known()
        buckets = await read_buckets(connection, [line_id])
        payments = await read_payments(connection, [(line_id, payment_no)])
        topups = await read_topups(connection, [line_id])
    return Known(
        line=LineAccount(line=line_from_row(row), buckets=tuple(buckets.get(line_id, ()))),
        payment=payments.get((line_id, payment_no)),
        topups=tuple(topups.get(line_id, ())),
    )

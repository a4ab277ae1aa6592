"""What a refund or a reversal would meet: read like the engine reads it, but nothing is locked."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tambah.domain.records import replace
from tambah.domain.state import Known, LineAccount, PartnerAccount
from tambah.store.database import Connection, Database
from tambah.store.ledger.buckets import read_buckets
from tambah.store.ledger.lines import line_from_row
from tambah.store.ledger.payments import read_payments
from tambah.store.ledger.topups import read_topups


async def read_refundable(database: Database, line_id: int, payment_no: int) -> Known:
    """Return a payment with its refunds, its line, and all the line's top-ups, of one instant."""
    async with _of_one_instant(database) as connection:
        known = await _read_line(connection, line_id)
        payments = await read_payments(connection, [(line_id, payment_no)])
    if known.line is None:
        return known
    return replace(known, payment=payments.get((line_id, payment_no)))


async def read_reversible(database: Database, line_id: int, topup_no: int) -> Known:
    """Return a line with its top-ups, and the partner of one of them, of one instant."""
    async with _of_one_instant(database) as connection:
        known = await _read_line(connection, line_id)
        topup = next((one for one in known.topups if one.topup_no == topup_no), None)
        if topup is None or topup.partner_id is None:
            return known
        partner = await _read_partner(connection, topup.partner_id)
    return replace(known, partner=partner)


@asynccontextmanager
async def _of_one_instant(database: Database) -> AsyncGenerator[Connection]:
    async with (
        database.read() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _read_line(connection: Connection, line_id: int) -> Known:
    row = await connection.fetchrow(
        """
        SELECT line_id, msisdn, language, plan, state, last_at, barred, suspended,
               activated_at, active_until, grace_until, transfer_seq, bucket_seq, topup_seq,
               message_seq, payment_seq, own_wrong, own_locked_until, guest_wrong,
               guest_locked_until, due_at, reactivation_until, hold_until, reminds,
               low_credit_micros, own_bar, package_due_at
          FROM line
         WHERE line_id = $1
        """,
        line_id,
    )
    if row is None:
        return Known()
    buckets = await read_buckets(connection, [line_id])
    topups = await read_topups(connection, [line_id])
    return Known(
        line=LineAccount(line=line_from_row(row), buckets=tuple(buckets.get(line_id, ()))),
        topups=tuple(topups.get(line_id, ())),
    )


async def _read_partner(connection: Connection, partner_id: int) -> PartnerAccount | None:
    row = await connection.fetchrow(
        """
        SELECT partner_id, name, suspended, credit_limit_micros, least_micros, most_micros,
               daily_cap_micros, sold_on, sold_micros, transfer_seq
          FROM partner
         WHERE partner_id = $1
        """,
        partner_id,
    )
    if row is None:
        return None
    held = await read_buckets(connection, [partner_id])
    return PartnerAccount(**dict(row.items()), float_bucket=held[partner_id][0])

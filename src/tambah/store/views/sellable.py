"""What a dealer's sale would meet: read like the engine reads it, but nothing is locked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tambah.domain.records import replace
from tambah.domain.state import Known, PartnerAccount
from tambah.domain.voucher import Batch, BatchState, Voucher, VoucherState
from tambah.store.database import Connection, Database
from tambah.store.ledger.buckets import read_buckets
from tambah.store.ledger.card_stock import find_stock
from tambah.store.ledger.dealer_sales import find_by_card
from tambah.store.ledger.dealers import read_dealers
from tambah.store.views.lines import read_line


async def read_sellable(database: Database, partner_id: int, batch_id: int, number: int) -> Known:
    """Return a card by its serial number, whose it is, and the dealer with those above it."""
    card = (batch_id, number)
    async with _of_one_instant(database) as connection:
        known = await _read_seller(connection, partner_id)
        voucher = await _read_voucher(connection, batch_id, number)
        stock = await find_stock(connection, [card])
        sold = await find_by_card(connection, [card])
    return replace(known, voucher=voucher, stock=stock.get(card), card_sale=sold.get(card))


async def read_reloadable(database: Database, partner_id: int, msisdn: int) -> Known:
    """Return the line that has a number, and the dealer with those above it."""
    account = await read_line(database, msisdn)
    async with _of_one_instant(database) as connection:
        known = await _read_seller(connection, partner_id)
    return replace(known, line=account)


@asynccontextmanager
async def _of_one_instant(database: Database) -> AsyncGenerator[Connection]:
    async with (
        database.read() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _read_seller(connection: Connection, partner_id: int) -> Known:
    dealer = (await read_dealers(connection, [partner_id])).get(partner_id)
    ids = [partner_id] if dealer is None else list(dealer.charged)
    rows = await connection.fetch(
        """
        SELECT partner_id, name, suspended, credit_limit_micros, least_micros, most_micros,
               daily_cap_micros, sold_on, sold_micros, transfer_seq
          FROM partner
         WHERE partner_id = ANY($1::bigint[])
        """,
        ids,
    )
    held = await read_buckets(connection, ids)
    levels = {
        row[0]: PartnerAccount(**dict(row.items()), float_bucket=held[row[0]][0]) for row in rows
    }
    return Known(partner=levels.get(partner_id), levels=levels, dealer=dealer)


async def _read_voucher(connection: Connection, batch_id: int, number: int) -> Voucher | None:
    row = await connection.fetchrow(
        """
        SELECT voucher.digest, voucher.number, voucher.state AS card_state, activated,
               redeemed_line_id, redeemed_at, batch.batch_id, batch.state, key_id, price_micros,
               tax_micros, credit_micros, bonus_micros, valid_days, bonus_days, redeem_before
          FROM voucher_serial AS serial
          JOIN voucher ON voucher.digest = serial.digest
          JOIN voucher_batch AS batch ON batch.batch_id = serial.batch_id
         WHERE serial.batch_id = $1 AND serial.number = $2
        """,
        batch_id,
        number,
    )
    if row is None:
        return None
    batch = Batch(
        batch_id=row["batch_id"],
        state=BatchState(row["state"]),
        key_id=row["key_id"],
        price_micros=row["price_micros"],
        tax_micros=row["tax_micros"],
        credit_micros=row["credit_micros"],
        bonus_micros=row["bonus_micros"],
        valid_days=row["valid_days"],
        bonus_days=row["bonus_days"],
        redeem_before=row["redeem_before"],
    )
    return Voucher(
        digest=row["digest"],
        batch=batch,
        number=row["number"],
        state=VoucherState(row["card_state"]),
        was_activated=row["activated"],
        redeemed_line_id=row["redeemed_line_id"],
        redeemed_at=row["redeemed_at"],
    )

"""Vouchers as redemption locks and marks them."""

from collections.abc import Collection, Sequence
from typing import Any

from tambah.domain.voucher import Batch, BatchState, Voucher, VoucherState
from tambah.store.database import Connection


async def lock_vouchers(
    connection: Connection, digests: Collection[bytes]
) -> dict[bytes, Voucher]:
    """Hold the cards' rows, in key order, until the transaction ends, and return them.

    The batches are read afterwards, unlocked: a redemption that meets a batch being locked
    happened just before.
    """
    rows = await connection.fetch(
        """
        SELECT digest, batch_id, number, state, activated, redeemed_line_id, redeemed_at
          FROM voucher
         WHERE digest = ANY($1::bytea[])
         ORDER BY digest
           FOR NO KEY UPDATE
        """,
        list(digests),
    )
    batches = await _read_batches(connection, {row[1] for row in rows}) if rows else {}
    return {
        row[0]: Voucher(
            digest=row[0],
            batch=batches[row[1]],
            number=row[2],
            state=VoucherState(row[3]),
            was_activated=row[4],
            redeemed_line_id=row[5],
            redeemed_at=row[6],
        )
        for row in rows
    }


async def _read_batches(connection: Connection, batch_ids: Collection[int]) -> dict[int, Batch]:
    rows = await connection.fetch(
        """
        SELECT batch_id, state, key_id, price_micros, tax_micros, credit_micros, bonus_micros,
               valid_days, bonus_days, redeem_before
          FROM voucher_batch
         WHERE batch_id = ANY($1::integer[])
        """,
        list(batch_ids),
    )
    return {
        row[0]: Batch(
            batch_id=row[0],
            state=BatchState(row[1]),
            key_id=row[2],
            price_micros=row[3],
            tax_micros=row[4],
            credit_micros=row[5],
            bonus_micros=row[6],
            valid_days=row[7],
            bonus_days=row[8],
            redeem_before=row[9],
        )
        for row in rows
    }


def card_redeemed(card: Voucher, topup_no: int) -> tuple[Any, ...]:
    """Return what a top-up makes of its card (`batch_rows`)."""
    return card.digest, card.redeemed_line_id, card.redeemed_at, topup_no


async def mark_sold(connection: Connection, vouchers: Sequence[Voucher]) -> int:
    """Mark cards as active for their sale, or as generated again when it was undone.

    Only where they are one of the two; return how many were.
    """
    done = await connection.execute(
        """
        UPDATE voucher
           SET state = new.state, activated = true
          FROM unnest($1::bytea[], $2::smallint[]) AS new (digest, state)
         WHERE voucher.digest = new.digest AND voucher.state IN (1, 2)
        """,
        [v.digest for v in vouchers],
        [int(v.state) for v in vouchers],
    )
    return int(done.rsplit(" ", 1)[1])

"""A card given for another: both held, and what links them."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.voucher import VoucherState
from tambah.store.database import Connection

Serial = tuple[int, int]
"""Batch and number in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCard:
    """A card that is held. redeemed_at: None unless it was redeemed."""

    digest: bytes
    state: VoucherState
    redeemed_at: datetime | None


async def lock_cards(connection: Connection, one: Serial, other: Serial) -> dict[Serial, HeldCard]:
    """Hold two cards until the transaction ends; those that exist are returned.

    In the order of the digests, as everybody takes cards.
    """
    rows = await connection.fetch(
        """
        SELECT voucher.digest
          FROM voucher_serial
          JOIN voucher USING (digest)
         WHERE (voucher_serial.batch_id = $1 AND voucher_serial.number = $2)
            OR (voucher_serial.batch_id = $3 AND voucher_serial.number = $4)
         ORDER BY voucher.digest
           FOR NO KEY UPDATE OF voucher
        """,
        *one,
        *other,
    )
    # A second statement sees what those who held the rows before have committed.
    held = await connection.fetch(
        """
        SELECT digest, batch_id, number, state, redeemed_at
          FROM voucher
         WHERE digest = ANY($1::bytea[])
        """,
        [row["digest"] for row in rows],
    )
    return {
        (row["batch_id"], row["number"]): HeldCard(
            digest=row["digest"],
            state=VoucherState(row["state"]),
            redeemed_at=row["redeemed_at"],
        )
        for row in held
    }


async def insert_replacement(
    connection: Connection, lost: Serial, given: Serial, now: datetime
) -> None:
    """Link a card to the one that was given for it."""
    await connection.execute(
        """
        INSERT INTO voucher_replacement (batch_id, number, with_batch_id, with_number, at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        *lost,
        *given,
        now,
    )

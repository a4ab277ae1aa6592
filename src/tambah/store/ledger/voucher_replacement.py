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

    In the order of the digests, as everybody takes cards, and each by itself: they may be in
    different shards.
    """
    digests: dict[bytes, Serial] = {}
    for serial in (one, other):
        digest = await connection.fetchval(
            "SELECT digest FROM voucher_serial WHERE batch_id = $1 AND number = $2", *serial
        )
        if digest is not None:
            digests[digest] = serial
    return {digests[digest]: await _lock_card(connection, digest) for digest in sorted(digests)}


async def _lock_card(connection: Connection, digest: bytes) -> HeldCard:
    await connection.execute("SELECT FROM voucher WHERE digest = $1 FOR NO KEY UPDATE", digest)
    # A second statement sees what whoever held the row before has committed.
    row = await connection.fetchrow(
        "SELECT state, redeemed_at FROM voucher WHERE digest = $1", digest
    )
    if row is None:
        raise AssertionError("a serial number has its card")
    return HeldCard(
        digest=digest, state=VoucherState(row["state"]), redeemed_at=row["redeemed_at"]
    )


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

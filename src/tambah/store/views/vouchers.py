"""A card looked up by the serial number printed on it."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.voucher import BatchState, VoucherState, format_serial
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherView:
    """A card as the store has it; its code is not among what is known. price: micro-ringgit.

    redeem_before: first instant at which it no longer redeems, None for never. The redeeming
    line's number stands here in full: doors mask it, or check who asks.
    """

    batch_id: int
    number: int
    state: VoucherState
    batch_state: BatchState
    price_micros: int
    redeem_before: datetime | None
    redeemed_at: datetime | None
    redeemed_msisdn: int | None

    @property
    def serial(self) -> str:
        """Return the serial number as printed."""
        return format_serial(self.batch_id, self.number)

    def state_name(self, now: datetime) -> str:
        """Return the state's name at `now`: `expired` once an unused card's time is over."""
        spent = self.state in (VoucherState.REDEEMED, VoucherState.VOID)
        if not spent and self.redeem_before is not None and now >= self.redeem_before:
            return "expired"
        return self.state.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCard:
    """The digest of a card's code, and under which key it was made."""

    digest: bytes
    key_id: int


async def read_printed(database: Database, batch_id: int, number: int) -> PrintedCard | None:
    """Return what is known of a card's code by its serial number, None when there is none."""
    row = await database.fetch_row(
        """
        SELECT digest, key_id
          FROM voucher_serial
          JOIN voucher_batch USING (batch_id)
         WHERE batch_id = $1 AND number = $2
        """,
        batch_id,
        number,
    )
    return None if row is None else PrintedCard(digest=row[0], key_id=row[1])


async def read_voucher(database: Database, batch_id: int, number: int) -> VoucherView | None:
    """Return the card with that serial number, None when there is none.

    Three look-ups by key instead of one join: serial, card and line lie on three shards.
    """
    printed = await database.fetch_row(
        """
        SELECT digest, state, price_micros, redeem_before
          FROM voucher_serial
          JOIN voucher_batch USING (batch_id)
         WHERE batch_id = $1 AND number = $2
        """,
        batch_id,
        number,
    )
    if printed is None:
        return None
    card = await database.fetch_row(
        "SELECT state, redeemed_line_id, redeemed_at FROM voucher WHERE digest = $1", printed[0]
    )
    if card is None:
        return None
    msisdn: int | None = None
    if card[1] is not None:
        msisdn = await database.fetch_value("SELECT msisdn FROM line WHERE line_id = $1", card[1])
    return VoucherView(
        batch_id=batch_id,
        number=number,
        state=VoucherState(card[0]),
        batch_state=BatchState(printed[1]),
        price_micros=printed[2],
        redeem_before=printed[3],
        redeemed_at=card[2],
        redeemed_msisdn=msisdn,
    )


async def card_of_code(database: Database, digests: list[bytes]) -> tuple[int, int] | None:
    """Return batch and number of the card whose code has one of these digests."""
    row = await database.fetch_row(
        "SELECT batch_id, number FROM voucher WHERE digest = ANY($1::bytea[])", digests
    )
    return (row[0], row[1]) if row else None

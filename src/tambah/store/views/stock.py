"""Vouchers as stock, for staff: batches, counts, a card by its serial number, what is at stake."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tambah.domain.numbering import NumberPlan, mask_msisdn
from tambah.domain.voucher import BatchState, VoucherState, format_serial
from tambah.store.database import Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A batch as staff see it. The four numbers are micro-ringgit.

    stored: cards in the database, fewer than `quantity` in a draft. redeem_before: first instant
    at which its cards no longer redeem. print_digest: SHA-256 of the encrypted print file, None
    when there never was one; print_is_here: it can still be exported. sheets:
    likewise of the PDFs.
    """

    batch_id: int
    state: BatchState
    key_id: int
    quantity: int
    stored: int
    lettered: bool
    born_active: bool
    price_micros: int
    tax_micros: int
    credit_micros: int
    bonus_micros: int
    valid_days: int
    bonus_days: int
    redeem_before: datetime | None
    created_at: datetime
    released_at: datetime | None
    exported_at: datetime | None
    print_digest: bytes | None
    print_size: int | None
    print_is_here: bool
    sheets_exported_at: datetime | None
    sheets_digest: bytes | None
    sheets_size: int | None
    sheets_are_here: bool

    @property
    def first_serial(self) -> str:
        """Return the first serial number."""
        return format_serial(self.batch_id, 1)

    @property
    def last_serial(self) -> str:
        """Return the last serial number."""
        return format_serial(self.batch_id, self.quantity)


class NotUsable(StrEnum):
    """Why a card does not redeem; for staff, never for the person who typed its code."""

    REDEEMED = "redeemed"
    VOID = "void"
    LOCKED = "locked"
    NOT_ACTIVATED = "not_activated"
    BATCH_DRAFT = "batch_draft"
    BATCH_NOT_RELEASED = "batch_not_released"
    BATCH_CLOSED = "batch_closed"
    BATCH_LOCKED = "batch_locked"
    BATCH_VOID = "batch_void"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card as staff see it, by its serial number; its code is not among what is known.

    redeemed_by: the line's number, masked. not_usable: why it does not redeem now, None when it
    does. replaced_by, replaces: serial numbers, where a card was given for another.
    """

    batch_id: int
    number: int
    state: VoucherState
    activated: bool
    batch_state: BatchState
    price_micros: int
    redeem_before: datetime | None
    redeemed_at: datetime | None
    redeemed_by: str | None
    not_usable: NotUsable | None
    replaced_by: str | None
    replaces: str | None

    @property
    def serial(self) -> str:
        """Return the serial number as printed."""
        return format_serial(self.batch_id, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a guesser could hit, and through how many lines."""

    live_vouchers: int
    lines: int


async def list_batches(
    database: Database, *, limit: int = 100, below_batch_id: int | None = None
) -> list[BatchView]:
    """Return batches, newest first; `below_batch_id` is the last one of the page before."""
    rows = await database.fetch(
        """
        SELECT *, EXISTS (SELECT FROM voucher_print AS print
                           WHERE print.batch_id = batch.batch_id) AS print_is_here,
                  EXISTS (SELECT FROM voucher_sheets AS sheets
                           WHERE sheets.batch_id = batch.batch_id) AS sheets_are_here
          FROM voucher_batch AS batch
         WHERE $2::integer IS NULL OR batch_id < $2
         ORDER BY batch_id DESC
         LIMIT $1
        """,
        limit,
        below_batch_id,
    )
    return [batch_from_row(row) for row in rows]


async def read_batch(database: Database, batch_id: int) -> BatchView | None:
    """Return a batch, None when there is none of that number."""
    row = await database.fetch_row(
        """
        SELECT *, EXISTS (SELECT FROM voucher_print AS print
                           WHERE print.batch_id = batch.batch_id) AS print_is_here,
                  EXISTS (SELECT FROM voucher_sheets AS sheets
                           WHERE sheets.batch_id = batch.batch_id) AS sheets_are_here
          FROM voucher_batch AS batch
         WHERE batch_id = $1
        """,
        batch_id,
    )
    return None if row is None else batch_from_row(row)


async def count_batch(database: Database, batch_id: int) -> dict[VoucherState, int]:
    """Return how many cards of a batch are in each state, every state named. Reads all cards."""
    rows = await database.fetch(
        "SELECT state, count(*) FROM voucher WHERE batch_id = $1 GROUP BY state", batch_id
    )
    return _counts(rows)


async def count_range(
    database: Database, batch_id: int, first: int, last: int
) -> dict[VoucherState, int]:
    """Return how many cards of a range are in each state: what moving it would meet."""
    rows = await database.fetch(
        """
        SELECT voucher.state, count(*)
          FROM voucher_serial
          JOIN voucher USING (digest)
         WHERE voucher_serial.batch_id = $1 AND voucher_serial.number BETWEEN $2 AND $3
         GROUP BY voucher.state
        """,
        batch_id,
        first,
        last,
    )
    return _counts(rows)


async def read_card(
    database: Database, serial: tuple[int, int], plan: NumberPlan, now: datetime
) -> CardView | None:
    """Return the card of a serial number (batch, number), None when there is none."""
    batch_id, number = serial
    row = await database.fetch_row(
        """
        SELECT voucher.state, voucher.activated, voucher.redeemed_at, batch.state AS batch_state,
               batch.price_micros, batch.redeem_before, line.msisdn
          FROM voucher_serial
          JOIN voucher USING (digest)
          JOIN voucher_batch AS batch ON batch.batch_id = voucher_serial.batch_id
          LEFT JOIN line ON line.line_id = voucher.redeemed_line_id
         WHERE voucher_serial.batch_id = $1 AND voucher_serial.number = $2
        """,
        batch_id,
        number,
    )
    if row is None:
        return None
    replaced_by, replaces = await _read_links(database, serial)
    return CardView(
        batch_id=batch_id,
        number=number,
        state=VoucherState(row["state"]),
        activated=row["activated"],
        batch_state=BatchState(row["batch_state"]),
        price_micros=row["price_micros"],
        redeem_before=row["redeem_before"],
        redeemed_at=row["redeemed_at"],
        redeemed_by=None if row["msisdn"] is None else mask_msisdn(row["msisdn"], plan),
        not_usable=why_not_usable(
            VoucherState(row["state"]), BatchState(row["batch_state"]), row["redeem_before"], now
        ),
        replaced_by=replaced_by,
        replaces=replaces,
    )


async def read_exposure(database: Database, now: datetime) -> Exposure:
    """Count the cards that would redeem at `now`, and the lines. Reads all cards."""
    row = await database.fetch_row(
        """
        SELECT (SELECT count(*)
                  FROM voucher
                  JOIN voucher_batch AS batch USING (batch_id)
                 WHERE voucher.state = 2 AND batch.state = 3
                   AND (batch.redeem_before IS NULL OR batch.redeem_before > $1)) AS live,
               (SELECT count(*) FROM number) AS lines
        """,
        now,
    )
    if row is None:
        raise AssertionError("a query without FROM has one row")
    return Exposure(live_vouchers=row["live"], lines=row["lines"])


def why_not_usable(
    state: VoucherState, batch_state: BatchState, redeem_before: datetime | None, now: datetime
) -> NotUsable | None:
    """Return the first reason why a card does not redeem at `now`, None when it does.

    The card's own end comes first, for nothing done to its batch would change that.
    """
    reason = _OF_CARD.get(state) if state in _ENDS else None
    reason = reason or _OF_BATCH.get(batch_state)
    if reason is None and redeem_before is not None and now >= redeem_before:
        reason = NotUsable.EXPIRED
    return reason or _OF_CARD.get(state)


_ENDS = {VoucherState.REDEEMED, VoucherState.VOID}
_OF_CARD = {
    VoucherState.REDEEMED: NotUsable.REDEEMED,
    VoucherState.VOID: NotUsable.VOID,
    VoucherState.LOCKED: NotUsable.LOCKED,
    VoucherState.GENERATED: NotUsable.NOT_ACTIVATED,
}
_OF_BATCH = {
    BatchState.DRAFT: NotUsable.BATCH_DRAFT,
    BatchState.GENERATED: NotUsable.BATCH_NOT_RELEASED,
    BatchState.CLOSED: NotUsable.BATCH_CLOSED,
    BatchState.LOCKED: NotUsable.BATCH_LOCKED,
    BatchState.VOID: NotUsable.BATCH_VOID,
}


async def _read_links(
    database: Database, serial: tuple[int, int]
) -> tuple[str | None, str | None]:
    """Return which card was given for this one, and for which this one was given."""
    gone = await database.fetch_row(
        """
        SELECT with_batch_id, with_number FROM voucher_replacement
         WHERE batch_id = $1 AND number = $2
        """,
        *serial,
    )
    came = await database.fetch_row(
        """
        SELECT batch_id, number FROM voucher_replacement
         WHERE with_batch_id = $1 AND with_number = $2
        """,
        *serial,
    )
    return (
        format_serial(gone[0], gone[1]) if gone else None,
        format_serial(came[0], came[1]) if came else None,
    )


def _counts(rows: list[Record]) -> dict[VoucherState, int]:
    counted = {VoucherState(row[0]): row[1] for row in rows}
    return {state: counted.get(state, 0) for state in VoucherState}


def batch_from_row(row: Record) -> BatchView:
    """Return a batch from its row."""
    stored = {name: row[name] for name in BatchView.__dataclass_fields__}
    stored["state"] = BatchState(row["state"])
    return BatchView(**stored)

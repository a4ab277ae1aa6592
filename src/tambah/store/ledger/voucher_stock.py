"""Batches of vouchers as stock: made, printed, handed out, and moved by range.

Locks are taken in one order everywhere: lines, partners, `voucher_batch`, vouchers by digest.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.voucher import Batch, BatchState, VoucherState
from tambah.store.database import Connection
from tambah.store.ledger.voucher_prints import PrintKind, Sealed

# Any number that nobody else takes an advisory lock on.
_MAKING_LOCK = 7_262_471_002
_COLUMNS = {PrintKind.LINES: "print", PrintKind.SHEETS: "sheets"}
_EXPORTED = {PrintKind.LINES: "exported_at", PrintKind.SHEETS: "sheets_exported_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch about to be made; the four numbers are micro-ringgit."""

    key_id: int
    quantity: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StockBatch:
    """A batch with what stock-keeping knows of it.

    stored: cards that are in the database, fewer than `quantity` while it is made.
    sealed: the encrypted files that were made of it; exported: when each was first handed out.
    """

    batch: Batch
    quantity: int
    stored: int
    sealed: Mapping[PrintKind, Sealed]
    exported: Mapping[PrintKind, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCards:
    """Cards of one batch, in serial order: digests, beginning with number `first`."""

    batch_id: int
    first: int
    state: VoucherState
    digests: Sequence[bytes]


async def lock_making(connection: Connection) -> None:
    """Hold the making of vouchers until the transaction ends; other makers wait.

    Batch numbers, and the check that a code is not in use yet with the storing of it, are each
    one step that no other maker can come between.
    """
    await connection.execute("SELECT set_config('lock_timeout', '5min', true)")
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _MAKING_LOCK)


async def insert_draft(connection: Connection, new: NewBatch) -> int:
    """Add a batch as DRAFT and return its number: the highest so far and one more.

    The caller holds `lock_making`.
    """
    return await connection.fetchval(
        """
        INSERT INTO voucher_batch (batch_id, state, key_id, quantity, stored, lettered,
                                   born_active, price_micros, tax_micros, credit_micros,
                                   bonus_micros, valid_days, bonus_days, redeem_before, created_at)
        SELECT coalesce(max(batch_id), 0) + 1, 1, $1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10,
               $11, $12
          FROM voucher_batch
        RETURNING batch_id
        """,
        new.key_id,
        new.quantity,
        new.lettered,
        new.born_active,
        new.price_micros,
        new.tax_micros,
        new.credit_micros,
        new.bonus_micros,
        new.valid_days,
        new.bonus_days,
        new.redeem_before,
        new.created_at,
    )


async def find_stored(connection: Connection, digests: Sequence[bytes]) -> set[bytes]:
    """Return which of the digests are cards already."""
    rows = await connection.fetch(
        "SELECT digest FROM voucher WHERE digest = ANY($1::bytea[])", digests
    )
    return {row[0] for row in rows}


async def insert_cards(connection: Connection, cards: NewCards) -> bool:
    """Add cards and their serial numbers, and count them on the batch.

    Nothing is added, and the answer is False, when the batch is no draft any more. Raises
    UniqueViolation for a digest that is there already.
    """
    counted = await connection.execute(
        "UPDATE voucher_batch SET stored = stored + $2 WHERE batch_id = $1 AND state = 1",
        cards.batch_id,
        len(cards.digests),
    )
    if _count(counted) == 0:
        return False
    activated = cards.state is VoucherState.ACTIVE
    numbered = list(zip(cards.digests, range(cards.first, 1 << 31), strict=False))
    await connection.copy_records_to_table(
        "voucher_serial",
        columns=["batch_id", "number", "digest"],
        records=((cards.batch_id, number, digest) for digest, number in numbered),
    )
    # In the order of the key: three times as fast, for each page of the index is met once.
    numbered.sort(key=_digest)
    await connection.copy_records_to_table(
        "voucher",
        columns=["digest", "batch_id", "number", "state", "activated"],
        records=_card_records(cards.batch_id, cards.state, activated, numbered),
    )
    return True


async def finish_draft(
    connection: Connection, batch_id: int, sealed: Mapping[PrintKind, Sealed]
) -> bool:
    """Turn a complete draft into a GENERATED batch; say whether it was one."""
    lines, sheets = sealed.get(PrintKind.LINES), sealed.get(PrintKind.SHEETS)
    done = await connection.execute(
        """
        UPDATE voucher_batch
           SET state = 2, print_digest = $2, print_size = $3, sheets_digest = $4, sheets_size = $5
         WHERE batch_id = $1 AND state = 1 AND stored = quantity
        """,
        batch_id,
        lines.digest if lines else None,
        lines.size if lines else None,
        sheets.digest if sheets else None,
        sheets.size if sheets else None,
    )
    return _count(done) == 1


async def lock_batch(
    connection: Connection, batch_id: int, *, to_change: bool
) -> StockBatch | None:
    """Hold a batch's row until the transaction ends and return it, None when there is none.

    to_change: hold it alone, to change it; otherwise keep it from changing, with others.
    """
    if to_change:
        await connection.execute(
            "SELECT FROM voucher_batch WHERE batch_id = $1 FOR NO KEY UPDATE", batch_id
        )
    else:
        await connection.execute(
            "SELECT FROM voucher_batch WHERE batch_id = $1 FOR SHARE", batch_id
        )
    row = await connection.fetchrow(
        """
        SELECT batch_id, state, key_id, price_micros, tax_micros, credit_micros, bonus_micros,
               valid_days, bonus_days, redeem_before, quantity, stored, exported_at,
               print_digest, print_size, sheets_exported_at, sheets_digest, sheets_size
          FROM voucher_batch
         WHERE batch_id = $1
        """,
        batch_id,
    )
    if row is None:
        return None
    return StockBatch(
        batch=Batch(
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
        ),
        quantity=row["quantity"],
        stored=row["stored"],
        sealed={
            kind: Sealed(digest=row[f"{name}_digest"], size=row[f"{name}_size"])
            for kind, name in _COLUMNS.items()
            if row[f"{name}_digest"] is not None
        },
        exported={
            kind: at for kind, column in _EXPORTED.items() if (at := row[column]) is not None
        },
    )


async def set_batch_state(
    connection: Connection,
    batch_id: int,
    *,
    before: BatchState,
    after: BatchState,
    now: datetime,
) -> bool:
    """Move a batch on where it is still as expected; say whether it was."""
    done = await connection.execute(
        """
        UPDATE voucher_batch
           SET state = $3::smallint,
               released_at = CASE WHEN $3::smallint = 3 THEN coalesce(released_at, $4)
                                  ELSE released_at END
         WHERE batch_id = $1 AND state = $2
        """,
        batch_id,
        before,
        after,
        now,
    )
    return _count(done) == 1


async def lock_range(
    connection: Connection, batch_id: int, first: int, last: int
) -> dict[bytes, VoucherState]:
    """Hold the cards `first` to `last` until the transaction ends; return their states.

    In the order of the digests, as a redeeming batch takes them, so that neither can wait for
    the other in a circle.
    """
    rows = await connection.fetch(
        """
        SELECT voucher.digest
          FROM voucher_serial
          JOIN voucher USING (digest)
         WHERE voucher_serial.batch_id = $1 AND voucher_serial.number BETWEEN $2 AND $3
         ORDER BY voucher.digest
           FOR NO KEY UPDATE OF voucher
        """,
        batch_id,
        first,
        last,
    )
    # A second statement sees what those who held the rows before have committed.
    held = await connection.fetch(
        "SELECT digest, state FROM voucher WHERE digest = ANY($1::bytea[])",
        [row[0] for row in rows],
    )
    return {row[0]: VoucherState(row[1]) for row in held}


async def set_voucher_states(
    connection: Connection,
    digests: Sequence[bytes],
    *,
    expected: Collection[VoucherState],
    after: VoucherState,
) -> int:
    """Move cards on where they are still as expected; return how many were.

    A card that becomes ACTIVE counts as activated from then on.
    """
    done = await connection.execute(
        """
        UPDATE voucher
           SET state = $3::smallint, activated = activated OR $3::smallint = 2
         WHERE digest = ANY($1::bytea[]) AND state = ANY($2::smallint[])
        """,
        digests,
        [int(state) for state in expected],
        after,
    )
    return _count(done)


def _digest(numbered: tuple[bytes, int]) -> bytes:
    return numbered[0]


def _card_records(
    batch_id: int, state: VoucherState, activated: bool, numbered: Sequence[tuple[bytes, int]]
) -> Iterable[tuple[bytes, int, int, int, bool]]:
    plain_state = int(state)
    return ((digest, batch_id, number, plain_state, activated) for digest, number in numbered)


def _count(status: str) -> int:
    """Return the number of rows in a command's status, `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[1])

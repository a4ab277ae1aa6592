"""What is printed of a batch, encrypted to the printing house, in pieces until handed out."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import LiteralString

from tambah.store.database import Connection

# Any number that nobody else takes an advisory lock on.
_EXPORT_LOCK = 726_247_103


class PrintKind(Enum):
    """What is printed: lines for a card printer's machines, or sheets as PDF in an archive."""

    LINES = "lines"
    SHEETS = "sheets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A file that was encrypted. digest: SHA-256 of it; size: bytes."""

    digest: bytes
    size: int


_TABLE: Mapping[PrintKind, LiteralString] = {
    PrintKind.LINES: "voucher_print",
    PrintKind.SHEETS: "voucher_sheets",
}
_IS_HERE: Mapping[PrintKind, LiteralString] = {
    PrintKind.LINES: "SELECT EXISTS (SELECT FROM voucher_print WHERE batch_id = $1)",
    PrintKind.SHEETS: "SELECT EXISTS (SELECT FROM voucher_sheets WHERE batch_id = $1)",
}
_PIECE: Mapping[PrintKind, LiteralString] = {
    PrintKind.LINES: "SELECT sealed FROM voucher_print WHERE batch_id = $1 AND piece = $2",
    PrintKind.SHEETS: "SELECT sealed FROM voucher_sheets WHERE batch_id = $1 AND piece = $2",
}
_DROP: Mapping[PrintKind, LiteralString] = {
    PrintKind.LINES: "DELETE FROM voucher_print WHERE batch_id = $1",
    PrintKind.SHEETS: "DELETE FROM voucher_sheets WHERE batch_id = $1",
}
_MARK: Mapping[PrintKind, LiteralString] = {
    PrintKind.LINES: """
        UPDATE voucher_batch SET exported_at = coalesce(exported_at, $2) WHERE batch_id = $1
        """,
    PrintKind.SHEETS: """
        UPDATE voucher_batch
           SET sheets_exported_at = coalesce(sheets_exported_at, $2)
         WHERE batch_id = $1
        """,
}


async def insert_pieces(
    connection: Connection,
    batch_id: int,
    kind: PrintKind,
    first_piece: int,
    pieces: Sequence[bytes],
) -> None:
    """Add pieces of an encrypted file, numbered on from `first_piece`."""
    await connection.copy_records_to_table(
        _TABLE[kind],
        columns=["batch_id", "piece", "sealed"],
        records=[(batch_id, first_piece + at, sealed) for at, sealed in enumerate(pieces)],
    )


async def try_lock_export(connection: Connection, batch_id: int) -> bool:
    """Hold a batch's exports for this connection's life; False when another has them."""
    return await connection.fetchval(
        "SELECT pg_try_advisory_lock($1::integer, $2::integer)", _EXPORT_LOCK, batch_id
    )


async def mark_exported(
    connection: Connection, batch_id: int, kind: PrintKind, now: datetime
) -> None:
    """Note that a file is being handed out; the first time stands."""
    await connection.execute(_MARK[kind], batch_id, now)


async def has_pieces(connection: Connection, batch_id: int, kind: PrintKind) -> bool:
    """Say whether an encrypted file is still here."""
    return await connection.fetchval(_IS_HERE[kind], batch_id)


async def read_pieces(
    connection: Connection, batch_id: int, kind: PrintKind
) -> AsyncIterator[bytes]:
    """Yield an encrypted file piece by piece, so that memory stays small."""
    piece = 0
    while True:
        sealed: bytes | None = await connection.fetchval(_PIECE[kind], batch_id, piece)
        if sealed is None:
            return
        yield sealed
        piece += 1


async def delete_pieces(connection: Connection, batch_id: int, kind: PrintKind) -> None:
    """Drop an encrypted file."""
    await connection.execute(_DROP[kind], batch_id)

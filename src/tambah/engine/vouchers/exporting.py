"""Handing out a batch's print file: the ciphertext, once, as a file that survives a power cut.

The hand-out is committed, with its audit row, before the first byte leaves; the pieces are
dropped only when the whole file is known to be on the disk. What breaks off between the two may
be done again, and leaves another audit row.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from tambah.domain.actor import Actor
from tambah.domain.refusals import BatchStateWrong, BatchUnknown
from tambah.domain.state import AuditEntry
from tambah.domain.voucher import BatchState
from tambah.engine.vouchers.auditing import require_reason
from tambah.store.database import Connection, Database
from tambah.store.ledger import audit, voucher_stock
from tambah.store.ledger.voucher_stock import StockBatch


class PrintFileDamaged(Exception):
    """What is stored is not the print file that was made; void the batch and make another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A print file that was handed out. size: bytes; digest: SHA-256 of the file.

    again: an earlier hand-out had broken off.
    """

    batch_id: int
    path: Path
    size: int
    digest: bytes
    again: bool


async def export_print_file(
    database: Database, batch_id: int, path: Path, actor: Actor, now: datetime
) -> Exported:
    """Write the batch's encrypted print file to `path`, once and for all.

    Raises ReasonMissing, BatchUnknown, BatchStateWrong (state: the batch's, or `being_exported`,
    `already_exported`, `without_print_file`), FileExistsError and other OSErrors, and
    PrintFileDamaged.
    """
    require_reason(actor)
    connection = await database.connect_writer()
    try:
        if not await voucher_stock.try_lock_export(connection, batch_id):
            raise BatchStateWrong(state="being_exported")
        return await _export(connection, batch_id, path, actor, now)
    finally:
        await connection.close()


async def _export(
    connection: Connection, batch_id: int, path: Path, actor: Actor, now: datetime
) -> Exported:
    # The file first: a folder that cannot be written to must not use up the hand-out.
    part = await asyncio.to_thread(_open_part, path)
    try:
        with part:
            stock, again = await _mark(connection, batch_id, actor, now)
            await _write_pieces(part, voucher_stock.read_print_pieces(connection, batch_id), stock)
        await asyncio.to_thread(_put_in_place, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            _part(path).unlink()
        raise
    async with connection.transaction():
        await voucher_stock.lock_batch(connection, batch_id, to_change=True)
        await voucher_stock.delete_print_pieces(connection, batch_id)
    return Exported(
        batch_id=batch_id,
        path=path,
        size=stock.print_size or 0,
        digest=stock.print_digest or b"",
        again=again,
    )


async def _mark(
    connection: Connection, batch_id: int, actor: Actor, now: datetime
) -> tuple[StockBatch, bool]:
    """Commit that the file is being handed out; return the batch, and whether it was before."""
    async with connection.transaction():
        return await mark_handed_out(connection, batch_id, actor, now)


async def mark_handed_out(
    connection: Connection, batch_id: int, actor: Actor, now: datetime
) -> tuple[StockBatch, bool]:
    """Write, in the caller's transaction, that a batch's print file is handed out.

    Return the batch, and whether it was before. Raises BatchUnknown, BatchStateWrong.
    """
    stock = await voucher_stock.lock_batch(connection, batch_id, to_change=True)
    if stock is None:
        raise BatchUnknown
    has_pieces = await voucher_stock.has_print_pieces(connection, batch_id)
    _require_exportable(stock, has_pieces=has_pieces)
    again = stock.exported_at is not None
    await voucher_stock.mark_exported(connection, batch_id, now)
    entry = AuditEntry(
        at=now,
        who=actor.who,
        action="export_batch",
        subject=f"voucher_batch:{batch_id}",
        why=actor.why,
        before={"exported": again},
        after={"exported": True},
    )
    await audit.append(connection, [entry])
    return stock, again


def _require_exportable(stock: StockBatch, *, has_pieces: bool) -> None:
    if stock.batch.state in (BatchState.DRAFT, BatchState.VOID):
        raise BatchStateWrong(state=stock.batch.state.name.lower())
    if stock.print_digest is None:
        raise BatchStateWrong(state="without_print_file")
    if not has_pieces:
        raise BatchStateWrong(state="already_exported")


async def _write_pieces(part: BinaryIO, pieces: AsyncIterator[bytes], stock: StockBatch) -> None:
    digest, size = hashlib.sha256(), 0
    async for piece in pieces:
        digest.update(piece)
        size += len(piece)
        await asyncio.to_thread(part.write, piece)
    if digest.digest() != stock.print_digest or size != stock.print_size:
        raise PrintFileDamaged
    await asyncio.to_thread(_flush_to_disk, part)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _open_part(path: Path) -> BinaryIO:
    if path.exists():
        raise FileExistsError(f"{path} is there already; choose another name")
    # What an export that was killed left behind is unfinished, and ours.
    _part(path).unlink(missing_ok=True)
    return os.fdopen(os.open(_part(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _flush_to_disk(part: BinaryIO) -> None:
    part.flush()
    os.fsync(part.fileno())


def _put_in_place(path: Path) -> None:
    """Give the finished file its name, and have the name on the disk as well."""
    _part(path).rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

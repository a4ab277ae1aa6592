"""Handing out what is printed of a batch: once, as a file that survives a power cut.

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
from tambah.store.ledger import audit, voucher_prints, voucher_stock
from tambah.store.ledger.voucher_prints import PrintKind, Sealed
from tambah.store.ledger.voucher_stock import StockBatch

_ACTIONS = {PrintKind.LINES: "export_batch", PrintKind.SHEETS: "export_sheets"}
MISSING = {PrintKind.LINES: "without_print_file", PrintKind.SHEETS: "without_sheets"}
"""What a batch without a file is told, as a state."""


class PrintFileDamaged(Exception):
    """What is stored is not the file that was made; void the batch and make another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file that was handed out. size: bytes; digest: SHA-256 of the file.

    again: an earlier hand-out had broken off.
    """

    batch_id: int
    path: Path
    size: int
    digest: bytes
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOut:
    """Who hands what out of which batch, when and why."""

    batch_id: int
    kind: PrintKind
    actor: Actor
    now: datetime


async def export_print_file(
    database: Database,
    batch_id: int,
    path: Path,
    actor: Actor,
    now: datetime,
    kind: PrintKind = PrintKind.LINES,
) -> Exported:
    """Write an encrypted file of the batch's to `path`, once and for all.

    Raises ReasonMissing, BatchUnknown, BatchStateWrong (state: the batch's, or `being_exported`,
    `already_exported`, `without_print_file`, `without_sheets`), FileExistsError and other
    OSErrors, and PrintFileDamaged.
    """
    require_reason(actor)
    hand_out = HandOut(batch_id=batch_id, kind=kind, actor=actor, now=now)
    connection = await database.connect_writer()
    try:
        if not await voucher_prints.try_lock_export(connection, batch_id):
            raise BatchStateWrong(state="being_exported")
        return await _export(connection, hand_out, path)
    finally:
        await connection.close()


async def _export(connection: Connection, hand_out: HandOut, path: Path) -> Exported:
    batch_id, kind = hand_out.batch_id, hand_out.kind
    # The file first: a folder that cannot be written to must not use up the hand-out.
    part = await asyncio.to_thread(_open_part, path)
    try:
        with part:
            sealed, again = await _mark(connection, hand_out)
            pieces = voucher_prints.read_pieces(connection, batch_id, kind)
            await _write_pieces(part, pieces, sealed)
        await asyncio.to_thread(_put_in_place, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            _part(path).unlink()
        raise
    async with connection.transaction():
        await voucher_stock.lock_batch(connection, batch_id, to_change=True)
        await voucher_prints.delete_pieces(connection, batch_id, kind)
    return Exported(
        batch_id=batch_id, path=path, size=sealed.size, digest=sealed.digest, again=again
    )


async def _mark(connection: Connection, hand_out: HandOut) -> tuple[Sealed, bool]:
    """Commit that the file is being handed out; say which it is, and whether it was before."""
    async with connection.transaction():
        return await mark_handed_out(connection, hand_out)


async def mark_handed_out(connection: Connection, hand_out: HandOut) -> tuple[Sealed, bool]:
    """Write, in the caller's transaction, that a file is handed out.

    Say which it is, and whether it was before. Raises BatchUnknown, BatchStateWrong.
    """
    batch_id, kind = hand_out.batch_id, hand_out.kind
    stock = await voucher_stock.lock_batch(connection, batch_id, to_change=True)
    if stock is None:
        raise BatchUnknown
    is_here = await voucher_prints.has_pieces(connection, batch_id, kind)
    sealed = _require_exportable(stock, kind, is_here=is_here)
    again = kind in stock.exported
    await voucher_prints.mark_exported(connection, batch_id, kind, hand_out.now)
    await audit.append(connection, [_entry(hand_out, again=again)])
    return sealed, again


def _entry(hand_out: HandOut, *, again: bool) -> AuditEntry:
    return AuditEntry(
        at=hand_out.now,
        who=hand_out.actor.who,
        action=_ACTIONS[hand_out.kind],
        subject=f"voucher_batch:{hand_out.batch_id}",
        why=hand_out.actor.why,
        before={"exported": again},
        after={"exported": True},
    )


def _require_exportable(stock: StockBatch, kind: PrintKind, *, is_here: bool) -> Sealed:
    if stock.batch.state in (BatchState.DRAFT, BatchState.VOID):
        raise BatchStateWrong(state=stock.batch.state.name.lower())
    if kind not in stock.sealed:
        raise BatchStateWrong(state=MISSING[kind])
    if not is_here:
        raise BatchStateWrong(state="already_exported")
    return stock.sealed[kind]


async def _write_pieces(part: BinaryIO, pieces: AsyncIterator[bytes], sealed: Sealed) -> None:
    digest, size = hashlib.sha256(), 0
    async for piece in pieces:
        digest.update(piece)
        size += len(piece)
        await asyncio.to_thread(part.write, piece)
    if digest.digest() != sealed.digest or size != sealed.size:
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

"""Handing a print file out through the console: to the maker of an agreed request, once.

It is erased only when the maker says that it is whole, by its SHA-256: what breaks off on the way
may be fetched again until then, and each time leaves an audit row. It is encrypted to the printer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tambah.domain.approval import Approval, finish, require_collectable
from tambah.domain.refusals import ApprovalUnknown, PrintFileDiffers
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind, require_approval, subject_of
from tambah.engine.vouchers.exporting import (
    Exported,
    HandOut,
    export_print_file,
    mark_handed_out,
)
from tambah.store.approvals import read_approval, write_approval
from tambah.store.database import Database
from tambah.store.ledger import voucher_prints, voucher_stock
from tambah.store.ledger.voucher_prints import PrintKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A print file on its way. size: bytes; digest: SHA-256 of the whole."""

    content: AsyncIterator[bytes]
    size: int
    digest: bytes


async def hand_out(database: Database, approval_id: int, who: str, now: datetime) -> Handed:
    """Write that a print file is handed out; return it, to be sent.

    Raises ApprovalUnknown, PermissionMissing, ApprovalWaiting, ApprovalOver, BatchStateWrong.
    """
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        require_collectable(held, who, now)
        out = _hand_out(held, now)
        sealed, _ = await mark_handed_out(connection, out)
    pieces = _pieces(database, out.batch_id, out.kind)
    return Handed(content=pieces, size=sealed.size, digest=sealed.digest)


async def receive(
    database: Database, approval_id: int, who: str, digest: bytes, now: datetime
) -> None:
    """Erase a print file that its maker has whole. digest: SHA-256 of what they have.

    Raises ApprovalUnknown, PermissionMissing, ApprovalWaiting, ApprovalOver, PrintFileDiffers.
    """
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        require_collectable(held, who, now)
        out = _hand_out(held, now)
        stock = await voucher_stock.lock_batch(connection, out.batch_id, to_change=True)
        sealed = stock.sealed.get(out.kind) if stock and out.kind in stock.exported else None
        if sealed is None or digest != sealed.digest:
            raise PrintFileDiffers
        await voucher_prints.delete_pieces(connection, out.batch_id, out.kind)
        outcome = {"sha256": digest.hex(), "bytes": sealed.size}
        await write_approval(connection, finish(held, outcome, now))
        await note(connection, actor_behind(held), "CarryOut", subject_of(held), after=outcome)


async def collect_file(
    database: Database, approval_id: int, who: str, path: Path, now: datetime
) -> Exported:
    """Write the print file of an agreed request to a file, for its maker, and erase it here.

    Raises ApprovalUnknown, PermissionMissing, ApprovalWaiting, ApprovalOver and what
    `export_print_file` raises.
    """
    held = await read_approval(database, approval_id)
    if held is None:
        raise ApprovalUnknown
    require_collectable(held, who, now)
    out = _hand_out(held, now)
    done = await export_print_file(database, out.batch_id, path, out.actor, now, out.kind)
    outcome = {"sha256": done.digest.hex(), "bytes": done.size}
    async with acting(database) as connection:
        await write_approval(connection, finish(held, outcome, now))
        await note(connection, actor_behind(held), "CarryOut", subject_of(held), after=outcome)
    return done


async def _pieces(database: Database, batch_id: int, kind: PrintKind) -> AsyncIterator[bytes]:
    async with database.read() as connection:
        async for piece in voucher_prints.read_pieces(connection, batch_id, kind):
            yield piece


def _hand_out(held: Approval, now: datetime) -> HandOut:
    """Return what a request hands out: which file of which batch, for whom."""
    batch_id = held.params["batch"]
    assert isinstance(batch_id, int), "a request for a print file names its batch"
    kind = PrintKind(str(held.params["file"]))
    return HandOut(batch_id=batch_id, kind=kind, actor=actor_behind(held), now=now)

"""Handing a print file out through the console: to the maker of an agreed request, once.

It is erased only when the maker says that it is whole, by its SHA-256: what breaks off on the way
may be fetched again until then, and each time leaves an audit row. It is encrypted to the printer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tambah.domain.approval import finish, require_collectable
from tambah.domain.refusals import ApprovalUnknown, FieldMalformed
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind, require_approval, subject_of
from tambah.engine.vouchers.exporting import Exported, export_print_file, mark_handed_out
from tambah.store.approvals import read_approval, write_approval
from tambah.store.database import Database
from tambah.store.ledger import voucher_stock


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A print file on its way. size: bytes; digest: SHA-256 of the whole."""

    content: AsyncIterator[bytes]
    size: int
    digest: bytes


async def hand_out(database: Database, approval_id: int, who: str, now: datetime) -> Handed:
    """Write that a print file is handed out; return it, to be sent.

    Raises ApprovalUnknown, PermissionMissing, ApprovalOver, BatchStateWrong.
    """
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        require_collectable(held, who, now)
        batch_id = _batch_of(held.params["batch"])
        stock, _ = await mark_handed_out(connection, batch_id, actor_behind(held), now)
    return Handed(
        content=_pieces(database, batch_id),
        size=stock.print_size or 0,
        digest=stock.print_digest or b"",
    )


async def receive(
    database: Database, approval_id: int, who: str, digest: bytes, now: datetime
) -> None:
    """Erase a print file that its maker has whole. digest: SHA-256 of what they have.

    Raises ApprovalUnknown, PermissionMissing, ApprovalOver, FieldMalformed (sha256).
    """
    async with acting(database) as connection:
        held = await require_approval(connection, approval_id)
        require_collectable(held, who, now)
        batch_id = _batch_of(held.params["batch"])
        stock = await voucher_stock.lock_batch(connection, batch_id, to_change=True)
        if stock is None or stock.exported_at is None or digest != stock.print_digest:
            raise FieldMalformed(field="sha256")
        await voucher_stock.delete_print_pieces(connection, batch_id)
        outcome = {"sha256": digest.hex(), "bytes": stock.print_size}
        await write_approval(connection, finish(held, outcome, now))
        await note(connection, actor_behind(held), "CarryOut", subject_of(held), after=outcome)


async def collect_file(
    database: Database, approval_id: int, who: str, path: Path, now: datetime
) -> Exported:
    """Write the print file of an agreed request to a file, for its maker, and erase it here.

    Raises ApprovalUnknown, PermissionMissing, ApprovalOver and what `export_print_file` raises.
    """
    held = await read_approval(database, approval_id)
    if held is None:
        raise ApprovalUnknown
    require_collectable(held, who, now)
    done = await export_print_file(
        database, _batch_of(held.params["batch"]), path, actor_behind(held), now
    )
    outcome = {"sha256": done.digest.hex(), "bytes": done.size}
    async with acting(database) as connection:
        await write_approval(connection, finish(held, outcome, now))
        await note(connection, actor_behind(held), "CarryOut", subject_of(held), after=outcome)
    return done


async def _pieces(database: Database, batch_id: int) -> AsyncIterator[bytes]:
    async with database.read() as connection:
        async for piece in voucher_stock.read_print_pieces(connection, batch_id):
            yield piece


def _batch_of(value: object) -> int:
    assert isinstance(value, int), "a request for a print file names its batch"
    return value

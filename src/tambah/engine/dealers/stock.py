"""Moving cards from hand to hand: shipped, returned, stolen, found, recounted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.card_stock import (
    WAREHOUSE,
    Holding,
    Move,
    MoveKind,
    move_cards,
    require_way,
)
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    DealerUnknown,
    RangeBeyondBatch,
    StockSold,
)
from tambah.domain.voucher import BatchState, format_serial
from tambah.engine.administer import acting, note
from tambah.engine.vouchers import RangeMoved, SerialRange, change_range
from tambah.store.database import Connection, Database
from tambah.store.ledger import stock_moves, voucher_stock
from tambah.store.views.stock import read_batch

_NO_STOCK = {BatchState.DRAFT, BatchState.VOID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Cards that changed hands. locked: what became of stolen ones, None for others."""

    move_no: int
    cards: int
    locked: RangeMoved | None = None


async def move_stock(
    database: Database,
    move: Move,
    actor: Actor,
    document: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Moved:
    """Move a range of cards from one holder to another, all of it or nothing.

    The batch's row is held alone, so that moves and sales of its cards come one after another.
    From its first move on a batch is followed: all its cards are in the warehouse then. Stolen
    cards are locked as well, in chunks; if that breaks off, `vouchers lock` goes on with it.

    Raises ReasonMissing, BatchUnknown, BatchStateWrong, RangeBeyondBatch, RangeMalformed,
    DealerUnknown, DealerNotRelated, StockNotHeld and StockSold.
    """
    async with acting(database) as connection:
        # By the same clock as sales: the transaction's start may lie before the lock was had.
        moved = await _move(connection, move, actor, document)
        now: datetime = await connection.fetchval("SELECT now()")
    if move.kind is not MoveKind.STOLEN:
        return moved
    cards = SerialRange(batch_id=move.batch_id, first=move.first, last=move.last)
    locked = await change_range(database, cards, "lock", actor, now, progress)
    return Moved(move_no=moved.move_no, cards=moved.cards, locked=locked)


async def foresee_move(database: Database, move: Move) -> int:
    """Return what a card of a range is worth that a move would take, micro-ringgit.

    Nothing is held: it may have changed when the cards are moved. Raises what `move_stock` does,
    but for ReasonMissing.
    """
    batch = await read_batch(database, move.batch_id)
    if batch is None:
        raise BatchUnknown
    async with database.read() as connection:
        await _check(connection, move, batch.state, batch.quantity)
    return batch.price_micros


async def _move(connection: Connection, move: Move, actor: Actor, document: str) -> Moved:
    stock = await voucher_stock.lock_batch(connection, move.batch_id, to_change=True)
    if stock is None:
        raise BatchUnknown
    stored, after = await _check(connection, move, stock.batch.state, stock.quantity)
    await stock_moves.put_holdings(
        connection,
        move.batch_id,
        gone=set(stored) - set(after),
        new=sorted(set(after) - set(stored), key=lambda held: held.first),
    )
    move_no = 1 + await stock_moves.last_move_no(connection, move.batch_id)
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    beside = stock_moves.MoveNote(
        move_no=move_no, at=now, document=document.strip(), who=actor.who, why=actor.why
    )
    await stock_moves.insert_move(connection, move, beside)
    await _note(connection, move, actor, document)
    return Moved(move_no=move_no, cards=move.last - move.first + 1)


async def _check(
    connection: Connection, move: Move, state: BatchState, quantity: int
) -> tuple[list[Holding], list[Holding]]:
    """Return a batch's holdings as they are stored, and as they would be after a move."""
    if state in _NO_STOCK:
        raise BatchStateWrong(state=state.name.lower())
    if move.last > quantity:
        raise RangeBeyondBatch(serial=format_serial(move.batch_id, quantity))
    await _require_way(connection, move)
    sold = await stock_moves.first_sold(connection, move.batch_id, move.first, move.last)
    if sold is not None:
        raise StockSold(serial=format_serial(move.batch_id, sold))
    stored = await stock_moves.read_holdings(connection, move.batch_id)
    return stored, move_cards(stored or [Holding(1, quantity, WAREHOUSE)], move)


async def _require_way(connection: Connection, move: Move) -> None:
    named = {holder for holder in (move.from_id, move.to_id) if holder > WAREHOUSE}
    parents = await stock_moves.parents_of(connection, named)
    if named - parents.keys():
        raise DealerUnknown
    require_way(
        move,
        from_parent_id=parents.get(move.from_id),
        to_parent_id=parents.get(move.to_id),
    )


async def _note(connection: Connection, move: Move, actor: Actor, document: str) -> None:
    first = format_serial(move.batch_id, move.first)
    last = format_serial(move.batch_id, move.last)
    await note(
        connection,
        actor,
        f"{move.kind.name.capitalize()}Stock",
        f"voucher:{first}..{last}",
        before={"holder": move.from_id},
        after={"holder": move.to_id, "document": document.strip()},
    )

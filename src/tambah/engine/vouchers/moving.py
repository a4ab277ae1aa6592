"""Moving stock: a batch as a whole, or a range of its serial numbers.

States only move forward, as `domain.voucher` says; every change leaves an audit row in its own
transaction.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from tambah.domain.actor import Actor
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    RangeBeyondBatch,
    RangeMalformed,
)
from tambah.domain.state import AuditEntry
from tambah.domain.voucher import (
    VOUCHER_MOVES,
    BatchState,
    VoucherState,
    format_serial,
    move_batch,
)
from tambah.engine.vouchers.auditing import require_reason
from tambah.store.database import RETRYABLE, Connection, Database
from tambah.store.ledger import audit, voucher_prints, voucher_stock
from tambah.store.ledger.voucher_prints import PrintKind
from tambah.store.ledger.voucher_stock import StockBatch

RANGE_CHUNK = 20_000
_TRIES = 5
_Done = TypeVar("_Done")

BatchAction = Literal["release", "close", "lock", "void"]
RangeAction = Literal["activate", "lock", "void"]

_NO_RANGES = {BatchState.DRAFT, BatchState.VOID}
_NO_ACTIVATING = {BatchState.DRAFT, BatchState.VOID, BatchState.CLOSED}
"""A card that is sold must redeem one day: a closed batch's never would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialRange:
    """Cards of one batch, by number, both ends included."""

    batch_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMoved:
    """A batch that went from one state to another."""

    batch_id: int
    before: BatchState
    after: BatchState


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeMoved:
    """What became of a range: cards changed, and cards left as they were, by their state."""

    changed: int
    unchanged: Mapping[VoucherState, int]


async def change_batch(
    database: Database, batch_id: int, action: BatchAction, actor: Actor, now: datetime
) -> BatchMoved:
    """Release, close, lock or void a batch. What was to be printed of a voided one is dropped.

    Raises ReasonMissing, BatchUnknown and BatchStateWrong.
    """
    require_reason(actor)
    change = partial(_change_batch, batch_id=batch_id, action=action, actor=actor, now=now)
    connection = await database.connect_writer()
    try:
        return await transact(connection, change)
    finally:
        await connection.close()


async def change_range(
    database: Database,
    cards: SerialRange,
    action: RangeAction,
    actor: Actor,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> RangeMoved:
    """Activate, lock or void the cards of a range that allow it; say what was left, and why.

    Goes in chunks, each a transaction with its audit row. When it breaks off it may be repeated:
    what was done already is then counted as unchanged.

    Raises ReasonMissing, BatchUnknown, BatchStateWrong, RangeMalformed and RangeBeyondBatch.
    """
    require_reason(actor)
    if cards.first > cards.last or cards.first < 1:
        raise RangeMalformed
    changed, unchanged = 0, Counter[VoucherState]()
    connection = await database.connect_writer()
    try:
        for first in range(cards.first, cards.last + 1, RANGE_CHUNK):
            last = min(first + RANGE_CHUNK - 1, cards.last)
            part = _RangePart(cards=cards, first=first, last=last, action=action)
            moved = await transact(connection, partial(part.change, actor=actor, now=now))
            changed += moved.changed
            unchanged.update(moved.unchanged)
            if progress:
                progress(last - cards.first + 1, cards.last - cards.first + 1)
    finally:
        await connection.close()
    return RangeMoved(changed=changed, unchanged=dict(unchanged))


@dataclass(frozen=True, slots=True, kw_only=True)
class _RangePart:
    """A chunk of a range and what is done to it in one transaction."""

    cards: SerialRange
    first: int
    last: int
    action: RangeAction

    async def change(self, connection: Connection, actor: Actor, now: datetime) -> RangeMoved:
        batch_id = self.cards.batch_id
        stock = await _lock(connection, batch_id, to_change=False)
        self._require_allowed(stock)
        states = await voucher_stock.lock_range(connection, batch_id, self.first, self.last)
        expected, after = VOUCHER_MOVES[self.action]
        movable = sorted(digest for digest, state in states.items() if state in expected)
        changed = await voucher_stock.set_voucher_states(
            connection, movable, expected=expected, after=after
        )
        if changed != len(movable):
            raise AssertionError("cards that are held changed their state")
        unchanged = Counter(state for state in states.values() if state not in expected)
        if changed:
            before = Counter(states.values())
            resulting = unchanged + Counter({after: changed})
            await audit.append(connection, [self._entry(actor, now, before, resulting)])
        return RangeMoved(changed=changed, unchanged=unchanged)

    def _require_allowed(self, stock: StockBatch) -> None:
        closed_to = _NO_ACTIVATING if self.action == "activate" else _NO_RANGES
        if stock.batch.state in closed_to:
            raise BatchStateWrong(state=stock.batch.state.name.lower())
        if self.cards.last > stock.quantity:
            raise RangeBeyondBatch(serial=format_serial(self.cards.batch_id, stock.quantity))

    def _entry(
        self,
        actor: Actor,
        now: datetime,
        before: Mapping[VoucherState, int],
        after: Mapping[VoucherState, int],
    ) -> AuditEntry:
        first = format_serial(self.cards.batch_id, self.first)
        last = format_serial(self.cards.batch_id, self.last)
        return AuditEntry(
            at=now,
            who=actor.who,
            action=f"{self.action}_vouchers",
            subject=f"voucher:{first}..{last}",
            why=actor.why,
            before={state.name.lower(): count for state, count in before.items()},
            after={state.name.lower(): count for state, count in after.items()},
        )


async def _change_batch(
    connection: Connection, batch_id: int, action: BatchAction, actor: Actor, now: datetime
) -> BatchMoved:
    stock = await _lock(connection, batch_id, to_change=True)
    before = stock.batch.state
    after = move_batch(before, action)
    await voucher_stock.set_batch_state(connection, batch_id, before=before, after=after, now=now)
    if after is BatchState.VOID:
        for kind in PrintKind:
            await voucher_prints.delete_pieces(connection, batch_id, kind)
    entry = AuditEntry(
        at=now,
        who=actor.who,
        action=f"{action}_batch",
        subject=f"voucher_batch:{batch_id}",
        why=actor.why,
        before={"state": before.name.lower()},
        after={"state": after.name.lower()},
    )
    await audit.append(connection, [entry])
    return BatchMoved(batch_id=batch_id, before=before, after=after)


async def _lock(connection: Connection, batch_id: int, *, to_change: bool) -> StockBatch:
    stock = await voucher_stock.lock_batch(connection, batch_id, to_change=to_change)
    if stock is None:
        raise BatchUnknown
    return stock


async def transact(
    connection: Connection, work: Callable[[Connection], Awaitable[_Done]]
) -> _Done:
    """Run `work` in a transaction, again when another writer was in the way."""
    for _ in range(_TRIES - 1):
        try:
            async with connection.transaction():
                return await work(connection)
        except RETRYABLE:
            continue
    async with connection.transaction():
        return await work(connection)

"""Making a batch of vouchers: draw, digest, check, store, and print in the same pass.

A batch is made in chunks, each a transaction of its own. Whatever breaks off on the way leaves a
batch in state DRAFT, which never redeems, cannot be released or activated, and is voided with
`void_batch`; its codes are lost with the memory that held them, so a batch is not continued but
made again, under the next number.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.catalog import Catalog
from tambah.domain.refusals import BatchStateWrong, FieldMalformed
from tambah.domain.state import AuditEntry
from tambah.domain.voucher import BatchState, VoucherState, format_serial
from tambah.engine.keys import Keys
from tambah.engine.vouchers.auditing import require_reason
from tambah.engine.vouchers.codes import (
    CodeSource,
    CodeSpaceFull,
    Draw,
    draw_codes,
    places_of,
    replace_codes,
)
from tambah.engine.vouchers.printing import PrintHeader, PrintSealer, parse_recipient
from tambah.store.database import Connection, Database
from tambah.store.ledger import audit, voucher_stock
from tambah.store.ledger.voucher_stock import NewBatch, NewCards

MOST_IN_A_BATCH = 10_000_000
MOST_CODES_KEPT = 1_000
_REDRAWS = 100

Progress = Callable[[int, int], None]
"""Told how many cards are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """What batch to make.

    price_micros: a denomination in force at `now`; its four numbers are fixed in the batch.
    born_active: for codes that are sold electronically; cards are activated when they are sold.
    redeem_before: first instant at which they no longer redeem. operator: the name at the top of
    the print file. recipient: the printing house's age public key; None makes no print file, and
    then nobody will ever know the codes. keep_codes: also hand back the clear codes (demo and
    benchmarks only, 1,000 at most).
    """

    price_micros: int
    quantity: int
    now: datetime
    actor: Actor
    operator: str
    lettered: bool = False
    born_active: bool = False
    redeem_before: datetime | None = None
    recipient: str | None = None
    keep_codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A batch that was made. codes: the clear codes where they were asked for, in serial order.

    print_digest: SHA-256 of the encrypted print file, None without one; print_size: its bytes.
    """

    batch_id: int
    quantity: int
    price_micros: int
    print_digest: bytes | None
    print_size: int | None
    codes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def first_serial(self) -> str:
        """Return the batch's first serial number."""
        return format_serial(self.batch_id, 1)

    @property
    def last_serial(self) -> str:
        """Return the batch's last serial number."""
        return format_serial(self.batch_id, self.quantity)


@dataclass(slots=True)
class _Making:
    """A batch in the making."""

    request: BatchRequest
    keys: Keys
    source: CodeSource
    batch_id: int
    key_id: int
    sealer: PrintSealer | None
    pieces: int = 0
    kept: list[str] = field(default_factory=list[str], repr=False)


async def generate(
    database: Database,
    keys: Keys,
    catalog: Catalog,
    request: BatchRequest,
    progress: Progress | None = None,
    source: CodeSource | None = None,
) -> Generated:
    """Make a batch of 1 to 10,000,000 vouchers and leave it GENERATED, not yet released.

    Raises ReasonMissing, FieldMalformed (quantity, recipient, keep_codes) and
    DenominationUnknown before anything is written, BatchStateWrong when the batch was voided
    while it was made.
    """
    _check(request)
    new = _new_batch(keys, catalog, request)
    connection = await database.connect_writer()
    try:
        batch_id = await _begin(connection, new, request)
        making = _Making(
            request, keys, source or CodeSource(), batch_id, new.key_id, _sealer(batch_id, request)
        )
        try:
            await _make_cards(connection, making, progress)
            await _finish(connection, making)
        finally:
            if making.sealer:
                making.sealer.abandon()
    finally:
        await connection.close()
    return Generated(
        batch_id=batch_id,
        quantity=request.quantity,
        price_micros=request.price_micros,
        print_digest=making.sealer.digest if making.sealer else None,
        print_size=making.sealer.size if making.sealer else None,
        codes=tuple(making.kept),
    )


def _check(request: BatchRequest) -> None:
    require_reason(request.actor)
    if not 1 <= request.quantity <= MOST_IN_A_BATCH:
        raise FieldMalformed(field="quantity")
    if request.keep_codes and request.quantity > MOST_CODES_KEPT:
        raise FieldMalformed(field="keep_codes")
    if request.recipient is not None:
        parse_recipient(request.recipient)


def _new_batch(keys: Keys, catalog: Catalog, request: BatchRequest) -> NewBatch:
    value = catalog.denomination(request.price_micros, request.now)
    return NewBatch(
        key_id=keys.current_id,
        quantity=request.quantity,
        lettered=request.lettered,
        born_active=request.born_active,
        price_micros=value.price_micros,
        tax_micros=value.tax_micros,
        credit_micros=value.credit_micros,
        bonus_micros=value.bonus_micros,
        valid_days=value.valid_days,
        bonus_days=value.bonus_days,
        redeem_before=request.redeem_before,
        created_at=request.now,
    )


def _sealer(batch_id: int, request: BatchRequest) -> PrintSealer | None:
    if request.recipient is None:
        return None
    header = PrintHeader(
        operator=request.operator,
        batch_id=batch_id,
        quantity=request.quantity,
        price_micros=request.price_micros,
        lettered=request.lettered,
        redeem_before=request.redeem_before,
        created_at=request.now,
    )
    return PrintSealer(header, request.recipient)


async def _begin(connection: Connection, new: NewBatch, request: BatchRequest) -> int:
    async with connection.transaction():
        await voucher_stock.lock_making(connection)
        batch_id = await voucher_stock.insert_draft(connection, new)
        await audit.append(connection, [_entry(request, batch_id, {}, BatchState.DRAFT)])
    return batch_id


async def _make_cards(connection: Connection, making: _Making, progress: Progress | None) -> None:
    """Store the batch chunk by chunk, the next being drawn while one is stored."""
    quantity, chunk = making.request.quantity, making.source.chunk
    starts = range(1, quantity + 1, chunk)
    ahead = _draw_ahead(making, starts[0])
    try:
        for first in starts:
            draw = await ahead
            following = first + chunk
            if following <= quantity:
                ahead = _draw_ahead(making, following)
            await _store_chunk(connection, making, first, draw)
            if progress:
                progress(min(following - 1, quantity), quantity)
    finally:
        # A thread cannot be stopped: wait for it, so that no failure of its goes unheard.
        await asyncio.gather(ahead, return_exceptions=True)


def _draw_ahead(making: _Making, first: int) -> asyncio.Task[Draw]:
    count = min(making.source.chunk, making.request.quantity - first + 1)
    return asyncio.create_task(asyncio.to_thread(draw_codes, count, making.keys, making.source))


async def _store_chunk(connection: Connection, making: _Making, first: int, draw: Draw) -> None:
    state = VoucherState.ACTIVE if making.request.born_active else VoucherState.GENERATED
    async with connection.transaction():
        await voucher_stock.lock_making(connection)
        draw = await _without_collisions(connection, making, draw)
        digests = draw.digests[making.key_id]
        cards = NewCards(batch_id=making.batch_id, first=first, state=state, digests=digests)
        if not await voucher_stock.insert_cards(connection, cards):
            raise BatchStateWrong(state=BatchState.VOID.name.lower())
        if making.sealer:
            await asyncio.to_thread(making.sealer.add, first, draw.codes)
            await _store_pieces(connection, making, making.sealer.take())
    if making.request.keep_codes:
        making.kept += [code.decode() for code in draw.codes]


async def _without_collisions(connection: Connection, making: _Making, draw: Draw) -> Draw:
    """Return the draw with every code replaced that is in use already, under whichever key."""
    for _ in range(_REDRAWS):
        stored: set[bytes] = set()
        for column in draw.digests.values():
            stored |= await voucher_stock.find_stored(connection, column)
        places = places_of(stored, draw.digests)
        if not places:
            return draw
        draw = replace_codes(draw, places, making.keys, making.source)
    raise CodeSpaceFull


async def _store_pieces(connection: Connection, making: _Making, pieces: list[bytes]) -> None:
    await voucher_stock.insert_print_pieces(connection, making.batch_id, making.pieces, pieces)
    making.pieces += len(pieces)


async def _finish(connection: Connection, making: _Making) -> None:
    sealer = making.sealer
    rest = await asyncio.to_thread(sealer.finish) if sealer else []
    async with connection.transaction():
        await _store_pieces(connection, making, rest)
        finished = await voucher_stock.finish_draft(
            connection,
            making.batch_id,
            sealer.digest if sealer else None,
            sealer.size if sealer else None,
        )
        if not finished:
            raise BatchStateWrong(state=BatchState.VOID.name.lower())
        before: dict[str, object] = {"state": BatchState.DRAFT.name.lower()}
        entry = _entry(making.request, making.batch_id, before, BatchState.GENERATED)
        await audit.append(connection, [entry])


def _entry(
    request: BatchRequest, batch_id: int, before: dict[str, object], state: BatchState
) -> AuditEntry:
    return AuditEntry(
        at=request.now,
        who=request.actor.who,
        action="generate_vouchers",
        subject=f"voucher_batch:{batch_id}",
        why=request.actor.why,
        before=before,
        after={
            "state": state.name.lower(),
            "quantity": request.quantity,
            "price_micros": request.price_micros,
            "born_active": request.born_active,
            "has_print_file": request.recipient is not None,
        },
    )

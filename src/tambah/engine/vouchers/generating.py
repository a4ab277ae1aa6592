"""Making a batch of vouchers: draw, digest, check, store, and print in the same pass.

A batch is made in chunks, each a transaction of its own. Whatever breaks off on the way leaves a
batch in state DRAFT, which never redeems, cannot be released or activated, and is voided with
`void_batch`; its codes are lost with the memory that held them, so a batch is not continued but
made again, under the next number.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

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
from tambah.engine.vouchers.drawing import SheetDesign, draw_specimen
from tambah.engine.vouchers.printing import PrintHeader, PrintSealer
from tambah.engine.vouchers.sealing import parse_recipient
from tambah.engine.vouchers.sheets import CARDS_IN_A_FILE, MOST_ON_SHEETS, SheetSealer
from tambah.store.database import Connection, Database
from tambah.store.ledger import audit, voucher_prints, voucher_stock
from tambah.store.ledger.voucher_prints import PrintKind, Sealed
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
    then nobody will ever know the codes. sheets: also make PDFs for the recipient, of a batch of
    100,000 at most. keep_codes: also hand back the clear codes (demo and benchmarks only, 1,000 at
    most).
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
    sheets: SheetDesign | None = None
    keep_codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A batch that was made. codes: the clear codes where they were asked for, in serial order.

    sealed: the encrypted files that were made of it.
    """

    batch_id: int
    quantity: int
    price_micros: int
    sealed: Mapping[PrintKind, Sealed]
    codes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def print_digest(self) -> bytes | None:
        """Return the SHA-256 of the encrypted print file, None without one."""
        lines = self.sealed.get(PrintKind.LINES)
        return lines.digest if lines else None

    @property
    def print_size(self) -> int | None:
        """Return the bytes of the encrypted print file, None without one."""
        lines = self.sealed.get(PrintKind.LINES)
        return lines.size if lines else None

    @property
    def first_serial(self) -> str:
        """Return the batch's first serial number."""
        return format_serial(self.batch_id, 1)

    @property
    def last_serial(self) -> str:
        """Return the batch's last serial number."""
        return format_serial(self.batch_id, self.quantity)


class _AnySealer(Protocol):
    """A file in the making, whatever is in it."""

    def add(self, first: int, codes: list[bytes]) -> None: ...
    def take(self) -> list[bytes]: ...
    def finish(self) -> list[bytes]: ...
    def abandon(self) -> None: ...

    @property
    def digest(self) -> bytes: ...
    @property
    def size(self) -> int: ...


@dataclass(slots=True)
class _Making:
    """A batch in the making. pieces: how many of each file are stored."""

    request: BatchRequest
    keys: Keys
    source: CodeSource
    batch_id: int
    key_id: int
    sealers: Mapping[PrintKind, _AnySealer]
    pieces: Counter[PrintKind] = field(default_factory=Counter[PrintKind])
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

    Raises ReasonMissing, FieldMalformed (quantity, recipient, keep_codes), DenominationUnknown
    and TemplateBroken before anything is written, BatchStateWrong when the batch was voided
    while it was made.
    """
    _check(request)
    new = _new_batch(keys, catalog, request)
    source = source or CodeSource()
    if request.sheets:
        for kind in request.sheets.kinds:
            await asyncio.to_thread(draw_specimen, kind, request.sheets)
        source = replace(source, chunk=min(source.chunk, CARDS_IN_A_FILE))
    connection = await database.connect_writer()
    try:
        batch_id = await _begin(connection, new, request)
        sealers = _sealers(batch_id, request)
        making = _Making(request, keys, source, batch_id, new.key_id, sealers)
        try:
            await _make_cards(connection, making, progress)
            sealed = await _finish(connection, making)
        finally:
            for sealer in sealers.values():
                sealer.abandon()
    finally:
        await connection.close()
    return Generated(
        batch_id=batch_id,
        quantity=request.quantity,
        price_micros=request.price_micros,
        sealed=sealed,
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
    if request.sheets is not None:
        if request.recipient is None:
            raise FieldMalformed(field="recipient")
        if request.quantity > MOST_ON_SHEETS:
            raise FieldMalformed(field="quantity")


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


def _sealers(batch_id: int, request: BatchRequest) -> dict[PrintKind, _AnySealer]:
    if request.recipient is None:
        return {}
    header = PrintHeader(
        operator=request.operator,
        batch_id=batch_id,
        quantity=request.quantity,
        price_micros=request.price_micros,
        lettered=request.lettered,
        redeem_before=request.redeem_before,
        created_at=request.now,
    )
    sealers: dict[PrintKind, _AnySealer] = {
        PrintKind.LINES: PrintSealer(header, request.recipient)
    }
    if request.sheets:
        sealers[PrintKind.SHEETS] = SheetSealer(
            request.sheets,
            batch_id,
            request.recipient,
            lettered=request.lettered,
            created_at=request.now,
        )
    return sealers


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
            codes = await _store_chunk(connection, making, first, draw)
            await _print_sheets(connection, making, first, codes)
            if progress:
                progress(min(following - 1, quantity), quantity)
    finally:
        # A thread cannot be stopped: wait for it, so that no failure of its goes unheard.
        await asyncio.gather(ahead, return_exceptions=True)


def _draw_ahead(making: _Making, first: int) -> asyncio.Task[Draw]:
    count = min(making.source.chunk, making.request.quantity - first + 1)
    return asyncio.create_task(asyncio.to_thread(draw_codes, count, making.keys, making.source))


async def _store_chunk(
    connection: Connection, making: _Making, first: int, draw: Draw
) -> list[bytes]:
    """Store some cards and their lines in the print file; return their codes, now final."""
    state = VoucherState.ACTIVE if making.request.born_active else VoucherState.GENERATED
    async with connection.transaction():
        await voucher_stock.lock_making(connection)
        draw = await _without_collisions(connection, making, draw)
        digests = draw.digests[making.key_id]
        cards = NewCards(batch_id=making.batch_id, first=first, state=state, digests=digests)
        if not await voucher_stock.insert_cards(connection, cards):
            raise BatchStateWrong(state=BatchState.VOID.name.lower())
        if lines := making.sealers.get(PrintKind.LINES):
            await asyncio.to_thread(lines.add, first, draw.codes)
            await _store_pieces(connection, making, PrintKind.LINES, lines.take())
    if making.request.keep_codes:
        making.kept += [code.decode() for code in draw.codes]
    return draw.codes


async def _print_sheets(
    connection: Connection, making: _Making, first: int, codes: list[bytes]
) -> None:
    """Add some cards to the sheets. Other makers need not wait for that, as they do for codes."""
    sheets = making.sealers.get(PrintKind.SHEETS)
    if sheets is None:
        return
    await asyncio.to_thread(sheets.add, first, codes)
    async with connection.transaction():
        await _require_draft(connection, making)
        await _store_pieces(connection, making, PrintKind.SHEETS, sheets.take())


async def _require_draft(connection: Connection, making: _Making) -> None:
    """Keep the batch a draft until the transaction ends. Raises BatchStateWrong."""
    stock = await voucher_stock.lock_batch(connection, making.batch_id, to_change=False)
    if stock is None or stock.batch.state is not BatchState.DRAFT:
        raise BatchStateWrong(state=BatchState.VOID.name.lower())


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


async def _store_pieces(
    connection: Connection, making: _Making, kind: PrintKind, pieces: list[bytes]
) -> None:
    first = making.pieces[kind]
    await voucher_prints.insert_pieces(connection, making.batch_id, kind, first, pieces)
    making.pieces[kind] += len(pieces)


async def _finish(connection: Connection, making: _Making) -> dict[PrintKind, Sealed]:
    rest: dict[PrintKind, list[bytes]] = {}
    for kind, sealer in making.sealers.items():
        rest[kind] = await asyncio.to_thread(sealer.finish)
    sealed = {
        kind: Sealed(digest=sealer.digest, size=sealer.size)
        for kind, sealer in making.sealers.items()
    }
    async with connection.transaction():
        for kind, pieces in rest.items():
            await _store_pieces(connection, making, kind, pieces)
        if not await voucher_stock.finish_draft(connection, making.batch_id, sealed):
            raise BatchStateWrong(state=BatchState.VOID.name.lower())
        before: dict[str, object] = {"state": BatchState.DRAFT.name.lower()}
        entry = _entry(making.request, making.batch_id, before, BatchState.GENERATED)
        await audit.append(connection, [entry])
    return sealed


def _entry(
    request: BatchRequest, batch_id: int, before: dict[str, object], state: BatchState
) -> AuditEntry:
    return AuditEntry(
        at=request.now,
        who=request.actor.who,
        action="begin_batch" if state is BatchState.DRAFT else "generate_vouchers",
        subject=f"voucher_batch:{batch_id}",
        why=request.actor.why,
        before=before,
        after={
            "state": state.name.lower(),
            "quantity": request.quantity,
            "price_micros": request.price_micros,
            "born_active": request.born_active,
            "has_print_file": request.recipient is not None,
            "has_sheets": request.sheets is not None,
        },
    )

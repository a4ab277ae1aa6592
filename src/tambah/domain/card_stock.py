"""Who holds which cards of a batch: ranges that do not overlap, moved, split and merged."""

from collections.abc import Iterable
from enum import IntEnum

from tambah.domain.records import Record
from tambah.domain.refusals import DealerNotRelated, RangeMalformed, StockNotHeld
from tambah.domain.voucher import format_serial

WAREHOUSE = 0
STOLEN = -1
"""Holders who are no partner: where cards come from, and where stolen ones are counted."""


class MoveKind(IntEnum):
    """Why cards go from one holder to another."""

    SHIP = 1
    RETURN = 2
    STOLEN = 3
    FOUND = 4
    RECOUNT = 5


class Holding(Record, frozen=True):
    """Cards of one batch, both ends included, and who holds them."""

    first: int
    last: int
    holder_id: int


class Move(Record, frozen=True, kw_only=True):
    """Cards of one batch, both ends included, that go from one holder to another."""

    batch_id: int
    first: int
    last: int
    kind: MoveKind
    from_id: int
    to_id: int


def require_way(move: Move, *, from_parent_id: int | None, to_parent_id: int | None) -> None:
    """Refuse a way that cards do not go.

    They are shipped out of the warehouse or by a dealer to its own child, and come back the same
    ways; what is stolen goes out of anybody's hands, and is found into anybody's. A recount puts
    right what was written down wrongly, whoever it was between. from_parent_id, to_parent_id: of
    the dealers concerned, None for others. Raises RangeMalformed, DealerNotRelated.
    """
    if move.from_id == move.to_id or not 1 <= move.first <= move.last:
        raise RangeMalformed
    allowed = {
        MoveKind.SHIP: move.to_id > 0 and move.from_id in (WAREHOUSE, to_parent_id),
        MoveKind.RETURN: move.from_id > 0 and move.to_id in (WAREHOUSE, from_parent_id),
        MoveKind.STOLEN: move.to_id == STOLEN,
        MoveKind.FOUND: move.from_id == STOLEN,
        MoveKind.RECOUNT: STOLEN not in (move.from_id, move.to_id),
    }
    if not allowed[move.kind]:
        raise DealerNotRelated


def move_cards(holdings: Iterable[Holding], move: Move) -> list[Holding]:
    """Return a batch's holdings after a move; neighbours of one holder become one range.

    Raises StockNotHeld with the first card that is not the giver's.
    """
    before = sorted(holdings, key=_first)
    _require_held(before, move)
    after: list[Holding] = [Holding(move.first, move.last, move.to_id)]
    for held in before:
        if held.first < move.first:
            after.append(Holding(held.first, min(held.last, move.first - 1), held.holder_id))
        if held.last > move.last:
            after.append(Holding(max(held.first, move.last + 1), held.last, held.holder_id))
    return _merged(sorted(after, key=_first))


def _require_held(holdings: list[Holding], move: Move) -> None:
    number = move.first
    for held in holdings:
        if held.first <= number <= held.last and held.holder_id == move.from_id:
            number = held.last + 1
    if number <= move.last:
        raise StockNotHeld(serial=format_serial(move.batch_id, number))


def _merged(holdings: list[Holding]) -> list[Holding]:
    merged: list[Holding] = []
    for held in holdings:
        last = merged[-1] if merged else None
        if last is not None and last.holder_id == held.holder_id and last.last + 1 == held.first:
            merged[-1] = Holding(last.first, held.last, held.holder_id)
        else:
            merged.append(held)
    return merged


def _first(holding: Holding) -> int:
    return holding.first

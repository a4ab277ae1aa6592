"""tambah stock …: cards from the warehouse to dealers and shops, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from typing import Any

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import reason
from tambah.cli.progress import progress
from tambah.cli.shown import shown_amounts
from tambah.desks.ranges import read_range
from tambah.domain.card_stock import STOLEN, WAREHOUSE, Move, MoveKind
from tambah.domain.voucher import format_serial
from tambah.engine.dealers import move_stock
from tambah.store.views.dealers import HoldingView, MoveView, moves_of, stock_by_range

_DOCUMENT = click.option("--document", default="", help="The delivery order's number, or another.")


@click.group(cls=rich_click.RichGroup)
def stock() -> None:
    """Follow cards from the warehouse to who sells them."""


@stock.command(cls=rich_click.RichCommand)
@click.argument("cards")
@click.argument("to", type=int)
@click.option("--from", "giver", type=int, default=WAREHOUSE, help="A dealer; else the warehouse.")
@_DOCUMENT
@reason
@answering
def ship(cards: str, to: int, giver: int, document: str, reason: str) -> Answer:
    """Hand CARDS (0012-00000001..500) on to the dealer TO."""
    return _move(cards, MoveKind.SHIP, giver, to, document, reason)


@stock.command("return", cls=rich_click.RichCommand)
@click.argument("cards")
@click.argument("giver", metavar="FROM", type=int)
@click.option("--to", type=int, default=WAREHOUSE, help="Its parent; else the warehouse.")
@_DOCUMENT
@reason
@answering
def return_command(cards: str, giver: int, to: int, document: str, reason: str) -> Answer:
    """Take unsold CARDS back from the dealer FROM."""
    return _move(cards, MoveKind.RETURN, giver, to, document, reason)


@stock.command(cls=rich_click.RichCommand)
@click.argument("cards")
@click.argument("giver", metavar="FROM", type=int)
@_DOCUMENT
@reason
@answering
def stolen(cards: str, giver: int, document: str, reason: str) -> Answer:
    """Write off CARDS stolen from FROM (0 is the warehouse), and lock them."""
    return _move(cards, MoveKind.STOLEN, giver, STOLEN, document, reason)


@stock.command(cls=rich_click.RichCommand)
@click.argument("cards")
@click.option("--to", type=int, default=WAREHOUSE, help="A dealer; else the warehouse.")
@_DOCUMENT
@reason
@answering
def found(cards: str, to: int, document: str, reason: str) -> Answer:
    """Count stolen CARDS as there again; they stay locked."""
    return _move(cards, MoveKind.FOUND, STOLEN, to, document, reason)


@stock.command(cls=rich_click.RichCommand)
@click.argument("cards")
@click.argument("giver", metavar="FROM", type=int)
@click.argument("to", type=int)
@_DOCUMENT
@reason
@answering
def recount(cards: str, giver: int, to: int, document: str, reason: str) -> Answer:
    """Put right who holds CARDS: not FROM, but TO (0 is the warehouse)."""
    return _move(cards, MoveKind.RECOUNT, giver, to, document, reason)


def _move(cards: str, kind: MoveKind, giver: int, to: int, document: str, why: str) -> Answer:
    asked = read_range(cards)
    move = Move(
        batch_id=asked.batch_id,
        first=asked.first,
        last=asked.last,
        kind=kind,
        from_id=giver,
        to_id=to,
    )

    async def work(desk: Desk) -> Answer:
        """Move them."""
        with progress("locking") as told:
            moved = await move_stock(desk.database, move, actor(why), document, told)
        shown: dict[str, object] = {
            "batch": asked.batch_id,
            "first": format_serial(asked.batch_id, asked.first),
            "last": format_serial(asked.batch_id, asked.last),
            "from": giver,
            "to": to,
            "move": moved.move_no,
            "cards": moved.cards,
        }
        text = f"{moved.cards} cards went from {_holder(giver)} to {_holder(to)}."
        if moved.locked is not None:
            shown["locked"] = moved.locked.changed
            text += f" {moved.locked.changed} locked."
        return Answer(document=shown, text=text)

    return at_desk(work)


@stock.command(cls=rich_click.RichCommand)
@click.option("--batch", type=int, help="Only this batch's, with its last moves.")
@click.option("--holder", type=int, help="Only what this dealer holds; 0 is the warehouse.")
@answering
def show(batch: int | None, holder: int | None) -> Answer:
    """Show who holds which cards, and how many of them are sold."""

    async def work(desk: Desk) -> Answer:
        """Read it."""
        held = await stock_by_range(desk.database, batch_id=batch, holder_id=holder)
        moves = [] if batch is None else await moves_of(desk.database, batch)
        lines = [_holding_text(one) for one in held]
        lines += [_move_text(one, desk.zone) for one in moves]
        return Answer(
            document={
                "holdings": [_holding(one) for one in held],
                "moves": [_moved(one) for one in moves],
            },
            text="\n".join(lines) or "No batch is followed.",
        )

    return at_desk(work)


def _holder(holder_id: int) -> str:
    names = {WAREHOUSE: "the warehouse", STOLEN: "stolen"}
    return names.get(holder_id, f"dealer {holder_id}")


def _serials(one: HoldingView | MoveView) -> dict[str, object]:
    return {
        "first": format_serial(one.batch_id, one.first),
        "last": format_serial(one.batch_id, one.last),
    }


def _holding(one: HoldingView) -> dict[str, object]:
    counted = {"cards": one.cards, "unsold": one.unsold}
    return {**shown_amounts(asdict(one)), **_serials(one), **counted}


def _moved(one: MoveView) -> dict[str, object]:
    values: dict[str, Any] = asdict(one)
    return {
        **values,
        **_serials(one),
        "kind": MoveKind(one.kind).name.lower(),
        "at": one.at.isoformat(),
    }


def _holding_text(one: HoldingView) -> str:
    first, last = _serials(one).values()
    holder = one.holder or _holder(one.holder_id)
    return f"{first} to {last}: {one.cards} cards, {holder}, {one.sold} sold"


def _move_text(one: MoveView, zone: tzinfo) -> str:
    first, last = _serials(one).values()
    when = show_instant(one.at, zone)
    return (
        f"move {one.move_no} {when} {MoveKind(one.kind).name.lower()} {first} to {last}: "
        f"{_holder(one.from_id)} to {_holder(one.to_id)}, {one.document or 'no document'}, "
        f"{one.who}: {one.why}"
    )

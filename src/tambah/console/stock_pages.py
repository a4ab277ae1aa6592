"""`/console/stock`: who holds which cards, and how they came there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tambah.console.dealers import holder_name, number_asked
from tambah.console.facts import BATCHES, DEALERS, STOCK, Wording
from tambah.console.list_pages import list_routes
from tambah.console.lists import (
    Asked,
    Choice,
    Day,
    Link,
    ListShape,
    Marked,
    Money,
    Typed,
    Value,
)
from tambah.console.pages import ConsolePages
from tambah.domain.card_stock import STOLEN, WAREHOUSE, MoveKind
from tambah.domain.staff import Permission
from tambah.domain.voucher import format_serial
from tambah.i18n import Texts
from tambah.store.views.dealer_lists import MovesWanted, holdings_listed, moves_listed
from tambah.store.views.dealers import HoldingView, MoveView
from tambah.store.views.listed import Listed
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

MOVES = f"{STOCK}/moves"
MOVE_KINDS = tuple(kind.name.lower() for kind in MoveKind)
"""Why cards move: texts `stock.move.<word>`."""

_MOST_BATCH = 2**31
_HOLDERS = {"warehouse": WAREHOUSE, "stolen": STOLEN}


def stock_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the lists of stock."""

    async def beside(_request: AnyRequest, _asked: Asked) -> Mapping[str, object]:
        return {"acts": ("ship", "return", "recount", "stolen", "found"), "moves": MOVES}

    return [
        *list_routes(pages, holding_list(), template="stock.html", more=beside),
        *list_routes(pages, move_list(pages.site), template="stock_moves.html"),
    ]


def holding_list() -> ListShape[HoldingView]:
    """Return the list of who holds which cards."""
    return ListShape(
        word="stock",
        path=STOCK,
        permission=Permission.DEALERS_READ,
        filters=(
            Choice(name="hands", values=tuple(_HOLDERS), label=_hands),
            Typed(name="holder"),
            Typed(name="batch"),
        ),
        columns=("range", "batch", "holder", "quantity", "sold", "unsold", "price", "worth"),
        find=_find_holdings,
        cells=_holding_cells,
        place=lambda held, _asked: (held.batch_id, held.first),
        kinds=(int, int),
    )


def move_list(site: Site) -> ListShape[MoveView]:
    """Return the list of moves. `since` and `until` are local days, both of them whole."""
    validity = site.rules.validity

    def find(asked: Asked, after: tuple[datetime, int, int] | None) -> Listed[MoveView]:
        since, until = asked.day("since"), asked.day("until")
        wanted = MovesWanted(
            batch_id=number_asked(asked["batch"], _MOST_BATCH),
            holder_id=number_asked(asked["holder"]),
            kind=MoveKind[asked["move"].upper()] if asked["move"] else None,
            since=validity.start_of(since) if since else None,
            until=validity.start_of(until + timedelta(days=1)) if until else None,
        )
        return moves_listed(wanted, after)

    return ListShape(
        word="moves",
        path=MOVES,
        permission=Permission.DEALERS_READ,
        filters=(
            Choice(name="move", values=MOVE_KINDS, label=_move_kind),
            Typed(name="holder"),
            Typed(name="batch"),
            Day(name="since"),
            Day(name="until"),
        ),
        columns=("at", "move", "range", "quantity", "from", "to", "document", "who", "why"),
        find=find,
        cells=_move_cells,
        place=lambda move, _asked: (move.at, move.batch_id, move.move_no),
        kinds=(datetime, int, int),
    )


def _find_holdings(asked: Asked, after: tuple[int, int] | None) -> Listed[HoldingView]:
    holder = _HOLDERS[asked["hands"]] if asked["hands"] else number_asked(asked["holder"])
    return holdings_listed(number_asked(asked["batch"], _MOST_BATCH), holder, after)


def _holding_cells(held: HoldingView, say: Wording) -> tuple[Value, ...]:
    return (
        range_told(held.batch_id, held.first, held.last),
        Link(str(held.batch_id), f"{BATCHES}/{held.batch_id}"),
        _holder(say, held.holder_id, held.holder),
        held.cards,
        held.sold,
        held.unsold,
        Money(held.price_micros),
        Money(held.price_micros * held.cards),
    )


def _move_cells(move: MoveView, say: Wording) -> tuple[Value, ...]:
    return (
        move.at,
        _move_kind(say.texts, MoveKind(move.kind).name.lower()),
        range_told(move.batch_id, move.first, move.last),
        move.last - move.first + 1,
        _holder(say, move.from_id, None),
        _holder(say, move.to_id, None),
        move.document,
        move.who,
        move.why,
    )


def range_told(batch_id: int, first: int, last: int) -> str:
    """Write a range of cards by its serial numbers."""
    return f"{format_serial(batch_id, first)} … {format_serial(batch_id, last)}"


def _holder(say: Wording, holder_id: int, name: str | None) -> Value:
    told = holder_name(say, holder_id, name)
    if holder_id == STOLEN:
        return Marked(told)
    return told if holder_id == WAREHOUSE else Link(told, f"{DEALERS}/{holder_id}")


def _hands(texts: Texts, value: str) -> str:
    return texts.get(f"stock.{value}")


def _move_kind(texts: Texts, value: str) -> str:
    return texts.get(f"stock.move.{value}")

"""Cards moved by hand: shipped, returned, recounted, written off as stolen, found again.

None makes money: what is stolen is locked at once, and what is found stays locked. One person does
each, for stock that moves with a van cannot wait for a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import Act, Input, actor_for, draw_act, is_confirmed, reason_input, typed
from tambah.console.dealer_acts import carried, dealer_number
from tambah.console.dealers import holder_name
from tambah.console.facts import BATCHES, STOCK, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.stock_pages import range_told
from tambah.desks.ranges import read_range
from tambah.domain.card_stock import STOLEN, WAREHOUSE, Move, MoveKind
from tambah.domain.refusals import (
    FieldMissing,
    PageNotFound,
    RangeMalformed,
    Refusal,
    VoucherUnknown,
)
from tambah.domain.staff import Permission
from tambah.engine.dealers import foresee_move, move_stock
from tambah.store.views.dealer_lists import holders_of, names_of
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_KINDS: Mapping[str, MoveKind] = {kind.name.lower(): kind for kind in MoveKind}
_GIVEN: Mapping[MoveKind, tuple[int | None, int | None]] = {
    MoveKind.SHIP: (None, None),
    MoveKind.RETURN: (None, None),
    MoveKind.RECOUNT: (None, None),
    MoveKind.STOLEN: (None, STOLEN),
    MoveKind.FOUND: (STOLEN, None),
}
"""From whom and to whom cards go, where the kind of move says it."""

_WORDS = ("cards", "from_holder", "to_holder", "document", "reason")


def stock_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of moving cards."""
    desk = StockActs(pages)
    path, opt = f"{STOCK}/move/{{kind:str}}", reaches(Permission.STOCK_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_stock_move(request: AnyRequest, kind: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        return draw_act(pages, request, desk.form(_kind(kind), {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def move_cards(request: AnyRequest, kind: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        fields = await read_form(request)
        try:
            return await desk.move(request, _kind(kind), fields)
        except Refusal as refusal:
            return draw_act(pages, request, desk.form(_kind(kind), fields), refusal)

    return [ask_stock_move, move_cards]


class StockActs:
    """Draws what would happen to cards, and has them moved."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def form(self, kind: MoveKind, fields: Mapping[str, str]) -> Act:
        """Return the form for cards to move."""
        giver, receiver = _GIVEN[kind]
        ends = [
            Input(word=word, value=typed(fields, word) or first, hint=True, mode="numeric")
            for word, given, first in (
                ("from_holder", giver, "0" if kind is MoveKind.SHIP else ""),
                ("to_holder", receiver, "0" if kind in (MoveKind.RETURN, MoveKind.FOUND) else ""),
            )
            if given is None
        ]
        return Act(
            word=_word(kind),
            name="",
            path=STOCK,
            inputs=[
                Input(word="cards", value=typed(fields, "cards"), hint=True),
                *ends,
                Input(word="document", value=typed(fields, "document"), is_optional=True),
                reason_input(fields),
            ],
        )

    async def move(
        self, request: AnyRequest, kind: MoveKind, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say how many cards would move, what they are worth and where they are; then move them.

        Raises FieldMissing, FieldMalformed, RangeMalformed, ReasonMissing, and the rules'.
        """
        move, actor = _move(kind, fields), actor_for(signed_in(request).staff, fields)
        if is_confirmed(self.pages, fields):
            await move_stock(self.site.database, move, actor, typed(fields, "document"))
            return self.pages.redirect(request, f"{STOCK}?batch={move.batch_id}")
        price_micros = await foresee_move(self.site.database, move)
        act = Act(
            word=_word(kind),
            name="",
            path=STOCK,
            facts=[
                *await self._facts(move, price_micros, Wording(self.site, self._texts(request))),
                Fact("document", typed(fields, "document") or "–"),
                Fact("why", actor.why),
            ],
            carried=carried(fields, _WORDS),
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    async def _facts(self, move: Move, price_micros: int, say: Wording) -> list[Fact]:
        database, cards = self.site.database, move.last - move.first + 1
        parts = await holders_of(database, move.batch_id, move.first, move.last)
        now = [holder_name(say, one.holder_id, one.holder) for one in parts]
        named = await names_of(database, [move.to_id])
        facts = [
            Fact("range", range_told(move.batch_id, move.first, move.last)),
            Fact("batch", str(move.batch_id), f"{BATCHES}/{move.batch_id}"),
            Fact("quantity", f"{cards:,}"),
            Fact("price", say.money(price_micros)),
            Fact("worth", say.money(price_micros * cards)),
            Fact(
                "holder",
                holder_name(say, move.to_id, named.get(move.to_id)),
                was=" · ".join(now) or holder_name(say, WAREHOUSE, None),
            ),
        ]
        if not parts:
            facts.append(Fact("effect", say.texts.get("stock.first_move")))
        if move.kind in (MoveKind.STOLEN, MoveKind.FOUND):
            facts.append(Fact("effect", say.texts.get(f"stock.effect.{move.kind.name.lower()}")))
        return facts

    def _texts(self, request: AnyRequest) -> Any:
        return self.pages.speak(request)


def _move(kind: MoveKind, fields: Mapping[str, str]) -> Move:
    """Return the move that was typed. Raises FieldMissing, FieldMalformed, RangeMalformed."""
    text = typed(fields, "cards").replace(" ", "")
    if not text:
        raise FieldMissing(field="cards")
    try:
        cards = read_range(text)
    except VoucherUnknown as refusal:
        raise RangeMalformed from refusal
    giver, receiver = _GIVEN[kind]
    return Move(
        batch_id=cards.batch_id,
        first=cards.first,
        last=cards.last,
        kind=kind,
        from_id=_end(fields, "from_holder") if giver is None else giver,
        to_id=_end(fields, "to_holder") if receiver is None else receiver,
    )


def _end(fields: Mapping[str, str], word: str) -> int:
    holder_id = dealer_number(fields, word)
    if holder_id is None:
        raise FieldMissing(field=word)
    return holder_id


def _kind(word: str) -> MoveKind:
    """Return the kind of move that an address names. Raises PageNotFound."""
    kind = _KINDS.get(word)
    if kind is None:
        raise PageNotFound
    return kind


def _word(kind: MoveKind) -> str:
    return f"{kind.name.lower()}_stock"

"""`/console/batches`: batches of cards, a batch's record, and its cards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.actions import name_action
from tambah.console.facts import BATCHES, VOUCHERS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.list_pages import ask, list_routes, send_file
from tambah.console.lists import Asked, Choice, Link, ListShape, Money, Value, draw_list, names_of
from tambah.console.pages import ConsolePages
from tambah.domain.refusals import BatchUnknown
from tambah.domain.staff import Permission
from tambah.domain.voucher import BATCH_MOVES, BatchState, VoucherState
from tambah.i18n import Texts
from tambah.store.views.console import acts_on_batch
from tambah.store.views.console_lists import CardRow, batches_listed, cards_listed
from tambah.store.views.listed import Listed
from tambah.store.views.stock import BatchView, count_batch, read_batch
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

DEED_STATES: Mapping[str, Collection[BatchState]] = {
    **{action: BATCH_MOVES[action][0] for action in ("release", "close", "void", "lock")},
    "activate": (BatchState.GENERATED, BatchState.RELEASED, BatchState.LOCKED),
    "export": (BatchState.GENERATED, BatchState.RELEASED, BatchState.LOCKED),
    "sheets": (BatchState.GENERATED, BatchState.RELEASED, BatchState.LOCKED),
}
"""In which states of a batch each may be done."""

_MOST_BATCH = 2**31
_ACTS = 50


def batch_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of batches."""
    return [*list_routes(pages, batch_list(), template="batches.html"), *_record_routes(pages)]


def _record_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site
    may = reaches(Permission.VOUCHERS_READ)

    @get(f"{BATCHES}/{{batch_id:int}}", opt=may, include_in_schema=False)
    async def show_batch(request: AnyRequest, batch_id: FromPath[int]) -> Response[Any]:
        batch = await require_batch(site, batch_id)
        say = Wording(site, pages.speak(request))
        counts = await count_batch(site.database, batch_id)
        return pages.draw(
            request,
            "batch.html",
            batch=batch,
            state=_batch_state(say.texts, batch.state.name.lower()),
            facts=batch_facts(batch, say),
            printed=_print_facts(batch, say),
            counts=[
                (
                    state.name.lower(),
                    f"{count:,}",
                    f"{_cards(batch_id)}?state={state.name.lower()}",
                )
                for state, count in counts.items()
            ],
            acts=await acts_on_batch(site.database, batch_id, _ACTS),
            name_action=name_action,
            may_write=signed_in(request).may(Permission.BATCHES_WRITE),
            deeds=batch_deeds(batch),
        )

    @get(f"{BATCHES}/{{batch_id:int}}/cards", opt=may, include_in_schema=False)
    async def show_cards(request: AnyRequest, batch_id: FromPath[int]) -> Response[Any]:
        await require_batch(site, batch_id)
        shape = card_list(batch_id)
        asked = ask(pages, request, shape)
        return await draw_list(pages, request, shape, asked, "cards.html", {"batch_id": batch_id})

    @post(
        f"{BATCHES}/{{batch_id:int}}/cards/export",
        status_code=200,
        opt=may,
        include_in_schema=False,
    )
    async def export_cards(request: AnyRequest, batch_id: FromPath[int]) -> Response[Any]:
        await require_batch(site, batch_id)
        return await send_file(pages, request, card_list(batch_id))

    return [show_batch, show_cards, export_cards]


async def require_batch(site: Site, batch_id: int) -> BatchView:
    """Return a batch. Raises BatchUnknown."""
    batch = await read_batch(site.database, batch_id) if 0 < batch_id < _MOST_BATCH else None
    if batch is None:
        raise BatchUnknown
    return batch


def batch_deeds(batch: BatchView) -> list[str]:
    """Return what may be done to a batch as it stands, as the addresses name it."""
    deeds = [deed for deed, states in DEED_STATES.items() if batch.state in states]
    if not batch.print_is_here and "export" in deeds:
        deeds.remove("export")
    if not batch.sheets_are_here and "sheets" in deeds:
        deeds.remove("sheets")
    if batch.born_active and "activate" in deeds:
        deeds.remove("activate")
    return deeds


def batch_facts(batch: BatchView, say: Wording) -> list[Fact]:
    """Return what is true of a batch: what its cards are worth, which they are, its dates."""
    facts = [
        Fact("price", say.money(batch.price_micros)),
        Fact("credit", say.money(batch.credit_micros)),
    ]
    if batch.bonus_micros:
        facts.append(Fact("bonus", say.money(batch.bonus_micros)))
    return [
        *facts,
        Fact("valid_days", say.texts.plural("duration.days", batch.valid_days)),
        Fact("serials", f"{batch.first_serial} … {batch.last_serial}"),
        Fact("quantity", f"{batch.quantity:,}"),
        Fact("born_active", say.texts.get("console.yes" if batch.born_active else "console.no")),
        Fact("redeem_until", say.last_day(batch.redeem_before)),
        Fact("created", say.when(batch.created_at)),
        Fact("released", say.when(batch.released_at)),
    ]


def _print_facts(batch: BatchView, say: Wording) -> list[Fact]:
    """Return what is known of the print file; what is in it, only the printer can read."""
    here = say.texts.get("console.yes" if batch.print_is_here else "console.no")
    facts = [Fact("print_is_here", here), Fact("exported", say.when(batch.exported_at))]
    if batch.print_digest is not None:
        facts.append(Fact("print_digest", batch.print_digest.hex()))
        facts.append(Fact("print_size", f"{batch.print_size or 0:,}"))
    return facts


def batch_list() -> ListShape[BatchView]:
    """Return the list of batches."""
    return ListShape(
        word="batches",
        path=BATCHES,
        permission=Permission.VOUCHERS_READ,
        filters=(Choice(name="state", values=names_of(BatchState), label=_batch_state),),
        columns=("batch", "state", "price", "quantity", "created", "released", "redeem_until"),
        find=_find_batches,
        cells=_batch_cells,
        place=lambda batch, _asked: (batch.batch_id,),
        kinds=(int,),
    )


def card_list(batch_id: int) -> ListShape[CardRow]:
    """Return the list of a batch's cards."""

    def find(asked: Asked, after: tuple[int] | None) -> Listed[CardRow]:
        state = VoucherState[asked["state"].upper()] if asked["state"] else None
        return cards_listed(batch_id, state, after)

    return ListShape(
        word="cards",
        path=_cards(batch_id),
        permission=Permission.VOUCHERS_READ,
        filters=(Choice(name="state", values=names_of(VoucherState), label=_card_state),),
        columns=("serial", "state", "sold", "price", "redeemed"),
        find=find,
        cells=_card_cells,
        place=lambda card, _asked: (card.number,),
        kinds=(int,),
    )


def _find_batches(asked: Asked, after: tuple[int] | None) -> Listed[BatchView]:
    return batches_listed(BatchState[asked["state"].upper()] if asked["state"] else None, after)


def _batch_cells(batch: BatchView, say: Wording) -> tuple[Value, ...]:
    end = batch.redeem_before
    return (
        Link(str(batch.batch_id), f"{BATCHES}/{batch.batch_id}"),
        _batch_state(say.texts, batch.state.name.lower()),
        Money(batch.price_micros),
        batch.quantity,
        batch.created_at,
        batch.released_at,
        say.last_day(end) if isinstance(end, datetime) else None,
    )


def _card_cells(card: CardRow, say: Wording) -> tuple[Value, ...]:
    return (
        Link(card.serial, f"{VOUCHERS}/{card.serial}"),
        _card_state(say.texts, card.state.name.lower()),
        say.texts.get("console.yes" if card.activated else "console.no"),
        Money(card.price_micros),
        card.redeemed_at,
    )


def _cards(batch_id: int) -> str:
    return f"{BATCHES}/{batch_id}/cards"


def _batch_state(texts: Texts, value: str) -> str:
    return texts.get(f"batch_state.{value}")


def _card_state(texts: Texts, value: str) -> str:
    return texts.get(f"voucher_state.{value}")

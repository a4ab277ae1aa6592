"""`/console/dealers`: the tree of dealers, and what is known of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tambah.console.actions import name_action
from tambah.console.facts import DEALERS, LINES, STOCK, VOUCHERS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.list_pages import list_routes
from tambah.console.lists import (
    Asked,
    Choice,
    Link,
    ListShape,
    Marked,
    Money,
    Typed,
    Value,
    address_of,
)
from tambah.console.pages import ConsolePages
from tambah.console.request_facts import dealer_fact, terms_told
from tambah.domain.card_stock import STOLEN, WAREHOUSE
from tambah.domain.dealer import Agreement, DealerKind, agreement_at
from tambah.domain.refusals import DealerUnknown
from tambah.domain.staff import Permission
from tambah.domain.voucher import format_serial
from tambah.i18n import Texts
from tambah.store.views.console import acts_on
from tambah.store.views.dealer_lists import (
    DealerRow,
    DealersWanted,
    commission_paid,
    dealers_listed,
    keys_of,
    names_of,
)
from tambah.store.views.dealers import (
    DealerView,
    HoldingView,
    agreements_with,
    children_of,
    read_dealer,
    recent_sales,
    stock_by_range,
)
from tambah.store.views.listed import Listed
from tambah.web.forms import fold_digits
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_MOST_ID = 2**62
_SALES, _ACTS, _RANGES = 20, 30, 50
KINDS = tuple(kind.name.lower() for kind in DealerKind)
"""What a dealer may be called: texts `dealers.kind.<word>`."""

_STANDINGS: Mapping[str, bool] = {"selling": False, "suspended": True}


def dealer_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the tree of dealers."""
    site = pages.site

    @get(
        f"{DEALERS}/{{partner_id:int}}",
        opt=reaches(Permission.DEALERS_READ),
        include_in_schema=False,
    )
    async def show_dealer(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        view = await require_dealer(site, partner_id)
        say = Wording(site, pages.speak(request))
        return pages.draw(
            request,
            "dealer.html",
            dealer=view,
            kind=say.texts.get(f"dealers.kind.{view.kind.name.lower()}"),
            deeds=_deeds(pages, request, view),
            **await _record(site, view, say),
            name_action=name_action,
        )

    return [*list_routes(pages, dealer_list(site), template="dealers.html"), show_dealer]


async def require_dealer(site: Site, partner_id: int) -> DealerView:
    """Return a dealer. Raises DealerUnknown."""
    view = await read_dealer(site.database, partner_id) if 0 < partner_id < _MOST_ID else None
    if view is None:
        raise DealerUnknown
    return view


def _deeds(pages: ConsolePages, request: AnyRequest, view: DealerView) -> list[tuple[str, str]]:
    """Return what the reader may do to a dealer: a text `acts.<word>` and its address."""
    me, here = signed_in(request), f"{DEALERS}/{view.partner_id}"
    found: list[tuple[str, str]] = []
    if me.may(Permission.FLOAT_WRITE):
        found += [("fund_partner", f"{here}/fund"), ("move_float", f"{here}/move-float")]
    if me.may(Permission.FINANCE_WRITE):
        pay = address_of(f"{DEALERS}/commission", {"dealer": str(view.partner_id)})
        found.append(("pay_commission", pay))
    if me.may(Permission.DEALERS_WRITE):
        word = "resume_partner" if view.suspended else "suspend_partner"
        found += [("change_agreement", f"{here}/agreement"), (word, f"{here}/standing")]
    return found


async def _record(site: Site, view: DealerView, say: Wording) -> dict[str, Any]:
    """Return what a dealer's page shows."""
    database, now = site.database, site.clock.now()
    partner_id = view.partner_id
    agreements = await agreements_with(database, partner_id)
    current = agreement_at(agreements, now)
    stock = await stock_by_range(database, holder_id=partner_id, limit=_RANGES)
    sales = await recent_sales(database, [partner_id], _SALES)
    return {
        "state": say.texts.get(f"dealers.standing.{_standing(view)}"),
        "place": await _place_facts(site, view, say),
        "money": await _money_facts(site, view, current, say),
        "agreement": _told(current, say) if current else [],
        "earlier": [_told(one, say) for one in agreements if one != current],
        "children": await children_of(database, partner_id),
        "today": site.rules.validity.local_day(now),
        "stock": [_range(one, say) for one in stock],
        "stock_path": address_of(STOCK, {"holder": str(partner_id)}),
        "sales": sales,
        "card_path": VOUCHERS,
        "line_path": LINES,
        "number": say.number,
        "keys": await keys_of(database, partner_id),
        "acts": await acts_on(database, f"partner:{partner_id}", _ACTS),
    }


async def _place_facts(site: Site, view: DealerView, say: Wording) -> list[Fact]:
    named = await names_of(site.database, [one for one in (view.parent_id, view.payer_id) if one])
    facts = [Fact("dealer_no", str(view.partner_id))]
    if view.parent_id is None:
        facts.append(Fact("parent", say.texts.get("dealers.root")))
    else:
        facts.append(dealer_fact("parent", view.parent_id, named[view.parent_id]))
    facts.append(Fact("level", str(view.depth + 1)))
    if view.payer_id != view.partner_id:
        facts.append(dealer_fact("draws_on", view.payer_id, named[view.payer_id]))
    return facts


async def _money_facts(
    site: Site, view: DealerView, current: Agreement | None, say: Wording
) -> list[Fact]:
    """Return a dealer's float, what bounds its sales and how much of that is used today."""
    none, today = say.texts.get("dealers.none"), site.rules.validity.local_day(site.clock.now())
    most_sale, most_day = view.most_micros, view.daily_cap_micros
    if current is not None and current.most_sale_micros is not None:
        most_sale = current.most_sale_micros
    if current is not None and current.most_day_micros is not None:
        most_day = current.most_day_micros
    sold = view.sold_today(today)
    used = say.money(sold)
    if most_day:
        used += f" ({min(999, sold * 100 // most_day)} %)"
    own = view.payer_id == view.partner_id
    return [
        Fact("float", say.money(view.float_micros if own else view.payer_float_micros)),
        Fact("sold_today", used),
        Fact("most_day", none if most_day is None else say.money(most_day)),
        Fact("most_sale", say.money(most_sale)),
        Fact("least_sale", say.money(view.least_micros)),
        Fact("credit_limit", say.money(view.credit_limit_micros)),
        Fact("owed", say.money(view.owed_micros)),
        Fact("paid_out", say.money(await commission_paid(site.database, view.partner_id))),
    ]


def _told(agreement: Agreement, say: Wording) -> list[Fact]:
    terms = {
        "rate_bp": agreement.rate_bp,
        "paid_as": agreement.paid_as.name.lower(),
        "most_sale_micros": agreement.most_sale_micros,
        "most_day_micros": agreement.most_day_micros,
    }
    told = [Fact(word, value) for word, value in terms_told(terms, say).items()]
    return [Fact("in_force", say.when(agreement.effective_at)), *told]


def _range(one: HoldingView, say: Wording) -> tuple[str, str, str]:
    """Return a range of cards: which, how many sold and not, what a card costs."""
    first, last = format_serial(one.batch_id, one.first), format_serial(one.batch_id, one.last)
    counts = say.texts.get("stock.counts", unsold=f"{one.unsold:,}", sold=f"{one.sold:,}")
    return f"{first} … {last}", counts, say.money(one.price_micros)


def dealer_list(site: Site) -> ListShape[DealerRow]:
    """Return the list of dealers: the tree, each before its children."""

    def cells(row: DealerRow, say: Wording) -> tuple[Value, ...]:
        view = row.view
        standing = say.texts.get(f"dealers.standing.{_standing(view)}")
        pays_itself = view.payer_id == view.partner_id
        return (
            Link(view.name, f"{DEALERS}/{view.partner_id}", view.depth),
            str(view.partner_id),
            say.texts.get(f"dealers.kind.{view.kind.name.lower()}"),
            str(view.parent_id) if view.parent_id else None,
            Marked(standing) if view.suspended else standing,
            Money(view.float_micros)
            if pays_itself
            else say.texts.get("dealers.draws_on", dealer=str(view.payer_id)),
            Money(view.sold_today(site.rules.validity.local_day(site.clock.now()))),
            Money(view.owed_micros),
            view.children,
        )

    return ListShape(
        word="dealers",
        path=DEALERS,
        permission=Permission.DEALERS_READ,
        filters=(
            Choice(name="dealer_kind", values=KINDS, label=_kind),
            Choice(name="standing", values=tuple(_STANDINGS), label=_standing_label),
            Typed(name="called"),
            Typed(name="under"),
        ),
        columns=(
            "called",
            "dealer",
            "dealer_kind",
            "parent",
            "state",
            "float",
            "sold_today",
            "owed",
            "children",
        ),
        find=_find,
        cells=cells,
        place=lambda row, _asked: (".".join(str(one) for one in row.path),),
        kinds=(str,),
    )


def _find(asked: Asked, after: tuple[str] | None) -> Listed[DealerRow]:
    wanted = DealersWanted(
        kind=DealerKind[asked["dealer_kind"].upper()] if asked["dealer_kind"] else None,
        suspended=_STANDINGS[asked["standing"]] if asked["standing"] else None,
        under=number_asked(asked["under"]),
        called=asked["called"] or None,
    )
    return dealers_listed(wanted, _path(after[0]) if after else None)


def number_asked(text: str, most: int = _MOST_ID) -> int | None:
    """Return the number that a filter names; none for nothing, nobody's for what is no number."""
    if not text:
        return None
    digits = fold_digits(text)
    return int(digits) if digits and int(digits) < most else STOLEN - 1


def _path(text: str) -> tuple[int, ...] | None:
    """Return a place in the tree; None (the beginning) for what is none."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    path = tuple(int(part) for part in parts)
    return path if max(path) < _MOST_ID else None


def holder_name(say: Wording, holder_id: int, name: str | None) -> str:
    """Return who holds cards: the warehouse, whoever stole them, or a dealer."""
    if holder_id == WAREHOUSE:
        return say.texts.get("stock.warehouse")
    if holder_id == STOLEN:
        return say.texts.get("stock.stolen")
    return f"{name} ({holder_id})" if name else str(holder_id)


def _standing(view: DealerView) -> str:
    return "suspended" if view.suspended else "selling"


def _kind(texts: Texts, value: str) -> str:
    return texts.get(f"dealers.kind.{value}")


def _standing_label(texts: Texts, value: str) -> str:
    return texts.get(f"dealers.standing.{value}")

"""`/shop` and `/shop/sales`: float and the day's figures, the last ten sales, slips, undoing."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.desks.shop import ShopDesk
from tambah.domain.floats import float_reference
from tambah.domain.numbering import show_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import DealerUnknown, PageNotFound, Refusal
from tambah.shop.pages import ShopPages
from tambah.shop.selling import sale_path
from tambah.shop.sessions import HOME, seated
from tambah.store.views.dealers import SaleView, read_dealer
from tambah.store.views.shop import sales_since
from tambah.web.pages import AnyRequest

SALES = f"{HOME}/sales"
FLOAT = f"{HOME}/float"
MOST_SHOWN = 10


def sales_routes(pages: ShopPages, desk: ShopDesk) -> list[Any]:
    """Return the handlers of the home page, of the last sales and of one."""
    return [*_lists(pages, desk), *_one_sale(pages, desk)]


def _lists(pages: ShopPages, desk: ShopDesk) -> list[Any]:
    @get(HOME, include_in_schema=False)
    async def show_home(request: AnyRequest) -> Response[Any]:
        site, seller = pages.site, seated(request).seller
        dealer = await read_dealer(site.database, seller.partner_id)
        if dealer is None:
            raise DealerUnknown
        validity = site.rules.validity
        since = validity.start_of(validity.local_day(site.clock.now()))
        day = await sales_since(site.database, seller.partner_id, since)
        return pages.draw(request, "home.html", dealer=dealer, day=day)

    @get(SALES, include_in_schema=False)
    async def show_last(request: AnyRequest) -> Response[Any]:
        sales = await desk.last(seated(request).seller, MOST_SHOWN)
        shown = [_shown(pages, desk, sale) for sale in sales]
        return pages.draw(request, "sales.html", sales=shown)

    @get(FLOAT, include_in_schema=False)
    async def show_buying(request: AnyRequest) -> Response[Any]:
        """Say under which reference, and to which account, float is bought by bank transfer."""
        site = pages.site
        dealer = await read_dealer(site.database, seated(request).seller.partner_id)
        if dealer is None:
            raise DealerUnknown
        return pages.draw(
            request,
            "float.html",
            dealer=dealer,
            account=site.operator.bank,
            reference=show_reference(float_reference(dealer.payer_id)),
        )

    return [show_home, show_last, show_buying]


def _one_sale(pages: ShopPages, desk: ShopDesk) -> list[Any]:
    @get(f"{SALES}/{{reference:str}}", include_in_schema=False)
    async def show_sale(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        sale = await _require(request, reference)
        return pages.draw(request, "sale.html", refusal=None, **_shown(pages, desk, sale))

    @post(f"{SALES}/{{reference:str}}/undo", status_code=200, include_in_schema=False)
    async def undo(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        sale = await _require(request, reference)
        try:
            await desk.undo(seated(request).seller, reference)
        except Refusal as refusal:
            shown = _shown(pages, desk, sale)
            return pages.refuse(request, "sale.html", refusal, **shown)
        return pages.redirect(request, sale_path(reference))

    @get(f"{SALES}/{{reference:str}}/undo", include_in_schema=False)
    async def look_again(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        sale = await _require(request, reference)
        return pages.redirect(request, sale_path(sale.reference or ""))

    async def _require(request: AnyRequest, reference: str) -> SaleView:
        sale = await desk.find(seated(request).seller, reference)
        if sale is None:
            raise PageNotFound
        return sale

    return [show_sale, undo, look_again]


def _shown(pages: ShopPages, desk: ShopDesk, sale: SaleView) -> dict[str, Any]:
    """Return a sale as pages show it: its state in a word, whether it may be undone still."""
    state = "undone" if sale.undone_at else "used" if sale.is_used else "sold"
    numbers = pages.site.rules.numbers
    return {
        "sale": sale,
        "state": state,
        "kind": sale.kind.name.lower(),
        "number": "" if sale.msisdn is None else show_msisdn(sale.msisdn, numbers),
        "may_undo": desk.may_undo(sale),
        "minutes": pages.site.rules.dealers.undo_minutes,
    }

"""`/shop/reload`: a number and an amount, the number read back in large digits, the reload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import Refusal
from tambah.shop.selling import Counter, Wish
from tambah.shop.sessions import HOME
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest

RELOAD = f"{HOME}/reload"
_MOST_TYPED = 64


def reload_routes(counter: Counter) -> list[Any]:
    """Return the handlers of reloading a number."""
    pages = counter.pages

    @get(RELOAD, include_in_schema=False)
    async def show_form(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "reload.html", refusal=None, **_form(counter, {}))

    @post(RELOAD, status_code=200, include_in_schema=False)
    async def read_back(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        try:
            wish = _wish(counter, fields)
        except Refusal as refusal:
            return pages.refuse(request, "reload.html", refusal, **_form(counter, fields))
        return await counter.read_back(request, wish)

    @post(f"{RELOAD}/load", status_code=200, include_in_schema=False)
    async def load(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        try:
            wish = _wish(counter, fields)
        except Refusal as refusal:
            return pages.refuse(request, "reload.html", refusal, **_form(counter, fields))
        return await counter.carry_out(request, wish, fields)

    @get(f"{RELOAD}/load", include_in_schema=False)
    async def begin_again(request: AnyRequest) -> Response[Any]:
        return pages.redirect(request, RELOAD)

    return [show_form, read_back, load, begin_again]


def _form(counter: Counter, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form shows: what was typed, and the amounts that are on sale."""
    site = counter.pages.site
    prices = [one.price_micros for one in site.rules.catalog.on_sale(site.clock.now())]
    return {
        "number": fields.get("number", "")[:_MOST_TYPED],
        "amount": fields.get("amount", "")[:_MOST_TYPED],
        "amounts": [(ringgit(price), price) for price in prices],
    }


def _wish(counter: Counter, fields: Mapping[str, str]) -> Wish:
    """Read what reload is meant. Raises NumberMalformed, AmountMalformed, AmountTooPrecise."""
    site, desk = counter.pages.site, counter.desk
    form = _form(counter, fields)
    msisdn = fold_msisdn(str(form["number"]), site.rules.numbers)
    amount_micros = parse_ringgit(str(form["amount"]))
    shown = show_msisdn(msisdn, site.rules.numbers)
    return Wish(
        form="reload.html",
        check="reload_check.html",
        typed={**form, "number": shown},
        quote=lambda seller: desk.quote_reload(seller, msisdn, amount_micros),
        reference=lambda seller, token: desk.reload_reference(
            seller, msisdn, amount_micros, token
        ),
        sell=lambda seller, token: desk.reload(seller, msisdn, amount_micros, token),
    )

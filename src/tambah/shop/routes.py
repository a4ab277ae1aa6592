"""All addresses of the shops, behind their guard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, Router

from tambah.desks.shop import ShopDesk
from tambah.shop.cards import card_routes
from tambah.shop.installing import installing_routes
from tambah.shop.pages import ShopPages
from tambah.shop.reloads import reload_routes
from tambah.shop.sales import sales_routes
from tambah.shop.selling import Counter
from tambah.shop.sessions import HOME, guard_with
from tambah.shop.signing_in import PinDesk, sign_in_routes
from tambah.web.errors import ErrorAnswers, ErrorHandler
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site


def shop_router(site: Site) -> Router:
    """Return the shops' pages. What is refused in them is told on a page of their own."""
    pages, desk, pins = ShopPages(site), ShopDesk(site), PinDesk(site)
    counter = Counter(pages, desk, pins)
    handlers: list[Any] = [
        *sign_in_routes(pages, pins),
        *card_routes(counter),
        *reload_routes(counter),
        *sales_routes(pages, desk),
        *installing_routes(pages),
    ]
    answers = ErrorAnswers(pages).handlers()
    return Router(
        path="/",
        route_handlers=handlers,
        guards=[guard_with(site)],
        exception_handlers={kind: _function(one) for kind, one in answers.items()},
    )


def shop_doors(site: Site) -> Mapping[str, Pages]:
    """Return whose pages tell what is refused under /shop before any handler is met."""
    return {HOME: ShopPages(site)}


def _function(method: ErrorHandler) -> ErrorHandler:
    """Return a function that calls a method, whose object must not be copied (see the guard)."""

    def answer(request: AnyRequest, error: Any) -> Response[Any]:
        return method(request, error)

    return answer

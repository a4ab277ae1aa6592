"""What selling a card and reloading a number have in common: the read-back, the PIN, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response

from tambah.desks.shop import Quote, ShopDesk
from tambah.domain.refusals import Refusal
from tambah.domain.seller import Seller
from tambah.shop.pages import ShopPages
from tambah.shop.sessions import HOME, seated
from tambah.shop.signing_in import PinDesk
from tambah.store.sellers import prove_seller_session
from tambah.web.forms import check_token, fold_digits, mint_token
from tambah.web.pages import AnyRequest
from tambah.web.visitors import Visitors

_MOST_TYPED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be sold: as its own page reads it back, and how it is asked for and done.

    form, check: templates; typed: what the seller typed, to be kept. quote: what it would come
    to. reference: which the sale has, by the token of the page. sell: does it.
    """

    form: str
    check: str
    typed: Mapping[str, Any]
    quote: Callable[[Seller], Awaitable[Quote]]
    reference: Callable[[Seller, str], str]
    sell: Callable[[Seller, str], Awaitable[object]]


class Counter:
    """Where wishes are read back and carried out, each once."""

    def __init__(self, pages: ShopPages, desk: ShopDesk, pins: PinDesk) -> None:
        self.pages = pages
        self.desk = desk
        self._pins = pins
        self._visitors = Visitors(pages.site)

    async def read_back(self, request: AnyRequest, wish: Wish) -> Response[Any]:
        """Show what would be sold, or the form again with why not."""
        try:
            quote = await wish.quote(seated(request).seller)
        except Refusal as refusal:
            return self.pages.refuse(request, wish.form, refusal, **wish.typed)
        token = mint_token(self.pages.site.keys, self.pages.site.clock.now())
        return self.pages.draw(
            request, wish.check, refusal=None, **self._check(request, wish, quote, token)
        )

    async def carry_out(
        self, request: AnyRequest, wish: Wish, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Sell what was read back. The page's token makes any further press the same sale."""
        pages, who, token = self.pages, seated(request), fields.get("token", "")[:256]
        reference = wish.reference(who.seller, token)
        if await self.desk.find(who.seller, reference) is not None:
            return pages.redirect(request, sale_path(reference))
        site, quote = pages.site, None
        try:
            check_token(site.keys, token, site.clock.now())
            quote = await wish.quote(who.seller)
            if self.desk.rule.asks_pin(who.session, quote.price_micros, site.clock.now()):
                pin = fold_digits(fields.get("pin", "")[:_MOST_TYPED])
                await self._pins.prove(who, pin, self._visitors.source(request))
            await wish.sell(who.seller, token)
        except Refusal as refusal:
            # Pressed twice at once, the second may find the first done.
            if await self.desk.find(who.seller, reference) is not None:
                return pages.redirect(request, sale_path(reference))
            if quote is None:
                return pages.refuse(request, wish.form, refusal, **wish.typed)
            # The same token: where nobody knows what was done, pressing again is safe.
            context = self._check(request, wish, quote, token)
            return pages.refuse(request, wish.check, refusal, **context)
        await prove_seller_session(site.database, who.session.digest, site.clock.now())
        return pages.redirect(request, sale_path(reference))

    def _check(self, request: AnyRequest, wish: Wish, quote: Quote, token: str) -> dict[str, Any]:
        session, now = seated(request).session, self.pages.site.clock.now()
        asks_pin = self.desk.rule.asks_pin(session, quote.price_micros, now)
        return {**wish.typed, "quote": quote, "token": token, "asks_pin": asks_pin}


def sale_path(reference: str) -> str:
    """Return where a sale is shown."""
    return f"{HOME}/sales/{reference}"

"""`/shop/sign-in`: registered number and PIN; out again; a PIN of one's own.

Whether a number is a seller's is told by nothing here: a wrong try is answered alike, and after
the same time, whatever was wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from litestar import Response, get, post

from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import NumberMalformed, PinTooWeak, PinWrong, Refusal
from tambah.domain.seller import Seller
from tambah.engine.operator import seller_rule
from tambah.engine.sellers import (
    PinTry,
    change_pin,
    prove_seller,
    session_digest,
    sign_in_seller,
    sign_out_seller,
)
from tambah.shop.pages import ShopPages
from tambah.shop.sessions import (
    CHANGE_PIN,
    HOME,
    SIGN_IN,
    STRANGERS,
    ended_cookie,
    find_seated,
    mint_secret,
    seated,
    session_cookie,
)
from tambah.store.database import CONNECTION_LOST
from tambah.store.sellers import SeatedSeller
from tambah.web.budgets import Budget
from tambah.web.forms import fold_digits, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.visitors import Visitors

WRONG_ANSWER_SECONDS = 0.5
"""After which a wrong try is answered: hashing takes a part of it, whatever is compared."""
_MOST_TYPED = 64
_Passed = TypeVar("_Passed")


def sign_in_routes(pages: ShopPages, desk: PinDesk) -> list[Any]:
    """Return the handlers of signing in and out, and of changing the PIN."""
    visitors = Visitors(pages.site)

    @get(SIGN_IN, opt=STRANGERS, include_in_schema=False)
    async def show_sign_in(request: AnyRequest) -> Response[Any]:
        if find_seated(request):
            return pages.redirect(request, HOME)
        return pages.draw(request, "sign_in.html", number="", refusal=None)

    @post(SIGN_IN, status_code=200, opt=STRANGERS, include_in_schema=False)
    async def enter(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        number = fields.get("number", "")[:_MOST_TYPED]
        pin = fold_digits(fields.get("pin", "")[:_MOST_TYPED])
        try:
            secret = await desk.enter(number, pin, visitors.source(request))
        except Refusal as refusal:
            return pages.refuse(request, "sign_in.html", refusal, number=number)
        return pages.redirect(request, HOME, cookies=[session_cookie(pages.site, secret)])

    @post(f"{HOME}/sign-out", status_code=200, opt=STRANGERS, include_in_schema=False)
    async def leave(request: AnyRequest) -> Response[Any]:
        if (found := find_seated(request)) is not None:
            await sign_out_seller(pages.site.database, found)
        return pages.redirect(request, SIGN_IN, cookies=[ended_cookie()])

    return [show_sign_in, enter, leave, *_pin_routes(pages, desk)]


def _pin_routes(pages: ShopPages, desk: PinDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(CHANGE_PIN, include_in_schema=False)
    async def show_change(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "pin.html", refusal=None, differs=False)

    @post(CHANGE_PIN, status_code=200, include_in_schema=False)
    async def change(request: AnyRequest) -> Response[Any]:
        fields = await read_form(request)
        old, new, again = (
            fold_digits(fields.get(name, "")[:_MOST_TYPED]) for name in ("pin", "new", "again")
        )
        if new != again:
            return pages.draw(request, "pin.html", status=422, refusal=None, differs=True)
        try:
            await desk.change(seated(request), old, new, visitors.source(request))
        except Refusal as refusal:
            return pages.refuse(request, "pin.html", refusal, differs=False)
        return pages.redirect(request, HOME)

    return [show_change, change]


class PinDesk:
    """Takes PINs, within budgets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        entry = site.operator.shop
        self._rule = seller_rule(entry)
        self._wrong = Budget(
            site,
            "wrong seller pin",
            of_source=entry.source_wrong_hourly,
            of_all=entry.all_wrong_hourly,
        )

    async def enter(self, number: str, pin: str, source: bytes) -> str:
        """Begin a session; return the secret for the cookie.

        Raises PinWrong for whatever is wrong, after the same time; TooManyTries, Busy.
        """
        site, secret = self._site, mint_secret()
        try:
            msisdn = fold_msisdn(number, site.rules.numbers)
        except NumberMalformed:
            msisdn = 0  # nobody's: looked for as well, in vain

        async def sign_in() -> Seller:
            return await sign_in_seller(
                site.database,
                self._rule,
                PinTry(msisdn=msisdn, pin=pin),
                session=session_digest(site.keys, secret),
                now=site.clock.now(),
            )

        await self._try(source, sign_in)
        return secret

    async def prove(self, who: SeatedSeller, pin: str, source: bytes) -> None:
        """Take the PIN of a seller who is signed in. Raises as `enter` does."""
        site = self._site
        await self._try(
            source,
            lambda: prove_seller(site.database, self._rule, who, pin, now=site.clock.now()),
        )

    async def change(self, who: SeatedSeller, old: str, new: str, source: bytes) -> None:
        """Change a PIN. Raises PinTooWeak, also for the same again, and as `enter` does."""
        if old == new:
            raise PinTooWeak
        site = self._site
        await self._try(
            source,
            lambda: change_pin(
                site.database,
                self._rule,
                PinTry(msisdn=who.seller.msisdn, pin=old),
                new,
                session=who.session.digest,
                now=site.clock.now(),
            ),
        )

    async def _try(self, source: bytes, work: Callable[[], Awaitable[_Passed]]) -> _Passed:
        loop = asyncio.get_running_loop()
        answer_at = loop.time() + WRONG_ANSWER_SECONDS
        await self._wrong.require_left(source)
        try:
            return await work()
        except PinWrong:
            with suppress(Refusal, *CONNECTION_LOST):
                await self._wrong.spend(source)
            await asyncio.sleep(max(0.0, answer_at - loop.time()))
            raise

"""`/console/account/authenticator`: another authenticator app in place of one's own, or none."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from tambah.console.acts import Act, draw_act, is_confirmed
from tambah.console.facts import Fact
from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_factor
from tambah.console.qr import scanned
from tambah.console.single_sign_on import ACCOUNT
from tambah.domain.refusals import AuthenticatorCodeWrong, FormExpired, Refusal
from tambah.engine.staff import (
    Offer,
    change_authenticator,
    offer_authenticator,
    remove_authenticator,
)
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.sealed_cookie import SealedCookie
from tambah.web.status import status_of

AUTHENTICATOR = f"{ACCOUNT}/authenticator"
_MOST_TYPED = 32


def own_authenticator_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of changing one's authenticator and of removing it."""
    return [*_changing_routes(pages), *_removing_routes(pages)]


def _changing_routes(pages: ConsolePages) -> list[Any]:
    site, opt = pages.site, reaches(Reach.STAFF)
    # The browser keeps the secret, sealed, so that a reload shows what was scanned already.
    kept = SealedCookie(site, "console_authenticator", AUTHENTICATOR, Offer)

    @get(AUTHENTICATOR, opt=opt, include_in_schema=False)
    async def show_offer(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        return await _draw_offer(pages, request, kept)

    @post(AUTHENTICATOR, status_code=200, opt=opt, include_in_schema=False)
    async def change(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        fields, me = await read_form(request), signed_in(request)
        code, offer = fields.get("code", "")[:_MOST_TYPED], kept.read(request)
        try:
            if offer is None:
                raise FormExpired
            await change_authenticator(
                site.database, site.keys, me.seated, offer, code=code, now=me.at
            )
        except (AuthenticatorCodeWrong, FormExpired) as refusal:
            return await _draw_offer(pages, request, kept, refusal)
        return pages.redirect(request, ACCOUNT, cookies=[kept.forget()])

    return [show_offer, change]


def _removing_routes(pages: ConsolePages) -> list[Any]:
    site, opt, path = pages.site, reaches(Reach.STAFF), f"{AUTHENTICATOR}/remove"

    @get(path, opt=opt, include_in_schema=False)
    async def ask_to_remove(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        return draw_act(pages, request, _removal(pages, request))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def remove(request: AnyRequest) -> Response[Any]:
        require_factor(request)
        fields = await read_form(request)
        try:
            if is_confirmed(pages, fields):
                await remove_authenticator(site.database, signed_in(request).seated)
                return pages.redirect(request, ACCOUNT)
        except Refusal as refusal:
            return draw_act(pages, request, _removal(pages, request), refusal)
        return draw_act(pages, request, _removal(pages, request))

    return [ask_to_remove, remove]


def _removal(pages: ConsolePages, request: AnyRequest) -> Act:
    effect = pages.speak(request).get("access.authenticator.removal")
    facts = [Fact("then_on", effect)]
    return Act(word="remove_authenticator", name="", path=ACCOUNT, facts=facts, is_sure=True)


async def _draw_offer(
    pages: ConsolePages,
    request: AnyRequest,
    kept: SealedCookie[Offer],
    refusal: Refusal | None = None,
) -> Response[Any]:
    site, seated = pages.site, signed_in(request).seated
    offer = await offer_authenticator(site.database, seated, kept.read(request))
    name = seated.staff.name
    drawn = pages.draw(
        request,
        "authenticator.html",
        status=status_of(refusal) if refusal else 200,
        name=name,
        is_change=bool(offer.instead_of),
        **scanned(pages, request, offer.totp, name),
        refusal=refusal,
        is_wrong=isinstance(refusal, AuthenticatorCodeWrong),
    )
    drawn.set_cookie(kept.keep(offer))
    return drawn

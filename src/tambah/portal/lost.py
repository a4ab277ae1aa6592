"""`/account/lost`, `/account/unbar`: a lost phone's line, barred at once, unbarred with care.

To bar takes being signed in, or the number and answers that match its owner; that answer is
written before anything is looked up. To lift the bar takes both, and a SIM that is not new.
"""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.domain.actor import Actor
from tambah.domain.care_commands import SetOwnBar
from tambah.domain.commands import LineChanged
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import IdentityNotMatched, Refusal
from tambah.engine.identity import Claim, other_number
from tambah.engine.secret_params import seal_params
from tambah.portal.identity import IdentityDesk, IdentityForm, draw_identity_form
from tambah.portal.sessions import Sessions, SignedIn
from tambah.portal.visitors import Visitors
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site

LOST = "/account/lost"
UNBAR = "/account/unbar"

_NO_STORE = {"cache-control": "no-store"}
_log: Any = structlog.get_logger("tambah.portal")


def lost_routes(pages: Pages, sessions: Sessions, identities: IdentityDesk) -> list[Any]:
    """Return the handlers of a lost phone."""
    return [*_bar_routes(pages, sessions, identities), *_unbar_routes(pages, sessions, identities)]


def _bar_routes(pages: Pages, sessions: Sessions, identities: IdentityDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(LOST, include_in_schema=False)
    async def show_lost(request: AnyRequest) -> Response[Any]:
        return _draw_lost(pages, request, await sessions.find(request))

    @post(LOST, status_code=200, include_in_schema=False)
    async def bar(request: AnyRequest) -> Response[Any]:
        """Bar one's own line at once; a stranger's answers are looked at once this is answered."""
        require_own_origin(request)
        signed_in = await sessions.find(request)
        if signed_in is not None:
            await set_bar(pages.site, signed_in.line_id, barred=True, how="signed in")
            return pages.redirect(request, LOST)
        form = IdentityForm.read(await read_form(request))
        try:
            msisdn = fold_msisdn(form.number, pages.site.rules.numbers)
            claim = identities.read(form)
            await identities.require_left(visitors.source(request))
        except Refusal as refusal:
            return _draw_lost(pages, request, None, form, refusal)
        return pages.redirect(
            request,
            f"{LOST}/done",
            afterwards=BackgroundTask(bar_claimed, pages.site, identities, msisdn, claim),
        )

    @get(f"{LOST}/done", include_in_schema=False)
    async def show_done(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "told.html", headers=_NO_STORE, what="lost")

    return [show_lost, bar, show_done]


def _unbar_routes(pages: Pages, sessions: Sessions, identities: IdentityDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(UNBAR, include_in_schema=False)
    async def show_unbar(request: AnyRequest) -> Response[Any]:
        return _draw_unbar(pages, request, await sessions.require(request))

    @post(UNBAR, status_code=200, include_in_schema=False)
    async def unbar(request: AnyRequest) -> Response[Any]:
        """Lift one's own bar, for answers that match whom the line is registered to."""
        require_own_origin(request)
        signed_in = await sessions.require(request)
        form = IdentityForm.read(await read_form(request))
        try:
            claim = identities.read(form)
            await identities.require_left(visitors.source(request))
            found = await identities.find(claim, purpose="lift a bar")
            if signed_in.line_id not in {view.line.line_id for view in found}:
                raise IdentityNotMatched
            await set_bar(pages.site, signed_in.line_id, barred=False, how="identity checked")
        except Refusal as refusal:
            return _draw_unbar(pages, request, signed_in, form, refusal)
        return pages.redirect(request, "/account")

    return [show_unbar, unbar]


async def bar_claimed(site: Site, identities: IdentityDesk, msisdn: int, claim: Claim) -> None:
    """Bar a number if it is the claimed person's. Says nothing of how it went."""
    try:
        found = await identities.find_quietly(claim, purpose="lost phone")
        for view in found:
            if view.line.msisdn == msisdn:
                await set_bar(site, view.line.line_id, barred=True, how="identity checked")
    except Refusal as refusal:
        _log.info("no line barred", code=refusal.code)
    except Exception:  # noqa: BLE001 - answered already; it must not look any different
        _log.exception("no line barred")


async def set_bar(site: Site, line_id: int, *, barred: bool, how: str) -> LineChanged:
    """Bar a line at its owner's word, or lift that bar; tell the owner's other number of a bar.

    Raises NumberUnknown, BarNotYours, ChangeOnHold.
    """
    to = await other_number(site.database, site.keys, site.rules.numbers, line_id)
    return await site.engine.submit(
        SetOwnBar(
            caller="web",
            request_key=secrets.token_hex(16),
            line_id=line_id,
            barred=barred,
            actor=Actor(who="subscriber", why=f"lost phone, {how}"),
            to=seal_params(site.keys, {"to": str(to)}) if barred and to is not None else None,
        )
    )


def _draw_lost(
    pages: Pages,
    request: AnyRequest,
    signed_in: SignedIn | None,
    form: IdentityForm | None = None,
    refusal: Refusal | None = None,
) -> Response[Any]:
    whose = _whose(pages, signed_in)
    return draw_identity_form(pages, request, "lost.html", form, refusal, **whose)


def _draw_unbar(
    pages: Pages,
    request: AnyRequest,
    signed_in: SignedIn,
    form: IdentityForm | None = None,
    refusal: Refusal | None = None,
) -> Response[Any]:
    whose = _whose(pages, signed_in)
    return draw_identity_form(pages, request, "unbar.html", form, refusal, **whose)


def _whose(pages: Pages, signed_in: SignedIn | None) -> dict[str, object]:
    line = signed_in.view.line if signed_in else None
    shown = show_msisdn(line.msisdn, pages.site.rules.numbers) if line else ""
    return {"line": line, "number": shown}

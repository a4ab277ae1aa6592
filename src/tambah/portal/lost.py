"""`/account/lost`, `/account/unbar`: a lost phone's line, barred at once, unbarred with care.

To bar takes being signed in, or the number and answers that match its owner; that answer is
written before anything is looked up. To lift the bar takes both, and a SIM that is not new.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.desks.identity import IdentityDesk
from tambah.desks.lost import bar_claimed, set_bar
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import IdentityNotMatched, Refusal
from tambah.portal.identity import IdentityForm, draw_identity_form
from tambah.portal.sessions import Sessions, SignedIn
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.visitors import Visitors

LOST = "/account/lost"
UNBAR = "/account/unbar"

_NO_STORE = {"cache-control": "no-store"}


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
            claim = identities.read(form.document, form.kind, form.fact)
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
            claim = identities.read(form.document, form.kind, form.fact)
            await identities.require_left(visitors.source(request))
            found = await identities.find(claim, purpose="lift a bar")
            if signed_in.line_id not in {view.line.line_id for view in found}:
                raise IdentityNotMatched
            await set_bar(pages.site, signed_in.line_id, barred=False, how="identity checked")
        except Refusal as refusal:
            return _draw_unbar(pages, request, signed_in, form, refusal)
        return pages.redirect(request, "/account")

    return [show_unbar, unbar]


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

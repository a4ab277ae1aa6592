"""`/account/reactivate`: an expired line, opened to a top-up for who proves to be its owner.

The answer is written before anything is looked up; what came of it is told to the line by SMS.
"""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.desks.identity import IdentityDesk
from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import Refusal
from tambah.engine.identity import Claim
from tambah.portal.identity import IdentityForm, draw_identity_form
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site
from tambah.web.visitors import Visitors

REACTIVATE = "/account/reactivate"

_NO_STORE = {"cache-control": "no-store"}
_log: Any = structlog.get_logger("tambah.portal")


def reactivating_routes(pages: Pages, identities: IdentityDesk) -> list[Any]:
    """Return the handlers of asking for an expired line back."""
    visitors = Visitors(pages.site)

    @get(REACTIVATE, include_in_schema=False)
    async def show_form(request: AnyRequest) -> Response[Any]:
        return _draw(pages, request)

    @post(REACTIVATE, status_code=200, include_in_schema=False)
    async def ask(request: AnyRequest) -> Response[Any]:
        """Answer, and only then look for whom was claimed."""
        require_own_origin(request)
        form = IdentityForm.read(await read_form(request))
        try:
            pages.site.require_texting()
            msisdn = fold_msisdn(form.number, pages.site.rules.numbers)
            claim = identities.read(form.document, form.kind, form.fact)
            await identities.require_left(visitors.source(request))
        except Refusal as refusal:
            return _draw(pages, request, form, refusal)
        return pages.redirect(
            request,
            f"{REACTIVATE}/done",
            afterwards=BackgroundTask(allow_claimed, pages.site, identities, msisdn, claim),
        )

    @get(f"{REACTIVATE}/done", include_in_schema=False)
    async def show_done(request: AnyRequest) -> Response[Any]:
        return pages.draw(request, "told.html", headers=_NO_STORE, what="reactivate")

    return [show_form, ask, show_done]


async def allow_claimed(site: Site, identities: IdentityDesk, msisdn: int, claim: Claim) -> None:
    """Open a number's line to a top-up if it is the claimed person's. Says nothing of it."""
    try:
        found = await identities.find_quietly(claim, purpose="reactivation")
        for view in found:
            if view.line.msisdn == msisdn:
                await site.engine.submit(
                    AllowReactivation(
                        caller="web",
                        request_key=secrets.token_hex(16),
                        line_id=view.line.line_id,
                        actor=Actor(who="subscriber", why="identity checked"),
                    )
                )
    except Refusal as refusal:
        _log.info("no reactivation", code=refusal.code)
    except Exception:  # noqa: BLE001 - answered already; it must not look any different
        _log.exception("no reactivation")


def _draw(
    pages: Pages,
    request: AnyRequest,
    form: IdentityForm | None = None,
    refusal: Refusal | None = None,
) -> Response[Any]:
    days = pages.site.rules.life.reactivation_days
    return draw_identity_form(pages, request, "reactivate.html", form, refusal, days=days)

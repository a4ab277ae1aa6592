"""`/account/forgotten`: a forgotten number, shown to who proves to be its owner.

The answers are a document and one more fact. If they match somebody, a code goes by SMS to the
other number which that person registered, or, where there is none, to the lines themselves; in the
browser that asked, the code shows the numbers. No number stands in an SMS. Whether somebody was
found is told by nothing: the answer is written before anything is looked up.
"""

from __future__ import annotations

import secrets
from typing import Any

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.desks.identity import IdentityDesk
from tambah.desks.recovery import Recovering, RecoveryDesk
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import Refusal
from tambah.portal.identity import IdentityForm, draw_identity_form
from tambah.web.forms import read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.sealed_cookie import SealedCookie
from tambah.web.site import Site
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

FORGOTTEN = "/account/forgotten"
CODE = f"{FORGOTTEN}/code"

_NO_STORE = {"cache-control": "no-store"}


def forgotten_routes(pages: Pages, identities: IdentityDesk) -> list[Any]:
    """Return the handlers of a forgotten number."""
    desk = RecoveryDesk(pages.site, identities)
    kept = SealedCookie(pages.site, "recovering", FORGOTTEN, Recovering)
    return [
        *_answers_routes(pages, identities, desk, kept),
        *_code_routes(pages, identities, desk, kept),
        *_this_phone_routes(pages),
    ]


def _answers_routes(
    pages: Pages, identities: IdentityDesk, desk: RecoveryDesk, kept: SealedCookie[Recovering]
) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(FORGOTTEN, include_in_schema=False)
    async def show_form(request: AnyRequest) -> Response[Any]:
        return _draw_form(pages, request)

    @post(FORGOTTEN, status_code=200, include_in_schema=False)
    async def ask(request: AnyRequest) -> Response[Any]:
        """Answer, and only then look for whom was claimed."""
        require_own_origin(request)
        form = IdentityForm.read(await read_form(request))
        try:
            pages.site.require_texting()
            claim = identities.read(form.document, form.kind, form.fact)
            await identities.require_left(visitors.source(request))
        except Refusal as refusal:
            return _draw_form(pages, request, form, refusal)
        asked = Recovering(claim=claim, challenge=secrets.token_hex(16))
        return pages.redirect(
            request,
            CODE,
            cookies=[kept.keep(asked)],
            afterwards=BackgroundTask(desk.send, asked),
        )

    return [show_form, ask]


def _code_routes(
    pages: Pages, identities: IdentityDesk, desk: RecoveryDesk, kept: SealedCookie[Recovering]
) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(CODE, include_in_schema=False)
    async def show_code(request: AnyRequest) -> Response[Any]:
        if kept.read(request) is None:
            return pages.redirect(request, FORGOTTEN)
        return _draw_code(pages, request)

    @post(CODE, status_code=200, include_in_schema=False)
    async def show_numbers(request: AnyRequest) -> Response[Any]:
        """Show the numbers to who has the code, once."""
        require_own_origin(request)
        asked = kept.read(request)
        if asked is None:
            return pages.redirect(request, FORGOTTEN)
        typed = (await read_form(request)).get("code", "")[:32]
        try:
            await identities.require_left(visitors.source(request))
            found = await desk.prove(asked, typed)
        except Refusal as refusal:
            return _draw_code(pages, request, refusal)
        plan = pages.site.rules.numbers
        return pages.draw(
            request,
            "forgotten_numbers.html",
            headers=_NO_STORE,
            numbers=[(show_msisdn(v.line.msisdn, plan), v.state.name.lower()) for v in found],
        )

    return [show_code, show_numbers]


def _this_phone_routes(pages: Pages) -> list[Any]:
    @post(f"{FORGOTTEN}/this-phone", status_code=200, include_in_schema=False)
    async def show_this(request: AnyRequest) -> Response[Any]:
        """Show the number of the phone that asks, as the operator's network tells it."""
        require_own_origin(request)
        number = number_of_phone(pages.site, request)
        if number is None:
            return pages.redirect(request, FORGOTTEN)
        shown = show_msisdn(number, pages.site.rules.numbers)
        return pages.draw(
            request, "forgotten_numbers.html", headers=_NO_STORE, numbers=[(shown, "")]
        )

    return [show_this]


def number_of_phone(site: Site, request: AnyRequest) -> int | None:
    """Return the number that the operator's network puts into a header of its own.

    Believed from a trusted proxy alone, and only where the operator named the header: a stranger
    could write any header.
    """
    name = site.operator.recovery.number_header
    peer = request.client.host if request.client else None
    if not name or not Visitors(site).is_trusted(peer):
        return None
    try:
        return fold_msisdn(request.headers.get(name, ""), site.rules.numbers)
    except Refusal:
        return None


def _draw_form(
    pages: Pages,
    request: AnyRequest,
    form: IdentityForm | None = None,
    refusal: Refusal | None = None,
) -> Response[Any]:
    knows = number_of_phone(pages.site, request) is not None
    return draw_identity_form(pages, request, "forgotten.html", form, refusal, knows_phone=knows)


def _draw_code(pages: Pages, request: AnyRequest, refusal: Refusal | None = None) -> Response[Any]:
    return pages.draw(
        request,
        "forgotten_code.html",
        status=status_of(refusal) if refusal else 200,
        headers=_NO_STORE,
        minutes=pages.site.rules.signing_in.code_minutes,
        refusal=refusal,
    )

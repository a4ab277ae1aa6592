"""`/console/prove`: who somebody is, proved once more before money moves.

A handler that moves money calls `require_fresh` before anything else, one that changes what opens
an account `require_factor`; they come back here when the last proof is older than `FRESH`, and go
on from the page that they name.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post

from tambah.console.guard import Reach, quietly, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.passkeys import Passkeys
from tambah.console.sessions import HOME
from tambah.domain.refusals import Refusal, StaffSignInWrong
from tambah.engine.operator import door_rule
from tambah.engine.staff import Proof, prove_again
from tambah.store.staff_passkeys import list_passkeys
from tambah.web.budgets import Budget
from tambah.web.errors import Elsewhere, retry_header
from tambah.web.forms import read_form
from tambah.web.pages import AnyConnection, AnyRequest
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

PROVE = f"{HOME}/prove"
FRESH = timedelta(minutes=5)
"""How long a proof is good for: long enough to read what an act would do, and to do it."""

_PROVING = "prove"
_MOST_TYPED = 256
_MOST_BACK = 1024
_BACK = re.compile(r"/console(/(?!\.)[A-Za-z0-9._~-]+)*(\?[A-Za-z0-9._~%=&+:-]*)?")


def require_fresh(connection: AnyConnection, back: str | None = None) -> None:
    """Let only somebody through who proved a short while ago who they are.

    back: a page of the console (got, not posted) to go on from; this address if left out. Call it
    where the page with the act is drawn as well as where the act is done: what was typed into a
    form is not brought along. Raises Elsewhere.
    """
    me = signed_in(connection)
    if me.at - me.seated.session.proved_at >= FRESH:
        raise Elsewhere(
            f"{PROVE}?{urlencode({'back': _here(connection) if back is None else back})}"
        )


def require_factor(connection: AnyConnection, back: str | None = None) -> None:
    """Let only somebody through who showed a second factor a short while ago; else as above.

    Whoever sits down at an open session and knows the password must not be able to add a passkey
    of their own, nor to put another authenticator in the place of the one there is.
    """
    me = signed_in(connection)
    shown_at = me.seated.session.factor_at
    if shown_at is None or me.at - shown_at >= FRESH:
        query = {"back": _here(connection) if back is None else back, "factor": "yes"}
        raise Elsewhere(f"{PROVE}?{urlencode(query)}")


def _here(connection: AnyConnection) -> str:
    query = connection.url.query
    return f"{connection.url.path}?{query}" if query else connection.url.path


def safe_back(address: str) -> str:
    """Return an address if it is a page of the console, else where staff begin.

    Anything else would make a page of ours, where a password is typed, lead to a stranger's.
    """
    is_safe = len(address) <= _MOST_BACK and _BACK.fullmatch(address) is not None
    return address if is_safe else HOME


def proving_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the page that asks for a proof."""
    site = pages.site
    entry = site.operator.console
    rule, visitors, passkeys = door_rule(site.operator), Visitors(site), Passkeys(site)
    wrong = Budget(
        site,
        "wrong staff try",
        of_source=entry.source_wrong_hourly,
        of_all=entry.all_wrong_hourly,
    )

    @get(PROVE, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def ask_for_proof(request: AnyRequest) -> Response[Any]:
        asked = request.query_params
        return _draw(
            pages, request, safe_back(asked.get("back", "")), asked.get("factor") == "yes"
        )

    @get(f"{PROVE}/passkey", opt=quietly(reaches(Reach.STAFF)), include_in_schema=False)
    async def say_what_to_show(request: AnyRequest) -> Response[Any]:
        seated = signed_in(request).seated
        having = await list_passkeys(site.database, seated.staff.staff_id)
        return passkeys.ask(_PROVING, seated.session.digest, having)

    @post(PROVE, status_code=200, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def take_proof(request: AnyRequest) -> Response[Any]:
        fields, me = await read_form(request), signed_in(request)
        back, source = safe_back(fields.get("back", "")), visitors.source(request)
        needs_factor = fields.get("factor") == "yes"
        shown = passkeys.shown(fields, _PROVING, me.seated.session.digest)
        typed = fields.get("proof", "")[:_MOST_TYPED]
        proof = Proof(shown=shown or typed, takes_password=not needs_factor)
        try:
            await wrong.require_left(source)
            await prove_again(site.database, site.keys, rule, me.seated, proof, now=me.at)
        except StaffSignInWrong as refusal:
            await wrong.spend(source)
            return _draw(pages, request, back, needs_factor, refusal)
        except Refusal as refusal:
            return _draw(pages, request, back, needs_factor, refusal)
        return pages.redirect(request, back)

    return [ask_for_proof, say_what_to_show, take_proof]


def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    back: str,
    needs_factor: bool,
    refusal: Refusal | None = None,
) -> Response[Any]:
    provider = pages.site.operator.single_sign_on
    return pages.draw(
        request,
        "prove.html",
        status=status_of(refusal) if refusal else 200,
        headers=retry_header(refusal, pages.site.clock.now()) if refusal else {},
        back=back,
        needs_factor=needs_factor,
        passkeys=_has_passkeys(pages, request),
        provider=provider if provider.trusts_second_factor or not needs_factor else None,
        query=urlencode({"back": back}),
        refusal=refusal,
    )


def _has_passkeys(pages: ConsolePages, request: AnyRequest) -> bool:
    return signed_in(request).staff.passkeys > 0 and Passkeys(pages.site).is_possible

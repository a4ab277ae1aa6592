"""`/console/sign-in`: name, password, and a code or a passkey; and out again.

Whether an account exists is told by nothing here: a wrong try is answered alike, and after the
same time, whatever was wrong.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Response, get, post

from tambah.console.guard import Reach, find_signed_in, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.passkeys import Passkeys
from tambah.console.sessions import (
    HOME,
    SIGN_IN,
    ended_cookie,
    mint_secret,
    session_cookie,
)
from tambah.domain.refusals import Refusal, StaffSignInWrong
from tambah.engine.operator import door_rule
from tambah.engine.staff import Try, session_digest, sign_in, sign_out, sign_out_everywhere
from tambah.store.database import CONNECTION_LOST
from tambah.web.budgets import Budget
from tambah.web.errors import retry_header
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

WRONG_ANSWER_SECONDS = 0.5
"""After which a wrong try is answered: hashing takes a part of it, whatever is compared."""

_MOST_TYPED = 256
_ENTERING = "sign in"


def sign_in_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of signing in and out."""
    desk, passkeys = SignInDesk(pages.site), Passkeys(pages.site)
    visitors = Visitors(pages.site)

    @get(SIGN_IN, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def show_sign_in(request: AnyRequest) -> Response[Any]:
        if find_signed_in(request):
            return pages.redirect(request, HOME)
        return draw_sign_in(pages, request)

    @get(f"{SIGN_IN}/passkey", opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def say_what_to_show(request: AnyRequest) -> Response[Any]:
        return passkeys.ask(_ENTERING)

    @post(SIGN_IN, status_code=200, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def enter(request: AnyRequest) -> Response[Any]:
        sent = await read_form(request)
        fields = {k: v[:_MOST_TYPED] for k, v in sent.items()}
        tried = Try(
            name=fields.get("name", ""),
            password=fields.get("password", ""),
            code=fields.get("code", ""),
            passkey=passkeys.shown(sent, _ENTERING),
        )
        try:
            secret = await desk.enter(tried, visitors.source(request))
        except Refusal as refusal:
            return draw_sign_in(pages, request, tried.name, refusal)
        return pages.redirect(request, HOME, cookies=[session_cookie(pages.site, secret)])

    @post(f"{HOME}/sign-out", status_code=200, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def leave(request: AnyRequest) -> Response[Any]:
        """End this session, or every session of theirs where `everywhere` was pressed."""
        seated = signed_in(request).seated
        if "everywhere" in await read_form(request):
            await sign_out_everywhere(pages.site.database, seated)
        else:
            await sign_out(pages.site.database, seated)
        return pages.redirect(request, SIGN_IN, cookies=[ended_cookie()])

    return [show_sign_in, say_what_to_show, enter, leave]


class SignInDesk:
    """Takes tries, within budgets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        entry = site.operator.console
        self._rule = door_rule(site.operator)
        self._wrong = Budget(
            site,
            "wrong staff try",
            of_source=entry.source_wrong_hourly,
            of_all=entry.all_wrong_hourly,
        )

    async def enter(self, tried: Try, source: bytes) -> str:
        """Begin a session; return the secret for the cookie.

        Raises StaffSignInWrong for whatever is wrong, after the same time; TooManyTries, Busy.
        """
        loop = asyncio.get_running_loop()
        answer_at = loop.time() + WRONG_ANSWER_SECONDS
        await self._wrong.require_left(source)
        site, secret = self._site, mint_secret()
        try:
            await sign_in(
                site.database,
                site.keys,
                self._rule,
                tried,
                session=session_digest(site.keys, secret),
                now=site.clock.now(),
            )
        except StaffSignInWrong:
            with suppress(Refusal, *CONNECTION_LOST):
                await self._wrong.spend(source)
            await asyncio.sleep(max(0.0, answer_at - loop.time()))
            raise
        return secret


def draw_sign_in(
    pages: ConsolePages, request: AnyRequest, name: str = "", refusal: Refusal | None = None
) -> Response[Any]:
    """Draw the page on which staff sign in, with what was refused."""
    return pages.draw(
        request,
        "sign_in.html",
        status=status_of(refusal) if refusal else 200,
        headers=retry_header(refusal, pages.site.clock.now()) if refusal else {},
        name=name,
        passkeys=Passkeys(pages.site).is_possible,
        provider=pages.site.operator.single_sign_on,
        refusal=refusal,
    )

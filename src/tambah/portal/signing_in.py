"""`/account/sign-in`: a number in, a one-time password to it, and whoever has it is signed in.

Whether a number is a line of ours is told by nothing here: the answer to a number is written
before the number is looked up, and a wrong password is answered alike, and after the same time,
whatever was wrong.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.domain.care_commands import AskSignIn, TrySignIn
from tambah.domain.care_commands import SignedIn as Proved
from tambah.domain.numbering import fold_msisdn, show_msisdn
from tambah.domain.refusals import NumberUnknown, Refusal, SignInCodeWrong
from tambah.engine.secret_params import seal_params
from tambah.portal.sessions import (
    SIGN_IN,
    Sessions,
    ended_cookie,
    mint_secret,
    session_cookie,
    session_digest,
)
from tambah.store.database import CONNECTION_LOST
from tambah.store.sessions import end_all_sessions, end_session
from tambah.web.budgets import Budget
from tambah.web.forms import fold_digits, read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.sealed_cookie import SealedCookie
from tambah.web.site import Site
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

HOME = "/account"
CODE = f"{SIGN_IN}/code"
WRONG_ANSWER_SECONDS = 0.35
"""After which a wrong password is answered, whether there was anything to compare it with."""

_NO_STORE = {"cache-control": "no-store"}
_OWN_PATH = re.compile(r"/account(/[A-Za-z0-9-]+)*")
_log: Any = structlog.get_logger("tambah.portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a browser that asked for a password keeps, sealed: for which number, and where to go.

    challenge: its secret, without which the password is worth nothing.
    """

    msisdn: int
    challenge: str
    to: str = HOME


def sign_in_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of signing in and out."""
    desk = SignInDesk(pages.site)
    return [
        *_number_routes(pages, sessions, desk),
        *_code_routes(pages, sessions, desk),
        *_again_routes(pages, sessions, desk),
        *_leaving_routes(pages, sessions),
    ]


def _number_routes(pages: Pages, sessions: Sessions, desk: SignInDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(SIGN_IN, include_in_schema=False)
    async def show_number(request: AnyRequest) -> Response[Any]:
        if await sessions.find(request):
            return pages.redirect(request, _own(request.query_params.get("to", "")))
        return _draw_number(pages, request, to=_own(request.query_params.get("to", "")))

    @post(SIGN_IN, status_code=200, include_in_schema=False)
    async def ask(request: AnyRequest) -> Response[Any]:
        """Send a password to the number, if it is a line's, once this is answered."""
        require_own_origin(request)
        fields = await read_form(request)
        typed, to = fields.get("number", "")[:64], _own(fields.get("to", ""))
        try:
            pages.site.require_texting()
            msisdn = fold_msisdn(typed, pages.site.rules.numbers)
            await desk.asks.spend(visitors.source(request))
        except Refusal as refusal:
            return _draw_number(pages, request, typed, refusal, to=to)
        return _send_on(pages, request, desk, msisdn, to)

    return [show_number, ask]


def _code_routes(pages: Pages, sessions: Sessions, desk: SignInDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(CODE, include_in_schema=False)
    async def show_code(request: AnyRequest) -> Response[Any]:
        asked = desk.kept.read(request)
        return _draw_code(pages, request, asked) if asked else pages.redirect(request, SIGN_IN)

    @post(CODE, status_code=200, include_in_schema=False)
    async def prove(request: AnyRequest) -> Response[Any]:
        """Sign in with the password that came."""
        require_own_origin(request)
        asked = desk.kept.read(request)
        if asked is None:
            return pages.redirect(request, SIGN_IN)
        typed = (await read_form(request)).get("code", "")[:32]
        try:
            proved, secret = await desk.prove(asked, typed, visitors.source(request))
        except Refusal as refusal:
            return _draw_code(pages, request, asked, refusal)
        if (before := await sessions.find(request)) is not None:
            await end_session(pages.site.database, before.session)
        cookies = [session_cookie(pages.site, proved.line_id, secret), desk.kept.forget()]
        return pages.redirect(request, asked.to, cookies=cookies)

    return [show_code, prove]


def _again_routes(pages: Pages, sessions: Sessions, desk: SignInDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @get(f"{SIGN_IN}/again", include_in_schema=False)
    async def show_again(request: AnyRequest) -> Response[Any]:
        """Say that this needs a fresh password, with a button that sends one."""
        signed_in = await sessions.require(request)
        number = show_msisdn(signed_in.view.line.msisdn, pages.site.rules.numbers)
        to = _own(request.query_params.get("to", ""))
        return pages.draw(request, "sign_in_again.html", headers=_NO_STORE, number=number, to=to)

    @post(f"{SIGN_IN}/again", status_code=200, include_in_schema=False)
    async def ask_again(request: AnyRequest) -> Response[Any]:
        require_own_origin(request)
        signed_in = await sessions.require(request)
        to = _own((await read_form(request)).get("to", ""))
        await desk.asks.spend(visitors.source(request))
        return _send_on(pages, request, desk, signed_in.view.line.msisdn, to)

    return [show_again, ask_again]


def _leaving_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    @post("/account/sign-out", status_code=200, include_in_schema=False)
    async def leave(request: AnyRequest) -> Response[Any]:
        """End this session, or every session of the line where `everywhere` was pressed."""
        require_own_origin(request)
        signed_in = await sessions.find(request)
        if signed_in is not None:
            if "everywhere" in await read_form(request):
                await end_all_sessions(pages.site.database, signed_in.line_id)
            else:
                await end_session(pages.site.database, signed_in.session)
        return pages.redirect(request, "/", cookies=[ended_cookie()])

    return [leave]


class SignInDesk:
    """Sends passwords and takes them, within budgets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        entry = site.operator.sign_in
        self.kept = SealedCookie(site, "signing_in", SIGN_IN, Asked)
        self.asks = Budget(site, "ask sign-in", of_source=entry.source_asks_hourly)
        self._wrong = Budget(
            site,
            "wrong sign-in",
            of_source=entry.source_wrong_hourly,
            of_all=entry.all_wrong_hourly,
        )

    async def send(self, asked: Asked) -> None:
        """Have a password sent, if the number is a line's. Says nothing of how it went."""
        site, code = self._site, f"{secrets.randbelow(10**6):06d}"
        command = AskSignIn(
            msisdn=asked.msisdn,
            challenge=self._challenge(asked),
            digest=self._digest(asked, code),
            sealed=seal_params(site.keys, {"code": code}),
        )
        try:
            await site.engine.submit(command)
        except Refusal as refusal:
            _log.info("no password sent", code=refusal.code)
        except Exception:  # noqa: BLE001 - answered already; it must not look any different
            _log.exception("no password sent")

    async def prove(self, asked: Asked, typed: str, source: bytes) -> tuple[Proved, str]:
        """Return who signed in, and the secret for the cookie.

        Raises SignInCodeWrong for whatever is wrong, after the same time; TooManyTries, Busy.
        """
        loop = asyncio.get_running_loop()
        answer_at = loop.time() + WRONG_ANSWER_SECONDS
        await self._wrong.require_left(source)
        secret, site = mint_secret(), self._site
        code = fold_digits(typed)
        command = TrySignIn(
            msisdn=asked.msisdn,
            challenge=self._challenge(asked),
            digest=self._digest(asked, code),
            session=session_digest(site, secret),
        )
        try:
            return await site.engine.submit(command), secret
        except (SignInCodeWrong, NumberUnknown):
            with suppress(Refusal, *CONNECTION_LOST):
                await self._wrong.spend(source)
            await asyncio.sleep(max(0.0, answer_at - loop.time()))
            raise SignInCodeWrong from None

    def _challenge(self, asked: Asked) -> bytes:
        return self._site.keys.digest("challenge", asked.challenge)

    def _digest(self, asked: Asked, code: str) -> bytes:
        return self._site.keys.digest("sign-in", str(asked.msisdn), asked.challenge, code)


def _send_on(
    pages: Pages, request: AnyRequest, desk: SignInDesk, msisdn: int, to: str
) -> Response[Any]:
    """Answer, and only then look the number up."""
    asked = Asked(msisdn=msisdn, challenge=secrets.token_hex(16), to=to)
    return pages.redirect(
        request,
        CODE,
        cookies=[desk.kept.keep(asked)],
        afterwards=BackgroundTask(desk.send, asked),
    )


def _draw_number(
    pages: Pages,
    request: AnyRequest,
    typed: str = "",
    refusal: Refusal | None = None,
    *,
    to: str = HOME,
) -> Response[Any]:
    return pages.draw(
        request,
        "sign_in.html",
        to=to if to != HOME else "",
        status=status_of(refusal) if refusal else 200,
        headers=_NO_STORE,
        number=typed,
        can_text=pages.site.can_text,
        refusal=refusal,
    )


def _draw_code(
    pages: Pages, request: AnyRequest, asked: Asked, refusal: Refusal | None = None
) -> Response[Any]:
    return pages.draw(
        request,
        "sign_in_code.html",
        status=status_of(refusal) if refusal else 200,
        headers=_NO_STORE,
        number=show_msisdn(asked.msisdn, pages.site.rules.numbers),
        minutes=pages.site.rules.signing_in.code_minutes,
        refusal=refusal,
    )


def _own(path: str) -> str:
    """Return a path below /account as it is, /account for anything else.

    It goes into a header: nothing but what our paths are made of gets there.
    """
    return path if _OWN_PATH.fullmatch(path) else HOME

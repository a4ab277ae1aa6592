"""`/console/sso`: to the operator's provider and back; a second factor of ours where it is needed.

Where somebody is sent stands sealed in their browser, with what the answer must hold; an answer is
taken once. A link leads there, no form: the policy of our pages lets no form lead elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from tambah.console.guard import Reach, find_signed_in, quietly, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.passkeys import Passkeys
from tambah.console.provider import Provider
from tambah.console.proving import require_factor, safe_back
from tambah.console.sessions import HOME, mint_secret, session_cookie
from tambah.console.signing_in import draw_sign_in
from tambah.domain.refusals import (
    PageNotFound,
    Refusal,
    SingleSignOnRefused,
    StaffSignInWrong,
)
from tambah.domain.single_sign_on import SingleSignOnRule, Told
from tambah.engine.operator import door_rule, single_sign_on_rule
from tambah.engine.staff import Shown, session_digest
from tambah.engine.staff.single_sign_on import (
    Arrival,
    bind_told,
    needs_factor,
    prove_by_told,
    sign_in_told,
    spend_state,
    unbind,
)
from tambah.store.staff_sessions import Seated
from tambah.web.budgets import Budget
from tambah.web.errors import retry_header
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest, asked_language
from tambah.web.sealed_cookie import SealedCookie
from tambah.web.site import Site
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

SSO = f"{HOME}/sso"
CALLBACK, SECOND, CONNECT = f"{SSO}/callback", f"{SSO}/second", f"{SSO}/connect"
ACCOUNT = f"{HOME}/account"
_LIVES = timedelta(minutes=10)
"""For how long somebody may be away at the provider, or look for their second factor."""
_MOST_TYPED = 256
_MOST_SENT = 2048
_ENTER, _PROVE, _BIND = "enter", "prove", "bind"
_SECOND = "second"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser keeps while somebody is at the provider. session: whose it was, by digest."""

    deed: str
    state: str
    nonce: str
    verifier: str
    began: datetime
    back: str = HOME
    session: bytes = b""


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the provider knows, and who has yet to show a second factor of ours."""

    told: Told
    key: bytes
    began: datetime


def single_sign_on_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of single sign-on; where there is none, no address is there."""
    desk = SsoDesk(pages)
    return [*_going_routes(desk), _coming_route(desk), *_second_routes(desk)]


def connect_mark(site: Site, seated: Seated) -> str:
    """Return what a link that binds an account must carry: another site cannot make one up."""
    return site.keys.digest("sso connect", seated.session.digest).hex()


def _going_routes(desk: SsoDesk) -> list[Any]:
    @get(f"{SSO}/start", opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def go_and_sign_in(request: AnyRequest) -> Response[Any]:
        try:
            return await desk.send(request, _ENTER)
        except Refusal as refusal:
            return draw_sign_in(desk.pages, request, "", refusal)

    @get(f"{SSO}/prove", opt=reaches(Reach.STAFF), include_in_schema=False)
    async def go_and_prove(request: AnyRequest) -> Response[Any]:
        return await desk.send(request, _PROVE, request.query_params.get("back", ""))

    @get(CONNECT, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def go_and_bind(request: AnyRequest) -> Response[Any]:
        require_factor(request, ACCOUNT)
        mark = connect_mark(desk.pages.site, signed_in(request).seated)
        if not hmac.compare_digest(request.query_params.get("mark", ""), mark):
            raise SingleSignOnRefused
        return await desk.send(request, _BIND, ACCOUNT)

    @post(f"{SSO}/disconnect", status_code=200, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def disconnect(request: AnyRequest) -> Response[Any]:
        require_factor(request, ACCOUNT)
        await unbind(desk.pages.site.database, signed_in(request).seated)
        return desk.pages.redirect(request, ACCOUNT)

    return [go_and_sign_in, go_and_prove, go_and_bind, disconnect]


def _coming_route(desk: SsoDesk) -> Any:
    @get(CALLBACK, opt=reaches(Reach.STRANGERS), include_in_schema=False)
    async def come_back(request: AnyRequest) -> Response[Any]:
        """Take the provider's answer, for whatever somebody was sent there."""
        try:
            flow, told = await desk.take(request)
            if flow.deed == _ENTER:
                return await desk.enter(request, told)
            return await desk.go_on(request, flow, told)
        except Refusal as refusal:
            if find_signed_in(request) is not None:
                raise
            answer = draw_sign_in(desk.pages, request, "", refusal)
            answer.cookies.append(desk.flows.forget())
            return answer

    return come_back


def _second_routes(desk: SsoDesk) -> list[Any]:
    opt = reaches(Reach.STRANGERS)

    @get(SECOND, opt=opt, include_in_schema=False)
    async def ask_for_factor(request: AnyRequest) -> Response[Any]:
        desk.require_half(request)
        return desk.draw_second(request)

    @get(f"{SECOND}/passkey", opt=quietly(opt), include_in_schema=False)
    async def say_what_to_show(request: AnyRequest) -> Response[Any]:
        return desk.passkeys.ask(_SECOND, desk.require_half(request).key)

    @post(SECOND, status_code=200, opt=opt, include_in_schema=False)
    async def take_factor(request: AnyRequest) -> Response[Any]:
        half, fields = desk.require_half(request), await read_form(request)
        shown = desk.passkeys.shown(fields, _SECOND, half.key)
        factor = shown or fields.get("code", "")[:_MOST_TYPED] or "-"
        try:
            return await desk.sign_in(request, half.told, factor)
        except Refusal as refusal:
            return desk.draw_second(request, refusal)

    return [ask_for_factor, say_what_to_show, take_factor]


class SsoDesk:
    """Sends people to the provider, and takes who comes back, within budgets."""

    def __init__(self, pages: ConsolePages) -> None:
        site = pages.site
        entry = site.operator.console
        self.pages = pages
        self.passkeys = Passkeys(site)
        self.flows = SealedCookie(site, "console_sso", SSO, Flow)
        self._halves = SealedCookie(site, "console_half", SSO, Half)
        self._door = door_rule(site.operator)
        self._rule = single_sign_on_rule(site.operator.single_sign_on)
        self._visitors = Visitors(site)
        self._wrong = Budget(
            site,
            "wrong staff try",
            of_source=entry.source_wrong_hourly,
            of_all=entry.all_wrong_hourly,
        )
        here = f"{site.public_url.rstrip('/')}{CALLBACK}"
        secret = site.sso_client_secret
        self._provider = Provider(self._rule, secret, here) if self._rule else None

    @property
    def rule(self) -> SingleSignOnRule:
        """Return what the provider is worth. Raises PageNotFound where there is none."""
        if self._rule is None:
            raise PageNotFound
        return self._rule

    @property
    def provider(self) -> Provider:
        """Return the provider. Raises PageNotFound where there is none."""
        if self._provider is None:
            raise PageNotFound
        return self._provider

    async def send(self, request: AnyRequest, deed: str, back: str = "") -> Response[Any]:
        """Send somebody to the provider. Raises SingleSignOnDown, PageNotFound."""
        found, now = find_signed_in(request), self.pages.site.clock.now()
        flow = Flow(
            deed=deed,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            began=now,
            back=safe_back(back),
            session=found.seated.session.digest if found and deed != _ENTER else b"",
        )
        address = await self.provider.address(
            state=flow.state,
            nonce=flow.nonce,
            verifier=flow.verifier,
            anew=deed != _ENTER,
            now=now,
        )
        headers = {"location": address, "cache-control": "no-store"}
        cookies, tag = [self.flows.keep(flow)], asked_language(request)
        if tag:  # whoever comes back brings no language along
            cookies.append(self.pages.language_cookie(tag))
        return Response(None, status_code=303, headers=headers, cookies=cookies)

    async def take(self, request: AnyRequest) -> tuple[Flow, Told]:
        """Return what somebody was sent for, and who the provider says it is.

        Raises SingleSignOnRefused, SingleSignOnDown, TooManyTries and Busy.
        """
        site, source = self.pages.site, self._visitors.source(request)
        provider, flow, now = self.provider, self.flows.read(request), site.clock.now()
        said = {name: value[:_MOST_SENT] for name, value in request.query_params.items()}
        await self._wrong.require_left(source)
        try:
            if flow is None or not hmac.compare_digest(flow.state, said.get("state", "")):
                raise SingleSignOnRefused
            if now >= flow.began + _LIVES or said.get("iss", self.rule.issuer) != self.rule.issuer:
                raise SingleSignOnRefused
            await spend_state(site.database, site.keys, flow.state, flow.began + _LIVES)
            if not said.get("code"):
                raise SingleSignOnRefused  # who came back without one was refused there
            told = await provider.redeem(
                said["code"], nonce=flow.nonce, verifier=flow.verifier, now=now
            )
        except SingleSignOnRefused:
            await self._wrong.spend(source)
            raise
        return flow, told

    async def enter(self, request: AnyRequest, told: Told) -> Response[Any]:
        """Let somebody in, or ask for a second factor of ours first."""
        if not await needs_factor(self.pages.site.database, self.rule, told):
            return await self.sign_in(request, told, None)
        now = self.pages.site.clock.now()
        half = Half(told=told, key=secrets.token_bytes(16), began=now)
        cookies = [self.flows.forget(), self._halves.keep(half)]
        return self.pages.redirect(request, SECOND, cookies=cookies)

    async def sign_in(
        self, request: AnyRequest, told: Told, factor: str | Shown | None
    ) -> Response[Any]:
        """Begin a session. Raises SingleSignOnRefused, StaffSignInWrong, TooManyTries, Busy."""
        site, secret = self.pages.site, mint_secret()
        source = self._visitors.source(request)
        await self._wrong.require_left(source)
        try:
            await sign_in_told(
                site.database,
                site.keys,
                self._door,
                Arrival(rule=self.rule, told=told, factor=factor),
                session=session_digest(site.keys, secret),
                now=site.clock.now(),
            )
        except (StaffSignInWrong, SingleSignOnRefused):
            await self._wrong.spend(source)
            raise
        cookies = [session_cookie(site, secret), self.flows.forget(), self._halves.forget()]
        return self.pages.redirect(request, HOME, cookies=cookies)

    async def go_on(self, request: AnyRequest, flow: Flow, told: Told) -> Response[Any]:
        """Prove or bind who is signed in, if it is the session that was sent away."""
        found, site = find_signed_in(request), self.pages.site
        if found is None or found.seated.session.digest != flow.session:
            raise SingleSignOnRefused
        seated, now = found.seated, found.at
        if flow.deed == _BIND:
            await bind_told(site.database, self.rule, seated, told, now)
        else:
            since = flow.began
            await prove_by_told(site.database, self.rule, seated, told, since=since, now=now)
        return self.pages.redirect(request, flow.back, cookies=[self.flows.forget()])

    def require_half(self, request: AnyRequest) -> Half:
        """Return whom the provider knows already. Raises PageNotFound, SingleSignOnRefused."""
        if self._rule is None:
            raise PageNotFound
        half = self._halves.read(request)
        if half is None or self.pages.site.clock.now() >= half.began + _LIVES:
            raise SingleSignOnRefused
        return half

    def draw_second(self, request: AnyRequest, refusal: Refusal | None = None) -> Response[Any]:
        """Draw the page that asks for a second factor."""
        return self.pages.draw(
            request,
            "sso_second.html",
            status=status_of(refusal) if refusal else 200,
            headers=retry_header(refusal, self.pages.site.clock.now()) if refusal else {},
            passkeys=self.passkeys.is_possible,
            refusal=refusal,
        )

"""Who is signed in: a cookie that names its line, opaquely, and a secret kept by digest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from litestar.datastructures import Cookie

from tambah.domain.signing_in import Session
from tambah.engine.spelling import spell, unspell
from tambah.store.sessions import read_session, touch_session
from tambah.store.views.lines import LineView, line_now, read_line_of
from tambah.web.errors import Elsewhere
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

COOKIE = "session"
SIGN_IN = "/account/sign-in"
_LINE_BYTES = 8
_TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A subscriber who is signed in, and the line as it stands now."""

    session: Session
    view: LineView

    @property
    def line_id(self) -> int:
        """Return the line's id: what every command of theirs is about."""
        return self.session.line_id


class Sessions:
    """Finds out who asks. Handlers of /account call `require` first, and then use its line_id."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def find(self, request: AnyRequest) -> SignedIn | None:
        """Return who is signed in, None for nobody."""
        site = self._site
        read = _read(site, request.cookies.get(COOKIE, ""))
        if read is None:
            return None
        line_id, digest = read
        session = await read_session(site.database, line_id, digest)
        now = site.clock.now()
        if session is None or not self._holds(session, now):
            return None
        account = await read_line_of(site.database, line_id)
        if account is None:
            return None
        view = line_now(account, site.rules, now)
        if not view.is_somebodys:
            return None
        if now - session.seen_at >= _TOUCHED_EVERY:
            await touch_session(site.database, session, now)
        return SignedIn(session=session, view=view)

    async def require(self, request: AnyRequest, *, back: str = "") -> SignedIn:
        """Return who is signed in; raises Elsewhere to where one signs in.

        back: where to be after that, one of our paths; the account unless told.
        """
        found = await self.find(request)
        if found is None:
            raise Elsewhere(f"{SIGN_IN}?to={back}" if back else SIGN_IN)
        return found

    async def require_fresh(self, request: AnyRequest) -> SignedIn:
        """Return who gave a password within the last minutes; raises Elsewhere to give another.

        For what is worth a second look: a code of an eSIM, a bar lifted. After the password the
        subscriber is back at this address.
        """
        found = await self.require(request)
        if not self.is_fresh(found):
            raise Elsewhere(f"{SIGN_IN}/again?to={request.url.path}")
        return found

    def is_fresh(self, signed_in: SignedIn) -> bool:
        """Say whether a password was given within the last minutes."""
        fresh = timedelta(minutes=self._site.operator.sign_in.fresh_minutes)
        return self._site.clock.now() - signed_in.session.proved_at < fresh

    def _holds(self, session: Session, now: datetime) -> bool:
        idle = timedelta(minutes=self._site.rules.signing_in.idle_minutes)
        return now < session.expires_at and now - session.seen_at < idle


def mint_secret() -> str:
    """Return the secret half of a new session's cookie."""
    return secrets.token_hex(16)


def session_digest(site: Site, secret: str) -> bytes:
    """Return what the database holds of a session's secret."""
    return site.keys.digest("session", secret)


def session_cookie(site: Site, line_id: int, secret: str) -> Cookie:
    """Return the cookie of a new session; it ends with the browser, or before."""
    name = spell(site.keys.name("session", line_id.to_bytes(_LINE_BYTES, "big")))
    return Cookie(
        key=COOKIE,
        value=f"{name}.{secret}",
        path="/",
        httponly=True,
        samesite="lax",
        secure=site.public_url.startswith("https://"),
    )


def ended_cookie() -> Cookie:
    """Return the cookie that takes a session's place when it ends."""
    return Cookie(key=COOKIE, value="", path="/", max_age=0, httponly=True, samesite="lax")


def _read(site: Site, value: str) -> tuple[int, bytes] | None:
    """Return the line and the digest that a cookie speaks of; None for anything not ours."""
    name, _, secret = value.partition(".")
    raw = unspell(name)
    clear = site.keys.read_name("session", raw) if raw else None
    if clear is None or len(clear) != _LINE_BYTES:
        return None
    return int.from_bytes(clear, "big"), session_digest(site, secret)

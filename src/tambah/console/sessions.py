"""Who is signed in to the console: a cookie with a secret, kept by digest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from litestar.datastructures import Cookie

from tambah.domain.approval import DEEDS
from tambah.domain.staff import Permission, Staff, StaffState
from tambah.engine.operator import staff_rule
from tambah.engine.staff import actor_of, session_digest
from tambah.store.approvals import count_waiting
from tambah.store.staff_sessions import Seated, read_seated, touch_session
from tambah.web.pages import AnyConnection
from tambah.web.site import Site

COOKIE = "console"
HOME = "/console"
SIGN_IN = f"{HOME}/sign-in"
_TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who works here and is signed in. at: when they asked for this."""

    seated: Seated
    at: datetime

    @property
    def staff(self) -> Staff:
        """Return who it is."""
        return self.seated.staff

    def may(self, permission: Permission) -> bool:
        """Say whether they may do something."""
        return permission in self.staff.permissions


class Sessions:
    """Finds out who asks."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rule = staff_rule(site.operator.console)

    async def find(self, connection: AnyConnection, *, touches: bool = True) -> SignedIn | None:
        """Return who is signed in, None for nobody. Their roles are those of this moment.

        touches: whether asking counts as doing something, so that the session does not end.
        """
        secret = connection.cookies.get(COOKIE, "")
        if not secret:
            return None
        database, now = self._site.database, self._site.clock.now()
        seated = await read_seated(database, session_digest(self._site.keys, secret))
        if seated is None or not seated.session.holds(self._rule, now):
            return None
        if seated.staff.state is not StaffState.ACTIVE:
            return None
        if touches and now - seated.session.seen_at >= _TOUCHED_EVERY:
            await touch_session(database, seated.session.digest, now)
        return SignedIn(seated=seated, at=now)

    async def count_waiting(self, found: SignedIn) -> int:
        """Return how many requests wait for somebody who may decide them."""
        staff = found.staff
        deeds = [deed.value for deed, rule in DEEDS.items() if found.may(rule.permission)]
        if not deeds:
            return 0
        now = self._site.clock.now()
        return await count_waiting(self._site.database, deeds, actor_of(staff).who, now)


def mint_secret() -> str:
    """Return the secret of a new session's cookie."""
    return secrets.token_hex(16)


def session_cookie(site: Site, secret: str) -> Cookie:
    """Return the cookie of a new session; it ends with the browser, or before."""
    return Cookie(
        key=COOKIE,
        value=secret,
        path=HOME,
        httponly=True,
        samesite="lax",
        secure=site.public_url.startswith("https://"),
    )


def ended_cookie() -> Cookie:
    """Return the cookie that takes a session's place when it ends."""
    return Cookie(key=COOKIE, value="", path=HOME, max_age=0, httponly=True, samesite="lax")

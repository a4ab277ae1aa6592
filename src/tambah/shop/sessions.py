"""Which seller is signed in: a cookie with a secret, kept by digest; and the pages' guard."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers.base import BaseRouteHandler

from tambah.domain.seller import SellerRule, SellerState
from tambah.engine.operator import seller_rule
from tambah.engine.sellers import session_digest
from tambah.store.sellers import SeatedSeller, read_seated_seller, touch_seller_session
from tambah.web.errors import Elsewhere
from tambah.web.forms import require_own_origin
from tambah.web.pages import AnyConnection
from tambah.web.site import Site

COOKIE = "shop"
HOME = "/shop"
SIGN_IN = f"{HOME}/sign-in"
CHANGE_PIN = f"{HOME}/pin"
STRANGERS = {"strangers": True}
"""The `opt` of a handler that needs nobody signed in."""
_STATE = "seated_seller"
_TOUCHED_EVERY = timedelta(minutes=1)


def mint_secret() -> str:
    """Return the secret of a new session's cookie."""
    return secrets.token_hex(16)


def session_cookie(site: Site, secret: str) -> Cookie:
    """Return the cookie of a new session; it ends with the browser, or before.

    Strict: no page elsewhere has a way into a shop.
    """
    return Cookie(
        key=COOKIE,
        value=secret,
        path=HOME,
        httponly=True,
        samesite="strict",
        secure=site.public_url.startswith("https://"),
    )


def ended_cookie() -> Cookie:
    """Return the cookie that takes a session's place when it ends."""
    return Cookie(key=COOKIE, value="", path=HOME, max_age=0, httponly=True, samesite="strict")


def guard_with(site: Site) -> Any:
    """Return what stands before every handler of a shop; a function, as in the console."""
    rule = seller_rule(site.operator.shop)

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Let sellers through, and anybody where the handler says so.

        Raises Elsewhere (to where one signs in, or chooses a PIN) and FormExpired (sent from
        another site).
        """
        if isinstance(connection, Request) and connection.method == "POST":
            require_own_origin(connection)
        found = await _find(site, rule, connection)
        connection.state[_STATE] = found
        if handler.opt.get("strangers"):
            return
        if found is None:
            raise Elsewhere(SIGN_IN)
        if found.seller.must_change and connection.url.path != CHANGE_PIN:
            raise Elsewhere(CHANGE_PIN)

    return guard


async def _find(site: Site, rule: SellerRule, connection: AnyConnection) -> SeatedSeller | None:
    secret = connection.cookies.get(COOKIE, "")
    if not secret:
        return None
    now = site.clock.now()
    found = await read_seated_seller(site.database, session_digest(site.keys, secret))
    if found is None or not found.session.holds(rule, now):
        return None
    if found.seller.state is not SellerState.ACTIVE:
        return None
    if now - found.session.seen_at >= _TOUCHED_EVERY:
        await touch_seller_session(site.database, found.session.digest, now)
    return found


def find_seated(connection: AnyConnection) -> SeatedSeller | None:
    """Return which seller is signed in, None for nobody."""
    return connection.state.get(_STATE)


def seated(connection: AnyConnection) -> SeatedSeller:
    """Return which seller is signed in, at an address that is for sellers."""
    found = find_seated(connection)
    assert found is not None, "the guard lets nobody else through"
    return found

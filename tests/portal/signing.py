"""Signing in, for tests of what comes after."""

from __future__ import annotations

import httpx

from tambah.engine.secret_params import open_params
from tambah.web.site import Site

from .conftest import TYPED_NUMBER


async def sign_in(
    site: Site, browser: httpx.AsyncClient, number: str = TYPED_NUMBER
) -> httpx.AsyncClient:
    """Have a browser sign in to a number, with the password that is on its way; return it."""
    asked = await browser.post("/account/sign-in", data={"number": number})
    assert asked.status_code == 303
    sealed = await site.database.fetch_value(
        """
        SELECT sealed FROM outbox
         WHERE template = 'sign_in_code' ORDER BY at DESC, number DESC LIMIT 1
        """
    )
    code = open_params(site.keys, sealed)["code"]
    proved = await browser.post("/account/sign-in/code", data={"code": code})
    assert proved.status_code == 303
    return browser

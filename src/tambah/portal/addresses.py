"""Lasting addresses: unguessable, made of what was pressed, kept by their digest alone."""

import re

from tambah.engine.spelling import spell
from tambah.web.site import Site

TOKEN = re.compile(r"[a-z2-7]{26}")
"""What a form led to, found by its digest."""
PAYMENT_NAME = re.compile(r"[a-z2-7]{45}")
"""A payment by the name that its provider has for it, and sends the payer back with."""


def result_token(site: Site, *parts: str) -> str:
    """Return the token of the result that a form's token and content lead to, always the same."""
    return spell(site.keys.digest("result", *parts))


def result_path(token: str) -> str:
    """Return the path at which a result stands."""
    return f"/topup/result/{token}"


def page_digest(site: Site, token: str) -> bytes:
    """Return what the books hold of a result's address: a keyed digest, never the address."""
    return site.keys.digest("page", token)


def own_path(site: Site, address: str) -> str:
    """Return an address of ours as a path, any other as it is.

    A browser that came by another name of this server (localhost) stays where it is.
    """
    path = address.removeprefix(site.public_url.rstrip("/"))
    return path if path.startswith("/") else address

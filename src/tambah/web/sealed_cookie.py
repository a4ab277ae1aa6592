"""What a browser keeps for us between two pages: sealed, so that it neither reads nor makes it."""

from __future__ import annotations

import base64
from typing import Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from litestar.datastructures import Cookie

from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_SECONDS = 900
_Kept = TypeVar("_Kept")


class SealedCookie(Generic[_Kept]):
    """A cookie of one name, for the addresses below a path, that lives a quarter of an hour."""

    def __init__(self, site: Site, name: str, path: str, kind: type[_Kept]) -> None:
        self._site = site
        self._name = name
        self._path = path
        self._kind = kind

    def read(self, request: AnyRequest) -> _Kept | None:
        """Return what this browser keeps, None for nothing of ours."""
        try:
            raw = base64.urlsafe_b64decode(request.cookies.get(self._name, ""))
            return msgspec.json.decode(
                self._site.keys.unseal(self._name, raw, b""), type=self._kind
            )
        except (ValueError, InvalidTag):
            return None

    def keep(self, kept: _Kept) -> Cookie:
        """Return the cookie that holds it."""
        sealed = self._site.keys.seal(self._name, msgspec.json.encode(kept), b"")
        return self._cookie(base64.urlsafe_b64encode(sealed).decode(), _SECONDS)

    def forget(self) -> Cookie:
        """Return the cookie that takes its place when it is of no more use."""
        return self._cookie("", 0)

    def _cookie(self, value: str, max_age: int) -> Cookie:
        return Cookie(
            key=self._name,
            value=value,
            path=self._path,
            max_age=max_age,
            httponly=True,
            samesite="lax",
            secure=self._site.public_url.startswith("https://"),
        )

"""How a page of a shop is drawn: who is signed in, and nothing kept by a browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Response

from tambah.domain.refusals import Refusal
from tambah.shop.sessions import find_seated
from tambah.web.errors import retry_header
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site
from tambah.web.status import status_of

TEMPLATES = Path(__file__).parent / "templates"
_NO_STORE = {"cache-control": "no-store"}


class ShopPages(Pages):
    """Draws the shops' pages. Balances and numbers are on them: none is ever kept."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, TEMPLATES)

    def draw(
        self,
        request: AnyRequest,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        stored: str = "",
        **context: object,
    ) -> Response[bytes]:
        """Draw a page, with the frame of whoever is signed in."""
        found = find_seated(request)
        return super().draw(
            request,
            template,
            status=status,
            headers={**(headers or {}), **_NO_STORE},
            stored=stored,
            me=found.seller if found else None,
            asked=asked_language(request),
            **context,
        )

    def refuse(
        self, request: AnyRequest, template: str, refusal: Refusal, **context: Any
    ) -> Response[bytes]:
        """Draw a page again with what was refused."""
        return self.draw(
            request,
            template,
            status=status_of(refusal),
            headers=retry_header(refusal, self.site.clock.now()),
            refusal=refusal,
            **context,
        )

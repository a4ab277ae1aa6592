"""How a page of the console is drawn: who is signed in, where they may go, in which zone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from litestar import Response

from tambah.console.guard import find_signed_in, waiting_for
from tambah.console.sessions import HOME, SignedIn
from tambah.domain.staff import Permission
from tambah.i18n.zones import name_zone
from tambah.web.pages import AnyRequest, Pages, asked_language
from tambah.web.site import Site

TEMPLATES = Path(__file__).parent / "templates"
_NO_STORE = {"cache-control": "no-store"}


class Place(NamedTuple):
    """An entry of the menu: its path, a text `console.to.<word>`, who may go there."""

    path: str
    word: str
    permission: Permission | None


MENU = (
    Place(HOME, "home", None),
    Place(f"{HOME}/requests", "requests", None),
    Place(f"{HOME}/lines", "lines", Permission.LINES_READ),
    Place(f"{HOME}/tickets", "tickets", Permission.TICKETS_READ),
    Place(f"{HOME}/payments", "payments", Permission.PAYMENTS_READ),
    Place(f"{HOME}/batches", "batches", Permission.VOUCHERS_READ),
    Place(f"{HOME}/finance", "finance", Permission.FINANCE_READ),
    Place(f"{HOME}/dealers", "dealers", Permission.DEALERS_READ),
    Place(f"{HOME}/stock", "stock", Permission.DEALERS_READ),
    Place(f"{HOME}/audit", "audit", Permission.AUDIT_READ),
    Place(f"{HOME}/staff", "staff", Permission.STAFF_WRITE),
    Place(f"{HOME}/content", "content", Permission.CONTENT_WRITE),
    Place(f"{HOME}/promotions", "promotions", Permission.CONTENT_WRITE),
    Place(f"{HOME}/packages", "packages", Permission.CONTENT_WRITE),
    Place(f"{HOME}/points", "points", Permission.CONTENT_WRITE),
    Place(f"{HOME}/tariffs", "tariffs", None),
    Place(f"{HOME}/operations", "operations", Permission.OPERATIONS_READ),
    Place(f"{HOME}/sessions", "sessions", Permission.OPERATIONS_READ),
    Place(f"{HOME}/figures", "figures", None),
)

_EXPORTS_AT_ONCE = 2


class ConsolePages(Pages):
    """Draws the console's pages. None is ever kept by a browser.

    exporting: turns of writing a list into a file.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(site, TEMPLATES)
        self._zone_name = zone_name(site)
        self.exporting = asyncio.Semaphore(_EXPORTS_AT_ONCE)

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
        found = find_signed_in(request)
        return super().draw(
            request,
            template,
            status=status,
            headers={**(headers or {}), **_NO_STORE},
            stored=stored,
            me=found.staff if found else None,
            menu=menu_of(found),
            waiting=waiting_for(request),
            zone_name=self._zone_name,
            asked=asked_language(request),
            in_language=partial(_in_language, request),
            **context,
        )


def menu_of(found: SignedIn | None) -> list[Place]:
    """Return where somebody may go."""
    if found is None:
        return []
    return [one for one in MENU if one.permission is None or found.may(one.permission)]


def _in_language(request: AnyRequest, tag: str) -> str:
    """Return the query of this page in another language: a list keeps its filters."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"?{urlencode([*kept, ('lang', tag)])}"


def zone_name(site: Site) -> str:
    """Return what stands beside every time of day: MYT, or the zone's own name."""
    return name_zone(site.operator.time_zone)

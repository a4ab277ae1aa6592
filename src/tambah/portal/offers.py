"""`/offers`: what the operator publishes, as pages and as a feed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tambah.domain.article import ArticleKind, Reader
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.refusals import PageNotFound
from tambah.engine.publishing import to_html
from tambah.portal.feed import FEED_TYPE, write_feed
from tambah.portal.sessions import Sessions
from tambah.store.articles import Shown, read_shown
from tambah.web.pages import AnyRequest, Pages, keep_language

_ON_THE_HOME_PAGE = 3
_FEED_SECONDS = 600
_SLUG = re.compile(r"[a-z0-9-]{1,60}")


class NoticeBoard:
    """Offers and news as one reader sees them: what is for their line is for them alone."""

    def __init__(self, pages: Pages, sessions: Sessions) -> None:
        self._pages = pages
        self._sessions = sessions

    async def reader(self, request: AnyRequest) -> Reader | None:
        """Return what is known of who asks, None for nobody signed in."""
        found = await self._sessions.find(request)
        if found is None:
            return None
        return Reader(state=found.view.state, plan=found.view.line.plan)

    async def read(
        self,
        request: AnyRequest,
        reader: Reader | None,
        *,
        slug: str = "",
        with_bodies: bool = False,
    ) -> list[Shown]:
        """Return what a reader is shown today, in the language of the page."""
        site = self._pages.site
        return await read_shown(
            site.database,
            LANGUAGE_BY_TAG[self._pages.speak(request).tag],
            site.rules.validity.local_day(site.clock.now()),
            reader,
            slug=slug,
            with_bodies=with_bodies,
        )

    async def newest(self, request: AnyRequest) -> list[Shown]:
        """Return the few that the home page names."""
        return (await self.read(request, await self.reader(request)))[:_ON_THE_HOME_PAGE]


def offers_routes(pages: Pages, board: NoticeBoard) -> list[Any]:
    """Return the handlers of /offers."""

    @get("/offers", include_in_schema=False)
    async def show_offers(request: AnyRequest) -> Response[bytes]:
        reader = await board.reader(request)
        shown = await board.read(request, reader)
        return pages.draw(
            request,
            "offers.html",
            headers=_headers(reader),
            sections=[(kind.name.lower(), _of(kind, shown)) for kind in ArticleKind],
        )

    @get("/offers/{slug:str}", include_in_schema=False)
    async def show_offer(request: AnyRequest, slug: FromPath[str]) -> Response[bytes]:
        if _SLUG.fullmatch(slug) is None:
            raise PageNotFound
        reader = await board.reader(request)
        shown = await board.read(request, reader, slug=slug, with_bodies=True)
        if not shown:
            raise PageNotFound
        return pages.draw(
            request,
            "offer.html",
            headers=_headers(reader),
            article=shown[0],
            body=to_html(shown[0].wording.body, partial(keep_language, request)),
        )

    @get("/offers/feed.xml", include_in_schema=False)
    async def send_feed(request: AnyRequest) -> Response[bytes]:
        """Send the public ones; who is signed in does not matter."""
        shown = await board.read(request, None, with_bodies=True)
        content = write_feed(pages.site, pages.speak(request), shown)
        mark = f'W/"{hashlib.sha256(content).hexdigest()[:20]}"'
        headers = {
            "cache-control": f"public, max-age={_FEED_SECONDS}",
            "etag": mark,
            "vary": "accept-language, cookie",
        }
        if mark in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, media_type=FEED_TYPE, headers=headers)
        return Response(content, media_type=FEED_TYPE, headers=headers)

    return [show_offers, show_offer, send_feed]


def _of(kind: ArticleKind, shown: Sequence[Shown]) -> list[Shown]:
    return [one for one in shown if one.kind is kind]


def _headers(reader: Reader | None) -> dict[str, str]:
    """Return headers that keep a page with what is for one line out of every cache."""
    return {} if reader is None else {"cache-control": "no-store"}

"""`/account/usage`: the calls, messages and data that a line used, and what each cost."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get

from tambah.desks.usage_words import describe_usage, read_place, write_place
from tambah.portal.account import NO_STORE
from tambah.portal.sessions import Sessions
from tambah.store.views.usage import used_by_line
from tambah.web.pages import AnyRequest, Pages

PAGE_SIZE = 20


def usage_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handler of what was used."""

    @get("/account/usage", include_in_schema=False)
    async def show_usage(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.require(request)
        before = read_place(request.query_params.get("after", ""))
        # One more than is shown tells whether anything follows.
        found = await used_by_line(pages.site.database, signed_in.line_id, before, PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        older = write_place(shown[-1].place) if len(found) > PAGE_SIZE else ""
        plan = pages.site.rules.numbers
        return pages.draw(
            request,
            "account_usage.html",
            headers=NO_STORE,
            stored=signed_in.view.line.language.tag,
            entries=[describe_usage(one, plan) for one in shown],
            is_first=before is None,
            older=f"/account/usage?{urlencode({'after': older})}" if older else "",
        )

    return [show_usage]

"""`/console`: where staff begin, and what is not there."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.live import count_all
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.refusals import PageNotFound
from tambah.web.pages import AnyRequest


def home_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the first page and of addresses at which there is nothing."""

    @get(HOME, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_home(request: AnyRequest) -> Response[Any]:
        found = signed_in(request)
        return pages.draw(
            request,
            "home.html",
            roles=found.staff.roles,
            permissions=sorted(found.staff.permissions),
            counters=await count_all(pages.site, found),
            ends_at=found.seated.session.expires_at,
        )

    @get(f"{HOME}/{{rest:path}}", opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_nothing(request: AnyRequest) -> Response[Any]:
        """Send strangers to sign in whatever they ask for; tell staff that it is not there."""
        raise PageNotFound

    return [show_home, show_nothing]

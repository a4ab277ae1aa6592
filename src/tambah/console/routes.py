"""All addresses of the console, behind its guard."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router

from tambah.console.finance import finance_routes
from tambah.console.finding import finding_routes
from tambah.console.guard import guard_with
from tambah.console.home import home_routes
from tambah.console.invitations import invitation_routes
from tambah.console.lines import line_routes
from tambah.console.pages import ConsolePages
from tambah.console.records import record_routes
from tambah.console.sessions import Sessions
from tambah.console.signing_in import sign_in_routes
from tambah.console.three_ways import three_way_routes
from tambah.web.errors import ErrorAnswers, ErrorHandler
from tambah.web.pages import AnyRequest
from tambah.web.site import Site


def console_router(site: Site) -> Router:
    """Return the console. What is refused in it is told on a page of its own."""
    pages = ConsolePages(site)
    handlers: list[Any] = [
        *home_routes(pages),
        *sign_in_routes(pages),
        *invitation_routes(pages),
        *finding_routes(pages),
        *line_routes(pages),
        *record_routes(pages),
        *finance_routes(pages),
        *three_way_routes(pages),
    ]
    answers = ErrorAnswers(pages).handlers()
    return Router(
        path="/",
        route_handlers=handlers,
        guards=[guard_with(Sessions(site))],
        exception_handlers={kind: _function(one) for kind, one in answers.items()},
    )


def _function(method: ErrorHandler) -> ErrorHandler:
    """Return a function that calls a method, whose object must not be copied (see `guard`)."""

    def answer(request: AnyRequest, error: Any) -> Response[Any]:
        return method(request, error)

    return answer

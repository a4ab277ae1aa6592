"""`/account`: a subscriber's own line, after signing in."""

from typing import Any

from litestar import Response, get

from tambah.domain.numbering import show_msisdn
from tambah.portal.sessions import Sessions
from tambah.web.pages import AnyRequest, Pages


def account_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of /account."""

    @get("/account", include_in_schema=False)
    async def show_account(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.require(request)
        view, rules = signed_in.view, pages.site.rules
        until = view.line.active_until
        return pages.draw(
            request,
            "account.html",
            headers={"cache-control": "no-store"},
            stored=view.line.language.tag,
            view=view,
            number=show_msisdn(view.line.msisdn, rules.numbers),
            active_until=rules.validity.last_day(until) if until else None,
        )

    return [show_account]

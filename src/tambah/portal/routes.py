"""All addresses of the portal."""

from pathlib import Path
from typing import Any

from tambah.desks.identity import IdentityDesk
from tambah.desks.tickets import TicketDesk
from tambah.domain.payment import ProviderId
from tambah.payments.sandbox import SandboxProvider
from tambah.portal.account import account_routes
from tambah.portal.forgotten import forgotten_routes
from tambah.portal.help import help_routes
from tambah.portal.history import history_routes
from tambah.portal.look_ups import LookUps, look_up_routes
from tambah.portal.lost import lost_routes
from tambah.portal.offers import NoticeBoard, offers_routes
from tambah.portal.packages import package_routes
from tambah.portal.paying import paying_routes
from tambah.portal.points import points_routes
from tambah.portal.rates import rate_routes
from tambah.portal.reactivating import reactivating_routes
from tambah.portal.results import result_routes
from tambah.portal.sandbox import sandbox_routes
from tambah.portal.sandbox_pay import sandbox_pay_routes
from tambah.portal.sessions import Sessions
from tambah.portal.settings import settings_routes
from tambah.portal.signing_in import sign_in_routes
from tambah.portal.sims import sim_routes
from tambah.portal.ticket_pages import following_routes, ticket_routes
from tambah.portal.tickets import opening_routes
from tambah.portal.topup import topup_routes
from tambah.portal.usage import usage_routes
from tambah.web.pages import Pages
from tambah.web.site import Site

TEMPLATES = Path(__file__).parent / "templates"


def routes(site: Site) -> list[Any]:
    """Return the portal's Litestar handlers; the sandbox's only for a demo database.

    Numbers can be looked up only where they can be paid for.
    """
    pages = Pages(site, TEMPLATES)
    look_ups = LookUps(site)
    sessions = Sessions(site)
    identities = IdentityDesk(site)
    board = NoticeBoard(pages, sessions)
    tickets = TicketDesk(site)
    handlers = [
        *topup_routes(pages, look_ups, board, sessions),
        *result_routes(pages, look_ups),
        *help_routes(pages),
        *offers_routes(pages, board),
        *points_routes(pages),
        *rate_routes(pages),
        *package_routes(pages, sessions),
        *sign_in_routes(pages, sessions),
        *forgotten_routes(pages, identities),
        *lost_routes(pages, sessions, identities),
        *reactivating_routes(pages, identities),
        *history_routes(pages, sessions),
        *usage_routes(pages, sessions),
        *settings_routes(pages, sessions),
        *sim_routes(pages, sessions),
        *opening_routes(pages, sessions, tickets),
        *following_routes(pages, sessions, tickets),
        *ticket_routes(pages, tickets),
    ]
    if site.payments is not None:
        handlers += look_up_routes(pages, look_ups)
        handlers += paying_routes(pages, look_ups, site.payments)
    if site.is_demo:
        handlers += sandbox_routes(pages)
    if site.is_demo and site.payments is not None:
        sandbox = site.payments.providers.by_id.get(ProviderId.SANDBOX)
        if isinstance(sandbox, SandboxProvider):
            handlers += sandbox_pay_routes(pages, sandbox)
    # The account leads to what is there.
    paths = {path for one in handlers for path in one.paths}
    return [*handlers, *account_routes(pages, sessions, paths)]

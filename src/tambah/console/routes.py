"""All addresses of the console, behind its guard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, Router

from tambah.console.audit import audit_routes
from tambah.console.bank_desk import bank_routes, beside_payments
from tambah.console.batch_acts import batch_act_routes
from tambah.console.batches import batch_routes
from tambah.console.content import content_routes
from tambah.console.dealer_acts import dealer_act_routes
from tambah.console.dealers import dealer_routes
from tambah.console.figures import figure_routes
from tambah.console.finance import finance_routes
from tambah.console.finding import finding_routes
from tambah.console.float_acts import float_act_routes
from tambah.console.guard import guard_with
from tambah.console.home import home_routes
from tambah.console.invitations import invitation_routes
from tambah.console.line_acts import line_act_routes
from tambah.console.line_list import line_list
from tambah.console.lines import line_routes
from tambah.console.list_pages import list_routes
from tambah.console.live import live_routes
from tambah.console.message_acts import message_routes
from tambah.console.operations import operation_routes
from tambah.console.own_access import own_access_routes
from tambah.console.package_acts import package_act_routes
from tambah.console.packages import package_editor_routes
from tambah.console.pages import ConsolePages
from tambah.console.payment_desk import payment_routes
from tambah.console.payment_list import payment_list
from tambah.console.points import point_routes
from tambah.console.promotions import promotion_routes
from tambah.console.proving import proving_routes
from tambah.console.records import record_routes
from tambah.console.refunds import refund_routes
from tambah.console.requests import request_routes
from tambah.console.session_list import session_list
from tambah.console.sessions import HOME, Sessions
from tambah.console.signing_in import sign_in_routes
from tambah.console.single_sign_on import single_sign_on_routes
from tambah.console.staff_pages import staff_routes
from tambah.console.stock_acts import stock_act_routes
from tambah.console.stock_pages import stock_routes
from tambah.console.tariffs import tariff_routes
from tambah.console.three_ways import three_way_routes
from tambah.console.ticket_desk import ticket_routes
from tambah.console.ticket_list import beside_tickets, ticket_list
from tambah.console.topup_moves import topup_move_routes
from tambah.web.errors import ErrorAnswers, ErrorHandler
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site


def console_router(site: Site) -> Router:
    """Return the console. What is refused in it is told on a page of its own."""
    pages = ConsolePages(site)
    handlers: list[Any] = [
        *home_routes(pages),
        *sign_in_routes(pages),
        *invitation_routes(pages),
        *proving_routes(pages),
        *own_access_routes(pages),
        *single_sign_on_routes(pages),
        *finding_routes(pages),
        *list_routes(pages, line_list(site)),
        *line_routes(pages),
        *line_act_routes(pages),
        *topup_move_routes(pages),
        *promotion_routes(pages),
        *message_routes(pages),
        *package_editor_routes(pages),
        *package_act_routes(pages),
        *request_routes(pages),
        *batch_act_routes(pages),
        *staff_routes(pages),
        *audit_routes(pages),
        *record_routes(pages),
        *list_routes(
            pages, payment_list(site), template="payments.html", more=beside_payments(pages)
        ),
        *payment_routes(pages),
        *refund_routes(pages),
        *bank_routes(pages),
        *list_routes(
            pages, ticket_list(site), template="tickets.html", more=beside_tickets(pages)
        ),
        *ticket_routes(pages),
        *batch_routes(pages),
        *finance_routes(pages),
        *three_way_routes(pages),
        *content_routes(pages),
        *point_routes(pages),
        *tariff_routes(pages),
        *live_routes(pages),
        *figure_routes(pages),
        *operation_routes(pages),
        *list_routes(pages, session_list()),
        *float_act_routes(pages),
        *dealer_act_routes(pages),
        *dealer_routes(pages),
        *stock_act_routes(pages),
        *stock_routes(pages),
    ]
    answers = ErrorAnswers(pages).handlers()
    return Router(
        path="/",
        route_handlers=handlers,
        guards=[guard_with(Sessions(site))],
        exception_handlers={kind: _function(one) for kind, one in answers.items()},
    )


def console_doors(site: Site) -> Mapping[str, Pages]:
    """Return whose pages tell what is refused under /console before any handler is met."""
    return {HOME: ConsolePages(site)}


def _function(method: ErrorHandler) -> ErrorHandler:
    """Return a function that calls a method, whose object must not be copied (see `guard`)."""

    def answer(request: AnyRequest, error: Any) -> Response[Any]:
        return method(request, error)

    return answer

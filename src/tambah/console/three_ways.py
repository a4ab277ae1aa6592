"""`/console/finance/reconcile`: sold, used and owed beside each other; what is unexplained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from litestar import Response, get

from tambah.console.finance import FINANCE, read_span, yesterday
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.domain.finance.three_way import Item
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId, show_reference
from tambah.domain.refusals import FieldMalformed, PeriodAhead, Refusal
from tambah.domain.staff import Permission
from tambah.payments.names import read_payment_id
from tambah.payments.reconcile import Question
from tambah.payments.three_ways import reconcile_books
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of

RECONCILE = f"{FINANCE}/reconcile"
MOST_DAYS = 31
_LEADS = {"vouchers": Permission.VOUCHERS_READ, "payments": Permission.PAYMENTS_READ}


def three_way_routes(pages: ConsolePages) -> list[Any]:
    """Return the handler of the three-way reconciliation."""
    site = pages.site

    @get(RECONCILE, opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def show_three_ways(request: AnyRequest) -> Response[Any]:
        """Ask the providers and compare; of the last day that is over where none is named."""
        day = yesterday(pages)
        refusal: Refusal | None = None
        span, found = Span(first=day, last=day), None
        try:
            span = read_span(request.query_params, day, most_days=MOST_DAYS)
            found = await reconcile_books(site.database, _question(site, span))
        except (FieldMalformed, PeriodAhead) as refused:
            refusal = refused
        may = signed_in(request).may
        return pages.draw(
            request,
            "three_ways.html",
            status=status_of(refusal) if refusal else 200,
            found=found,
            span=span,
            refusal=refusal,
            most_days=MOST_DAYS,
            lead_of=partial(_lead_of, may),
            named=_named,
        )

    return [show_three_ways]


def _question(site: Site, span: Span) -> Question:
    return Question(
        span=span,
        providers=site.payments.providers.by_id if site.payments else {},
        wanted=tuple(ProviderId),
        today=site.rules.validity.local_day(site.clock.now()),
        validity=site.rules.validity,
        read_id=lambda name: read_payment_id(site.keys, name),
    )


def _lead_of(may: Callable[[Permission], bool], item: Item) -> str:
    """Return where an item's record is, empty for none that the reader may see."""
    if item.path is None or not may(_LEADS[item.path[0]]):
        return ""
    return f"/console/{item.path[0]}/{item.path[1]}"


def _named(item: Item) -> str:
    """Write an item's reference as people know it."""
    is_ours = item.path is not None and item.path[0] == "payments"
    return show_reference(item.reference) if is_ours else item.reference

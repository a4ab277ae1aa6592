"""`/console/finance`: what is owed, closes, and the journal for an accounting system."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.finance.cards import by_age
from tambah.domain.finance.closing import SETTLING, Close, Period, PeriodKind
from tambah.domain.matching import Span
from tambah.domain.refusals import (
    BooksDisagree,
    FieldMalformed,
    PeriodNotOver,
    PeriodOutOfOrder,
    PeriodTooEarly,
    PeriodUnknown,
    ReasonMissing,
    Refusal,
)
from tambah.domain.staff import Permission
from tambah.engine.finance import (
    JournalRequest,
    close_period,
    prove_chain,
    read_period,
    read_standing,
    write_journal,
)
from tambah.engine.operator import account_codes
from tambah.engine.staff import actor_of
from tambah.store.closes import read_closes
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.status import status_of

FINANCE = f"{HOME}/finance"
CLOSES, JOURNAL = f"{FINANCE}/closes", f"{FINANCE}/journal"
MOST_JOURNAL_DAYS = 366
_SHOWN_CLOSES = 62
_MOST_WHY = 500
_A_DAY = timedelta(days=1)
_NOT_CLOSED = (
    BooksDisagree,
    FieldMalformed,
    PeriodNotOver,
    PeriodOutOfOrder,
    PeriodTooEarly,
    ReasonMissing,
)


def finance_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of what is owed, of closes, and of the journal."""
    return [_standing_route(pages), *_close_routes(pages), *_journal_routes(pages)]


def _standing_route(pages: ConsolePages) -> Any:
    site = pages.site

    @get(FINANCE, opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def show_standing(request: AnyRequest) -> Response[Any]:
        validity = site.rules.validity
        standing = await read_standing(site.database, validity)
        ages = by_age(standing.cards, validity.local_day(standing.at))
        return pages.draw(request, "finance.html", standing=standing, ages=ages)

    return show_standing


def _close_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(CLOSES, opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def show_closes(request: AnyRequest) -> Response[Any]:
        return await _draw_closes(pages, request)

    @post(CLOSES, status_code=200, opt=reaches(Permission.FINANCE_WRITE), include_in_schema=False)
    async def close(request: AnyRequest) -> Response[Any]:
        """Close a period; closing it again leads to the same close."""
        fields = await read_form(request)
        actor = actor_of(signed_in(request).staff, fields.get("why", "")[:_MOST_WHY])
        try:
            period = _period(fields.get("period", ""))
            await close_period(site.database, period, actor, site.rules.validity)
        except _NOT_CLOSED as refusal:
            return await _draw_closes(pages, request, refusal, fields)
        return pages.redirect(request, f"{CLOSES}/{period}")

    @get(f"{CLOSES}/{{period:str}}", opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def show_close(request: AnyRequest, period: FromPath[str]) -> Response[Any]:
        try:
            asked = _period(period)
        except FieldMalformed:
            raise PeriodUnknown from None
        found = await read_period(site.database, asked)
        return pages.draw(request, "close.html", close=found, statement=found.statement)

    return [show_closes, close, show_close]


def _journal_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(JOURNAL, opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def show_journal(request: AnyRequest) -> Response[Any]:
        return _draw_journal(pages, request)

    @post(JOURNAL, status_code=200, opt=reaches(Permission.FINANCE_READ), include_in_schema=False)
    async def download(request: AnyRequest) -> Response[Any]:
        """Send the journal as it is read. That it was taken stands in the trail."""
        fields = await read_form(request)
        why = fields.get("why", "")[:_MOST_WHY]
        try:
            if not why.strip():
                raise ReasonMissing
            span = read_span(fields, yesterday(pages), most_days=MOST_JOURNAL_DAYS)
        except (FieldMalformed, ReasonMissing) as refusal:
            return _draw_journal(pages, request, refusal, fields)
        pieces = write_journal(
            site.database,
            JournalRequest(span=span, each_transfer="each" in fields),
            actor_of(signed_in(request).staff, why),
            codes=account_codes(site.operator),
            validity=site.rules.validity,
        )
        name = f"journal-{span.first}-{span.last}.csv"
        return Stream(
            pieces,
            media_type="text/csv",
            headers={
                "cache-control": "no-store",
                "content-disposition": f'attachment; filename="{name}"',
            },
        )

    return [show_journal, download]


def yesterday(pages: ConsolePages) -> date:
    """Return the last local day that is over."""
    site = pages.site
    return site.rules.validity.local_day(site.clock.now()) - _A_DAY


def read_span(fields: Any, default: date, *, most_days: int) -> Span:
    """Read `from` and `to` as they were asked for. Raises FieldMalformed.

    default: the day where one is left out.
    """
    first = _day(fields.get("from", ""), "from", default)
    last = _day(fields.get("to", ""), "to", max(first, default))
    if not timedelta() <= last - first < timedelta(days=most_days):
        raise FieldMalformed(field="to")
    return Span(first=first, last=last)


def _day(typed: str, field: str, default: date) -> date:
    if not typed:
        return default
    try:
        day = date.fromisoformat(typed[:10])
    except ValueError:
        raise FieldMalformed(field=field) from None
    if not 2000 <= day.year < 2200:
        raise FieldMalformed(field=field)
    return day


def _period(typed: str) -> Period:
    """Read 2026-12-31 or 2026-12. Raises FieldMalformed."""
    kind = PeriodKind.MONTH if len(typed) == len("2026-12") else PeriodKind.DAY
    text = f"{typed}-01" if kind is PeriodKind.MONTH else typed
    if len(text) != len("2026-12-31"):
        raise FieldMalformed(field="period")
    return Period(kind=kind, first=_day(text, "period", date.min))


async def _draw_closes(
    pages: ConsolePages,
    request: AnyRequest,
    refusal: Refusal | None = None,
    fields: dict[str, str] | None = None,
) -> Response[Any]:
    site = pages.site
    closes = await read_closes(site.database, limit=_SHOWN_CLOSES)
    over = site.rules.validity.local_day(site.clock.now() - SETTLING) - _A_DAY
    return pages.draw(
        request,
        "closes.html",
        status=status_of(refusal) if refusal else 200,
        closes=closes,
        due=_due(closes, over),
        broken=await prove_chain(site.database),
        may_close=signed_in(request).may(Permission.FINANCE_WRITE),
        refusal=refusal,
        typed=fields or {},
    )


def _due(closes: list[Close], over: date) -> list[Period]:
    """Return what may be closed next: the following day, and the month that is all closed."""
    days = [one.period for one in closes if one.period.kind is PeriodKind.DAY]
    months = [one.period for one in closes if one.period.kind is PeriodKind.MONTH]
    if not days:
        return [Period(kind=PeriodKind.DAY, first=over)]
    due = [days[0].next] if days[0].next.first <= over else []
    month = Period(kind=PeriodKind.MONTH, first=days[-1].first.replace(day=1))
    month = months[0].next if months else month
    return [*due, month] if month.last <= days[0].first else due


def _draw_journal(
    pages: ConsolePages,
    request: AnyRequest,
    refusal: Refusal | None = None,
    fields: dict[str, str] | None = None,
) -> Response[Any]:
    return pages.draw(
        request,
        "journal.html",
        status=status_of(refusal) if refusal else 200,
        first=yesterday(pages).replace(day=1),
        last=yesterday(pages),
        most_days=MOST_JOURNAL_DAYS,
        refusal=refusal,
        typed=fields or {},
    )

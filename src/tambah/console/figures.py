"""`/console/figures`: charts of the last days, each with its table, as far as a role goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Response, get

from tambah.console.charts import Chart, Series, draw
from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME, SignedIn
from tambah.console.trade_figures import liability_chart, stock_chart
from tambah.domain.guessing import Audience
from tambah.domain.staff import Permission
from tambah.domain.state import TopUpSource
from tambah.i18n import Texts
from tambah.store.views.figures import (
    DayCount,
    success_by_provider,
    topups_by_day,
    wrong_codes_by_day,
)
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

FIGURES = f"{HOME}/figures"
DAYS = 30
WRONG_CODE_DAYS = 7
"""As long as wrong codes are kept."""
_PERCENT = 100

Count = Callable[[datetime, datetime], Awaitable[list[DayCount]]]


def figure_routes(pages: ConsolePages) -> list[Any]:
    """Return the handler of charts."""
    site = pages.site
    topups = PastDays(lambda since, until: topups_by_day(site.database, since, until, _zone(site)))

    @get(FIGURES, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_figures(request: AnyRequest) -> Response[Any]:
        me, texts = signed_in(request), pages.speak(request)
        charts = await _charts(site, me, texts, topups)
        return pages.draw(
            request, "figures.html", charts=[(chart, draw(chart)) for chart in charts]
        )

    return [show_figures]


async def _charts(site: Site, me: SignedIn, texts: Texts, topups: PastDays) -> list[Chart]:
    charts: list[Chart] = []
    if me.may(Permission.FINANCE_READ) or me.may(Permission.OPERATIONS_READ):
        days = _days(site, me.at, DAYS)
        charts.append(_topup_chart(await topups.count(site, days, me.at), days, texts))
    if me.may(Permission.FINANCE_READ):
        charts.append(await liability_chart(site, texts))
    if me.may(Permission.DEALERS_READ):
        charts.append(await stock_chart(site.database, texts))
    if me.may(Permission.PAYMENTS_READ):
        charts.append(await _success_chart(site, texts, _days(site, me.at, DAYS)[0]))
    if me.may(Permission.OPERATIONS_READ):
        days = _days(site, me.at, WRONG_CODE_DAYS)
        since = site.rules.validity.start_of(days[0])
        counts = await wrong_codes_by_day(site.database, since, me.at, _zone(site))
        charts.append(_wrong_code_chart(counts, days, texts))
    return charts


class PastDays:
    """Counts by the day; a day that is over is counted once in the life of a process."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._past: dict[date, list[DayCount]] = {}

    async def count(self, site: Site, days: Sequence[date], now: datetime) -> list[DayCount]:
        """Return the counts of days in order, the last of them today."""
        start = site.rules.validity.start_of
        for day in set(self._past) - set(days):
            del self._past[day]
        unknown = [day for day in days[:-1] if day not in self._past]
        if unknown:
            # From the first that is unknown on: they are next to each other, but for odd cases.
            found = await self._count(start(unknown[0]), start(days[-1]))
            for day in unknown:
                self._past[day] = [one for one in found if one.day == day]
        today = await self._count(start(days[-1]), now + timedelta(seconds=1))
        past = [one for day in days[:-1] for one in self._past[day]]
        return [*past, *today]


def _topup_chart(counts: list[DayCount], days: Sequence[date], texts: Texts) -> Chart:
    return Chart(
        word="topups",
        title=texts.get("console.chart.topups"),
        description=_describe(texts, counts, days),
        head=texts.get("console.chart.day"),
        labels=tuple(f"{day.day}/{day.month}" for day in days),
        names=tuple(texts.date(day) for day in days),
        series=tuple(
            Series(
                name=texts.get(f"account.from.{source.name.lower()}"),
                counts=_by_day(counts, days, source),
            )
            for source in TopUpSource
            if source is not TopUpSource.MOVED
        ),
    )


def _wrong_code_chart(counts: list[DayCount], days: Sequence[date], texts: Texts) -> Chart:
    return Chart(
        word="wrong",
        title=texts.get("console.chart.wrong"),
        description=_describe(texts, counts, days),
        head=texts.get("console.chart.day"),
        labels=tuple(f"{day.day}/{day.month}" for day in days),
        names=tuple(texts.date(day) for day in days),
        series=tuple(
            Series(
                name=texts.get(f"console.col.{one.name.lower()}"),
                counts=_by_day(counts, days, one),
            )
            for one in Audience
        ),
    )


async def _success_chart(site: Site, texts: Texts, since: date) -> Chart:
    """Draw the share of payments that were paid, of all that have ended, in whole percent."""
    found = await success_by_provider(site.database, site.rules.validity.start_of(since))
    names = tuple(texts.get(f"console.provider.{one.provider.name.lower()}") for one in found)
    return Chart(
        word="success",
        title=texts.get("console.chart.success"),
        description=texts.get("console.chart.success.what"),
        head=texts.get("console.col.provider"),
        labels=names,
        names=names,
        series=(
            Series(
                name=texts.get("console.chart.paid"),
                counts=tuple(_PERCENT * one.paid // one.ended for one in found),
            ),
        ),
        unit="%",
    )


def _by_day(counts: list[DayCount], days: Sequence[date], kind: int) -> tuple[int, ...]:
    known = {one.day: one.count for one in counts if one.kind == kind}
    return tuple(known.get(day, 0) for day in days)


def _describe(texts: Texts, counts: list[DayCount], days: Sequence[date]) -> str:
    """Say in a sentence what the picture shows: the whole, and the day with most."""
    by_day = {day: sum(one.count for one in counts if one.day == day) for day in days}
    busiest = max(days, key=lambda day: by_day[day])
    return texts.get(
        "console.chart.what",
        total=f"{sum(by_day.values()):,}",
        days=len(days),
        most=f"{by_day[busiest]:,}",
        day=texts.date(busiest),
    )


def _days(site: Site, now: datetime, count: int) -> list[date]:
    """Return the last local days, today the last of them."""
    today = site.rules.validity.local_day(now)
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def _zone(site: Site) -> str:
    return site.operator.time_zone

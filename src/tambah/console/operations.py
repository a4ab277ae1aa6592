"""`/console/operations`: messages, work that is due, lock-outs, guessing, providers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from litestar import Response, get

from tambah.console.facts import LINES, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.staff import Permission
from tambah.engine.vouchers.odds import work_out_odds
from tambah.store.staff import list_staff
from tambah.store.views.health import outbox_lag_seconds
from tambah.store.views.messages import list_stuck
from tambah.store.views.operations import (
    WorkDue,
    gateway_loads,
    guesses_by_hour,
    guesses_by_source,
    locked_lines,
    provider_health,
    work_due,
)
from tambah.store.views.stock import read_exposure
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

OPERATIONS = f"{HOME}/operations"
_SHOWN = 50
_SOURCES = 20
_DAY = timedelta(days=1)
_PREFIX = 8
"""Letters of a source's digest: enough to tell sources apart, and to find one in the log."""
_OPT = reaches(Permission.OPERATIONS_READ)


def operation_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of operations."""
    site = pages.site

    @get(OPERATIONS, opt=_OPT, include_in_schema=False)
    async def show_operations(request: AnyRequest) -> Response[Any]:
        me, say = signed_in(request), Wording(site, pages.speak(request))
        database, now = site.database, me.at
        loads, stuck, due, lag, providers = await asyncio.gather(
            gateway_loads(database, now),
            list_stuck(database, now, _SHOWN),
            work_due(database, now),
            outbox_lag_seconds(database, now),
            provider_health(database, now - _DAY),
        )
        locked, hours, sources, staff = await asyncio.gather(
            locked_lines(database, now, _SHOWN),
            guesses_by_hour(database, now - _DAY),
            guesses_by_source(database, now - _DAY, _SOURCES),
            list_staff(database),
        )
        may_see_lines = me.may(Permission.LINES_READ)
        return pages.draw(
            request,
            "operations.html",
            engine=_engine(site, lag, say),
            due=_due(due, say),
            loads=loads,
            stuck=stuck,
            may_retry=me.may(Permission.OPERATIONS_WRITE),
            # Who may not see lines learns how many are locked, not whose they are.
            locked=[(say.number(one.msisdn), f"{LINES}/{one.msisdn}", one) for one in locked]
            if may_see_lines
            else [],
            locked_count=len(locked),
            locked_staff=[one for one in staff if one.is_locked(now)],
            hours=hours,
            sources=[(source.hex()[:_PREFIX], guesses) for source, guesses in sources],
            providers=providers,
        )

    @get(f"{OPERATIONS}/odds", opt=_OPT, include_in_schema=False)
    async def show_odds(request: AnyRequest) -> Response[Any]:
        """Work out how likely a guess is: it reads all cards, so only when somebody asks."""
        say = Wording(site, pages.speak(request))
        exposure = await read_exposure(site.database, site.clock.now())
        odds = work_out_odds(exposure, site.rules.guessing)
        facts = [
            Fact("live_cards", f"{odds.live_vouchers:,}"),
            Fact("lines", f"{odds.lines:,}"),
            Fact("one_guess", _chance(odds.chance_per_guess, say)),
            Fact("all_year", _chance(odds.chance_per_year, say)),
            Fact("own_year", _chance(odds.chance_per_own_line, say)),
        ]
        return pages.draw(request, "odds.html", facts=facts)

    return [show_operations, show_odds]


def _engine(site: Site, lag: float, say: Wording) -> list[Fact]:
    texts = say.texts
    return [
        Fact("writing", texts.get("console.yes" if site.engine.is_writing else "console.no")),
        Fact("waiting", f"{site.engine.waiting:,}"),
        Fact("lag", texts.duration(int(lag) // 60)),
    ]


def _due(due: WorkDue, say: Wording) -> list[Fact]:
    return [
        Fact("due_payments", f"{due.payments:,}"),
        Fact("due_refunds", f"{due.refunds:,}"),
        Fact("failed_refunds", f"{due.failed_refunds:,}"),
        Fact("due_events", f"{due.events:,}"),
        Fact("closed", say.when(due.closed_at)),
    ]


def _chance(chance: float, say: Wording) -> str:
    """Write a chance as one in so many, which people can picture."""
    if chance <= 0:
        return say.texts.get("console.odds.none")
    return say.texts.get("console.odds.one_in", n=f"{round(1 / chance):,}")

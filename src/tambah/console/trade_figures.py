"""Charts of trade: what is owed by the day, as it was closed, and who holds unsold cards."""

from __future__ import annotations

from collections.abc import Sequence

from tambah.console.charts import Chart, Series
from tambah.domain.finance.closing import Close, PeriodKind
from tambah.domain.finance.statement import OWED, Liability
from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.i18n import Texts
from tambah.store.closes import read_closes
from tambah.store.database import Database
from tambah.store.views.figures import HeldCards, unsold_by_holder
from tambah.web.site import Site

DAYS = 30
MOST_DEALERS = 10
_SHOWN = 2 * DAYS + 2
_CREDIT = (Liability.MAIN_CREDIT, Liability.BONUS_CREDIT, Liability.HELD)


async def liability_chart(site: Site, texts: Texts) -> Chart:
    """Draw what was owed at the end of each of the last days that were closed, whole ringgit."""
    closes = await read_closes(site.database, limit=_SHOWN)
    days = [one for one in closes if one.period.kind is PeriodKind.DAY][:DAYS][::-1]
    last = sum(_owed(days[-1])) if days else 0
    return Chart(
        word="liability",
        title=texts.get("console.chart.liability"),
        description=texts.get(
            "console.chart.liability.what",
            total=f"{last:,}",
            day=texts.date(days[-1].period.first) if days else "–",
        ),
        head=texts.get("console.chart.day"),
        labels=tuple(f"{one.period.first.day}/{one.period.first.month}" for one in days),
        names=tuple(texts.date(one.period.first) for one in days),
        series=tuple(
            Series(name=name, counts=counts)
            for name, counts in zip(_names(texts), _columns(days), strict=True)
        ),
    )


async def stock_chart(database: Database, texts: Texts) -> Chart:
    """Draw how many unsold cards the dealers with most of them hold."""
    found = await unsold_by_holder(database, limit=MOST_DEALERS)
    names = tuple(_name(one) for one in found)
    return Chart(
        word="stock",
        title=texts.get("console.chart.stock"),
        description=texts.get(
            "console.chart.stock.what",
            total=f"{sum(one.cards for one in found):,}",
            count=f"{len(found)}",
        ),
        head=texts.get("console.fact.holder"),
        labels=tuple(str(one.partner_id) for one in found),
        names=names,
        series=(
            Series(
                name=texts.get("console.chart.unsold"), counts=tuple(one.cards for one in found)
            ),
        ),
    )


def _name(one: HeldCards) -> str:
    return f"{one.name} ({one.partner_id})"


def _names(texts: Texts) -> list[str]:
    """Return the name of each part that is owed: no more than there are colours."""
    return [
        texts.get("console.chart.credit_owed"),
        texts.get("finance.owed.floats"),
        texts.get("finance.owed.cards"),
    ]


def _columns(days: Sequence[Close]) -> list[tuple[int, ...]]:
    parts = [_owed(one) for one in days]
    return [tuple(part[place] for part in parts) for place in range(3)]


def _owed(close: Close) -> tuple[int, int, int]:
    """Return what was owed to lines and payers, to dealers, and for cards: whole ringgit.

    A float that is below nothing owes nobody.
    """
    balances = close.balances
    credit_micros = sum(balances.get(OWED[one], 0) for one in _CREDIT)
    floats_micros = max(0, balances.get(OWED[Liability.FLOATS], 0))
    return (
        credit_micros // MICROS_PER_RINGGIT,
        floats_micros // MICROS_PER_RINGGIT,
        close.cards_micros // MICROS_PER_RINGGIT,
    )

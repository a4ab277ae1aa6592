"""Figures by the day: top-ups by where they came from, payments by provider, wrong codes.

A day is a local one. What a day had is read by the index of its time, a day or a few at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tambah.domain.payment import ProviderId
from tambah.domain.state import TopUpSource
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How many of a kind there were on a day."""

    day: date
    kind: int
    count: int


async def topups_by_day(
    database: Database, since: datetime, until: datetime, zone: str
) -> list[DayCount]:
    """Return top-ups by day and `TopUpSource`; reversed ones among them.

    One that was moved counts where it was made, not again where it went (source 4).
    """
    rows = await database.fetch(
        """
        SELECT (at AT TIME ZONE $3)::date AS day, source AS kind, count(*) AS count
          FROM topup
         WHERE at >= $1 AND at < $2 AND source <> 4
         GROUP BY 1, 2
        """,
        since,
        until,
        zone,
    )
    return [_count(row["day"], TopUpSource(row["kind"]), row["count"]) for row in rows]


async def wrong_codes_by_day(
    database: Database, since: datetime, until: datetime, zone: str
) -> list[DayCount]:
    """Return wrong codes by day and `Audience`, as far back as they are kept."""
    rows = await database.fetch(
        """
        SELECT (at AT TIME ZONE $3)::date AS day, audience AS kind, count(*) AS count
          FROM attempt
         WHERE at >= $1 AND at < $2
         GROUP BY 1, 2
        """,
        since,
        until,
        zone,
    )
    return [_count(row["day"], row["kind"], row["count"]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """How many payments by a provider were paid, of those that have ended."""

    provider: ProviderId
    ended: int
    paid: int


async def success_by_provider(database: Database, since: datetime) -> list[Success]:
    """Return each provider's payments, opened since an instant, that ended, and were paid."""
    rows = await database.fetch(
        """
        SELECT provider, count(*) AS ended,
               count(*) FILTER (WHERE state NOT IN (6, 7)) AS paid
          FROM payment
         WHERE created_at >= $1 AND state NOT IN (1, 2, 3)
         GROUP BY provider
         ORDER BY provider
        """,
        since,
    )
    return [
        Success(provider=ProviderId(row["provider"]), ended=row["ended"], paid=row["paid"])
        for row in rows
    ]


def _count(day: date, kind: int, count: int) -> DayCount:
    return DayCount(day=day, kind=kind, count=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCards:
    """How many unsold cards a dealer holds."""

    partner_id: int
    name: str
    cards: int


async def unsold_by_holder(database: Database, *, limit: int) -> list[HeldCards]:
    """Return the dealers that hold most unsold cards, most first."""
    rows = await database.fetch(
        """
        SELECT partner.partner_id, partner.name, held.cards
          FROM (SELECT holder_id,
                       sum(last - first + 1 -
                           (SELECT count(*) FROM dealer_sale AS sale
                             WHERE sale.kind = 1 AND sale.undone_at IS NULL
                               AND sale.batch_id = stock_holding.batch_id
                               AND sale.number BETWEEN first AND last))::bigint AS cards
                  FROM stock_holding
                 WHERE holder_id > 0
                 GROUP BY holder_id) AS held
          JOIN partner ON partner.partner_id = held.holder_id
         WHERE held.cards > 0
         ORDER BY held.cards DESC, partner.partner_id
         LIMIT $1
        """,
        limit,
    )
    return [HeldCards(partner_id=row[0], name=row[1], cards=row[2]) for row in rows]

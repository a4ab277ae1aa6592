"""What is under way and what is in the way: messages, lock-outs, guessing, providers, work due.

Everything here reads an index or a few rows: the pages that show it are looked at all day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tambah.domain.guessing import Audience
from tambah.domain.payment import ProviderId
from tambah.store.database import Database
from tambah.store.outbox import MessageState

LOOKED_BACK = timedelta(days=7)
LONGEST_LOCK = timedelta(days=1)
"""Lock-outs are looked for on lines with a wrong code within it: the ladder's last step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLoad:
    """Messages of one state that one gateway took or refused; empty for none yet."""

    gateway: str
    state: MessageState
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedLine:
    """A line that waits after wrong codes, for its owner or for guests."""

    msisdn: int
    audience: Audience
    wrong: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """Wrong codes of an hour (or from a source): by owners of lines, and by guests."""

    own: int
    guest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHealth:
    """How a provider did. silent: payments of which it has not said how they stand.

    last_at: when it last told us something by itself.
    """

    provider: ProviderId
    opened: int
    credited: int
    failed: int
    silent: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDue:
    """What background work has before it, and when the daily work was last done."""

    payments: int
    refunds: int
    failed_refunds: int
    events: int
    closed_at: datetime | None


async def gateway_loads(database: Database, now: datetime) -> list[GatewayLoad]:
    """Return how many messages wait, failed within a week, or were taken and not heard of."""
    rows = await database.fetch(
        """
        SELECT coalesce(gateway, '') AS gateway, state, count(*) AS count, min(at) AS oldest_at
          FROM outbox
         WHERE state = 1
         GROUP BY 1, 2
         UNION ALL
        SELECT coalesce(gateway, ''), state, count(*), min(at)
          FROM outbox
         WHERE state = 4 AND at >= $1
         GROUP BY 1, 2
         UNION ALL
        SELECT coalesce(gateway, ''), state, count(*), min(at)
          FROM outbox
         WHERE state = 2 AND parts_left > 0 AND handed_at >= $1
         GROUP BY 1, 2
         ORDER BY 1, 2
        """,
        now - LOOKED_BACK,
    )
    return [
        GatewayLoad(
            gateway=row["gateway"],
            state=MessageState(row["state"]),
            count=row["count"],
            oldest_at=row["oldest_at"],
        )
        for row in rows
    ]


async def locked_lines(database: Database, now: datetime, limit: int) -> list[LockedLine]:
    """Return the lines on which wrong codes keep somebody waiting, the longest wait first."""
    rows = await database.fetch(
        """
        WITH tried AS (SELECT DISTINCT line_id FROM attempt WHERE at > $2)
        SELECT msisdn, 1 AS audience, own_wrong AS wrong, own_locked_until AS until
          FROM tried JOIN line USING (line_id)
         WHERE own_locked_until > $1
         UNION ALL
        SELECT msisdn, 2, guest_wrong, guest_locked_until
          FROM tried JOIN line USING (line_id)
         WHERE guest_locked_until > $1
         ORDER BY until DESC, msisdn
         LIMIT $3
        """,
        now,
        now - LONGEST_LOCK,
        limit,
    )
    return [
        LockedLine(
            msisdn=row["msisdn"],
            audience=Audience(row["audience"]),
            wrong=row["wrong"],
            until=row["until"],
        )
        for row in rows
    ]


async def guesses_by_hour(database: Database, since: datetime) -> list[tuple[datetime, Guesses]]:
    """Return wrong codes by the hour (UTC) in which they were tried, the latest first."""
    rows = await database.fetch(
        """
        SELECT date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour,
               count(*) FILTER (WHERE audience = 1) AS own,
               count(*) FILTER (WHERE audience = 2) AS guest
          FROM attempt
         WHERE at > $1
         GROUP BY 1
         ORDER BY 1 DESC
        """,
        since,
    )
    return [(row["hour"], Guesses(own=row["own"], guest=row["guest"])) for row in rows]


async def guesses_by_source(
    database: Database, since: datetime, limit: int
) -> list[tuple[bytes, Guesses]]:
    """Return which sources tried most wrong codes: by their keyed digest, nothing else is kept."""
    rows = await database.fetch(
        """
        SELECT source, count(*) FILTER (WHERE audience = 1) AS own,
               count(*) FILTER (WHERE audience = 2) AS guest
          FROM attempt
         WHERE at > $1
         GROUP BY source
         ORDER BY count(*) DESC, source
         LIMIT $2
        """,
        since,
        limit,
    )
    return [(row["source"], Guesses(own=row["own"], guest=row["guest"])) for row in rows]


async def provider_health(database: Database, since: datetime) -> list[ProviderHealth]:
    """Return how each provider did with the payments that were opened since an instant."""
    rows = await database.fetch(
        """
        SELECT provider, count(*) AS opened,
               count(*) FILTER (WHERE state IN (4, 5, 8, 9, 10)) AS credited,
               count(*) FILTER (WHERE state IN (6, 7)) AS failed,
               count(*) FILTER (WHERE state = 3) AS silent,
               (SELECT max(last_at) FROM payment_event
                 WHERE payment_event.provider = payment.provider AND last_at > $1) AS last_at
          FROM payment
         WHERE created_at > $1
         GROUP BY provider
         ORDER BY provider
        """,
        since,
    )
    return [
        ProviderHealth(
            provider=ProviderId(row["provider"]),
            **{name: row[name] for name in ("opened", "credited", "failed", "silent", "last_at")},
        )
        for row in rows
    ]


async def work_due(database: Database, now: datetime) -> WorkDue:
    """Return what is due now and not done yet."""
    row = await database.fetch_row(
        """
        SELECT (SELECT count(*) FROM payment WHERE due_at <= $1) AS payments,
               (SELECT count(*) FROM refund WHERE due_at <= $1) AS refunds,
               (SELECT count(*) FROM payment JOIN refund USING (line_id, payment_no)
                 WHERE payment.held_micros <> 0 AND refund.state = 3) AS failed_refunds,
               (SELECT count(*) FROM payment_event WHERE state = 1 AND due_at <= $1) AS events,
               (SELECT max(closed_at) FROM closing) AS closed_at
        """,
        now,
    )
    if row is None:
        raise AssertionError("a query without FROM has one row")
    return WorkDue(**dict(row.items()))


async def count_topups(database: Database, since: datetime) -> int:
    """Return how many top-ups there were since an instant."""
    return await database.fetch_value("SELECT count(*) FROM topup WHERE at > $1", since)


async def count_wrong_codes(database: Database, since: datetime) -> int:
    """Return how many wrong codes were tried since an instant."""
    return await database.fetch_value("SELECT count(*) FROM attempt WHERE at > $1", since)


async def count_pending(database: Database, *, before: datetime, since: datetime) -> int:
    """Return how many payments have been open for so long, of those opened since an instant."""
    return await database.fetch_value(
        """
        SELECT count(*) FROM payment
         WHERE created_at > $2 AND created_at < $1 AND state IN (1, 2, 3, 4) AND provider <> 4
        """,
        before,
        since,
    )


async def count_queued(database: Database) -> int:
    """Return how many messages wait to be sent."""
    return await database.fetch_value("SELECT count(*) FROM outbox WHERE state = 1")

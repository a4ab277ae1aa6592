"""What packages run on a line, and what is left of each, for whoever only looks."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.subscription import Granted, Subscription
from tambah.store.database import Database
from tambah.store.ledger.subscriptions import subscription_from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of one allowance of a package, in its unit."""

    granted: Granted
    left: int

    @property
    def part(self) -> int:
        """Return what is left in hundredths of what was granted, at least 1 of anything."""
        amount = min(self.left, self.granted.amount)
        return max(amount * 100 // self.granted.amount, 1) if amount else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A package that runs, and what is left of it."""

    subscription: Subscription
    left: tuple[Left, ...]


async def read_running(database: Database, line_id: int, now: datetime) -> list[Running]:
    """Return what runs on a line at `now`, soonest to end first.

    What is over is left out, whether or not it was booked yet.
    """
    rows = await database.fetch(
        """
        SELECT line_id, number, package, names, price_micros, granted, paid, recurring, renews,
               renewal_no, at, started_at, until, receipt, state, remind_at, extended_from,
               ended_at
          FROM subscription
         WHERE line_id = $1 AND state = 1 AND until > $2
         ORDER BY until, number
        """,
        line_id,
        now,
    )
    if not rows:
        return []
    found = [subscription_from_row(row) for row in rows]
    ids = [part.bucket_id for one in found for part in one.granted]
    left = await _read_left(database, line_id, ids)
    return [
        Running(
            subscription=one,
            left=tuple(
                Left(granted=part, left=left.get(part.bucket_id, 0)) for part in one.granted
            ),
        )
        for one in found
    ]


async def _read_left(database: Database, line_id: int, bucket_ids: list[int]) -> dict[int, int]:
    rows = await database.fetch(
        """
        SELECT bucket_id, remaining_micros
          FROM bucket
         WHERE owner_id = $1 AND bucket_id = ANY($2::integer[])
        """,
        line_id,
        bucket_ids,
    )
    return {row[0]: row[1] for row in rows}


async def count_running(database: Database, package: str) -> tuple[int, int]:
    """Return on how many lines a package runs, and on how many it will be renewed."""
    row = await database.fetch_row(
        """
        SELECT count(DISTINCT line_id) AS running,
               count(DISTINCT line_id) FILTER (WHERE renews) AS renewing
          FROM subscription
         WHERE state = 1 AND package = $1
        """,
        package,
    )
    return (row["running"], row["renewing"]) if row else (0, 0)

"""The trial balance: what every account holds, in all and at the last closing."""

from dataclasses import dataclass, field
from datetime import date, datetime

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Transfers in scope added up.

    by_booking: (kind, debit, credit) to how many and how much (micro-ringgit). latest_at: the
    latest instant among them, None when there are none.
    """

    by_booking: dict[tuple[int, int, int], tuple[int, int]] = field(
        default_factory=dict[tuple[int, int, int], tuple[int, int]]
    )
    latest_at: datetime | None = None

    @property
    def accounts(self) -> dict[int, int]:
        """Return credits less debits of each account; they add up to nothing, unit by unit."""
        balances: dict[int, int] = {}
        for (_, debit, credit), (_, amount_micros) in self.by_booking.items():
            balances[debit] = balances.get(debit, 0) - amount_micros
            balances[credit] = balances.get(credit, 0) + amount_micros
        return balances


async def sum_transfers(connection: Connection, scope: Scope) -> Sums:
    """Add up the transfers in scope."""
    await connection.execute("SET LOCAL enable_hashagg = on")  # few groups, from here on
    rows = await connection.fetch(
        over_transfers(
            """
            SELECT kind, debit, credit, count(*), sum(amount_micros)::bigint, max(at)
              FROM fresh
             GROUP BY kind, debit, credit
            """
        ),
        *scope.transfer_values,
    )
    return Sums(
        by_booking={(row[0], row[1], row[2]): (row[3], row[4]) for row in rows},
        latest_at=max((row[5] for row in rows), default=None),
    )


async def sum_closed_transfers(connection: Connection) -> Sums:
    """Add up the transfers that the last closing covers, as they stand now."""
    rows = await connection.fetch(
        """
        SELECT kind, debit, credit, count(*), sum(amount_micros)::bigint, max(at)
          FROM transfer
          JOIN owner_closing AS closed USING (owner_id)
         WHERE seq <= closed.transfer_seq
         GROUP BY kind, debit, credit
        """
    )
    return Sums(
        by_booking={(row[0], row[1], row[2]): (row[3], row[4]) for row in rows},
        latest_at=max((row[5] for row in rows), default=None),
    )


async def read_account_closing(connection: Connection, day: date) -> dict[int, int]:
    """Return what each account held at a day's last closing."""
    rows = await connection.fetch(
        "SELECT account, balance_micros FROM account_closing WHERE day = $1", day
    )
    return {row[0]: row[1] for row in rows}


async def prove_closed_buckets(connection: Connection) -> list[Odd]:
    """Put each bucket's closing beside the transfers that it covers, as they stand now.

    Problem: closing (named by owner and bucket).
    """
    return odds(
        await connection.fetch(
            """
            WITH summed AS (
                SELECT owner_id, bucket_id,
                       sum(CASE WHEN credit < 10 THEN amount_micros ELSE -amount_micros END)
                           AS balance_micros
                  FROM transfer
                  JOIN owner_closing AS closed USING (owner_id)
                 WHERE seq <= closed.transfer_seq AND bucket_id IS NOT NULL
                 GROUP BY owner_id, bucket_id)
            SELECT 'closing', owner_id, bucket_id, closed.balance_micros,
                   coalesce(summed.balance_micros, 0)::bigint, count(*) OVER ()
              FROM bucket_closing AS closed
              FULL JOIN summed USING (owner_id, bucket_id)
             WHERE closed.balance_micros IS DISTINCT FROM coalesce(summed.balance_micros, 0)
             ORDER BY owner_id, bucket_id
             LIMIT $1::integer
            """,
            MOST_NAMED,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there are of what every proof looks at in full."""

    owners: int
    buckets: int
    closed_owners: int
    closed_buckets: int


async def count_owners(connection: Connection) -> Counts:
    """Count owners and buckets, and those of the last closing."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM line) + (SELECT count(*) FROM partner) AS owners,
               (SELECT count(*) FROM bucket) AS buckets,
               (SELECT count(*) FROM owner_closing) AS closed_owners,
               (SELECT count(*) FROM bucket_closing) AS closed_buckets
        """
    )
    if row is None:
        raise AssertionError("a query without FROM has one row")
    return Counts(**dict(row.items()))

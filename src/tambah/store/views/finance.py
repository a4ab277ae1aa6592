"""The ledger added up by local day and booking, as far as a snapshot shows it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import Account, TransferKind
from tambah.store.database import Connection, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One transfer as a journal names it."""

    day: date
    at: datetime
    owner_id: int
    seq: int
    kind: TransferKind
    debit: Account
    credit: Account
    amount_micros: int
    reference: str


async def sum_movements(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> list[Movement]:
    """Add up the transfers from `since` to before `before`, by local day and booking."""
    return [one async for one in stream_movements(connection, since, before, zone)]


async def stream_movements(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> AsyncGenerator[Movement]:
    """Yield the same in order, a few rows at a time; within a transaction."""
    rows: Any = connection.cursor(
        """
        SELECT (at AT TIME ZONE $3)::date AS day, kind, debit, credit, count(*),
               sum(amount_micros)::bigint
          FROM transfer
         WHERE at >= $1 AND at < $2
         GROUP BY day, kind, debit, credit
         ORDER BY day, kind, debit, credit
        """,
        since,
        before,
        zone.key,
        prefetch=1000,
    )
    async for row in rows:
        yield _movement(row[0], row)


async def stream_postings(
    connection: Connection, since: datetime, before: datetime, zone: ZoneInfo
) -> AsyncGenerator[Posting]:
    """Yield every transfer from `since` to before `before`; within a transaction.

    In no order: sorting ten million rows would take their room on the disk once more.
    """
    rows: Any = connection.cursor(
        """
        SELECT (at AT TIME ZONE $3)::date, at, owner_id, seq, kind, debit, credit, amount_micros,
               coalesce(reference, '')
          FROM transfer
         WHERE at >= $1 AND at < $2
        """,
        since,
        before,
        zone.key,
        prefetch=1000,
    )
    async for row in rows:
        yield Posting(
            day=row[0],
            at=row[1],
            owner_id=row[2],
            seq=row[3],
            kind=TransferKind(row[4]),
            debit=Account(row[5]),
            credit=Account(row[6]),
            amount_micros=row[7],
            reference=row[8],
        )


async def sum_eras(
    connection: Connection, edges: Sequence[datetime], *, from_first: bool, days: Sequence[date]
) -> list[list[Movement]]:
    """Add up the transfers before the first edge, between each two, and after the last.

    One reading for all. edges: ascending. from_first: leave out what is before the first. days:
    what to call each era.
    """
    rows = await connection.fetch(
        """
        SELECT width_bucket(at, $1::timestamptz[]) AS era, kind, debit, credit, count(*),
               sum(amount_micros)::bigint
          FROM transfer
         WHERE NOT $2::boolean OR at >= ($1::timestamptz[])[1]
         GROUP BY era, kind, debit, credit
         ORDER BY era, kind, debit, credit
        """,
        list(edges),
        from_first,
    )
    found = [list[Movement]() for _ in range(len(edges) + 1)]
    for row in rows:
        era: int = row[0]
        found[era].append(_movement(days[era], row))
    return found


async def held_by_account(connection: Connection) -> dict[int, int]:
    """Return what all buckets kept in money hold now, by their account (micro-ringgit)."""
    rows = await connection.fetch(
        """
        SELECT kind, coalesce(sum(remaining_micros), 0)::bigint
          FROM unnest('{1,2,3}'::smallint[]) AS asked (kind)
          LEFT JOIN bucket USING (kind)
         GROUP BY kind
        """
    )
    return {row[0]: row[1] for row in rows}


def _movement(day: date, row: Record) -> Movement:
    return Movement(
        day=day,
        kind=TransferKind(row[1]),
        debit=Account(row[2]),
        credit=Account(row[3]),
        count=row[4],
        amount_micros=row[5],
    )

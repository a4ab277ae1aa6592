"""What is to be proved: everything, or what came after the last closing; and from one snapshot."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from tambah.store.database import Connection, Record

_CLOSING_LOCK = 7_262_471_002  # any number that nobody else takes an advisory lock on


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The last closing: when, the latest instant it covers, how many owners and buckets."""

    closed_at: datetime
    latest_at: datetime
    owners: int
    buckets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a proof looks at.

    at: the snapshot's instant by the database's clock. is_full: every row from the first on; else
    only the rows of `owner_ids` after their closed `transfer_seqs` and `topup_seqs`, and any row
    dated later than the closing's latest. closing: the last one, None when there never was one.
    """

    at: datetime
    is_full: bool
    closing: Closing | None
    owner_ids: Sequence[int] = ()
    transfer_seqs: Sequence[int] = ()
    topup_seqs: Sequence[int] = ()

    @property
    def transfer_values(self) -> tuple[object, ...]:
        """Return the first four values of every statement made by `over_transfers`."""
        latest_at = self.closing.latest_at if self.closing else None
        return self.is_full, self.owner_ids, self.transfer_seqs, latest_at

    @property
    def topup_values(self) -> tuple[object, ...]:
        """Return the values for statements that take top-ups' closed numbers as well ($5)."""
        return *self.transfer_values, self.topup_seqs


# In a full proof the last two parts are constant falsehood, and the first one otherwise: the
# planner drops them. Rows dated after everything that was closed are new wherever their place
# in the sequence is: a row smuggled in among closed ones shows.
_FRESH: LiteralString = """
    WITH fresh AS NOT MATERIALIZED (
        SELECT owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id, balance_micros,
               topup_no, reference, peer_owner_id, peer_seq, mends_topup_no, 0 AS closed_seq
          FROM transfer
         WHERE $1::boolean
        UNION ALL
        SELECT owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id, balance_micros,
               topup_no, reference, peer_owner_id, peer_seq, mends_topup_no, closed_seq
          FROM unnest($2::bigint[], $3::integer[]) AS touched (owner_id, closed_seq)
          JOIN transfer USING (owner_id)
         WHERE NOT $1::boolean AND seq > closed_seq
        UNION ALL
        SELECT owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id, balance_micros,
               topup_no, reference, peer_owner_id, peer_seq, mends_topup_no, closed_seq
          FROM unnest($2::bigint[], $3::integer[]) AS touched (owner_id, closed_seq)
          JOIN transfer USING (owner_id)
         WHERE NOT $1::boolean AND at > $4::timestamptz AND seq <= closed_seq)
"""


def over_transfers(statement: LiteralString) -> LiteralString:
    """Return a statement (starting with `, name AS (…)` or SELECT) over the transfers in scope.

    They are its relation `fresh`; its values start with `Scope.transfer_values`.
    """
    return "\n".join((_FRESH, statement))


@asynccontextmanager
async def snapshot(connection: Connection, *, readonly: bool = True) -> AsyncGenerator[None]:
    """Hold one snapshot of everything, without a lock that hinders anybody.

    readonly: off for a closing, which writes its own tables in the same snapshot; closings then
    wait for each other.
    """
    if not readonly:
        # Before the transaction, for its snapshot must see what the other closing wrote.
        await connection.execute("SELECT pg_advisory_lock($1)", _CLOSING_LOCK)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=readonly):
            await connection.execute("SET LOCAL work_mem = '128MB'")
            await connection.execute("SET LOCAL jit = off")
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            await connection.execute("SET LOCAL max_parallel_workers_per_gather = 2")
            # Groups are as many as top-ups: sorting them is faster, and spills without harm.
            await connection.execute("SET LOCAL enable_hashagg = off")
            # Rows that workers hand over cost a tenth of what the planner thinks by default.
            await connection.execute("SET LOCAL parallel_tuple_cost = 0.01")
            yield
    finally:
        if not readonly and not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _CLOSING_LOCK)


async def read_scope(connection: Connection, *, full: bool) -> Scope:
    """Return what is to be proved; without a closing to go on from that is everything."""
    at: datetime = await connection.fetchval("SELECT now()")
    closing = await _last_closing(connection)
    if full or closing is None:
        return Scope(at=at, is_full=True, closing=closing)
    row = await _touched(connection, closing)
    return Scope(
        at=at,
        is_full=False,
        closing=closing,
        owner_ids=row[0],
        transfer_seqs=row[1],
        topup_seqs=row[2],
    )


async def _last_closing(connection: Connection) -> Closing | None:
    row = await connection.fetchrow(
        """
        SELECT closed_at, latest_at, owners, buckets
          FROM closing
         ORDER BY closed_at DESC
         LIMIT 1
        """
    )
    return Closing(**dict(row.items())) if row is not None else None


async def _touched(connection: Connection, closing: Closing) -> Record:
    """Return owners with something new, and where their closing left off, as three arrays."""
    row = await connection.fetchrow(
        """
        WITH counted AS (
            SELECT line_id AS owner_id, transfer_seq, topup_seq FROM line
            UNION ALL
            SELECT partner_id, transfer_seq, 0 FROM partner),
        touched AS (
            SELECT owner_id
              FROM counted
              FULL JOIN owner_closing AS closed USING (owner_id)
             WHERE coalesce(counted.transfer_seq, 0) <> coalesce(closed.transfer_seq, 0)
                OR coalesce(counted.topup_seq, 0) <> coalesce(closed.topup_seq, 0)
            UNION
            SELECT owner_id FROM transfer WHERE at > $1
            UNION
            SELECT line_id FROM topup WHERE at > $1)
        SELECT coalesce(array_agg(owner_id), '{}'),
               coalesce(array_agg(coalesce(closed.transfer_seq, 0)), '{}'),
               coalesce(array_agg(coalesce(closed.topup_seq, 0)), '{}')
          FROM touched
          LEFT JOIN owner_closing AS closed USING (owner_id)
        """,
        closing.latest_at,
    )
    if row is None:
        raise AssertionError("an aggregate has one row")
    return row

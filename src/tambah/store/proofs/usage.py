"""What sessions hold and what they used, beside buckets and transfers."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_holds(connection: Connection) -> list[Odd]:
    """Put what each bucket says is held beside what open sessions hold and owe of it.

    Problem: held_otherwise (named by owner and bucket).
    """
    return odds(await connection.fetch(_HOLDS, MOST_NAMED))


async def prove_usage(connection: Connection, scope: Scope) -> list[Odd]:
    """Put what a line's records say it used beside its transfers, in each unit.

    A line is looked at when it has something new; then all that it ever used is added up.

    Problem: usage_otherwise (named by the line; place is the kind of bucket, 1 for all credit).
    """
    return odds(await connection.fetch(over_transfers(_USAGE), *scope.transfer_values, MOST_NAMED))


_HOLDS = """
    WITH claim AS (
        SELECT line_id AS owner_id, (one ->> 'bucket_id')::integer AS bucket_id,
               sum((one ->> 'amount')::bigint)::bigint AS amount
          FROM reservation
         CROSS JOIN jsonb_array_elements(groups) AS part
         CROSS JOIN jsonb_array_elements((part -> 'holds') || (part -> 'owed')) AS one
         GROUP BY 1, 2),
    odd AS (
        SELECT 'held_otherwise' AS problem, owner_id, bucket_id AS place,
               coalesce(claim.amount, 0) AS expected, coalesce(held, 0) AS found, kind AS unit
          FROM (SELECT owner_id, bucket_id, held, kind FROM bucket WHERE held <> 0) AS bucket
          FULL JOIN claim USING (owner_id, bucket_id)
         WHERE coalesce(held, 0) <> coalesce(claim.amount, 0))
    SELECT problem, owner_id, place, expected, found, count(*) OVER () AS total, unit
      FROM odd
     ORDER BY owner_id, place
     LIMIT $1::integer
"""

# Of money one sum, whichever bucket paid: a record says what was charged, not from where.
_USAGE = """
    , booked AS (
        SELECT owner_id,
               CASE LEAST(debit, credit) WHEN 2 THEN 1 ELSE LEAST(debit, credit) END AS unit,
               sum(CASE kind WHEN 25 THEN amount_micros ELSE -amount_micros END)::bigint AS amount
          FROM transfer
         WHERE kind IN (25, 26)
           AND ($1::boolean OR owner_id IN (SELECT owner_id FROM fresh WHERE kind IN (25, 26)))
         GROUP BY 1, 2),
    recorded AS (
        SELECT line_id AS owner_id, part.unit, sum(part.amount)::bigint AS amount
          FROM usage_record
         CROSS JOIN LATERAL (VALUES
               (1, charged_micros - refunded_micros),
               (CASE service WHEN 1 THEN 4 WHEN 4 THEN 6 ELSE 5 END,
                covered_units - refunded_units)) AS part (unit, amount)
         WHERE $1::boolean OR line_id = ANY($2::bigint[])
         GROUP BY 1, 2),
    odd AS (
        SELECT owner_id, unit AS place, coalesce(recorded.amount, 0) AS expected,
               coalesce(booked.amount, 0) AS found
          FROM booked
          FULL JOIN recorded USING (owner_id, unit)
         WHERE coalesce(recorded.amount, 0) <> coalesce(booked.amount, 0)
           AND ($1::boolean OR booked.amount IS NOT NULL))
    SELECT 'usage_otherwise', owner_id, place, expected, found, count(*) OVER () AS total, place
      FROM odd
     ORDER BY owner_id, place
     LIMIT $5::integer
"""

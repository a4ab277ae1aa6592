"""Every owner's transfers in order: no gap, balances right row by row, buckets as they end."""

from collections.abc import Sequence

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_transfers(
    connection: Connection, scope: Scope, bookings: Sequence[int]
) -> list[Odd]:
    """Walk each owner's transfers once.

    bookings: kind * 10000 + debit * 100 + credit of every kind of transfer there is. That every
    balance follows from the one before it, and the bucket holds the last, proves by induction
    that the bucket equals the sum of its transfers.

    Problems: gap (place to expected are missing), repeated, tail and beyond (against the owner's
    counter), ownerless; balance, booking; bucket, bucketless, bucket_kind.
    """
    return odds(
        await connection.fetch(over_transfers(_WALK), *scope.transfer_values, bookings, MOST_NAMED)
    )


_WALK = """
    , placed AS (
        SELECT owner_id, seq, bucket_id, balance_micros,
               CASE WHEN credit < 10 THEN amount_micros ELSE -amount_micros END AS delta_micros,
               CASE WHEN credit < 10 THEN credit WHEN debit < 10 THEN debit END AS own,
               kind * 10000 + debit * 100 + credit = ANY($5::integer[])
               AND (debit >= 10 OR credit >= 10)
               AND CASE WHEN debit < 10 OR credit < 10
                        -- A line's main credit and a partner's float are bucket 1, the rest not.
                        THEN coalesce((bucket_id = 1) = (least(debit, credit) IN (1, 3)), false)
                        ELSE bucket_id IS NULL END AS is_booking,
               greatest(lag(seq) OVER of_owner, closed_seq) AS before_seq,
               lead(seq) OVER of_owner IS NULL AS ends_owner
          FROM fresh
        WINDOW of_owner AS (PARTITION BY owner_id ORDER BY seq, at)),
    numbered AS (
        -- A row in a place that is taken is named for that; the chain goes on without it.
        SELECT owner_id, seq, balance_micros, delta_micros, own, is_booking, before_seq,
               ends_owner, CASE WHEN seq > before_seq THEN bucket_id END AS bucket_id
          FROM placed),
    walked AS (
        SELECT *,
               lag(balance_micros) OVER of_bucket AS before_micros,
               lag(seq) OVER of_bucket AS before_place,
               bucket_id IS NOT NULL AND lead(seq) OVER of_bucket IS NULL AS ends_bucket
          FROM numbered
        WINDOW of_bucket AS (PARTITION BY owner_id, bucket_id ORDER BY seq)),
    notable AS MATERIALIZED (
        SELECT *
          FROM walked
         WHERE ends_owner OR ends_bucket OR seq <> before_seq + 1 OR NOT is_booking
            OR (bucket_id IS NOT NULL
                AND (before_micros IS NULL OR balance_micros <> before_micros + delta_micros))),
    closed_owner AS (SELECT owner_id, transfer_seq FROM owner_closing WHERE NOT $1::boolean),
    closed_bucket AS (
        SELECT owner_id, bucket_id, balance_micros FROM bucket_closing WHERE NOT $1::boolean),
    broken AS (
        SELECT owner_id, bucket_id, seq, before_place, own, notable.balance_micros AS found,
               coalesce(before_micros, closed_bucket.balance_micros, 0) + delta_micros AS expected
          FROM notable
          LEFT JOIN closed_bucket USING (owner_id, bucket_id)
         WHERE bucket_id IS NOT NULL
           AND notable.balance_micros
               <> coalesce(before_micros, closed_bucket.balance_micros, 0) + delta_micros),
    amiss AS (SELECT owner_id, seq FROM notable WHERE seq <> before_seq + 1),
    counted AS (
        SELECT line_id AS owner_id, transfer_seq FROM line
        UNION ALL
        SELECT partner_id, transfer_seq FROM partner),
    tail AS (
        SELECT owner_id, counted.transfer_seq AS counter,
               greatest(ending.seq, closed_owner.transfer_seq, 0) AS last_seq
          FROM counted
          FULL JOIN (SELECT owner_id, seq FROM notable WHERE ends_owner) AS ending
               USING (owner_id)
          FULL JOIN closed_owner USING (owner_id)),
    odd AS (
        SELECT 'gap' AS problem, owner_id, before_seq + 1 AS place,
               (seq - 1)::bigint AS expected, NULL::bigint AS found, NULL::smallint AS unit
          FROM notable
         WHERE seq > before_seq + 1
        UNION ALL
        SELECT 'repeated', owner_id, seq, NULL, NULL, NULL FROM notable WHERE seq <= before_seq
        UNION ALL
        SELECT 'booking', owner_id, seq, NULL, NULL, NULL
          FROM notable
         WHERE NOT is_booking
        UNION ALL
        -- A wrong balance breaks the next row's sum by as much again: only the first is named.
        -- Behind a gap the missing row is what is wrong, not the balance of the next one.
        SELECT 'balance', owner_id, broken.seq, broken.expected, broken.found, broken.own
          FROM broken
         WHERE NOT EXISTS (SELECT FROM broken AS earlier
                            WHERE earlier.owner_id = broken.owner_id
                              AND earlier.bucket_id = broken.bucket_id
                              AND earlier.seq = broken.before_place
                              AND earlier.found - earlier.expected
                                  = broken.expected - broken.found)
           AND NOT EXISTS (SELECT FROM amiss
                            WHERE amiss.owner_id = broken.owner_id
                              AND amiss.seq > coalesce(broken.before_place, 0)
                              AND amiss.seq <= broken.seq)
        UNION ALL
        SELECT 'tail', owner_id, last_seq + 1, counter, NULL, NULL
          FROM tail
         WHERE counter > last_seq
        UNION ALL
        SELECT 'beyond', owner_id, counter + 1, counter, last_seq, NULL
          FROM tail
         WHERE counter < last_seq
        UNION ALL
        SELECT 'ownerless', owner_id, last_seq, NULL, last_seq, NULL
          FROM tail
         WHERE counter IS NULL
        UNION ALL
        SELECT CASE WHEN bucket.kind IS NULL THEN 'bucketless'
                    WHEN ending.own <> bucket.kind THEN 'bucket_kind' ELSE 'bucket' END,
               owner_id, bucket_id,
               coalesce(ending.balance_micros, closed_bucket.balance_micros, 0),
               bucket.remaining_micros, coalesce(bucket.kind, ending.own)
          FROM bucket
          FULL JOIN (SELECT owner_id, bucket_id, balance_micros, own
                       FROM notable WHERE ends_bucket) AS ending USING (owner_id, bucket_id)
          FULL JOIN closed_bucket USING (owner_id, bucket_id)
         WHERE bucket.kind IS NULL OR ending.own <> bucket.kind
            OR bucket.remaining_micros
               <> coalesce(ending.balance_micros, closed_bucket.balance_micros, 0)),
    ranked AS (
        SELECT problem, owner_id, place, expected, found, unit,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total, unit
      FROM ranked
     WHERE rank <= $6::integer
     ORDER BY problem, owner_id, place
"""

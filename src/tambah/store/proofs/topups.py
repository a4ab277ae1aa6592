"""Top-ups as subscribers see them, beside the transfers that made them, and their reversals."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_topups(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each top-up beside its transfers: one of main credit, one each of bonus and tax.

    Amounts, instant, source, partner, bonus bucket and reference (a receipt, for a card) agree.

    Problems: topup_uncredited (a record without its main transfer), credit_unrecorded (transfers
    without a record; place is the first one's seq), topup_differs.
    """
    return odds(await connection.fetch(over_transfers(_TOPUPS), *scope.topup_values, MOST_NAMED))


async def prove_reversals(connection: Connection, scope: Scope) -> list[Odd]:
    """Put the transfers that take a top-up back beside its record.

    Problem: reversal (of a top-up that is not marked so at that instant, or of more than it gave;
    place is the top-up's number).
    """
    return odds(
        await connection.fetch(over_transfers(_REVERSALS), *scope.transfer_values, MOST_NAMED)
    )


_TOPUPS = """
    , given AS (
        SELECT topup.*
          FROM topup
         WHERE $1::boolean
        UNION ALL
        SELECT topup.*
          FROM unnest($2::bigint[], $5::integer[]) AS touched (line_id, closed_no)
          JOIN topup USING (line_id)
         WHERE NOT $1::boolean AND (topup_no > closed_no OR at > $4::timestamptz)),
    fact AS (
        SELECT line_id AS owner_id, topup_no, true AS is_record, NULL::integer AS seq, at,
               source::integer, main_micros, bonus_micros, tax_micros,
               coalesce(partner_id, 0) AS partner_id, bonus_bucket_id,
               hashtextextended(coalesce(reference, receipt), 0) AS reference
          FROM given
        UNION ALL
        SELECT owner_id, topup_no, false, seq, at,
               CASE WHEN credit = 1 AND kind <= 2 THEN kind END,
               CASE WHEN credit = 1 THEN -amount_micros ELSE 0 END,
               CASE WHEN credit = 2 THEN -amount_micros ELSE 0 END,
               CASE WHEN credit NOT IN (1, 2) THEN -amount_micros ELSE 0 END,
               CASE WHEN credit = 1 THEN coalesce(peer_owner_id, 0) END,
               CASE WHEN credit = 2 THEN bucket_id END,
               CASE WHEN credit = 1 THEN hashtextextended(coalesce(reference, ''), 0) END
          FROM fresh
         WHERE topup_no IS NOT NULL AND mends_topup_no IS NULL),
    beside AS (
        SELECT owner_id, topup_no, min(seq) AS first_seq,
               count(*) FILTER (WHERE is_record) AS records,
               count(*) FILTER (WHERE main_micros < 0) AS mains,
               sum(main_micros) FILTER (WHERE is_record) AS promised_micros,
               -sum(main_micros) FILTER (WHERE NOT is_record) AS given_micros,
               sum(main_micros) <> 0 OR sum(bonus_micros) <> 0 OR sum(tax_micros) <> 0
               OR count(*) FILTER (WHERE bonus_micros < 0) > 1
               OR count(*) FILTER (WHERE tax_micros < 0) > 1
               OR min(at) <> max(at) OR min(source) <> max(source)
               OR min(partner_id) <> max(partner_id)
               OR min(bonus_bucket_id) <> max(bonus_bucket_id)
               OR min(reference) <> max(reference) AS differs
          FROM fact
         GROUP BY owner_id, topup_no),
    odd AS (
        SELECT CASE WHEN records = 0 THEN 'credit_unrecorded'
                    WHEN mains = 0 THEN 'topup_uncredited'
                    ELSE 'topup_differs' END AS problem,
               owner_id, CASE WHEN records = 0 THEN first_seq ELSE topup_no END AS place,
               promised_micros::bigint AS expected, given_micros::bigint AS found
          FROM beside
         WHERE records <> 1 OR mains <> 1 OR differs),
    ranked AS (
        SELECT problem, owner_id, place, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total
      FROM ranked
     WHERE rank <= $6::integer
     ORDER BY problem, owner_id, place
"""

_REVERSALS = """
    , taken AS (
        SELECT owner_id, mends_topup_no AS topup_no, min(at) AS at, max(at) AS last_at,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 1), 0) AS main_micros,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 2), 0) AS bonus_micros,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 13), 0) AS tax_micros
          FROM fresh
         WHERE mends_topup_no IS NOT NULL
         GROUP BY owner_id, mends_topup_no),
    odd AS (
        SELECT 'reversal' AS problem, taken.owner_id, taken.topup_no AS place,
               (topup.main_micros + topup.tax_micros) AS expected,
               (taken.main_micros + taken.tax_micros)::bigint AS found
          FROM taken
          LEFT JOIN topup ON topup.line_id = taken.owner_id AND topup.topup_no = taken.topup_no
         WHERE topup.reversed_at IS DISTINCT FROM taken.at OR taken.at <> taken.last_at
            OR taken.main_micros > topup.main_micros OR taken.bonus_micros > topup.bonus_micros
            OR taken.tax_micros NOT IN (0, topup.tax_micros))
    SELECT problem, owner_id, place, expected, found, count(*) OVER () AS total
      FROM odd
     ORDER BY owner_id, place
     LIMIT $5::integer
"""

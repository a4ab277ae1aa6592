"""Top-ups as subscribers see them, beside the transfers that made them, and their reversals."""

import secrets

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_topups(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each top-up beside its transfers: main credit, bonus, tax, fee, a grant for each bucket.

    Amounts, instant, source, partner, buckets and reference (a receipt, for a card) agree. What a
    promotion gave as bonus is part of the top-up's bonus, and has a grant instead.

    Problems: topup_uncredited (a record without its main transfer), credit_unrecorded (transfers
    without a record; place is the first one's seq), topup_differs.
    """
    seed = secrets.randbits(62)
    return odds(
        await connection.fetch(over_transfers(_TOPUPS), *scope.topup_values, seed, MOST_NAMED)
    )


async def prove_reversals(connection: Connection, scope: Scope) -> list[Odd]:
    """Put the transfers that take a top-up back beside its record.

    Problem: reversal (of a top-up that is not marked so at that instant, or of more than it gave;
    place is the top-up's number).
    """
    return odds(
        await connection.fetch(over_transfers(_REVERSALS), *scope.transfer_values, MOST_NAMED)
    )


async def prove_moves(connection: Connection, scope: Scope) -> list[Odd]:
    """Put both sides of a top-up that was moved from one line to another beside each other.

    Each transfer has its counterpart in the other line's books, and the two records name each
    other: the one that went is marked so at that instant, the one that came is of it.

    Problems: topup_move_unmatched (a transfer; place is its seq), topup_move_unnamed (a record;
    place is its number).
    """
    return odds(await connection.fetch(over_transfers(_MOVES), *scope.transfer_values, MOST_NAMED))


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
    gifted AS (
        SELECT line_id, topup_no, sum(amount) FILTER (WHERE kind = 2) AS bonus_micros
          FROM topup_gift
         WHERE $1::boolean OR line_id = ANY($2::bigint[])
         GROUP BY line_id, topup_no),
    promised AS (
        SELECT given.*,
               given.bonus_micros - coalesce(gifted.bonus_micros, 0)::bigint AS own_bonus_micros
          FROM given
          LEFT JOIN gifted USING (line_id, topup_no)),
    present AS (
        SELECT gift.line_id, gift.topup_no, gift.kind, gift.bucket_id, given.at,
               sum(gift.amount)::bigint AS amount
          FROM topup_gift AS gift
          LEFT JOIN given USING (line_id, topup_no)
         WHERE gift.kind <> 0
           AND ($1::boolean OR gift.line_id = ANY($2::bigint[]) AND given.at IS NOT NULL)
         GROUP BY gift.line_id, gift.topup_no, gift.kind, gift.bucket_id, given.at),
    fact AS (
        -- A record's fact is the sum (xor) of what its transfers' facts must be: side by side
        -- they cancel out. $6 is drawn anew each time, so no two texts can be made to collide.
        SELECT line_id AS owner_id, topup_no, NULL::integer AS seq,
               main_micros AS promised_micros, NULL::bigint AS given_micros,
               1 + (own_bonus_micros <> 0)::integer + (tax_micros > 0)::integer
                 + (reactivation_micros > 0)::integer AS transfers,
               hash_record_extended((1, at, main_micros,
                                     CASE source WHEN 3 THEN 11 WHEN 4 THEN 28
                                                 ELSE source END::smallint,
                                     coalesce(payer_id, partner_id,
                                              CASE WHEN source = 4 THEN moved_line_id END,
                                              0::bigint),
                                     coalesce(reference, receipt)), $6::bigint)
               # CASE WHEN own_bonus_micros <> 0 THEN
                 hash_record_extended((2, at, own_bonus_micros, bonus_bucket_id), $6::bigint)
                 ELSE 0 END
               # CASE WHEN tax_micros > 0 THEN
                 hash_record_extended((3, at, tax_micros), $6::bigint) ELSE 0 END
               # CASE WHEN reactivation_micros > 0 THEN
                 hash_record_extended((4, at, reactivation_micros), $6::bigint)
                 ELSE 0 END AS fact
          FROM promised
        UNION ALL
        SELECT line_id, topup_no, NULL, NULL, NULL, 1,
               hash_record_extended((5, at, kind, amount, bucket_id), $6::bigint)
          FROM present
        UNION ALL
        SELECT owner_id, topup_no, seq, NULL, CASE WHEN credit = 1 THEN amount_micros END, -1,
               CASE CASE WHEN kind = 20 THEN 20 ELSE credit END
               WHEN 20 THEN
                 hash_record_extended((5, at, credit, amount_micros, bucket_id), $6::bigint)
               WHEN 1 THEN
                 hash_record_extended((1, at, amount_micros, kind,
                                       coalesce(peer_owner_id, 0::bigint),
                                       coalesce(reference, '')), $6::bigint)
               WHEN 2 THEN hash_record_extended((2, at, amount_micros, bucket_id), $6::bigint)
               WHEN 18 THEN hash_record_extended((4, at, amount_micros), $6::bigint)
               ELSE hash_record_extended((3, at, amount_micros), $6::bigint) END
          FROM fresh
         WHERE topup_no IS NOT NULL AND mends_topup_no IS NULL),
    beside AS (
        SELECT owner_id, topup_no, min(seq) AS first_seq, max(promised_micros) AS promised_micros,
               max(given_micros) AS given_micros, sum(transfers) AS missing, bit_xor(fact) AS rest
          FROM fact
         GROUP BY owner_id, topup_no),
    odd AS (
        SELECT CASE WHEN promised_micros IS NULL THEN 'credit_unrecorded'
                    WHEN given_micros IS NULL THEN 'topup_uncredited'
                    ELSE 'topup_differs' END AS problem,
               owner_id,
               CASE WHEN promised_micros IS NULL THEN coalesce(first_seq, topup_no)
                    ELSE topup_no END AS place,
               promised_micros AS expected, given_micros AS found
          FROM beside
         WHERE missing <> 0 OR rest <> 0 OR promised_micros IS DISTINCT FROM given_micros),
    ranked AS (
        SELECT problem, owner_id, place, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total
      FROM ranked
     WHERE rank <= $7::integer
     ORDER BY problem, owner_id, place
"""

_REVERSALS = """
    , taken AS (
        SELECT owner_id, mends_topup_no AS topup_no, min(at) AS at, max(at) AS last_at,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 1), 0) AS main_micros,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 2), 0) AS bonus_micros,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 13), 0) AS tax_micros,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 4), 0) AS seconds,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 5), 0) AS messages,
               coalesce(sum(amount_micros) FILTER (WHERE debit = 6), 0) AS bytes
          FROM fresh
         WHERE mends_topup_no IS NOT NULL
         GROUP BY owner_id, mends_topup_no),
    odd AS (
        SELECT 'reversal' AS problem, taken.owner_id, taken.topup_no AS place,
               (topup.main_micros + topup.tax_micros) AS expected,
               (taken.main_micros + taken.tax_micros)::bigint AS found
          FROM taken
          LEFT JOIN topup ON topup.line_id = taken.owner_id AND topup.topup_no = taken.topup_no
          LEFT JOIN LATERAL (
               SELECT coalesce(sum(amount) FILTER (WHERE kind = 4), 0) AS seconds,
                      coalesce(sum(amount) FILTER (WHERE kind = 5), 0) AS messages,
                      coalesce(sum(amount) FILTER (WHERE kind = 6), 0) AS bytes
                 FROM topup_gift
                WHERE topup_gift.line_id = taken.owner_id
                  AND topup_gift.topup_no = taken.topup_no) AS gifted ON TRUE
         WHERE topup.reversed_at IS DISTINCT FROM taken.at OR taken.at <> taken.last_at
            OR taken.main_micros > topup.main_micros OR taken.bonus_micros > topup.bonus_micros
            OR taken.seconds > gifted.seconds OR taken.messages > gifted.messages
            OR taken.bytes > gifted.bytes
            OR taken.tax_micros NOT IN (0, topup.tax_micros))
    SELECT problem, owner_id, place, expected, found, count(*) OVER () AS total
      FROM odd
     ORDER BY owner_id, place
     LIMIT $5::integer
"""

# The other side is looked for in the whole ledger: only one of the two may be fresh.
_MOVES = """
    , side AS (
        SELECT owner_id, seq, at, amount_micros, debit, credit, peer_owner_id, peer_seq,
               CASE WHEN debit = 1 THEN mends_topup_no ELSE topup_no END AS topup_no
          FROM fresh
         WHERE kind = 28),
    odd AS (
        SELECT 'topup_move_unmatched' AS problem, side.owner_id, side.seq AS place
          FROM side
          LEFT JOIN transfer AS other ON other.owner_id = side.peer_owner_id
               AND other.seq = side.peer_seq AND other.at = side.at
         WHERE (other.kind = 28 AND other.peer_owner_id = side.owner_id
                AND other.peer_seq = side.seq AND other.amount_micros = side.amount_micros
                AND other.debit = side.credit AND other.credit = side.debit) IS NOT TRUE
        UNION ALL
        SELECT 'topup_move_unnamed', side.owner_id, side.topup_no
          FROM side
          LEFT JOIN topup AS own ON own.line_id = side.owner_id
               AND own.topup_no = side.topup_no
          LEFT JOIN topup AS other ON other.line_id = own.moved_line_id
               AND other.topup_no = own.moved_topup_no
         WHERE (own.moved_line_id = side.peer_owner_id
                AND other.moved_line_id = own.line_id AND other.moved_topup_no = own.topup_no
                AND CASE WHEN side.debit = 1
                         THEN own.reversed_at = side.at AND other.source = 4
                         ELSE own.source = 4 AND other.reversed_at = side.at END) IS NOT TRUE)
    SELECT problem, owner_id, place, NULL::bigint AS expected, NULL::bigint AS found,
           count(*) OVER (PARTITION BY problem) AS total
      FROM odd
     ORDER BY problem, owner_id, place
     LIMIT $5::integer
"""

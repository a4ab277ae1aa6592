"""Sales through a partner: the float's side and the line's side of each, and their reversals."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_sales(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each float's transfer to or from transit beside those of the line that name it.

    The line's side is one transfer, or two with the tax; together they are worth the float's,
    the first is the one that the float's names, and all bear the same reference.

    Problems: sale_one_sided (the float's side alone), credit_one_sided (the line's alone),
    sale_unequal (named by the float's side; amounts), sale_mismatched (by what they name).
    """
    return odds(await connection.fetch(over_transfers(_SIDES), *scope.transfer_values, MOST_NAMED))


_SIDES = """
    , side AS (
        SELECT debit = 3 OR credit = 3 AS is_float, owner_id, seq, peer_owner_id, peer_seq,
               CASE WHEN credit = 11 THEN amount_micros ELSE -amount_micros END AS into_micros,
               hashtextextended(nullif(reference, ''), 0) AS reference
          FROM fresh
         -- From float to float (kind 24) there is no line, from line to line (28) no float;
         -- `prove_float_moves` and `prove_moves` see to those.
         WHERE (debit = 11 OR credit = 11) AND kind NOT IN (24, 28)),
    pair AS (
        SELECT CASE WHEN is_float THEN owner_id ELSE coalesce(peer_owner_id, -owner_id) END
                   AS float_id,
               CASE WHEN is_float THEN seq ELSE coalesce(peer_seq, seq) END AS float_seq,
               count(*) FILTER (WHERE is_float) AS floats,
               count(*) FILTER (WHERE NOT is_float) AS credits,
               sum(into_micros) FILTER (WHERE is_float) AS float_micros,
               -sum(into_micros) FILTER (WHERE NOT is_float) AS line_micros,
               min(peer_owner_id) FILTER (WHERE is_float) AS named_id,
               min(peer_seq) FILTER (WHERE is_float) AS named_seq,
               min(owner_id) FILTER (WHERE NOT is_float) AS line_id,
               max(owner_id) FILTER (WHERE NOT is_float) AS last_line_id,
               min(seq) FILTER (WHERE NOT is_float) AS line_seq,
               min(reference) IS DISTINCT FROM max(reference) AS is_renamed
          FROM side
         GROUP BY 1, 2),
    odd AS (
        SELECT CASE WHEN credits = 0 THEN 'sale_one_sided'
                    WHEN floats = 0 THEN 'credit_one_sided'
                    WHEN float_micros <> line_micros THEN 'sale_unequal'
                    ELSE 'sale_mismatched' END AS problem,
               CASE WHEN floats = 0 THEN line_id ELSE float_id END AS owner_id,
               CASE WHEN floats = 0 THEN line_seq ELSE float_seq END AS place,
               float_micros::bigint AS expected, line_micros::bigint AS found
          FROM pair
         WHERE floats <> 1 OR credits NOT BETWEEN 1 AND 2 OR float_micros <> line_micros
            OR named_id IS DISTINCT FROM line_id OR line_id <> last_line_id
            OR named_seq IS DISTINCT FROM line_seq OR is_renamed),
    ranked AS (
        SELECT problem, owner_id, place, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total
      FROM ranked
     WHERE rank <= $5::integer
     ORDER BY problem, owner_id, place
"""

"""Redeemed cards, each beside the one top-up that it paid for."""

import secrets

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope


async def prove_vouchers(connection: Connection, scope: Scope) -> list[Odd]:
    """Put redeemed cards and top-ups by card side by side; both name the other.

    The top-up gives what the card's batch promises, and the card is the one that its serial
    number leads to. Across shards: a card and the line it was spent on need not be neighbours.

    Problems, named by batch and number: card_uncredited (no top-up), card_unredeemed (a top-up,
    but the card is not redeemed), card_credited_twice, card_elsewhere (they name different
    top-ups), card_promise (amounts; credit), card_serial.
    """
    seed = secrets.randbits(62)
    return odds(await connection.fetch(_CARDS, *scope.topup_values, seed, MOST_NAMED))


# $3 stands among the values for all proofs and is not needed here; it is named to give its type.
# What both sides say of each other is one number, drawn with a new seed ($6) each time; the two
# of a card cancel out (xor).
_CARDS = """
    WITH touched AS (
        SELECT line_id, closed_no
          FROM unnest($2::bigint[], $5::integer[], $3::integer[])
               AS touched (line_id, closed_no, closed_seq)),
    paid AS (
        SELECT coalesce(batch_id, 0) AS batch_id, coalesce(number, 0) AS number,
               line_id, topup_no, at, price_micros, tax_micros, main_micros, bonus_micros,
               valid_days
          FROM topup
         WHERE $1::boolean AND (source = 1 OR batch_id IS NOT NULL)
        UNION ALL
        SELECT coalesce(batch_id, 0), coalesce(number, 0),
               line_id, topup_no, at, price_micros, tax_micros, main_micros, bonus_micros,
               valid_days
          FROM touched
          JOIN topup USING (line_id)
         WHERE NOT $1::boolean AND (source = 1 OR batch_id IS NOT NULL)
           AND (topup_no > closed_no OR at > $4::timestamptz)),
    used AS (
        SELECT batch_id, number, redeemed_line_id, redeemed_topup_no, redeemed_at, digest
          FROM voucher
         WHERE $1::boolean AND state = 3
        UNION ALL
        SELECT batch_id, number, redeemed_line_id, redeemed_topup_no, redeemed_at, digest
          FROM voucher
          LEFT JOIN touched ON line_id = redeemed_line_id
         WHERE NOT $1::boolean AND state = 3
           AND (redeemed_topup_no > closed_no OR redeemed_at > $4::timestamptz)),
    gifted AS (
        SELECT line_id, topup_no, coalesce(sum(amount) FILTER (WHERE kind = 2), 0) AS bonus_micros,
               coalesce(sum(amount) FILTER (WHERE kind = 0), 0) AS valid_days
          FROM topup_gift
         WHERE $1::boolean OR line_id = ANY($2::bigint[])
         GROUP BY line_id, topup_no),
    beside AS (
        SELECT batch_id, number, sum(cards) AS cards, sum(topups) AS topups, bit_xor(fact) AS rest
          FROM (SELECT batch_id, number, 0 AS cards, 1 AS topups,
                       hash_record_extended((line_id, topup_no, at), $6::bigint) AS fact
                  FROM paid
                UNION ALL
                SELECT batch_id, number, 1, 0,
                       hash_record_extended((redeemed_line_id, redeemed_topup_no, redeemed_at),
                                            $6::bigint)
                  FROM used) AS side
         GROUP BY batch_id, number),
    odd AS (
        SELECT CASE WHEN topups > 1 OR cards > 1 THEN 'card_credited_twice'
                    WHEN topups = 0 THEN 'card_uncredited'
                    WHEN cards = 0 THEN 'card_unredeemed'
                    ELSE 'card_elsewhere' END AS problem,
               batch_id, number, NULL::bigint AS expected, NULL::bigint AS found
          FROM beside
         WHERE cards <> 1 OR topups <> 1 OR rest <> 0
        UNION ALL
        SELECT 'card_promise', batch_id, number, batch.credit_micros, paid.main_micros
          FROM paid
          LEFT JOIN voucher_batch AS batch USING (batch_id)
          LEFT JOIN gifted USING (line_id, topup_no)
         WHERE (batch.price_micros = paid.price_micros AND batch.tax_micros = paid.tax_micros
                AND batch.credit_micros = paid.main_micros
                -- What promotions gave on top is no part of the card's promise.
                AND batch.bonus_micros = paid.bonus_micros - coalesce(gifted.bonus_micros, 0)
                AND batch.valid_days = paid.valid_days - coalesce(gifted.valid_days, 0))
               IS NOT TRUE
        UNION ALL
        SELECT 'card_serial', batch_id, number, NULL, NULL
          FROM used
          LEFT JOIN voucher_serial AS serial USING (batch_id, number)
         WHERE serial.digest IS DISTINCT FROM used.digest),
    ranked AS (
        SELECT problem, batch_id, number, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY batch_id, number) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, batch_id, number, expected, found, total
      FROM ranked
     WHERE rank <= $7::integer
     ORDER BY problem, batch_id, number
"""

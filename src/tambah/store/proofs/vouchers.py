"""Redeemed cards, each beside the one top-up that it paid for."""

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
    return odds(await connection.fetch(_CARDS, *scope.topup_values, MOST_NAMED))


# $3 stands among the values for all proofs and is not needed here; it is named to give its type.
_CARDS = """
    WITH touched AS (
        SELECT line_id, closed_no
          FROM unnest($2::bigint[], $5::integer[], $3::integer[])
               AS touched (line_id, closed_no, closed_seq)),
    side AS (
        SELECT coalesce(batch_id, 0) AS batch_id, coalesce(number, 0) AS number,
               line_id, topup_no, price_micros, tax_micros, main_micros, bonus_micros,
               valid_days, at, false AS is_card, NULL::bytea AS digest
          FROM topup
         WHERE $1::boolean AND (source = 1 OR batch_id IS NOT NULL)
        UNION ALL
        SELECT coalesce(batch_id, 0), coalesce(number, 0),
               line_id, topup_no, price_micros, tax_micros, main_micros, bonus_micros,
               valid_days, at, false, NULL
          FROM touched
          JOIN topup USING (line_id)
         WHERE NOT $1::boolean AND (source = 1 OR batch_id IS NOT NULL)
           AND (topup_no > closed_no OR at > $4::timestamptz)
        UNION ALL
        SELECT batch_id, number, redeemed_line_id, redeemed_topup_no, NULL, NULL, NULL, NULL,
               NULL, redeemed_at, true, digest
          FROM voucher
         WHERE $1::boolean AND state = 3
        UNION ALL
        SELECT batch_id, number, redeemed_line_id, redeemed_topup_no, NULL, NULL, NULL, NULL,
               NULL, redeemed_at, true, digest
          FROM voucher
          LEFT JOIN touched ON line_id = redeemed_line_id
         WHERE NOT $1::boolean AND state = 3
           AND (redeemed_topup_no > closed_no OR redeemed_at > $4::timestamptz)),
    beside AS (
        SELECT batch_id, number,
               count(*) FILTER (WHERE is_card) AS cards,
               count(*) FILTER (WHERE NOT is_card) AS topups,
               max(main_micros) AS main_micros,
               min(line_id) <> max(line_id) OR min(topup_no) <> max(topup_no)
               OR min(at) <> max(at) OR count(*) <> count(topup_no) AS is_elsewhere,
               max(price_micros) AS price_micros, max(tax_micros) AS tax_micros,
               max(bonus_micros) AS bonus_micros, max(valid_days) AS valid_days,
               max(digest) AS digest
          FROM side
         GROUP BY batch_id, number),
    odd AS (
        SELECT CASE WHEN topups > 1 OR cards > 1 THEN 'card_credited_twice'
                    WHEN topups = 0 THEN 'card_uncredited'
                    WHEN cards = 0 THEN 'card_unredeemed'
                    WHEN is_elsewhere THEN 'card_elsewhere'
                    WHEN serial.digest IS DISTINCT FROM beside.digest THEN 'card_serial'
                    ELSE 'card_promise' END AS problem,
               batch_id, number, batch.credit_micros AS expected, main_micros AS found
          FROM beside
          LEFT JOIN voucher_batch AS batch USING (batch_id)
          LEFT JOIN voucher_serial AS serial USING (batch_id, number)
         WHERE cards <> 1 OR topups <> 1 OR is_elsewhere
            OR serial.digest IS DISTINCT FROM beside.digest
            OR (batch.price_micros, batch.tax_micros, batch.credit_micros, batch.bonus_micros,
                batch.valid_days)
               IS DISTINCT FROM
               (beside.price_micros, beside.tax_micros, main_micros, beside.bonus_micros,
                beside.valid_days)),
    ranked AS (
        SELECT problem, batch_id, number, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY batch_id, number) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, batch_id, number, expected, found, total
      FROM ranked
     WHERE rank <= $6::integer
     ORDER BY problem, batch_id, number
"""

"""When cards were sold, used and voided: the SQL of `sold_cards`, which says what is meant.

$1 to $3 are the ranges that were activated (firsts, lasts, instants), $4 to $6 those that were
voided, $7 and $8 the period, $9 the time zone; of MOVED_CARDS, $10 and $11 the ranges that were
activated or voided in the period.
"""

from typing import LiteralString

from tambah.store.views.card_sales import DEALER_SALES

# A card's place among the ranges is found by halving: one reading of the cards, no join.
# The trail's instants are of the machine that wrote them, the books' of the database: minutes
# between the two are no theft.
_FROMEVERY_CARD: LiteralString = """
    FROM voucher
    JOIN voucher_batch AS batch USING (batch_id)
"""
_EVERY_SALE: LiteralString = "SELECT key, at FROM every_sale WHERE undone_at IS NULL"

# Whatever happened to a card in the period has left a row of that time: a dealer's sale, the
# top-up that it gave, a range in the trail, the release of its batch.
_MOVED: LiteralString = """
    moved AS MATERIALIZED (
        SELECT batch_id, number FROM dealer_sale WHERE kind = 1 AND at >= $7 AND at < $8
         UNION
        SELECT batch_id, number FROM topup
         WHERE at >= $7 AND at < $8 AND batch_id IS NOT NULL
         UNION
        SELECT card.batch_id, card.number
          FROM unnest($10::bigint[], $11::bigint[]) AS range (first, last)
          JOIN voucher_serial AS card ON card.batch_id = range.first / 1000000000
                                     AND card.number BETWEEN range.first % 1000000000
                                                         AND range.last % 1000000000
         UNION
        SELECT card.batch_id, card.number
          FROM voucher_batch AS batch
          JOIN voucher_serial AS card USING (batch_id)
         WHERE born_active AND released_at >= $7 AND released_at < $8),
"""
_MOVED_CARD: LiteralString = """
    FROM moved
    JOIN voucher_serial AS serial USING (batch_id, number)
    JOIN voucher USING (digest)
    JOIN voucher_batch AS batch ON batch.batch_id = moved.batch_id
"""
_MOVED_SALE: LiteralString = """
    SELECT batch_id::bigint * 1000000000 + number AS key, at
      FROM moved
      JOIN dealer_sale USING (batch_id, number)
     WHERE kind = 1 AND undone_at IS NULL
"""


def _card(moved: LiteralString, sales: LiteralString, cards: LiteralString) -> LiteralString:
    """Return the CTEs that date cards: which there are, their sales, and where they are read."""
    return "\n".join(
        (
            "WITH every_sale AS (",
            DEALER_SALES,
            "),",
            moved,
            """
    sale AS MATERIALIZED (
        SELECT DISTINCT ON (key) key, at FROM (""",
            sales,
            """) AS standing
         ORDER BY key, at),
    marked AS (
        SELECT voucher.batch_id, voucher.number, voucher.state, redeemed_at AS used_at,
               batch.state = 3 AND (redeem_before IS NULL OR redeem_before > $8) AS is_open,
               voucher.batch_id::bigint * 1000000000 + voucher.number AS key,
               CASE WHEN born_active THEN released_at END AS born_at,
               width_bucket(voucher.batch_id::bigint * 1000000000 + voucher.number, $1::bigint[])
                   AS sold_place,
               width_bucket(voucher.batch_id::bigint * 1000000000 + voucher.number, $4::bigint[])
                   AS void_place""",
            cards,
            """
         -- What was used before the period is neither owed nor used in it.
         WHERE (voucher.state IN (2, 3) OR voucher.activated)
           AND (redeemed_at IS NULL OR redeemed_at >= $7)),
    dated AS (
        SELECT batch_id, number, state, used_at, is_open, key, sale.at AS dealer_at,
               least(born_at, sale.at, CASE WHEN key <= ($2::bigint[])[sold_place]
                                            THEN ($3::timestamptz[])[sold_place] END) AS sold_at,
               CASE WHEN state = 5 AND key <= ($5::bigint[])[void_place]
                    THEN ($6::timestamptz[])[void_place] END AS void_at
          FROM marked
          LEFT JOIN sale USING (key)),
    card AS (
        SELECT batch_id, number, state, used_at, void_at, is_open, key, dealer_at,
               coalesce(dealer_at = sold_at, false) AS is_dealers,
               CASE WHEN used_at IS NULL OR sold_at <= used_at + interval '5 minutes'
                    THEN least(sold_at, used_at) END AS sold_at
          FROM dated)
""",
        )
    )


EVERY_CARD: LiteralString = _card("", _EVERY_SALE, _FROMEVERY_CARD)
MOVED_CARDS: LiteralString = _card(_MOVED, _MOVED_SALE, _MOVED_CARD)

COUNT: LiteralString = """
    , counted AS (
        SELECT batch_id, sold_at IS NOT NULL AS is_sold,
               CASE WHEN sold_at IS NULL AND state = 3
                    THEN (used_at AT TIME ZONE $9)::date END AS day,
               min(number) AS first,
               count(*) FILTER (WHERE sold_at < $7 AND (used_at < $7) IS NOT TRUE
                                  AND (void_at < $7) IS NOT TRUE) AS before,
               count(*) FILTER (WHERE sold_at < $8 AND (used_at < $8) IS NOT TRUE
                                  AND (void_at < $8) IS NOT TRUE) AS after,
               count(*) FILTER (WHERE sold_at >= $7 AND sold_at < $8 AND NOT is_dealers)
                   AS outside,
               count(*) FILTER (WHERE sold_at >= $7 AND sold_at < $8 AND is_dealers) AS by_dealers,
               count(*) FILTER (WHERE used_at >= $7 AND used_at < $8) AS used,
               count(*) FILTER (WHERE void_at >= $7 AND void_at < $8) AS voided,
               count(*) FILTER (WHERE state = 2 AND is_open) AS usable
          FROM card
         WHERE sold_at IS NOT NULL OR state = 2 OR used_at >= $7 AND used_at < $8
         GROUP BY 1, 2, 3)
    SELECT batch_id, is_sold, day, first, before, after, outside, by_dealers, used, voided, usable,
           price_micros, credit_micros + tax_micros AS gave_micros,
           (created_at AT TIME ZONE $9)::date AS made_on,
           coalesce(redeem_before <= $8, false) AS is_past
      FROM counted
      JOIN voucher_batch USING (batch_id)
     ORDER BY batch_id, is_sold, day NULLS LAST
"""

# A card of a batch that needs no activation was sold with its release: those are not looked at.
NEVER_SOLD: LiteralString = """
    SELECT batch_id, min(number) AS first, count(*) AS usable,
           min(credit_micros + tax_micros) AS gave_micros
      FROM voucher
      JOIN voucher_batch AS batch USING (batch_id)
     WHERE voucher.state = 2 AND batch.state = 3 AND NOT born_active
       AND (redeem_before IS NULL OR redeem_before > $3)
       AND batch_id::bigint * 1000000000 + number
           > ($2::bigint[])[width_bucket(batch_id::bigint * 1000000000 + number, $1::bigint[])]
       AND NOT EXISTS (SELECT FROM dealer_sale AS sold
                        WHERE kind = 1 AND undone_at IS NULL
                          AND sold.batch_id = voucher.batch_id
                          AND sold.number = voucher.number)
     GROUP BY batch_id
     ORDER BY batch_id
"""

# One sale after the other, with its card: of a period there are few, and no join goes astray.
ODD_SALES: LiteralString = """
    SELECT (sold.at AT TIME ZONE $6)::date, sold.partner_id,
           lpad(sold.batch_id::text, greatest(4, length(sold.batch_id::text)), '0')
               || '-' || lpad(sold.number::text, 8, '0'),
           CASE WHEN is_theirs THEN sold.price_micros - batch.price_micros
                ELSE sold.price_micros END
      FROM dealer_sale AS sold
      LEFT JOIN voucher_batch AS batch ON batch.batch_id = sold.batch_id
      LEFT JOIN LATERAL (
           SELECT true AS is_there,
                  least(CASE WHEN batch.born_active THEN batch.released_at END,
                        CASE WHEN key <= ($2::bigint[])[width_bucket(key, $1::bigint[])]
                             THEN ($3::timestamptz[])[width_bucket(key, $1::bigint[])] END)
                      AS other_at
             FROM voucher_serial AS serial
             JOIN voucher USING (digest)
            CROSS JOIN LATERAL (
                  SELECT serial.batch_id::bigint * 1000000000 + serial.number AS key) AS keyed
            WHERE serial.batch_id = sold.batch_id AND serial.number = sold.number
              AND (voucher.state IN (2, 3) OR voucher.activated)
              AND (voucher.redeemed_at IS NULL OR voucher.redeemed_at >= $4)) AS card ON true
      LEFT JOIN LATERAL (
           SELECT min(standing.at) AS dealer_at
             FROM dealer_sale AS standing
            WHERE standing.kind = 1 AND standing.undone_at IS NULL
              AND standing.batch_id = sold.batch_id
              AND standing.number = sold.number) AS first ON is_there
     CROSS JOIN LATERAL (
           SELECT batch.price_micros IS NOT NULL
                  AND (undone_at IS NOT NULL
                       OR dealer_at <= coalesce(other_at, dealer_at) AND sold.at = dealer_at)
                      IS TRUE AS is_theirs) AS told
     WHERE sold.kind = 1 AND sold.at >= $4 AND sold.at < $5
       AND (is_theirs AND sold.price_micros = batch.price_micros) IS NOT TRUE
     ORDER BY sold.at, sold.partner_id, 3
     LIMIT 1000
"""

# A sale that was undone is owed for in between; the card is what it was before.
UNDONE: LiteralString = "\n".join(
    (
        "WITH every_sale AS (",
        DEALER_SALES,
        """)
    SELECT batch_id, price_micros, (created_at AT TIME ZONE $3)::date AS made_on,
           coalesce(redeem_before <= $2, false) AS is_past,
           count(*) FILTER (WHERE at < $1 AND undone_at >= $1) AS before,
           count(*) FILTER (WHERE at < $2 AND undone_at >= $2) AS after,
           count(*) FILTER (WHERE at >= $1 AND at < $2)
               - count(*) FILTER (WHERE undone_at >= $1 AND undone_at < $2) AS by_dealers
      FROM every_sale
      JOIN voucher_batch ON batch_id = key / 1000000000
     WHERE undone_at IS NOT NULL AND undone_at >= $1 AND at < $2
     GROUP BY batch_id
     ORDER BY batch_id
""",
    )
)

"""Dealers' sales beside what paid for them and what was sold; commissions; float moved."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_dealer_sales(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each sale beside the transfer that paid for it, and beside its card or top-up.

    Problems, by payer and transfer: sale_unpaid, sale_goods (worth another price, or gone),
    sale_undone; sale_unrecorded and undo_unrecorded (the transfers alone); by batch and number:
    card_unsold (sold, but as generated), card_sold_twice.
    """
    return odds(await connection.fetch(over_transfers(_SALES), *scope.transfer_values, MOST_NAMED))


async def prove_commissions(connection: Connection, scope: Scope) -> list[Odd]:
    """Work out anew what each sale earned each level, and put what was paid beside its transfers.

    Problems: commission_differs (what a sale earned), commission_kept (what of it stands, nothing
    for an undone one), both by payer and transfer; commission_unpaid, by earner and transfer.
    """
    return odds(
        await connection.fetch(over_transfers(_COMMISSIONS), *scope.transfer_values, MOST_NAMED)
    )


async def prove_float_moves(connection: Connection, scope: Scope) -> list[Odd]:
    """Put the two sides of each move of float beside each other. Problem: float_move_unmatched."""
    return odds(await connection.fetch(over_transfers(_MOVES), *scope.transfer_values, MOST_NAMED))


_SALES = """
    , given AS (
        SELECT sale.* FROM dealer_sale AS sale WHERE $1::boolean
        UNION ALL
        SELECT sale.*
          FROM unnest($2::bigint[], $3::integer[]) AS touched (payer_id, closed_seq)
          JOIN dealer_sale AS sale USING (payer_id)
         WHERE NOT $1::boolean
           AND (payer_seq > closed_seq OR undone_seq > closed_seq OR at > $4::timestamptz)),
    paid AS (
        SELECT given.payer_id, given.payer_seq, given.price_micros, transfer.amount_micros,
               (transfer.kind = CASE given.kind WHEN 1 THEN 22 ELSE 10 END
                AND transfer.debit = 3
                AND transfer.credit = CASE given.kind WHEN 1 THEN 10 ELSE 11 END
                AND transfer.amount_micros = given.price_micros
                AND coalesce(transfer.reference, '') = coalesce(given.reference, '')) AS is_right
          FROM given
          LEFT JOIN transfer ON transfer.owner_id = given.payer_id
               AND transfer.seq = given.payer_seq AND transfer.at = given.at),
    undone AS (
        SELECT given.payer_id, given.payer_seq, given.price_micros, transfer.amount_micros,
               (transfer.kind = 8 AND transfer.credit = 3
                AND transfer.amount_micros = given.price_micros) AS is_right
          FROM given
          LEFT JOIN transfer ON transfer.owner_id = given.payer_id
               AND transfer.seq = given.undone_seq AND transfer.at = given.undone_at
         WHERE given.undone_at IS NOT NULL),
    goods AS (
        SELECT given.payer_id, given.payer_seq, given.price_micros, batch.price_micros AS worth
          FROM given
          LEFT JOIN voucher_serial AS serial USING (batch_id, number)
          LEFT JOIN voucher_batch AS batch ON batch.batch_id = serial.batch_id
         WHERE given.kind = 1
        UNION ALL
        SELECT given.payer_id, given.payer_seq, given.price_micros,
               CASE WHEN topup.partner_id = given.partner_id
                     AND coalesce(topup.payer_id, topup.partner_id) = given.payer_id
                    THEN topup.price_micros END
          FROM given
          LEFT JOIN topup USING (line_id, topup_no)
         WHERE given.kind = 2),
    card AS (
        SELECT given.batch_id, given.number, voucher.state
          FROM given
          JOIN voucher_serial USING (batch_id, number)
          JOIN voucher USING (digest)
         WHERE given.kind = 1 AND given.undone_at IS NULL),
    odd AS (
        SELECT 'sale_unpaid' AS problem, payer_id AS owner_id, payer_seq AS place,
               price_micros AS expected, amount_micros AS found
          FROM paid
         WHERE is_right IS NOT TRUE
        UNION ALL
        SELECT 'sale_goods', payer_id, payer_seq, price_micros, worth
          FROM goods
         WHERE worth IS DISTINCT FROM price_micros
        UNION ALL
        SELECT 'sale_undone', payer_id, payer_seq, price_micros, amount_micros
          FROM undone
         WHERE is_right IS NOT TRUE
        UNION ALL
        SELECT 'sale_unrecorded', owner_id, seq, NULL, NULL
          FROM fresh
         WHERE kind = 22
           AND NOT EXISTS (SELECT FROM dealer_sale
                            WHERE payer_id = fresh.owner_id AND payer_seq = fresh.seq)
        UNION ALL
        SELECT 'undo_unrecorded', owner_id, seq, NULL, NULL
          FROM fresh
         WHERE kind = 8 AND debit = 10 AND credit = 3
           AND NOT EXISTS (SELECT FROM dealer_sale
                            WHERE payer_id = fresh.peer_owner_id AND payer_seq = fresh.peer_seq
                              AND undone_seq = fresh.seq)
        UNION ALL
        SELECT 'card_unsold', batch_id, number, NULL, NULL FROM card WHERE state = 1
        UNION ALL
        SELECT 'card_sold_twice', batch_id, number, NULL, NULL
          FROM dealer_sale
         WHERE kind = 1 AND undone_at IS NULL
           AND ($1::boolean OR (batch_id, number) IN (SELECT batch_id, number FROM card))
         GROUP BY batch_id, number
        HAVING count(*) > 1),
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

# Halves go up, as `domain.money.divide_half_up` has it: (2 * n + d) / (2 * d), whole.
_COMMISSIONS = """
    , given AS (
        SELECT sale.* FROM dealer_sale AS sale WHERE $1::boolean
        UNION ALL
        SELECT sale.*
          FROM unnest($2::bigint[], $3::integer[]) AS touched (payer_id, closed_seq)
          JOIN dealer_sale AS sale USING (payer_id)
         WHERE NOT $1::boolean
           AND (payer_seq > closed_seq OR undone_seq > closed_seq OR at > $4::timestamptz)),
    level AS (
        SELECT given.payer_id, given.payer_seq, given.undone_at IS NULL AS stands,
               level.partner_id, level.place,
               (2 * given.price_micros * coalesce(agreed.rate_bp, 0) + 10000) / 20000
                   AS own_micros,
               CASE WHEN level.partner_id = given.payer_id AND agreed.paid_as = 1
                    THEN 1 ELSE 2 END AS paid_as
          FROM given
          JOIN dealer USING (partner_id)
         CROSS JOIN LATERAL unnest(dealer.path) WITH ORDINALITY AS level (partner_id, place)
          LEFT JOIN LATERAL (
               SELECT rate_bp, paid_as
                 FROM dealer_agreement AS agreement
                WHERE agreement.partner_id = level.partner_id
                  AND agreement.effective_at <= given.at
                ORDER BY agreement.effective_at DESC
                LIMIT 1) AS agreed ON TRUE),
    due AS (
        SELECT payer_id, payer_seq, partner_id, paid_as, stands,
               own_micros - coalesce(max(own_micros) OVER below, 0) AS amount_micros
          FROM level
        WINDOW below AS (PARTITION BY payer_id, payer_seq ORDER BY place DESC
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
    earned AS (
        SELECT payer_id, payer_seq, partner_id, max(paid_as) AS paid_as,
               sum(amount_micros) FILTER (WHERE NOT is_undo) AS amount_micros,
               sum(amount_micros) AS kept_micros
          FROM commission
         WHERE $1::boolean OR (payer_id, payer_seq) IN (SELECT payer_id, payer_seq FROM given)
         GROUP BY payer_id, payer_seq, partner_id),
    beside AS (
        SELECT payer_id, payer_seq, coalesce(due.amount_micros, 0) AS due_micros,
               coalesce(earned.amount_micros, 0) AS earned_micros,
               CASE WHEN due.stands THEN due.amount_micros ELSE 0 END AS left_micros,
               coalesce(earned.kept_micros, 0) AS kept_micros,
               earned.paid_as <> due.paid_as AS is_paid_otherwise
          FROM (SELECT * FROM due WHERE amount_micros > 0) AS due
          FULL JOIN earned USING (payer_id, payer_seq, partner_id)),
    booked AS (
        SELECT owner_id AS partner_id, seq AS paid_seq,
               CASE WHEN debit = 27 THEN amount_micros ELSE -amount_micros END AS amount_micros
          FROM fresh
         WHERE debit = 27 OR credit = 27),
    marked AS (
        SELECT partner_id, paid_seq, sum(amount_micros)::bigint AS amount_micros
          FROM commission
         WHERE $1::boolean AND paid_seq IS NOT NULL
         GROUP BY partner_id, paid_seq
        UNION ALL
        SELECT partner_id, paid_seq, sum(amount_micros)::bigint
          FROM unnest($2::bigint[], $3::integer[]) AS touched (partner_id, closed_seq)
          JOIN commission USING (partner_id)
         WHERE NOT $1::boolean AND paid_seq > closed_seq
         GROUP BY partner_id, paid_seq),
    odd AS (
        SELECT 'commission_differs' AS problem, payer_id AS owner_id, payer_seq AS place,
               due_micros::bigint AS expected, earned_micros::bigint AS found
          FROM beside
         WHERE due_micros <> earned_micros OR is_paid_otherwise
        UNION ALL
        SELECT 'commission_kept', payer_id, payer_seq, left_micros::bigint, kept_micros::bigint
          FROM beside
         WHERE due_micros = earned_micros AND left_micros <> kept_micros
        UNION ALL
        SELECT 'commission_unpaid', partner_id, paid_seq, marked.amount_micros,
               booked.amount_micros
          FROM marked
          FULL JOIN booked USING (partner_id, paid_seq)
         WHERE marked.amount_micros IS DISTINCT FROM booked.amount_micros
           -- A row dated later than the closing may stand among closed ones: then both are there.
           AND ($1::boolean OR marked.amount_micros IS NOT NULL
                OR NOT EXISTS (SELECT FROM commission
                                WHERE commission.partner_id = booked.partner_id
                                  AND commission.paid_seq = booked.paid_seq))),
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

_MOVES = """
    , odd AS (
        SELECT side.owner_id, side.seq AS place
          FROM fresh AS side
          LEFT JOIN transfer AS other ON other.owner_id = side.peer_owner_id
               AND other.seq = side.peer_seq AND other.at = side.at
         WHERE side.kind = 24
           AND (other.kind = 24 AND other.peer_owner_id = side.owner_id
                AND other.peer_seq = side.seq AND other.amount_micros = side.amount_micros
                AND other.debit = side.credit AND other.credit = side.debit) IS NOT TRUE)
    SELECT 'float_move_unmatched' AS problem, owner_id, place, NULL::bigint AS expected,
           NULL::bigint AS found, count(*) OVER () AS total
      FROM odd
     ORDER BY owner_id, place
     LIMIT $5::integer
"""

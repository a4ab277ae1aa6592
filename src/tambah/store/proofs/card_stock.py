"""Who holds which cards, worked out anew from the moves; out of whose stock cards were sold."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds


async def prove_stock(connection: Connection) -> list[Odd]:
    """Put holdings beside the moves that made them, and sales beside the stock they were from.

    Both are few beside transfers, and are gone through whole each time. Numbers are cut where any
    move or holding begins or ends; within a piece all cards have the same history.

    Problems, by batch and number: stock_differs (expected, found: holders), stock_seller.
    """
    return odds(await connection.fetch(_STOCK, MOST_NAMED))


_STOCK = """
    WITH cut AS (
        SELECT batch_id, first AS number FROM stock_move
        UNION
        SELECT batch_id, last + 1 FROM stock_move
        UNION
        SELECT batch_id, first FROM stock_holding
        UNION
        SELECT batch_id, last + 1 FROM stock_holding
        UNION
        SELECT batch_id, 1 FROM stock_move
        UNION
        SELECT batch_id, quantity + 1 FROM voucher_batch
         WHERE batch_id IN (SELECT batch_id FROM stock_move)),
    piece AS (
        SELECT batch_id, number
          FROM cut
          JOIN voucher_batch USING (batch_id)
         WHERE number <= quantity),
    held AS (
        SELECT piece.batch_id, piece.number, coalesce(made.to_id, 0) AS made_id, held.holder_id,
               held.ranges
          FROM piece
          LEFT JOIN LATERAL (
               SELECT to_id FROM stock_move AS move
                WHERE move.batch_id = piece.batch_id
                  AND piece.number BETWEEN move.first AND move.last
                ORDER BY move_no DESC
                LIMIT 1) AS made ON TRUE
          LEFT JOIN LATERAL (
               SELECT min(holder_id) AS holder_id, count(*) AS ranges
                 FROM stock_holding AS holding
                WHERE holding.batch_id = piece.batch_id
                  AND piece.number BETWEEN holding.first AND holding.last) AS held ON TRUE),
    sold AS (
        SELECT sale.batch_id, sale.number, sale.holder_id, coalesce(then_held.to_id, 0) AS made_id,
               sale.holder_id = ANY(dealer.charged) AS is_their_own
          FROM dealer_sale AS sale
          JOIN dealer USING (partner_id)
          LEFT JOIN LATERAL (
               SELECT to_id FROM stock_move AS move
                WHERE move.batch_id = sale.batch_id AND move.move_no <= sale.move_no
                  AND sale.number BETWEEN move.first AND move.last
                ORDER BY move_no DESC
                LIMIT 1) AS then_held ON TRUE
         WHERE sale.kind = 1 AND sale.holder_id IS NOT NULL),
    -- A sale that says nothing of stock, though a move of its batch had come before it.
    unheld AS (
        SELECT sale.batch_id, sale.number, latest.to_id
          FROM dealer_sale AS sale
          JOIN LATERAL (
               SELECT to_id, at FROM stock_move AS move
                WHERE move.batch_id = sale.batch_id AND move.at < sale.at - interval '1 minute'
                  AND sale.number BETWEEN move.first AND move.last
                ORDER BY move_no DESC
                LIMIT 1) AS latest ON TRUE
         WHERE sale.kind = 1 AND sale.holder_id IS NULL),
    odd AS (
        SELECT 'stock_differs' AS problem, batch_id AS owner_id, number AS place,
               made_id AS expected, holder_id AS found
          FROM held
         WHERE holder_id IS DISTINCT FROM made_id OR ranges <> 1
        UNION ALL
        SELECT 'stock_seller', batch_id, number, made_id, holder_id
          FROM sold
         WHERE holder_id <> made_id OR NOT is_their_own
        UNION ALL
        SELECT 'stock_seller', batch_id, number, to_id, NULL FROM unheld),
    ranked AS (
        SELECT problem, owner_id, place, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total
      FROM ranked
     WHERE rank <= $1::integer
     ORDER BY problem, owner_id, place
"""

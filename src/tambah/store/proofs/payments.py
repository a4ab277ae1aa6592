"""Payments beside their transfers, their refunds, and the top-ups that they became."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope


async def prove_payments(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each payment beside what was booked of it, from its first transfer on.

    After a closing: the payments of lines with something new, and all that hold money.

    Problems, named by line and number: payment_unknown (transfers, but no payment),
    payment_received, payment_held, payment_refunded, payment_disputed (the transfers make
    another amount), payment_refunds (its refunds do), payment_uncredited (it names a top-up that
    does not name it), payment_unpaid (a top-up names it and nothing was received).
    """
    return odds(
        await connection.fetch(_PAYMENTS, scope.is_full, list(scope.owner_ids), MOST_NAMED)
    )


_PAYMENTS = """
    WITH touched AS (
        SELECT unnest($2::bigint[]) AS owner_id
        UNION
        SELECT line_id FROM payment WHERE held_micros <> 0),
    mine AS (
        SELECT owner_id, payment_no, kind, debit, credit, amount_micros
          FROM transfer
         WHERE $1::boolean AND payment_no IS NOT NULL
        UNION ALL
        SELECT owner_id, payment_no, kind, debit, credit, amount_micros
          FROM touched
          JOIN transfer USING (owner_id)
         WHERE NOT $1::boolean AND payment_no IS NOT NULL),
    booked AS (
        SELECT owner_id AS line_id, payment_no,
               coalesce(sum(amount_micros) FILTER (WHERE kind = 12), 0)::bigint AS received,
               coalesce(sum(CASE kind WHEN 13 THEN amount_micros WHEN 18 THEN -amount_micros END),
                        0)::bigint AS refunded,
               coalesce(sum(CASE kind WHEN 16 THEN amount_micros WHEN 17 THEN -amount_micros END),
                        0)::bigint AS disputed,
               coalesce(sum(CASE WHEN credit = 24 THEN amount_micros
                                 WHEN debit = 24 THEN -amount_micros END), 0)::bigint AS held
          FROM mine
         GROUP BY owner_id, payment_no),
    paid AS (
        SELECT payment.*
          FROM payment
         WHERE $1::boolean
        UNION ALL
        SELECT payment.*
          FROM touched
          JOIN payment ON line_id = owner_id
         WHERE NOT $1::boolean),
    sent AS (
        SELECT line_id, payment_no,
               coalesce(sum(amount_micros) FILTER (WHERE refund.state = 2), 0)::bigint AS done
          FROM refund
          JOIN (SELECT line_id, payment_no FROM paid) AS of_these USING (line_id, payment_no)
         GROUP BY line_id, payment_no),
    made AS (
        SELECT line_id, payment_no, topup_no
          FROM topup
         WHERE $1::boolean AND payment_no IS NOT NULL
        UNION ALL
        SELECT line_id, payment_no, topup_no
          FROM touched
          JOIN topup ON line_id = owner_id
         WHERE NOT $1::boolean AND payment_no IS NOT NULL),
    beside AS (
        SELECT line_id, payment_no, paid.line_id IS NULL AS is_unknown,
               paid.received_micros, paid.held_micros, paid.refunded_micros,
               paid.disputed_micros, coalesce(booked.received, 0) AS received,
               coalesce(booked.held, 0) AS held, coalesce(booked.refunded, 0) AS refunded,
               coalesce(booked.disputed, 0) AS disputed, coalesce(sent.done, 0) AS done,
               paid.topup_no AS named_no, made.topup_no AS made_no
          FROM paid
          FULL JOIN booked USING (line_id, payment_no)
          FULL JOIN made USING (line_id, payment_no)
          LEFT JOIN sent USING (line_id, payment_no)),
    odd AS (
        SELECT problem, line_id, payment_no, expected, found
          FROM beside,
               LATERAL (VALUES
                   ('payment_unknown', is_unknown, received, NULL::bigint),
                   ('payment_received', received <> received_micros, received, received_micros),
                   ('payment_held', held <> held_micros, held, held_micros),
                   ('payment_refunded', refunded <> refunded_micros, refunded, refunded_micros),
                   ('payment_disputed', disputed <> disputed_micros, disputed, disputed_micros),
                   ('payment_refunds', done <> refunded_micros, done, refunded_micros),
                   ('payment_uncredited',
                    named_no IS NOT NULL AND made_no IS DISTINCT FROM named_no,
                    named_no::bigint, made_no::bigint),
                   ('payment_unpaid', made_no IS NOT NULL AND named_no IS NULL, NULL, NULL))
               AS seen (problem, is_odd, expected, found)
         WHERE is_odd),
    ranked AS (
        SELECT problem, line_id, payment_no, expected, found,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY line_id, payment_no) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, line_id, payment_no, expected, found, total
      FROM ranked
     WHERE rank <= $3::integer
     ORDER BY problem, line_id, payment_no
"""

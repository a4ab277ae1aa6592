"""Packages that were bought, beside the transfers that paid for them and granted them."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds
from tambah.store.proofs.scope import Scope, over_transfers


async def prove_packages(connection: Connection, scope: Scope) -> list[Odd]:
    """Put each package beside its transfers, leg by leg, and each refund beside its package.

    They are told by the receipt that both bear. Problems: package_unbooked (a package without a
    transfer), package_differs (another bucket, amount or instant, or legs that are not its
    price), package_refund (not all of it went back, or it stands as not taken back), all three by
    line and number; package_unrecorded (a transfer without a package; place is its seq).
    """
    return odds(
        await connection.fetch(over_transfers(_PACKAGES), *scope.transfer_values, MOST_NAMED)
    )


_PACKAGES = """
    , booked AS (
        SELECT owner_id AS line_id, seq, at, kind, bucket_id, amount_micros, reference AS receipt,
               CASE WHEN debit = 29 OR credit = 29 THEN NULL
                    WHEN kind = 27 THEN credit ELSE debit END AS allowance,
               CASE WHEN debit = 29 THEN credit WHEN credit = 29 THEN debit END AS payer
          FROM fresh
         WHERE kind = 27
            OR (kind = 8 AND debit = 29)
            OR (kind = 8 AND credit BETWEEN 40 AND 42 AND mends_topup_no IS NULL)),
    given AS (
        SELECT one.*
          FROM subscription AS one
         WHERE $1::boolean
            OR (one.line_id = ANY($2::bigint[])
                AND (one.at > $4::timestamptz OR one.ended_at > $4::timestamptz
                     OR EXISTS (SELECT FROM booked
                                 WHERE booked.line_id = one.line_id
                                   AND booked.receipt = one.receipt)))),
    started AS (
        SELECT * FROM given
         WHERE $1::boolean OR at > $4::timestamptz
            OR EXISTS (SELECT FROM booked
                        WHERE booked.line_id = given.line_id AND booked.receipt = given.receipt
                          AND booked.kind = 27)),
    promised AS (
        SELECT line_id, receipt, 27 AS kind, at, leg.bucket_id, leg.amount, leg.kind AS own
          FROM started,
               jsonb_to_recordset(granted)
                   AS leg (kind smallint, amount bigint, bucket_id integer)
        UNION ALL
        SELECT line_id, receipt, 27, at, leg.bucket_id, leg.amount_micros, leg.kind
          FROM started,
               jsonb_to_recordset(paid)
                   AS leg (kind smallint, amount_micros bigint, bucket_id integer)),
    beside AS (
        SELECT line_id, receipt, promised.amount AS expected, booked.amount_micros AS found,
               promised.at IS DISTINCT FROM booked.at
               OR promised.amount IS DISTINCT FROM booked.amount_micros
               OR promised.own IS DISTINCT FROM coalesce(booked.allowance, booked.payer)
                   AS is_odd,
               booked.seq
          FROM promised
          FULL JOIN (SELECT * FROM booked WHERE kind = 27) AS booked
               USING (line_id, receipt, bucket_id)),
    priced AS (
        SELECT line_id, number, price_micros,
               (SELECT sum((leg ->> 'amount_micros')::bigint)
                  FROM jsonb_array_elements(paid) AS leg)::bigint AS paid_micros
          FROM started),
    back AS (
        SELECT given.line_id, given.number, given.price_micros, given.state, given.ended_at,
               refund.micros, refund.at, refund.last_at, refund.allowances,
               (SELECT sum((leg ->> 'amount')::bigint)
                  FROM jsonb_array_elements(granted) AS leg) AS granted_amount
          FROM given
          LEFT JOIN (SELECT line_id, receipt, min(at) AS at, max(at) AS last_at,
                            sum(amount_micros) FILTER (WHERE payer IS NOT NULL)::bigint AS micros,
                            sum(amount_micros) FILTER (WHERE payer IS NULL) AS allowances
                       FROM booked WHERE kind = 8
                      GROUP BY line_id, receipt) AS refund USING (line_id, receipt)
         WHERE refund.line_id IS NOT NULL
            OR (given.state = 5 AND ($1::boolean OR given.ended_at > $4::timestamptz))),
    odd AS (
        SELECT 'package_unbooked' AS problem, line_id AS owner_id, number AS place,
               price_micros AS expected, NULL::bigint AS found
          FROM started
         WHERE NOT EXISTS (SELECT FROM booked
                            WHERE booked.line_id = started.line_id
                              AND booked.receipt = started.receipt AND booked.kind = 27)
        UNION ALL
        SELECT DISTINCT ON (line_id, number)
               'package_differs', line_id, number, beside.expected, beside.found
          FROM beside
          JOIN started USING (line_id, receipt)
         WHERE is_odd
           AND EXISTS (SELECT FROM booked
                        WHERE booked.line_id = started.line_id
                          AND booked.receipt = started.receipt AND booked.kind = 27)
        UNION ALL
        SELECT 'package_differs', line_id, number, price_micros, paid_micros
          FROM priced
         WHERE paid_micros IS DISTINCT FROM price_micros
        UNION ALL
        SELECT 'package_refund', line_id, number, price_micros, micros
          FROM back
         WHERE state <> 5 OR micros IS DISTINCT FROM price_micros
            OR at IS DISTINCT FROM ended_at OR last_at IS DISTINCT FROM ended_at
            OR coalesce(allowances, 0) <> coalesce(granted_amount, 0)
        UNION ALL
        SELECT 'package_unrecorded', line_id, seq, NULL, amount_micros
          FROM booked
         WHERE NOT EXISTS (SELECT FROM subscription AS one
                            WHERE one.line_id = booked.line_id AND one.receipt = booked.receipt)),
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

"""What most batches of the engine write, written by one statement."""

from typing import Any, NamedTuple

from tambah.store.database import Connection

Row = tuple[Any, ...]


class BatchRows(NamedTuple):
    """Rows of migration 0020's types, in the statement's order; the tables' modules make them."""

    lines: list[Row]
    partners: list[Row]
    buckets: list[Row]
    cards: list[Row]
    transfers: list[Row]
    topups: list[Row]
    pages: list[Row]
    requests: list[Row]
    messages: list[Row]


async def write_rows(connection: Connection, rows: BatchRows) -> int:
    """Write a batch's rows in one round trip; return how many cards were still active.

    Lines, partners and cards are there, and locked; buckets are new or hold another amount; the
    rest is new. Rows are passed as rows: the driver encodes ten columns of one array in half the
    time of ten arrays.
    """
    return await connection.fetchval(
        """
        WITH lines AS (
            UPDATE line
               SET state = new.state, last_at = new.last_at, active_until = new.active_until,
                   grace_until = new.grace_until, transfer_seq = new.transfer_seq,
                   bucket_seq = new.bucket_seq, topup_seq = new.topup_seq,
                   message_seq = new.message_seq, payment_seq = new.payment_seq,
                   due_at = new.due_at
              FROM unnest($1::line_after[]) AS new
             WHERE line.line_id = new.line_id),
        partners AS (
            UPDATE partner
               SET sold_on = new.sold_on, sold_micros = new.sold_micros,
                   transfer_seq = new.transfer_seq
              FROM unnest($2::partner_after[]) AS new
             WHERE partner.partner_id = new.partner_id),
        buckets AS (
            INSERT INTO bucket (owner_id, bucket_id, kind, remaining_micros, expires_at, held,
                                scope)
            SELECT owner_id, bucket_id, kind, remaining_micros, expires_at, held, scope
              FROM unnest($3::bucket_after[])
                ON CONFLICT (owner_id, bucket_id)
                DO UPDATE SET remaining_micros = excluded.remaining_micros,
                              held = excluded.held, expires_at = excluded.expires_at),
        cards AS (
            UPDATE voucher
               SET state = 3, redeemed_line_id = new.line_id, redeemed_at = new.at,
                   redeemed_topup_no = new.topup_no
              FROM unnest($4::card_redeemed[]) AS new
             WHERE voucher.digest = new.digest AND voucher.state = 2
            RETURNING 1),
        transfers AS (
            INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros,
                                  bucket_id, balance_micros, topup_no, reference, peer_owner_id,
                                  peer_seq, mends_topup_no, request, payment_no)
            SELECT * FROM unnest($5::new_transfer[])),
        topups AS (
            INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros,
                               main_micros, bonus_micros, bonus_bucket_id, valid_days,
                               active_until_before, active_until, receipt, reference,
                               partner_id, batch_id, number, payment_no, reactivation_micros,
                               line_state, payer_id, moved_line_id, moved_topup_no)
            SELECT * FROM unnest($6::new_topup[])),
        pages AS (
            INSERT INTO result_page (token, line_id, topup_no, payment_no, language)
            SELECT * FROM unnest($7::new_page[])
                ON CONFLICT (token) DO NOTHING),
        requests AS (
            INSERT INTO request (owner_id, digest, content, answer, body, at)
            SELECT * FROM unnest($8::new_request[])),
        messages AS (
            INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, due_at,
                                sealed, good_until, state, attempts)
            SELECT new.*, 1, 0 FROM unnest($9::new_message[]) AS new)
        SELECT count(*) FROM cards
        """,
        *rows,
    )

-- One top-up in one call, writing the same rows as the engine does: the least that PostgreSQL can
-- do for it. Only the rules are simpler.
CREATE OR REPLACE FUNCTION bench_top_up(
    the_msisdn bigint, the_partner bigint, amount bigint, the_key bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    the_line record;  -- not line%ROWTYPE: PostgreSQL has a geometric type of that name
    seller record;
    balance bigint;
    held bigint;
    key_digest bytea := decode(lpad(to_hex(the_key), 16, '0') || lpad(to_hex(the_key), 16, '0'), 'hex');
    the_reference text := the_key::text;
    ends timestamptz;
BEGIN
    SELECT * INTO the_line
      FROM line WHERE line_id = (SELECT line_id FROM number WHERE msisdn = the_msisdn)
       FOR NO KEY UPDATE;
    IF the_line.line_id IS NULL OR the_line.state NOT IN (2, 3) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO seller FROM partner WHERE partner_id = the_partner FOR NO KEY UPDATE;
    PERFORM 1 FROM request WHERE owner_id = the_line.line_id AND digest = key_digest;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM topup
      WHERE line_id = the_line.line_id AND partner_id = the_partner AND reference = the_reference;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    ends := the_line.active_until + interval '10 days';
    UPDATE line
       SET state = 2, last_at = now(), barred = false, suspended = false, active_until = ends,
           grace_until = ends + interval '50 days', transfer_seq = transfer_seq + 1,
           topup_seq = topup_seq + 1, message_seq = message_seq + 1
     WHERE line_id = the_line.line_id;
    UPDATE partner
       SET sold_on = now()::date, sold_micros = sold_micros + amount, transfer_seq = transfer_seq + 1
     WHERE partner_id = the_partner;
    UPDATE bucket SET remaining_micros = remaining_micros + amount
     WHERE owner_id = the_line.line_id AND bucket_id = 1 RETURNING remaining_micros INTO balance;
    UPDATE bucket SET remaining_micros = remaining_micros - amount
     WHERE owner_id = the_partner AND bucket_id = 1 RETURNING remaining_micros INTO held;
    INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, bucket_id,
                          balance_micros, topup_no, reference, peer_owner_id, peer_seq, request)
    VALUES (the_partner, seller.transfer_seq + 1, now(), 10, 3, 11, amount, 1, held, NULL,
            the_reference, the_line.line_id, the_line.transfer_seq + 1, key_digest),
           (the_line.line_id, the_line.transfer_seq + 1, now(), 2, 11, 1, amount, 1, balance,
            the_line.topup_seq + 1, the_reference, the_partner, seller.transfer_seq + 1, key_digest);
    INSERT INTO topup (line_id, topup_no, at, source, price_micros, tax_micros, main_micros,
                       bonus_micros, valid_days, active_until_before, active_until, receipt,
                       reference, partner_id, reactivation_micros)
    VALUES (the_line.line_id, the_line.topup_seq + 1, now(), 2, amount, 0, amount, 0, 10,
            the_line.active_until, ends, 'ABCDEFGH', the_reference, the_partner, 0);
    INSERT INTO request VALUES (the_line.line_id, key_digest, key_digest, 'Credited',
        convert_to('{"msisdn":' || the_msisdn || ',"topup_no":' || the_line.topup_seq + 1
            || ',"at":"' || now() || '","price_micros":10000000,"tax_micros":0,'
            || '"credited_micros":10000000,"bonus_micros":0,"balance_micros":' || balance
            || ',"bonus_balance_micros":0,"active_until":"' || ends || '","grace_until":"'
            || ends || '","receipt":"ABCDEFGH","reference":"' || the_reference || '"}', 'UTF8'),
        now());
    INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state, attempts,
                        due_at)
    VALUES (the_line.line_id, the_line.message_seq + 1, now(), 'credited',
            jsonb_build_object('credited_micros', amount, 'bonus_micros', 0, 'balance_micros',
                balance, 'active_until', ends, 'receipt', 'ABCDEFGH'),
            the_line.language, the_msisdn, 1, 0, now());
    RETURN balance;
END $$;

-- Paying for a top-up.

-- One payment of a line. Distributed by line_id. Never deleted.
CREATE TABLE payment (
    line_id           bigint NOT NULL,
    payment_no        integer NOT NULL,
    created_at        timestamptz NOT NULL,
    provider          smallint NOT NULL,
    method            text NOT NULL,
    state             smallint NOT NULL CONSTRAINT payment_state_known CHECK (state BETWEEN 1 AND 10),
    price_micros      bigint NOT NULL,
    tax_micros        bigint NOT NULL,
    credit_micros     bigint NOT NULL,
    bonus_micros      bigint NOT NULL,
    fee_micros        bigint NOT NULL,
    valid_days        integer NOT NULL,
    bonus_days        integer NOT NULL,
    reference         text NOT NULL,
    language          smallint,
    page_token        bytea NOT NULL,
    expires_at        timestamptz NOT NULL,
    provider_ref      text,
    pay_url           text,
    received_micros   bigint NOT NULL,
    held_micros       bigint NOT NULL CONSTRAINT payment_held_never_negative CHECK (held_micros >= 0),
    refunded_micros   bigint NOT NULL,
    disputed_micros   bigint NOT NULL,
    dispute           smallint NOT NULL,
    dispute_ref       text,
    topup_no          integer,
    paid_at           timestamptz,
    reason            text,
    refund_seq        integer NOT NULL,
    due_at            timestamptz,
    tries             integer NOT NULL DEFAULT 0,
    PRIMARY KEY (line_id, payment_no),
    CONSTRAINT payment_never_over_refunded CHECK (refunded_micros <= received_micros)
) WITH (fillfactor = 80);

CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX payment_created ON payment (created_at);

CREATE INDEX payment_held ON payment (line_id) WHERE held_micros <> 0;

-- Money on its way back to a payer. Distributed by line_id.
CREATE TABLE refund (
    line_id        bigint NOT NULL,
    payment_no     integer NOT NULL,
    refund_no      integer NOT NULL,
    at             timestamptz NOT NULL,
    amount_micros  bigint NOT NULL CONSTRAINT refund_amount_positive CHECK (amount_micros > 0),
    spent_micros   bigint NOT NULL,
    state          smallint NOT NULL CONSTRAINT refund_state_known CHECK (state BETWEEN 1 AND 4),
    reason         text NOT NULL,
    provider_ref   text,
    settled_at     timestamptz,
    due_at         timestamptz,
    tries          integer NOT NULL DEFAULT 0,
    PRIMARY KEY (line_id, payment_no, refund_no)
);

CREATE INDEX refund_due ON refund (due_at) WHERE due_at IS NOT NULL;

-- From a name to the payment: provider 0 for our own reference, else the provider's name for the
-- payment or one of its refunds (refund_no). Distributed by ref.
CREATE TABLE payment_ref (
    ref         text NOT NULL,
    provider    smallint NOT NULL,
    line_id     bigint NOT NULL,
    payment_no  integer NOT NULL,
    refund_no   integer,
    PRIMARY KEY (ref, provider)
);

-- The inbox: every event that a provider sent and signed, stored before it is answered and
-- processed afterwards; what came of it. Distributed by event_id. state: 1 queued, 2 done.
CREATE TABLE payment_event (
    event_id     text NOT NULL,
    provider     smallint NOT NULL,
    event_type   text NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    times        integer NOT NULL,
    line_id      bigint,
    payment_no   integer,
    provider_ref text,
    state        smallint NOT NULL CONSTRAINT payment_event_state_known CHECK (state IN (1, 2)),
    notice       bytea NOT NULL,
    due_at       timestamptz NOT NULL,
    tries        integer NOT NULL,
    verdict      text NOT NULL,
    PRIMARY KEY (event_id, provider)
) WITH (fillfactor = 80);

CREATE INDEX payment_event_due ON payment_event (due_at) WHERE state = 1;

-- Numbers that somebody had checked, append-only: telling of a number has a budget. Local.
CREATE TABLE look_up (
    at      timestamptz NOT NULL,
    source  bytea NOT NULL
);

CREATE INDEX look_up_source ON look_up (source, at);

CREATE INDEX look_up_at ON look_up (at);

-- The sandbox as a provider of its own: what its pages and buttons did (demo databases only).
CREATE TABLE sandbox_payment (
    provider_ref   text PRIMARY KEY,
    payment_id     text NOT NULL,
    created_at     timestamptz NOT NULL,
    total_micros   bigint NOT NULL,
    return_url     text NOT NULL,
    reference      text NOT NULL,
    stage          text NOT NULL,
    ending         text,
    paid_at        timestamptz,
    refunds_fail   boolean NOT NULL
);

CREATE TABLE sandbox_refund (
    refund_id      text PRIMARY KEY,
    provider_ref   text NOT NULL,
    at             timestamptz NOT NULL,
    amount_micros  bigint NOT NULL,
    stage          text NOT NULL
);

-- A statement file that was read. A reference table.
CREATE TABLE bank_file (
    digest   bytea PRIMARY KEY,
    name     text NOT NULL,
    at       timestamptz NOT NULL,
    form     text NOT NULL,
    entries  integer NOT NULL
);

-- A line of a bank statement: matched, queued for a person, or ignored, each with its reason.
-- fingerprint: of what the bank says of it, so that the same entry in two files is one.
-- Distributed by fingerprint. state: 1 queued, 2 matched, 3 ignored.
CREATE TABLE bank_entry (
    fingerprint    bytea PRIMARY KEY,
    file_digest    bytea NOT NULL,
    place          integer NOT NULL,
    booked_on      date NOT NULL,
    at             timestamptz NOT NULL,
    amount_micros  bigint NOT NULL,
    currency       text NOT NULL,
    is_credit      boolean NOT NULL,
    bank_ref       text,
    texts          text NOT NULL,
    state          smallint NOT NULL CONSTRAINT bank_entry_state_known CHECK (state BETWEEN 1 AND 3),
    reason         text NOT NULL,
    line_id        bigint,
    payment_no     integer,
    refund_no      integer
);

CREATE INDEX bank_entry_payment ON bank_entry (line_id, payment_no) WHERE state = 2;

CREATE INDEX bank_entry_queued ON bank_entry (booked_on) WHERE state = 1;

ALTER TABLE line ADD payment_seq integer NOT NULL DEFAULT 0;

ALTER TABLE topup ADD payment_no integer;

-- A payment is credited once, for ever.
CREATE UNIQUE INDEX topup_payment ON topup (line_id, payment_no) WHERE payment_no IS NOT NULL;

ALTER TABLE transfer ADD payment_no integer;

-- A result's address stands for a top-up by code, or for a payment.
ALTER TABLE result_page ADD payment_no integer, ALTER topup_no DROP NOT NULL;

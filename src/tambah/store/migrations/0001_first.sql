-- The first shape of the books.
--
-- Growth beyond one machine is Citus, so from here on: every table touched per request has its
-- distribution column (named beside it) in its primary key and in every unique index; no triggers;
-- no foreign keys across distribution columns; no volatile defaults.
-- Statements are parted by a line that ends in a semicolon, and run one by one.

CREATE SEQUENCE owner_id_seq AS bigint;

-- Whose a number is now. Distributed by msisdn.
CREATE TABLE number (
    msisdn   bigint PRIMARY KEY,
    line_id  bigint NOT NULL
);

-- A number's life with one owner. Distributed by line_id.
CREATE TABLE line (
    line_id             bigint PRIMARY KEY,
    msisdn              bigint NOT NULL,
    language            smallint NOT NULL,
    plan                text NOT NULL,
    iccid               text,
    state               smallint NOT NULL CONSTRAINT line_state_known CHECK (state BETWEEN 1 AND 6),
    last_at             timestamptz NOT NULL,
    barred              boolean NOT NULL,
    suspended           boolean NOT NULL,
    activated_at        timestamptz,
    active_until        timestamptz,
    grace_until         timestamptz,
    transfer_seq        integer NOT NULL,
    bucket_seq          integer NOT NULL,
    topup_seq           integer NOT NULL,
    message_seq         integer NOT NULL,
    own_wrong           integer NOT NULL,
    own_locked_until    timestamptz,
    guest_wrong         integer NOT NULL,
    guest_locked_until  timestamptz,
    import_digest       bytea NOT NULL,
    CONSTRAINT line_dates_go_together CHECK ((active_until IS NULL) = (grace_until IS NULL))
) WITH (fillfactor = 80);

-- Who a person is: the only table with personal data, encrypted, erasable. Distributed by line_id.
CREATE TABLE person (
    line_id     bigint PRIMARY KEY,
    sealed      bytea NOT NULL,
    key_id      smallint NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Keyed digests by which a person can be looked up. Distributed by digest.
CREATE TABLE person_fact (
    digest   bytea NOT NULL,
    line_id  bigint NOT NULL,
    kind     smallint NOT NULL,
    PRIMARY KEY (digest, line_id, kind)
);

-- Credit of one owner (a line or a partner) with one end. Distributed by owner_id.
CREATE TABLE bucket (
    owner_id          bigint NOT NULL,
    bucket_id         integer NOT NULL,
    kind              smallint NOT NULL,
    remaining_micros  bigint NOT NULL,
    expires_at        timestamptz,
    PRIMARY KEY (owner_id, bucket_id),
    CONSTRAINT bucket_never_negative CHECK (remaining_micros >= 0 OR kind = 3)
) WITH (fillfactor = 80);

-- The books: a row moves an amount from debit to credit. Never updated, never deleted.
-- Distributed by owner_id.
CREATE TABLE transfer (
    owner_id        bigint NOT NULL,
    seq             integer NOT NULL,
    at              timestamptz NOT NULL,
    kind            smallint NOT NULL,
    debit           smallint NOT NULL,
    credit          smallint NOT NULL,
    amount_micros   bigint NOT NULL CONSTRAINT transfer_amount_positive CHECK (amount_micros > 0),
    bucket_id       integer,
    balance_micros  bigint,
    topup_no        integer,
    reference       text,
    peer_owner_id   bigint,
    peer_seq        integer,
    mends_topup_no  integer,
    request         bytea NOT NULL,
    PRIMARY KEY (owner_id, seq, at),
    CONSTRAINT transfer_moves CHECK (debit <> credit),
    CONSTRAINT transfer_bucket_has_balance CHECK ((bucket_id IS NULL) = (balance_micros IS NULL))
) PARTITION BY RANGE (at);

CREATE TABLE transfer_other PARTITION OF transfer DEFAULT;

-- One credit as the subscriber sees it. Distributed by line_id.
CREATE TABLE topup (
    line_id              bigint NOT NULL,
    topup_no             integer NOT NULL,
    at                   timestamptz NOT NULL,
    source               smallint NOT NULL,
    price_micros         bigint NOT NULL,
    tax_micros           bigint NOT NULL,
    main_micros          bigint NOT NULL,
    bonus_micros         bigint NOT NULL,
    bonus_bucket_id      integer,
    valid_days           integer NOT NULL,
    active_until_before  timestamptz,
    active_until         timestamptz NOT NULL,
    receipt              text NOT NULL,
    reference            text,
    partner_id           bigint,
    batch_id             integer,
    number               integer,
    reversed_at          timestamptz,
    PRIMARY KEY (line_id, topup_no)
);

-- A partner's reference stands for one top-up of a line, for ever.
CREATE UNIQUE INDEX topup_reference ON topup (line_id, partner_id, reference)
    WHERE partner_id IS NOT NULL;

-- The lasting address of a result page. Distributed by token (a digest).
CREATE TABLE result_page (
    token     bytea PRIMARY KEY,
    line_id   bigint NOT NULL,
    topup_no  integer NOT NULL,
    language  smallint
);

-- First answers, by keyed digest of caller and key. Distributed by owner_id.
CREATE TABLE request (
    owner_id   bigint NOT NULL,
    digest     bytea NOT NULL,
    content    bytea NOT NULL,
    answer     text NOT NULL,
    body       bytea NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (owner_id, digest)
);

-- What is to be told, in the transaction that made it true. Distributed by line_id.
-- state: 1 queued, 2 handed over, 3 delivered, 4 failed.
CREATE TABLE outbox (
    line_id      bigint NOT NULL,
    number       integer NOT NULL,
    at           timestamptz NOT NULL,
    template     text NOT NULL,
    params       jsonb NOT NULL,
    language     smallint NOT NULL,
    msisdn       bigint NOT NULL,
    state        smallint NOT NULL,
    attempts     integer NOT NULL,
    due_at       timestamptz NOT NULL,
    gateway_ref  text,
    handed_at    timestamptz,
    PRIMARY KEY (line_id, number)
) WITH (fillfactor = 80);

CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 1;

-- The sandbox's SMS inbox (demo databases only).
CREATE TABLE sandbox_sms (
    sms_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    msisdn    bigint NOT NULL,
    language  smallint NOT NULL,
    body      text NOT NULL,
    line_id   bigint NOT NULL,
    number    integer NOT NULL
);

CREATE INDEX sandbox_sms_msisdn ON sandbox_sms (msisdn, sms_id);

-- A printing of vouchers; a reference table. The four numbers are fixed when it is made.
CREATE TABLE voucher_batch (
    batch_id       integer PRIMARY KEY,
    state          smallint NOT NULL CONSTRAINT batch_state_known CHECK (state BETWEEN 1 AND 6),
    key_id         smallint NOT NULL,
    quantity       integer NOT NULL,
    stored         integer NOT NULL,
    lettered       boolean NOT NULL,
    born_active    boolean NOT NULL,
    price_micros   bigint NOT NULL,
    tax_micros     bigint NOT NULL,
    credit_micros  bigint NOT NULL,
    bonus_micros   bigint NOT NULL,
    valid_days     integer NOT NULL,
    bonus_days     integer NOT NULL,
    redeem_before  timestamptz,
    created_at     timestamptz NOT NULL,
    released_at    timestamptz,
    exported_at    timestamptz,
    print_digest   bytea,
    print_size     bigint
);

-- A card: the keyed digest of its code, and what became of it. Distributed by digest.
CREATE TABLE voucher (
    digest            bytea PRIMARY KEY,
    batch_id          integer NOT NULL,
    number            integer NOT NULL,
    state             smallint NOT NULL CONSTRAINT voucher_state_known CHECK (state BETWEEN 1 AND 5),
    activated         boolean NOT NULL,
    redeemed_line_id  bigint,
    redeemed_topup_no integer,
    redeemed_at       timestamptz,
    CONSTRAINT voucher_redeemed_by_a_line
        CHECK ((state = 3) = (redeemed_line_id IS NOT NULL AND redeemed_at IS NOT NULL))
) WITH (fillfactor = 85);

-- From the serial number in the open to the card. Distributed by batch_id.
CREATE TABLE voucher_serial (
    batch_id  integer NOT NULL,
    number    integer NOT NULL,
    digest    bytea NOT NULL,
    PRIMARY KEY (batch_id, number)
);

-- The encrypted print file, in pieces, until it is handed out. Distributed by batch_id.
CREATE TABLE voucher_print (
    batch_id  integer NOT NULL,
    piece     integer NOT NULL,
    sealed    bytea NOT NULL,
    PRIMARY KEY (batch_id, piece)
);

-- Wrong codes, append-only, for budgets of sources and the figure over all. Local.
CREATE TABLE attempt (
    at        timestamptz NOT NULL,
    source    bytea NOT NULL,
    audience  smallint NOT NULL,
    line_id   bigint NOT NULL
);

CREATE INDEX attempt_source ON attempt (source, at);

CREATE INDEX attempt_at ON attempt (at);

-- Who may sell: a dealer, a shop, a program. Distributed by partner_id.
CREATE TABLE partner (
    partner_id           bigint PRIMARY KEY,
    name                 text NOT NULL,
    suspended            boolean NOT NULL,
    speaks_for_lines     boolean NOT NULL,
    credit_limit_micros  bigint NOT NULL CHECK (credit_limit_micros >= 0),
    least_micros         bigint NOT NULL,
    most_micros          bigint NOT NULL,
    daily_cap_micros     bigint,
    sold_on              date,
    sold_micros          bigint NOT NULL,
    transfer_seq         integer NOT NULL,
    created_at           timestamptz NOT NULL
) WITH (fillfactor = 50);

-- A partner's key to the API: a digest, never the key. A reference table.
CREATE TABLE api_key (
    digest      bytea PRIMARY KEY,
    prefix      text NOT NULL,
    partner_id  bigint NOT NULL,
    label       text NOT NULL,
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);

-- What was done by hand. Append-only, a hash chain for each day. Local.
CREATE TABLE audit (
    day      date NOT NULL,
    seq      integer NOT NULL,
    at       timestamptz NOT NULL,
    who      text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL,
    why      text NOT NULL,
    before   text NOT NULL,
    after    text NOT NULL,
    previous bytea NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (day, seq)
);

-- The end of each day's chain: locked while a row is added, and the proof against cut tails.
CREATE TABLE audit_head (
    day   date PRIMARY KEY,
    seq   integer NOT NULL,
    hash  bytea NOT NULL
);

-- Facts about the database itself: the demo stamp, pepper canaries, the demo's clock.
CREATE TABLE stamp (
    name   text PRIMARY KEY,
    value  text NOT NULL
);

-- Each closing of the books: what had been proved then, one row for all. A reference table.
-- latest_at: no transfer that it covers is later. owners, buckets: how many it closed.
CREATE TABLE closing (
    closed_at  timestamptz PRIMARY KEY,
    latest_at  timestamptz NOT NULL,
    owners     bigint NOT NULL,
    buckets    bigint NOT NULL
);

-- How far each owner's transfers and top-ups are covered by the last closing.
-- Distributed by owner_id.
CREATE TABLE owner_closing (
    owner_id      bigint PRIMARY KEY,
    transfer_seq  integer NOT NULL,
    topup_seq     integer NOT NULL
);

-- What each bucket held at the last closing. Distributed by owner_id.
CREATE TABLE bucket_closing (
    owner_id        bigint NOT NULL,
    bucket_id       integer NOT NULL,
    balance_micros  bigint NOT NULL,
    PRIMARY KEY (owner_id, bucket_id)
);

-- Credits less debits of every account at the day's last closing: system accounts have no balance
-- row. A reference table.
CREATE TABLE account_closing (
    day             date NOT NULL,
    account         smallint NOT NULL,
    balance_micros  bigint NOT NULL,
    PRIMARY KEY (day, account)
);

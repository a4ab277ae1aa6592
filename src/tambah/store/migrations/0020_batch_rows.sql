-- What one batch of the engine writes, as rows: one statement takes an array of each and writes
-- them all. A type, not the table's own: a column that a table gains later is none of theirs.
CREATE TYPE line_after AS (
    line_id       bigint,
    state         smallint,
    last_at       timestamptz,
    active_until  timestamptz,
    grace_until   timestamptz,
    transfer_seq  integer,
    bucket_seq    integer,
    topup_seq     integer,
    message_seq   integer,
    payment_seq   integer,
    due_at        timestamptz
);

CREATE TYPE partner_after AS (
    partner_id    bigint,
    sold_on       date,
    sold_micros   bigint,
    transfer_seq  integer
);

CREATE TYPE bucket_after AS (
    owner_id          bigint,
    bucket_id         integer,
    kind              smallint,
    remaining_micros  bigint,
    expires_at        timestamptz,
    held              bigint,
    scope             text
);

CREATE TYPE card_redeemed AS (
    digest    bytea,
    line_id   bigint,
    at        timestamptz,
    topup_no  integer
);

CREATE TYPE new_transfer AS (
    owner_id        bigint,
    seq             integer,
    at              timestamptz,
    kind            smallint,
    debit           smallint,
    credit          smallint,
    amount_micros   bigint,
    bucket_id       integer,
    balance_micros  bigint,
    topup_no        integer,
    reference       text,
    peer_owner_id   bigint,
    peer_seq        integer,
    mends_topup_no  integer,
    request         bytea,
    payment_no      integer
);

CREATE TYPE new_topup AS (
    line_id              bigint,
    topup_no             integer,
    at                   timestamptz,
    source               smallint,
    price_micros         bigint,
    tax_micros           bigint,
    main_micros          bigint,
    bonus_micros         bigint,
    bonus_bucket_id      integer,
    valid_days           integer,
    active_until_before  timestamptz,
    active_until         timestamptz,
    receipt              text,
    reference            text,
    partner_id           bigint,
    batch_id             integer,
    number               integer,
    payment_no           integer,
    reactivation_micros  bigint,
    line_state           smallint,
    payer_id             bigint,
    moved_line_id        bigint,
    moved_topup_no       integer
);

CREATE TYPE new_page AS (
    token       bytea,
    line_id     bigint,
    topup_no    integer,
    payment_no  integer,
    language    smallint
);

CREATE TYPE new_request AS (
    owner_id  bigint,
    digest    bytea,
    content   bytea,
    answer    text,
    body      bytea,
    at        timestamptz
);

CREATE TYPE new_message AS (
    line_id     bigint,
    number      integer,
    at          timestamptz,
    template    text,
    params      jsonb,
    language    smallint,
    msisdn      bigint,
    due_at      timestamptz,
    sealed      bytea,
    good_until  timestamptz
);

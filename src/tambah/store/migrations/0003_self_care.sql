-- Self-care.

ALTER TABLE line ADD due_at timestamptz;

ALTER TABLE line ADD reactivation_until timestamptz;

ALTER TABLE line ADD hold_until timestamptz;

ALTER TABLE line ADD reminds boolean NOT NULL DEFAULT true;

ALTER TABLE line ADD low_credit_micros bigint NOT NULL DEFAULT 0;

ALTER TABLE line ALTER reminds DROP DEFAULT;

-- What a message holds that nobody may read in the database; erased once it is handed over.
ALTER TABLE outbox ADD sealed bytea;

ALTER TABLE outbox ADD good_until timestamptz;

-- How often codes for signing in were asked for and got wrong. Distributed by line_id.
CREATE TABLE sign_in (
    line_id       bigint PRIMARY KEY,
    wrong         integer NOT NULL,
    locked_until  timestamptz,
    asked         integer NOT NULL,
    asked_from    timestamptz
);

-- A code that was sent, by its keyed digest, for the browser that asked. Distributed by line_id.
CREATE TABLE sign_in_code (
    line_id     bigint NOT NULL,
    challenge   bytea NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    used        boolean NOT NULL,
    PRIMARY KEY (line_id, challenge)
);

CREATE INDEX sign_in_code_expires ON sign_in_code (expires_at);

-- Somebody signed in: a digest, never the cookie. Distributed by line_id.
CREATE TABLE session (
    line_id     bigint NOT NULL,
    digest      bytea NOT NULL,
    proved_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (line_id, digest)
);

CREATE INDEX session_expires ON session (expires_at);

-- A bar that the owner set, and may lift.
ALTER TABLE line ADD own_bar boolean NOT NULL DEFAULT false;

ALTER TABLE line ALTER own_bar DROP DEFAULT;

-- A SIM and the line that it serves, or served: one in all its life. imsi and digest: of its row in
-- the inventory's file. sealed: an eSIM's activation code, until it is of no more use. Distributed
-- by iccid.
CREATE TABLE sim (
    iccid         text PRIMARY KEY,
    imsi          text,
    kind          smallint NOT NULL,
    state         smallint NOT NULL,
    line_id       bigint,
    smdp_address  text NOT NULL,
    sealed        bytea,
    digest        bytea NOT NULL,
    imported_at   timestamptz,
    assigned_at   timestamptz,
    shown_at      timestamptz,
    shown         integer NOT NULL,
    installed_at  timestamptz,
    ended_at      timestamptz,
    CONSTRAINT sim_in_stock_serves_nobody CHECK (state <> 1 OR line_id IS NULL),
    CONSTRAINT sim_assigned_serves_a_line CHECK (state <> 2 OR line_id IS NOT NULL),
    CONSTRAINT sim_ended_has_no_code CHECK (state <= 2 OR sealed IS NULL)
);

CREATE INDEX sim_line ON sim (line_id) WHERE line_id IS NOT NULL;

CREATE INDEX sim_state ON sim (state, iccid);

-- Which SIM an IMSI is on: no two. Distributed by imsi.
CREATE TABLE sim_imsi (
    imsi   text PRIMARY KEY,
    iccid  text NOT NULL
);

-- SIMs of lines that were imported before there was an inventory.
INSERT INTO sim (iccid, kind, state, line_id, smdp_address, digest, assigned_at, shown)
SELECT DISTINCT ON (iccid) iccid, 1, 2, line_id, '', '', activated_at, 0
  FROM line
 WHERE iccid IS NOT NULL
 ORDER BY iccid, line_id DESC;

-- The card's life. What the fee of reactivation took of a top-up's credit.
ALTER TABLE topup ADD reactivation_micros bigint NOT NULL DEFAULT 0;

ALTER TABLE topup ALTER reactivation_micros DROP DEFAULT;

-- Each line that is there is aged once; its next instant is known from then on.
UPDATE line SET due_at = now() WHERE state <> 6;

-- Offers and news that the operator publishes; dates are local days. Reference table.
CREATE TABLE article (
    slug          text PRIMARY KEY,
    kind          smallint NOT NULL,
    article_id    uuid NOT NULL,
    starts_on     date NOT NULL,
    ends_on       date,
    states        smallint[] NOT NULL,
    plans         text[] NOT NULL,
    promotion     text NOT NULL,
    published_at  timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    CONSTRAINT article_ends_after_it_starts CHECK (ends_on >= starts_on)
);

-- An article in one language. Reference table.
CREATE TABLE article_text (
    slug      text NOT NULL,
    language  smallint NOT NULL,
    title     text NOT NULL,
    summary   text NOT NULL,
    body      text NOT NULL,
    PRIMARY KEY (slug, language)
);

-- The operator's own answers to questions, each in every language. Reference table.
CREATE TABLE help_answer (
    slug      text NOT NULL,
    language  smallint NOT NULL,
    place     integer NOT NULL,
    title     text NOT NULL,
    body      text NOT NULL,
    PRIMARY KEY (slug, language)
);

-- A place where cards and reloads are sold. Distributed by point_id, which follows from the code,
-- so that the code is unique without an index of its own.
CREATE TABLE point (
    point_id                bigint PRIMARY KEY,
    code                    text NOT NULL,
    name                    text NOT NULL,
    kind                    smallint NOT NULL,
    address                 text NOT NULL,
    town                    text NOT NULL,
    state                   text NOT NULL,
    postcode                text NOT NULL,
    latitude_microdegrees   integer NOT NULL,
    longitude_microdegrees  integer NOT NULL,
    hours                   text NOT NULL,
    sells_cards             boolean NOT NULL,
    sells_reloads           boolean NOT NULL,
    withdrawn               boolean NOT NULL,
    place_words             text NOT NULL,
    town_words              text NOT NULL,
    changed_at              timestamptz NOT NULL,
    CONSTRAINT point_on_earth CHECK (
        latitude_microdegrees BETWEEN -90000000 AND 90000000
        AND longitude_microdegrees BETWEEN -180000000 AND 180000000
    )
);

CREATE INDEX point_place ON point (latitude_microdegrees, longitude_microdegrees);

CREATE INDEX point_postcode ON point (postcode text_pattern_ops);

-- What a subscriber told customer care: the number as a keyed digest, everything said encrypted.
-- Distributed by reference, its notes and photos with it.
CREATE TABLE ticket (
    reference      text PRIMARY KEY,
    form           bytea NOT NULL,
    number_digest  bytea,
    sealed         bytea,
    line_id        bigint,
    category       text NOT NULL,
    state          smallint NOT NULL,
    language       smallint NOT NULL,
    opened_at      timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    due_at         timestamptz,
    note_seq       integer NOT NULL,
    photo_seq      integer NOT NULL
);

CREATE INDEX ticket_number ON ticket (number_digest) WHERE number_digest IS NOT NULL;

CREATE INDEX ticket_line ON ticket (line_id) WHERE line_id IS NOT NULL;

CREATE INDEX ticket_due ON ticket (due_at) WHERE due_at IS NOT NULL;

-- Distributed by reference.
CREATE TABLE ticket_note (
    reference  text NOT NULL,
    note_no    integer NOT NULL,
    author     smallint NOT NULL,
    at         timestamptz NOT NULL,
    form       bytea NOT NULL,
    sealed     bytea NOT NULL,
    PRIMARY KEY (reference, note_no)
);

-- A photo that came with a note, made anew and encrypted. Distributed by reference.
CREATE TABLE ticket_photo (
    reference  text NOT NULL,
    photo_no   integer NOT NULL,
    note_no    integer NOT NULL,
    sealed     bytea NOT NULL,
    PRIMARY KEY (reference, photo_no)
);

-- What promotions gave with a top-up: days (kind 0), bonus or an allowance. Distributed by line_id.
CREATE TABLE topup_gift (
    line_id     bigint NOT NULL,
    topup_no    integer NOT NULL,
    gift_no     integer NOT NULL,
    promotion   text NOT NULL,
    kind        smallint NOT NULL CONSTRAINT topup_gift_kind_known CHECK (kind IN (0, 2, 4, 5, 6)),
    amount      bigint NOT NULL CONSTRAINT topup_gift_amount_positive CHECK (amount > 0),
    bucket_id   integer,
    expires_at  timestamptz,
    PRIMARY KEY (line_id, topup_no, gift_no),
    CONSTRAINT topup_gift_days_have_no_bucket CHECK ((kind = 0) = (bucket_id IS NULL))
);

-- The line's state when what a top-up gives was promised; unknown of older ones.
ALTER TABLE topup ADD line_state smallint;

ALTER TABLE payment ADD line_state smallint;

-- What promotions promised when a payment was opened.
ALTER TABLE payment ADD promised jsonb NOT NULL DEFAULT '[]';

ALTER TABLE payment ALTER promised DROP DEFAULT;

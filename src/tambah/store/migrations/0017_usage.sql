-- Using the credit: what sessions under way hold of a bucket, and what an allowance is for.

-- held: part of what remains. scope: classes of destination or application, parted by blanks.
ALTER TABLE bucket ADD COLUMN held bigint NOT NULL DEFAULT 0;

ALTER TABLE bucket ADD COLUMN scope text NOT NULL DEFAULT '';

ALTER TABLE bucket ADD CONSTRAINT bucket_holds_what_it_has
    CHECK (held >= 0 AND (held <= remaining_micros OR held = 0));

-- A session of use, open or closed: a call, a data session, a message. Distributed by line_id.
-- groups: its rating groups (what each used, was promised, holds, owes and paid), answer: what it
-- was told last, both as `domain/reservation.py` has them.
CREATE TABLE reservation (
    line_id       bigint NOT NULL,
    session       bytea NOT NULL,
    peer          text NOT NULL,
    session_id    text NOT NULL,
    request_no    bigint NOT NULL,
    began_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    booked_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    ended         boolean NOT NULL,
    notify_to     text NOT NULL,
    limited       boolean NOT NULL,
    transfer_seq  integer NOT NULL,
    groups        jsonb NOT NULL,
    answer        jsonb NOT NULL,
    PRIMARY KEY (line_id, session)
) WITH (fillfactor = 70);

CREATE INDEX reservation_open ON reservation (expires_at) WHERE closed_at IS NULL;

-- For a request that does not say whose the session is.
CREATE INDEX reservation_session ON reservation (session);

CREATE INDEX reservation_closed ON reservation (closed_at) WHERE closed_at IS NOT NULL;

-- What was used and what it cost, one row for a rating group of a session. Distributed by line_id.
CREATE TABLE usage_record (
    line_id            bigint NOT NULL,
    session            bytea NOT NULL,
    rating_group       bigint NOT NULL,
    service            smallint NOT NULL,
    origin             text NOT NULL,
    called             text NOT NULL,
    on_net             boolean NOT NULL,
    application        text NOT NULL,
    destination_class  text NOT NULL,
    began_at           timestamptz NOT NULL,
    ended_at           timestamptz NOT NULL,
    units              bigint NOT NULL,
    credit_units       bigint NOT NULL,
    unpaid_units       bigint NOT NULL,
    charged_micros     bigint NOT NULL,
    covered_units      bigint NOT NULL,
    refunded_micros    bigint NOT NULL,
    refunded_units     bigint NOT NULL,
    paid               jsonb NOT NULL,
    PRIMARY KEY (line_id, session, rating_group)
);

CREATE INDEX usage_record_of_line ON usage_record (line_id, began_at);

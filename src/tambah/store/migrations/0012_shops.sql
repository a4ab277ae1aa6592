-- Who sells for dealers by page and by SMS, and who of them is signed in. A few rows, asked at
-- every page: local tables, not distributed.

-- seller_id: of the same series as lines and partners, for messages to sellers stand in the outbox
-- under it. msisdn: registered, of our own network or not. pin: an argon2id hash with its salt.
-- must_change: the PIN is still the one that was handed out. state: 1 active, 2 disabled.
CREATE TABLE seller (
    seller_id     bigint PRIMARY KEY,
    partner_id    bigint NOT NULL,
    name          text NOT NULL,
    msisdn        bigint NOT NULL,
    language      smallint NOT NULL,
    state         smallint NOT NULL CONSTRAINT seller_state_known CHECK (state IN (1, 2)),
    created_at    timestamptz NOT NULL,
    pin           text NOT NULL,
    must_change   boolean NOT NULL,
    wrong         integer NOT NULL,
    locked_until  timestamptz,
    message_seq   integer NOT NULL
);

-- A number is one seller's; whoever was disabled keeps theirs out of nobody's way.
CREATE UNIQUE INDEX seller_msisdn ON seller (msisdn) WHERE state = 1;

CREATE INDEX seller_partner ON seller (partner_id);

-- A seller who signed in: the keyed digest of the cookie's secret.
CREATE TABLE seller_session (
    digest      bytea PRIMARY KEY,
    seller_id   bigint NOT NULL,
    proved_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

CREATE INDEX seller_session_seller ON seller_session (seller_id);

CREATE INDEX seller_session_expires ON seller_session (expires_at);

-- Lines whose caller has chosen the hotline's language: they are not asked again. Distributed by
-- line_id.
CREATE TABLE greeting (
    line_id  bigint PRIMARY KEY,
    at       timestamptz NOT NULL
);

-- Conversations that come as one request after another: a USSD session, a call by webhooks. The
-- sealed part holds what was keyed, so it is encrypted, and gone soon after. Distributed by
-- session, a keyed digest of the gateway and its name for the session.
CREATE TABLE conversation (
    session  bytea PRIMARY KEY,
    step     integer NOT NULL,
    sealed   bytea NOT NULL,
    at       timestamptz NOT NULL
);

CREATE INDEX conversation_at ON conversation (at);

-- Messages that came in, by keyed digest of sender and text (or of the gateway's own name for
-- the message): when it came first. Distributed by digest.
CREATE TABLE inbound_sms (
    digest    bytea PRIMARY KEY,
    first_at  timestamptz NOT NULL
);

CREATE INDEX inbound_sms_first_at ON inbound_sms (first_at);

-- Who works here, and who of them is signed in to the console. A few rows, asked at every page:
-- local tables, not distributed.

-- password: an argon2id hash with its salt; totp: the authenticator's secret, encrypted under a
-- key that is not here. state: 1 invited, 2 active, 3 disabled.
CREATE TABLE staff (
    staff_id      bigint PRIMARY KEY,
    name          text NOT NULL,
    roles         text[] NOT NULL,
    state         smallint NOT NULL CONSTRAINT staff_state_known CHECK (state BETWEEN 1 AND 3),
    created_at    timestamptz NOT NULL,
    password      text,
    totp          bytea,
    totp_step     bigint NOT NULL,
    wrong         integer NOT NULL,
    locked_until  timestamptz,
    CONSTRAINT staff_active_has_both_proofs
        CHECK (state <> 2 OR (password IS NOT NULL AND totp IS NOT NULL))
);

CREATE UNIQUE INDEX staff_name ON staff (name);

-- An invitation that may still be accepted: the keyed digest of its secret, and the authenticator's
-- secret that it offers, encrypted. Gone when it is used, or another is made.
CREATE TABLE staff_invitation (
    digest      bytea PRIMARY KEY,
    staff_id    bigint NOT NULL,
    totp        bytea NOT NULL,
    expires_at  timestamptz NOT NULL
);

CREATE INDEX staff_invitation_staff ON staff_invitation (staff_id);

-- Recovery codes that were not used yet, as keyed digests.
CREATE TABLE staff_recovery (
    staff_id  bigint NOT NULL,
    digest    bytea NOT NULL,
    PRIMARY KEY (staff_id, digest)
);

-- Somebody who signed in: the keyed digest of the cookie's secret.
CREATE TABLE staff_session (
    digest      bytea PRIMARY KEY,
    staff_id    bigint NOT NULL,
    proved_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

CREATE INDEX staff_session_staff ON staff_session (staff_id);

CREATE INDEX staff_session_expires ON staff_session (expires_at);

-- What the console looks for: what was done by hand to a line, and a top-up by its receipt.
CREATE INDEX audit_subject ON audit (subject, at);

CREATE INDEX topup_receipt ON topup (receipt);

-- Other ways for staff to show who they are: passkeys, and single sign-on. A few rows: local
-- tables, not distributed.

-- passkeys: how many rows of staff_passkey are theirs, kept so that the constraint can say that a
-- password alone is never enough.
ALTER TABLE staff ADD COLUMN passkeys smallint NOT NULL DEFAULT 0;

ALTER TABLE staff DROP CONSTRAINT staff_active_has_both_proofs;

ALTER TABLE staff ADD CONSTRAINT staff_active_has_both_proofs
    CHECK (state <> 2 OR (password IS NOT NULL AND (totp IS NOT NULL OR passkeys > 0)));

-- credential: what the authenticator calls it. public_key: in COSE's form. sign_count: as the
-- authenticator said last. Nothing here is a secret.
CREATE TABLE staff_passkey (
    passkey_id  bigint PRIMARY KEY,
    staff_id    bigint NOT NULL,
    name        text NOT NULL,
    credential  bytea NOT NULL,
    public_key  bytea NOT NULL,
    sign_count  bigint NOT NULL CONSTRAINT staff_passkey_counts CHECK (sign_count >= 0),
    created_at  timestamptz NOT NULL,
    used_at     timestamptz
);

CREATE UNIQUE INDEX staff_passkey_credential ON staff_passkey (credential);

CREATE INDEX staff_passkey_staff ON staff_passkey (staff_id);

-- Who somebody is at the operator's provider of single sign-on: bound once, never to two.
CREATE TABLE staff_identity (
    staff_id  bigint PRIMARY KEY,
    issuer    text NOT NULL,
    subject   text NOT NULL,
    bound_at  timestamptz NOT NULL
);

CREATE UNIQUE INDEX staff_identity_subject ON staff_identity (issuer, subject);

-- Challenges of passkeys and states of single sign-on that were used, by digest, until they would
-- not be good any more in any case: each is good once.
CREATE TABLE staff_spent (
    digest      bytea PRIMARY KEY,
    expires_at  timestamptz NOT NULL
);

CREATE INDEX staff_spent_expires ON staff_spent (expires_at);

-- What takes two people: asked for by one of the staff, agreed to by another. A few rows a day:
-- local, not distributed.

-- state: 1 waiting, 2 approved, 3 done, 4 failed, 5 declined, 6 withdrawn. What was asked for
-- (deed to expiry) is written once: the application may not update it, nor write a row that is
-- decided already (see the grants of store/migrate.py). expires_at: until when it
-- may be decided; collect_until: until when what was agreed to may be collected. tries: how often
-- its doing was begun; held_until: by whoever does it now.
CREATE TABLE approval (
    approval_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deed           text NOT NULL,
    subject        text NOT NULL,
    params         text NOT NULL,
    before         text NOT NULL,
    why            text NOT NULL,
    maker          text NOT NULL,
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    state          smallint NOT NULL DEFAULT 1
                   CONSTRAINT approval_state_known CHECK (state BETWEEN 1 AND 6),
    decided_by     text,
    decided_at     timestamptz,
    collect_until  timestamptz,
    answer         text NOT NULL DEFAULT '',
    tries          integer NOT NULL DEFAULT 0,
    held_until     timestamptz,
    done_at        timestamptz,
    outcome        text NOT NULL DEFAULT '{}',
    CONSTRAINT approval_by_another
        CHECK (state IN (1, 6) OR (decided_by IS NOT NULL AND decided_by <> maker)),
    CONSTRAINT approval_never_ones_own CHECK (decided_by <> maker)
);

CREATE INDEX approval_open ON approval (state, made_at) WHERE state IN (1, 2);

CREATE INDEX approval_made_at ON approval (made_at DESC);

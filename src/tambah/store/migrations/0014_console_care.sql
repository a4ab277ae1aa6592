-- A top-up that went to a wrong number and was moved to the right one: the other line and its
-- top-up, where it went (of a reversed one) or where it came from (source 4).
ALTER TABLE topup
    ADD moved_line_id bigint,
    ADD moved_topup_no integer,
    ADD CONSTRAINT topup_moved_whole
        CHECK ((moved_line_id IS NULL) = (moved_topup_no IS NULL));

-- A press of the button asks once: a digest of the form's token, with its maker. Unique where it
-- is there; requests of the command line have none.
ALTER TABLE approval ADD request bytea;

CREATE UNIQUE INDEX approval_request ON approval (maker, request);

-- Promotions made in the console, beside those of operator.toml. A version is never edited: ending
-- one early is another version. terms: the promotion whole, as JSON. The name is for ever. A few
-- rows a year: local, not distributed.
CREATE TABLE promotion (
    promotion_no  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    version       integer NOT NULL CONSTRAINT promotion_version_counts CHECK (version > 0),
    terms         text NOT NULL,
    approval_id   bigint NOT NULL,
    made_at       timestamptz NOT NULL,
    CONSTRAINT promotion_once UNIQUE (approval_id),
    CONSTRAINT promotion_versions UNIQUE (name, version)
);

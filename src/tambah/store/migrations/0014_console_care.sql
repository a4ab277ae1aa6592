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

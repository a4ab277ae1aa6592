-- Using the credit: what sessions under way hold of a bucket, and what an allowance is for.

-- held: part of what remains. scope: classes of destination or application, parted by blanks.
ALTER TABLE bucket ADD COLUMN held bigint NOT NULL DEFAULT 0;

ALTER TABLE bucket ADD COLUMN scope text NOT NULL DEFAULT '';

ALTER TABLE bucket ADD CONSTRAINT bucket_holds_what_it_has
    CHECK (held >= 0 AND (held <= remaining_micros OR held = 0));

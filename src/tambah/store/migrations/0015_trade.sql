-- Books of ten million cards: what moved since a close is found without reading the rest. Rows come
-- in the order of time, so that an index of ranges is enough, and costs a sale next to nothing.
CREATE INDEX transfer_at ON transfer USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX dealer_sale_when ON dealer_sale USING brin (at)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX dealer_sale_undone ON dealer_sale (undone_at) WHERE undone_at IS NOT NULL;

-- No two children of a dealer are called the same: who adds one twice within an instant adds it
-- once. Folded; NULL where a release before this one added it, or a second one of that name.
ALTER TABLE dealer ADD COLUMN sibling_name text;

UPDATE dealer
   SET sibling_name = lower(partner.name)
  FROM partner
 WHERE partner.partner_id = dealer.partner_id
   AND NOT EXISTS (SELECT
                     FROM dealer AS other
                     JOIN partner AS named USING (partner_id)
                    WHERE coalesce(other.parent_id, 0) = coalesce(dealer.parent_id, 0)
                      AND lower(named.name) = lower(partner.name)
                      AND other.partner_id < dealer.partner_id);

CREATE UNIQUE INDEX dealer_sibling ON dealer (coalesce(parent_id, 0), sibling_name);

-- The dealer whose float an entry pays for, where it is no payment's.
ALTER TABLE bank_entry ADD COLUMN partner_id bigint;

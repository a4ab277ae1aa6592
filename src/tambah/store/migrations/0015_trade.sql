-- Books of ten million cards: what moved since a close is found without reading the rest. Rows come
-- in the order of time, so that an index of ranges is enough, and costs a sale next to nothing.
CREATE INDEX transfer_at ON transfer USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX dealer_sale_when ON dealer_sale USING brin (at)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX dealer_sale_undone ON dealer_sale (undone_at) WHERE undone_at IS NOT NULL;

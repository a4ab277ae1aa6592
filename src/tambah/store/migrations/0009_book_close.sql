-- Days and months that were closed, in one chain. Reference tables; never updated, never deleted.

-- kind: 1 day, 2 month. first: its first local day. since: the first day whose movements it has.
-- hash: SHA-256 over `previous` and everything else of it, its lines included.
CREATE TABLE book_close (
    seq        integer PRIMARY KEY,
    kind       smallint NOT NULL CONSTRAINT book_close_kind_known CHECK (kind IN (1, 2)),
    first      date NOT NULL,
    since      date NOT NULL,
    closed_at  timestamptz NOT NULL,
    who        text NOT NULL,
    why        text NOT NULL,
    previous   bytea NOT NULL,
    hash       bytea NOT NULL
);

CREATE UNIQUE INDEX book_close_period ON book_close (kind, first);

-- A figure of a close: what is measured, of which account, booking or batch.
CREATE TABLE book_close_line (
    seq      integer NOT NULL,
    measure  smallint NOT NULL,
    item     integer NOT NULL,
    value    bigint NOT NULL,
    PRIMARY KEY (seq, measure, item)
);

-- Which cards were sold outside, or written off: by range, from the trail.
CREATE INDEX audit_voucher_ranges ON audit (action)
    WHERE action IN ('activate_vouchers', 'void_vouchers');

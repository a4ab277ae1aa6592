-- Sheets of cards as PDF, and cards that were replaced. What was there is added to, nothing else.

ALTER TABLE voucher_batch ADD COLUMN sheets_exported_at timestamptz;

ALTER TABLE voucher_batch ADD COLUMN sheets_digest bytea;

ALTER TABLE voucher_batch ADD COLUMN sheets_size bigint;

-- The encrypted archive of a batch's sheets, in pieces, until it is handed out. Distributed by
-- batch_id. A table of its own beside voucher_print: a release that knows nothing of it does not
-- take a sheet's piece for one of the print file's.
CREATE TABLE voucher_sheets (
    batch_id  integer NOT NULL,
    piece     integer NOT NULL,
    sealed    bytea NOT NULL,
    PRIMARY KEY (batch_id, piece)
);

-- A card that was lost or damaged, voided, and the unsold one that was activated for it. Distributed
-- by batch_id.
CREATE TABLE voucher_replacement (
    batch_id       integer NOT NULL,
    number         integer NOT NULL,
    with_batch_id  integer NOT NULL,
    with_number    integer NOT NULL,
    at             timestamptz NOT NULL,
    PRIMARY KEY (batch_id, number)
);

CREATE INDEX voucher_replacement_with ON voucher_replacement (with_batch_id, with_number);

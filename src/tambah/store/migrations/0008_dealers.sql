-- Dealers in a tree: what was agreed with them, what they sold and earned, what cards they hold.

-- A partner's place in the tree, for good. path: ids from the root to the dealer itself; charged:
-- from the dealer itself up to whose float pays, the levels whose limits a sale counts against.
-- A few rows, read with every sale: a reference table.
CREATE TABLE dealer (
    partner_id  bigint PRIMARY KEY,
    parent_id   bigint,
    kind        smallint NOT NULL CONSTRAINT dealer_kind_known CHECK (kind BETWEEN 1 AND 4),
    path        bigint[] NOT NULL,
    charged     bigint[] NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT dealer_ends_its_path
        CHECK (path[cardinality(path)] = partner_id AND charged[1] = partner_id),
    CONSTRAINT dealer_root_has_no_parent CHECK ((parent_id IS NULL) = (cardinality(path) = 1))
);

CREATE INDEX dealer_parent ON dealer (parent_id);

-- What was agreed with a dealer from an instant on. rate_bp: hundredths of a percent of the face
-- value; paid_as: 1 margin, 2 transfer. A reference table.
CREATE TABLE dealer_agreement (
    partner_id        bigint NOT NULL,
    effective_at      timestamptz NOT NULL,
    rate_bp           integer NOT NULL
                      CONSTRAINT agreement_rate_known CHECK (rate_bp BETWEEN 0 AND 10000),
    paid_as           smallint NOT NULL
                      CONSTRAINT agreement_paid_as_known CHECK (paid_as IN (1, 2)),
    most_sale_micros  bigint,
    most_day_micros   bigint,
    PRIMARY KEY (partner_id, effective_at)
);

-- A dealer's sale, of a card (kind 1) or a reload (2). payer_id, payer_seq: the transfer that paid
-- for it; undone_seq: the one that brought the money back. Distributed by partner_id.
CREATE TABLE dealer_sale (
    partner_id    bigint NOT NULL,
    payer_id      bigint NOT NULL,
    payer_seq     integer NOT NULL,
    at            timestamptz NOT NULL,
    kind          smallint NOT NULL,
    price_micros  bigint NOT NULL,
    reference     text,
    terminal      text,
    line_id       bigint,
    topup_no      integer,
    batch_id      integer,
    number        integer,
    holder_id     bigint,
    move_no       integer,
    undone_at     timestamptz,
    undone_seq    integer,
    PRIMARY KEY (partner_id, payer_id, payer_seq),
    CONSTRAINT dealer_sale_of_something
        CHECK (CASE kind WHEN 1 THEN batch_id IS NOT NULL AND number IS NOT NULL
                         WHEN 2 THEN line_id IS NOT NULL AND topup_no IS NOT NULL
                         ELSE false END),
    CONSTRAINT dealer_sale_undone_by_a_transfer
        CHECK ((undone_at IS NULL) = (undone_seq IS NULL))
);

-- A dealer's reference stands for one sale, for ever.
CREATE UNIQUE INDEX dealer_sale_reference ON dealer_sale (partner_id, reference)
    WHERE reference IS NOT NULL;

CREATE INDEX dealer_sale_at ON dealer_sale (partner_id, at);

CREATE INDEX dealer_sale_payer ON dealer_sale (payer_id, payer_seq);

CREATE INDEX dealer_sale_card ON dealer_sale (batch_id, number) WHERE kind = 1;

CREATE INDEX dealer_sale_topup ON dealer_sale (partner_id, line_id, topup_no) WHERE kind = 2;

-- What a sale earned somebody, and what an undone one took back (is_undo, below nothing). paid_as
-- as agreed then; paid_seq: the earner's transfer that paid it, none yet for what is owed: the one
-- thing that is written later. Distributed by partner_id, the earner's.
CREATE TABLE commission (
    partner_id     bigint NOT NULL,
    payer_id       bigint NOT NULL,
    payer_seq      integer NOT NULL,
    is_undo        boolean NOT NULL,
    seller_id      bigint NOT NULL,
    at             timestamptz NOT NULL,
    amount_micros  bigint NOT NULL CONSTRAINT commission_is_something CHECK (amount_micros <> 0),
    paid_as        smallint NOT NULL,
    paid_seq       integer,
    PRIMARY KEY (partner_id, payer_id, payer_seq, is_undo)
);

CREATE INDEX commission_owed ON commission (partner_id, at) WHERE paid_seq IS NULL;

CREATE INDEX commission_sale ON commission (payer_id, payer_seq);

-- Cards of a batch that went from one holder to another. A holder is a partner, 0 the warehouse,
-- -1 nobody knows (stolen). kind: 1 ship, 2 return, 3 stolen, 4 found, 5 recount. Never changed.
-- Distributed by batch_id.
CREATE TABLE stock_move (
    batch_id   integer NOT NULL,
    move_no    integer NOT NULL,
    at         timestamptz NOT NULL,
    kind       smallint NOT NULL CONSTRAINT stock_move_kind_known CHECK (kind BETWEEN 1 AND 5),
    first      integer NOT NULL,
    last       integer NOT NULL,
    from_id    bigint NOT NULL,
    to_id      bigint NOT NULL,
    document   text NOT NULL,
    who        text NOT NULL,
    why        text NOT NULL,
    PRIMARY KEY (batch_id, move_no),
    CONSTRAINT stock_move_is_a_range CHECK (first BETWEEN 1 AND last),
    CONSTRAINT stock_move_moves CHECK (from_id <> to_id)
);

-- Who holds which cards of a batch that is followed, by ranges that do not overlap; all of it, from
-- its first move on. Distributed by batch_id.
CREATE TABLE stock_holding (
    batch_id   integer NOT NULL,
    first      integer NOT NULL,
    last       integer NOT NULL,
    holder_id  bigint NOT NULL,
    PRIMARY KEY (batch_id, first),
    CONSTRAINT stock_holding_is_a_range CHECK (first BETWEEN 1 AND last)
);

CREATE INDEX stock_holding_holder ON stock_holding (holder_id, batch_id);

-- Whose float paid for a top-up, where it was not its own partner's.
ALTER TABLE topup ADD COLUMN payer_id bigint;

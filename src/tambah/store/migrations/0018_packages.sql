-- Packages that lines buy from their credit.

-- When the clock next does something to a package that runs on the line.
ALTER TABLE line ADD package_due_at timestamptz;

-- A package that was bought or renewed once, with what was true of it then: a change of the
-- catalogue changes no row. granted: kind, amount, scope and bucket of each allowance; paid: bucket,
-- kind and amount of each part of the price. Distributed by line_id.
CREATE TABLE subscription (
    line_id        bigint NOT NULL,
    number         integer NOT NULL,
    package        text NOT NULL,
    names          jsonb NOT NULL,
    price_micros   bigint NOT NULL,
    granted        jsonb NOT NULL,
    paid           jsonb NOT NULL,
    recurring      boolean NOT NULL,
    renews         boolean NOT NULL,
    renewal_no     integer NOT NULL,
    at             timestamptz NOT NULL,
    started_at     timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    receipt        text NOT NULL,
    state          smallint NOT NULL,
    remind_at      timestamptz,
    extended_from  timestamptz,
    ended_at       timestamptz,
    PRIMARY KEY (line_id, number),
    CONSTRAINT subscription_costs_something CHECK (price_micros > 0),
    CONSTRAINT subscription_renews_if_recurring CHECK (recurring OR NOT renews),
    CONSTRAINT subscription_has_a_state CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT subscription_ended_is_dated CHECK ((state = 1) = (ended_at IS NULL))
);

CREATE INDEX subscription_running ON subscription (line_id) WHERE state = 1;

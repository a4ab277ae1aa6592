-- Who of the staff sees to a ticket, by sign-in name. Beside the ticket, so that a program of the
-- release before reads tickets as ever. Distributed by reference.
CREATE TABLE ticket_assignment (
    reference  text PRIMARY KEY,
    staff      text NOT NULL,
    at         timestamptz NOT NULL
);

CREATE INDEX ticket_assignment_staff ON ticket_assignment (staff);

-- What the console lists: tickets, the latest first.
CREATE INDEX ticket_opened ON ticket (opened_at);

-- What a provider said of a payment.
CREATE INDEX payment_event_payment ON payment_event (line_id, payment_no)
    WHERE line_id IS NOT NULL;

-- Top-ups by when they were made: rows come in that order, so that an index of ranges is enough,
-- and costs a top-up next to nothing.
CREATE INDEX topup_at ON topup USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- SMS by gateways that lead somewhere.

-- gateway: which took the message. reason: the code of why it was last refused, or what the last
-- receipt said. parts_left: parts that no receipt came for yet; null where none will come.
-- lost_secret: what was sealed is erased, so the message can never be worded again.
ALTER TABLE outbox ADD gateway text;

ALTER TABLE outbox ADD reason text;

ALTER TABLE outbox ADD parts_left smallint;

ALTER TABLE outbox ADD lost_secret boolean;

-- What is stuck is little, and is looked for by what it is stuck in.
CREATE INDEX outbox_failed ON outbox (at) WHERE state = 4;

CREATE INDEX outbox_unheard ON outbox (handed_at) WHERE state = 2 AND parts_left > 0;

-- What a gateway calls a part of a message: a receipt finds its message by it. line_id is null for
-- a receipt that came before its message was marked. state: as of the outbox. Distributed by ref.
CREATE TABLE sms_ref (
    ref      text NOT NULL,
    gateway  text NOT NULL,
    line_id  bigint,
    number   integer,
    state    smallint NOT NULL,
    reason   text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (ref, gateway)
);

CREATE INDEX sms_ref_at ON sms_ref (at);

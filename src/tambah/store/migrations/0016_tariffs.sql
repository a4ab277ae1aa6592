-- Tariffs: sheets of rates, each in force from an instant on. Sheets are only added; of a row of
-- tariff_sheet nothing but when it was agreed to, and from when it is in force, is ever written.

-- A sheet, and what it changed. agreed_at: null while it waits for a second person, and for ever
-- if nobody agrees; such a sheet is never in force. compared_with: the sheet that the difference
-- (JSON) was told against. Reference table.
CREATE TABLE tariff_sheet (
    sheet_id        integer PRIMARY KEY,
    tariff          text NOT NULL,
    effective_from  timestamptz NOT NULL,
    agreed_at       timestamptz,
    digest          bytea NOT NULL,
    file            text NOT NULL,
    rates           integer NOT NULL,
    compared_with   integer,
    difference      text NOT NULL,
    loaded_at       timestamptz NOT NULL,
    loaded_by       text NOT NULL,
    why             text NOT NULL
);

CREATE INDEX tariff_sheet_in_force ON tariff_sheet (tariff, effective_from);

-- A rate of a sheet; see domain/tariff.py for what pattern and hours say. Reference table.
CREATE TABLE tariff_rate (
    sheet_id           integer NOT NULL,
    place              integer NOT NULL,
    service            smallint NOT NULL
                       CONSTRAINT tariff_service_known CHECK (service BETWEEN 1 AND 4),
    origin             text NOT NULL,
    pattern            text NOT NULL,
    on_net             boolean NOT NULL,
    hours              text NOT NULL,
    destination_class  text NOT NULL,
    name               text NOT NULL,
    price_micros       bigint NOT NULL
                       CONSTRAINT tariff_price_not_negative CHECK (price_micros >= 0),
    connection_micros  bigint NOT NULL
                       CONSTRAINT tariff_connection_not_negative CHECK (connection_micros >= 0),
    per_units          bigint NOT NULL,
    first_units        bigint NOT NULL,
    next_units         bigint NOT NULL,
    rounding           smallint NOT NULL
                       CONSTRAINT tariff_rounding_known CHECK (rounding BETWEEN 1 AND 3),
    round_to_micros    bigint NOT NULL,
    PRIMARY KEY (sheet_id, place),
    CONSTRAINT tariff_units_positive
               CHECK (least(per_units, first_units, next_units, round_to_micros) > 0)
);

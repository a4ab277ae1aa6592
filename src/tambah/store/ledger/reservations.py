"""Sessions of use and records of what was used, as the engine reads and writes them."""

from collections.abc import Collection, Sequence

import msgspec

from tambah.domain.charging_commands import Answered
from tambah.domain.rating import Service
from tambah.domain.reservation import Group, Paid, Reservation, UsageRecord
from tambah.domain.tariff import Usage
from tambah.store.database import Connection, Record

_encode = msgspec.json.Encoder().encode
_groups = msgspec.json.Decoder(tuple[Group, ...]).decode
_answer = msgspec.json.Decoder(Answered).decode
_paid = msgspec.json.Decoder(tuple[Paid, ...]).decode


async def read_reservations(
    connection: Connection, keys: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], Reservation]:
    """Return sessions by line and key; the lines are locked by now.

    OFFSET 0: see `topups.find_references`.
    """
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::bytea[]) AS asked (line_id, session),
               LATERAL (SELECT line_id, session, peer, session_id, request_no, began_at, last_at,
                               booked_at, expires_at, closed_at, ended, notify_to, limited,
                               transfer_seq, groups::text AS groups, answer::text AS answer
                          FROM reservation
                         WHERE reservation.line_id = asked.line_id
                           AND reservation.session = asked.session
                        OFFSET 0) AS found
        """,
        [line_id for line_id, _ in keys],
        [session for _, session in keys],
    )
    return {(row[0], row[1]): _reservation(row) for row in rows}


async def write_reservations(connection: Connection, sessions: Sequence[Reservation]) -> None:
    """Write sessions that are new or went on."""
    await connection.execute(
        """
        INSERT INTO reservation
               (line_id, session, peer, session_id, request_no, began_at, last_at, booked_at,
                expires_at, closed_at, ended, notify_to, limited, transfer_seq, groups, answer)
        SELECT line_id, session, peer, session_id, request_no, began_at, last_at, booked_at,
               expires_at, closed_at, ended, notify_to, limited, transfer_seq, groups::jsonb,
               answer::jsonb
          FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[], $5::bigint[],
                      $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
                      $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::text[],
                      $13::boolean[], $14::integer[], $15::text[], $16::text[])
               AS new (line_id, session, peer, session_id, request_no, began_at, last_at,
                       booked_at, expires_at, closed_at, ended, notify_to, limited,
                       transfer_seq, groups, answer)
            ON CONFLICT (line_id, session) DO UPDATE
           SET request_no = excluded.request_no, last_at = excluded.last_at,
               booked_at = excluded.booked_at, expires_at = excluded.expires_at,
               closed_at = excluded.closed_at, ended = excluded.ended,
               limited = excluded.limited, transfer_seq = excluded.transfer_seq,
               groups = excluded.groups, answer = excluded.answer
        """,
        [one.line_id for one in sessions],
        [one.session for one in sessions],
        [one.peer for one in sessions],
        [one.session_id for one in sessions],
        [one.request_no for one in sessions],
        [one.began_at for one in sessions],
        [one.last_at for one in sessions],
        [one.booked_at for one in sessions],
        [one.expires_at for one in sessions],
        [one.closed_at for one in sessions],
        [one.ended for one in sessions],
        [one.notify_to for one in sessions],
        [one.limited for one in sessions],
        [one.transfer_seq for one in sessions],
        [_encode(one.groups).decode() for one in sessions],
        [_encode(one.answer).decode() for one in sessions],
    )


async def read_usage_records(
    connection: Connection, keys: Collection[tuple[int, bytes, int]]
) -> dict[tuple[int, bytes, int], UsageRecord]:
    """Return records by line, session and rating group; the lines are locked by now.

    OFFSET 0: see `topups.find_references`.
    """
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])
               AS asked (line_id, session, rating_group),
               LATERAL (SELECT line_id, session, rating_group, service, origin, called, on_net,
                               application, destination_class, began_at, ended_at, units,
                               credit_units, unpaid_units, charged_micros, covered_units,
                               refunded_micros, refunded_units, paid::text AS paid
                          FROM usage_record AS used
                         WHERE used.line_id = asked.line_id AND used.session = asked.session
                           AND used.rating_group = asked.rating_group
                        OFFSET 0) AS found
        """,
        [line_id for line_id, _, _ in keys],
        [session for _, session, _ in keys],
        [rating_group for _, _, rating_group in keys],
    )
    return {(row[0], row[1], row[2]): _usage_record(row) for row in rows}


async def write_usage_records(connection: Connection, records: Sequence[UsageRecord]) -> None:
    """Write records that are new, or of which more was booked or something given back."""
    await connection.execute(
        """
        INSERT INTO usage_record
               (line_id, session, rating_group, service, origin, called, on_net, application,
                destination_class, began_at, ended_at, units, credit_units, unpaid_units,
                charged_micros, covered_units, refunded_micros, refunded_units, paid)
        SELECT line_id, session, rating_group, service, origin, called, on_net, application,
               destination_class, began_at, ended_at, units, credit_units, unpaid_units,
               charged_micros, covered_units, refunded_micros, refunded_units, paid::jsonb
          FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::smallint[], $5::text[],
                      $6::text[], $7::boolean[], $8::text[], $9::text[], $10::timestamptz[],
                      $11::timestamptz[], $12::bigint[], $13::bigint[], $14::bigint[],
                      $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[])
               AS new (line_id, session, rating_group, service, origin, called, on_net,
                       application, destination_class, began_at, ended_at, units,
                       credit_units, unpaid_units, charged_micros, covered_units,
                       refunded_micros, refunded_units, paid)
            ON CONFLICT (line_id, session, rating_group) DO UPDATE
           SET origin = excluded.origin, destination_class = excluded.destination_class,
               ended_at = excluded.ended_at, units = excluded.units,
               credit_units = excluded.credit_units, unpaid_units = excluded.unpaid_units,
               charged_micros = excluded.charged_micros,
               covered_units = excluded.covered_units,
               refunded_micros = excluded.refunded_micros,
               refunded_units = excluded.refunded_units, paid = excluded.paid
        """,
        [one.line_id for one in records],
        [one.session for one in records],
        [one.rating_group for one in records],
        [one.usage.service for one in records],
        [one.usage.origin for one in records],
        [one.usage.to for one in records],
        [one.usage.on_net for one in records],
        [one.usage.application for one in records],
        [one.destination_class for one in records],
        [one.began_at for one in records],
        [one.ended_at for one in records],
        [one.units for one in records],
        [one.credit_units for one in records],
        [one.unpaid_units for one in records],
        [one.charged_micros for one in records],
        [one.covered_units for one in records],
        [one.refunded_micros for one in records],
        [one.refunded_units for one in records],
        [_encode(one.paid).decode() for one in records],
    )


def _reservation(row: Record) -> Reservation:
    values = dict(row.items())
    groups, answer = values.pop("groups"), values.pop("answer")
    return Reservation(**values, groups=_groups(groups), answer=_answer(answer))


def _usage_record(row: Record) -> UsageRecord:
    values = dict(row.items())
    paid = _paid(values.pop("paid"))
    usage = Usage(
        service=Service(values.pop("service")),
        origin=values.pop("origin"),
        to=values.pop("called"),
        on_net=values.pop("on_net"),
        application=values.pop("application"),
    )
    return UsageRecord(**values, usage=usage, paid=paid)

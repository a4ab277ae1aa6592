"""Sessions of use and what was used, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from tambah.domain.rating import Service
from tambah.domain.tariff import Usage
from tambah.store.database import Database, Record
from tambah.store.views.listed import Listed


class _Group(msgspec.Struct):
    """Of a session's rating group, what it is."""

    rating_group: int
    usage: Usage


_groups = msgspec.json.Decoder(tuple[_Group, ...]).decode


class OpenSession(NamedTuple):
    """A session that is under way. notify_to: where its network element wants to be told."""

    line_id: int
    session: bytes
    peer: str
    session_id: str
    notify_to: str
    msisdn: int
    request_no: int


class Place(NamedTuple):
    """Where a record stands in a line's list; no two stand there."""

    began_at: datetime
    session: bytes
    rating_group: int


class Used(NamedTuple):
    """A record of what was used. Micro-ringgit; units in seconds, messages or bytes."""

    session: bytes
    rating_group: int
    service: Service
    origin: str
    called: str
    destination_class: str
    application: str
    began_at: datetime
    ended_at: datetime
    units: int
    covered_units: int
    unpaid_units: int
    charged_micros: int
    refunded_micros: int
    refunded_units: int

    @property
    def place(self) -> Place:
        """Return where it stands in its line's list."""
        return Place(self.began_at, self.session, self.rating_group)


async def are_ours(database: Database, msisdns: Sequence[int]) -> set[int]:
    """Return those of the numbers that are lines here: what is called on-net."""
    rows = await database.fetch(
        "SELECT msisdn FROM number WHERE msisdn = ANY($1::bigint[])", list(msisdns)
    )
    return {row[0] for row in rows}


async def find_session(database: Database, session: bytes) -> OpenSession | None:
    """Return a session by its key alone, for a request that does not say whose it is."""
    row = await database.fetch_row(
        """
        SELECT line_id, session, peer, session_id, notify_to, msisdn, request_no
          FROM reservation
          JOIN line USING (line_id)
         WHERE session = $1
         LIMIT 1
        """,
        session,
    )
    return OpenSession(*row) if row else None


async def read_usages(database: Database, msisdn: int, session: bytes) -> dict[int, Usage]:
    """Return what a line's session uses, by rating group; nothing if there is no such session."""
    line_id = await database.fetch_value("SELECT line_id FROM number WHERE msisdn = $1", msisdn)
    groups = await database.fetch_value(
        "SELECT groups::text FROM reservation WHERE line_id = $1 AND session = $2",
        line_id,
        session,
    )
    return {one.rating_group: one.usage for one in _groups(groups)} if groups else {}


async def overdue_sessions(
    database: Database, now: datetime, limit: int
) -> list[tuple[int, bytes]]:
    """Return line and key of open sessions whose time is up, the longest due first."""
    rows = await database.fetch(
        """
        SELECT line_id, session
          FROM reservation
         WHERE closed_at IS NULL AND expires_at <= $1
         ORDER BY expires_at
         LIMIT $2
        """,
        now,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def sessions_to_renew(
    database: Database, peers: Sequence[str], limit: int = 1000
) -> list[OpenSession]:
    """Return open sessions of some peers that fell short of credit, of lines that got some since.

    Anything booked on the line since the session's last answer counts: asking a network element
    once more than needed does no harm.
    """
    rows = await database.fetch(
        """
        SELECT line_id, session, peer, session_id, notify_to, msisdn, request_no
          FROM reservation
          JOIN line USING (line_id)
         WHERE closed_at IS NULL AND limited AND peer = ANY($1::text[])
           AND line.transfer_seq > reservation.transfer_seq
         ORDER BY reservation.last_at
         LIMIT $2
        """,
        list(peers),
        limit,
    )
    return [OpenSession(*row) for row in rows]


async def used_by_line(
    database: Database, line_id: int, before: Place | None, limit: int
) -> list[Used]:
    """Return what a line used, the latest first.

    before: the place of the last one of the page before, None for the first.
    """
    began_at, session, rating_group = before or (None, None, None)
    rows = await database.fetch(
        """
        SELECT session, rating_group, service, origin, called, destination_class, application,
               began_at, ended_at, units, covered_units, unpaid_units, charged_micros,
               refunded_micros, refunded_units
          FROM usage_record
         WHERE line_id = $1 AND ($2::timestamptz IS NULL OR began_at < $2
               OR began_at = $2 AND (session, rating_group) > ($3::bytea, $4::bigint))
         ORDER BY began_at DESC, session, rating_group
         LIMIT $5
        """,
        line_id,
        began_at,
        session,
        rating_group,
        limit,
    )
    return [Used(*row)._replace(service=Service(row[2])) for row in rows]


class SessionRow(NamedTuple):
    """A session as it is listed. services: of its rating groups; held_micros: of credit."""

    began_at: datetime
    line_id: int
    session: bytes
    msisdn: int
    peer: str
    session_id: str
    last_at: datetime
    closed_at: datetime | None
    limited: bool
    services: tuple[Service, ...]
    charged_micros: int


def sessions_listed(
    peer: str, *, is_open: bool | None, after: tuple[datetime, int, str] | None
) -> Listed[SessionRow]:
    """Ask for sessions, the latest first. peer: what its name begins with, empty for any.

    is_open: None for both. after: when it began, line and key (in hex) of the last.
    """
    at, line_id, session = after or (None, None, None)
    return Listed(
        sql="""
            SELECT began_at, line_id, session, msisdn, peer, session_id,
                   reservation.last_at, closed_at, limited,
                   ARRAY(SELECT DISTINCT (part -> 'usage' ->> 'service')::integer
                           FROM jsonb_array_elements(groups) AS part
                          ORDER BY 1) AS services,
                   (answer ->> 'charged_micros')::bigint AS charged_micros
              FROM reservation
              JOIN line USING (line_id)
             WHERE ($1::text = '' OR starts_with(peer, $1))
               AND ($2::boolean IS NULL OR (closed_at IS NULL) = $2)
               AND ($3::timestamptz IS NULL OR (began_at, line_id, session)
                                               < ($3, $4::bigint, decode($5, 'hex')))
             ORDER BY began_at DESC, line_id DESC, session DESC
             LIMIT $6::bigint
            """,
        values=(peer, is_open, at, line_id, session),
        read=_session_row,
    )


def _session_row(row: Record) -> SessionRow:
    found = SessionRow(*row)
    return found._replace(services=tuple(Service(one) for one in row[9]))

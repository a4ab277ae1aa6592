"""The audit trail, for whoever reads it: rows by who, what, when; and the ends of its chains."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from tambah.store.database import Database, Record
from tambah.store.views.listed import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """Something done by hand. before, after: JSON. day, seq: its place in its day's chain."""

    day: date
    seq: int
    at: datetime
    who: str
    action: str
    subject: str
    why: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailWanted:
    """Which rows: of somebody, of a subject (both whole), of an action, of local days."""

    who: str | None = None
    subject: str | None = None
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a day's chain: its last place, and that row's hash."""

    day: date
    seq: int
    hash: bytes


def trail_listed(wanted: TrailWanted, after: tuple[datetime, int] | None) -> Listed[TrailRow]:
    """Return the list of what was done by hand, the latest first."""
    return Listed(
        sql="""
        SELECT day, seq, at, who, action, subject, why, before, after
          FROM audit
         WHERE ($1::text IS NULL OR who = $1)
           AND ($2::text IS NULL OR subject = $2)
           AND (cardinality($3::text[]) = 0 OR action = ANY($3))
           AND ($4::timestamptz IS NULL OR at >= $4)
           AND ($5::timestamptz IS NULL OR at < $5)
           AND ($6::timestamptz IS NULL OR (at, seq) < ($6, $7::integer))
         ORDER BY at DESC, seq DESC
         LIMIT $8
        """,
        values=(
            wanted.who,
            wanted.subject,
            list(wanted.actions),
            wanted.since,
            wanted.until,
            *(after or (None, None)),
        ),
        read=_row,
    )


async def read_trail_row(database: Database, day: date, seq: int) -> TrailRow | None:
    """Return one row by its place."""
    row = await database.fetch_row(
        """
        SELECT day, seq, at, who, action, subject, why, before, after
          FROM audit WHERE day = $1 AND seq = $2
        """,
        day,
        seq,
    )
    return _row(row) if row else None


async def read_heads(database: Database) -> list[Head]:
    """Return the end of every day's chain, by days."""
    rows = await database.fetch("SELECT day, seq, hash FROM audit_head WHERE seq > 0 ORDER BY day")
    return [Head(**dict(row.items())) for row in rows]


async def hashes_at(
    database: Database, places: Collection[tuple[date, int]]
) -> dict[tuple[date, int], bytes]:
    """Return the hashes of rows by their places; what is not there is left out."""
    rows = await database.fetch(
        """
        SELECT audit.day, audit.seq, audit.hash
          FROM audit
          JOIN unnest($1::date[], $2::integer[]) AS asked (day, seq) USING (day, seq)
        """,
        [day for day, _ in places],
        [seq for _, seq in places],
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _row(row: Record) -> TrailRow:
    return TrailRow(**dict(row.items()))

"""Top-up points: written by imports, and all that is read of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from tambah.domain.point import Point, PointKind
from tambah.store.database import Connection, Database, Record
from tambah.store.views.listed import Listed

# Any number that nobody else takes an advisory lock on.
_IMPORT_LOCK = 7_262_471_037
_COLUMNS = [
    "point_id",
    *(field.name for field in fields(Point)),
    "place_words",
    "town_words",
    "changed_at",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPoint:
    """A point as pages show it. metres: how far away, None where nobody asked."""

    point_id: int
    point: Point
    metres: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFilter:
    """Which points are looked for. cards, reloads: only those that sell them.

    words: all of them in the town, state, address or name. postcode: its beginning.
    hours: only points with one of those opening hours, None for any.
    """

    words: tuple[str, ...] = ()
    postcode: str = ""
    cards: bool = False
    reloads: bool = False
    hours: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A stretch of the earth in microdegrees, all four sides in it."""

    south: int
    north: int
    west: int
    east: int


EARTH = Box(south=-90_000_000, north=90_000_000, west=-180_000_000, east=180_000_000)


def point_id_of(code: str) -> int:
    """Return the id that follows from a point's code: 63 bits of its digest."""
    return int.from_bytes(hashlib.sha256(code.encode()).digest()[:8], "big") >> 1


async def lock_points(connection: Connection) -> None:
    """Let one import at a time compare and write, until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _IMPORT_LOCK)


async def all_points(connection: Connection) -> dict[str, Point]:
    """Return every point by its code, those withdrawn as well."""
    rows = await connection.fetch(
        """
        SELECT code, name, kind, address, town, state, postcode, latitude_microdegrees,
               longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn
          FROM point
        """
    )
    return {row["code"]: _point(row) for row in rows}


async def write_points(connection: Connection, points: Iterable[Point], now: datetime) -> None:
    """Add points, or put them in the place of those with the same codes."""
    rows = [
        (
            point_id_of(point.code),
            *astuple(point),
            point.place_words,
            point.town_words,
            now,
        )
        for point in points
    ]
    await connection.execute(
        "DELETE FROM point WHERE point_id = ANY($1::bigint[])", [row[0] for row in rows]
    )
    await connection.copy_records_to_table("point", records=rows, columns=_COLUMNS)


async def list_points(database: Database, words: Sequence[str]) -> list[Point]:
    """Return the points, withdrawn ones too, whose town holds all the words; by town and name."""
    rows = await database.fetch(
        """
        SELECT code, name, kind, address, town, state, postcode, latitude_microdegrees,
               longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn
          FROM point
         WHERE NOT EXISTS (SELECT FROM unnest($1::text[]) AS word
                            WHERE strpos(town_words, word) = 0)
         ORDER BY town, name, code
        """,
        list(words),
    )
    return [_point(row) for row in rows]


async def read_point(database: Database, code: str) -> Point | None:
    """Return a point by its code, withdrawn or not."""
    row = await database.fetch_row(
        """
        SELECT code, name, kind, address, town, state, postcode, latitude_microdegrees,
               longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn
          FROM point
         WHERE point_id = $1 AND code = $2
        """,
        point_id_of(code),
        code,
    )
    return _point(row) if row else None


def points_listed(
    words: Sequence[str], kind: PointKind | None, after: tuple[str, str, str] | None
) -> Listed[Point]:
    """Ask for points, withdrawn ones too, by town and name. after: town, name, code of the last.

    words: all of them in the town, state, address or name.
    """
    town, name, code = after or (None, None, None)
    return Listed(
        sql="""
            SELECT code, name, kind, address, town, state, postcode, latitude_microdegrees,
                   longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn
              FROM point
             WHERE NOT EXISTS (SELECT FROM unnest($1::text[]) AS word
                                WHERE strpos(place_words, word) = 0)
               AND ($2::smallint IS NULL OR kind = $2)
               AND ($3::text IS NULL OR (town, name, code) > ($3, $4::text, $5::text))
             ORDER BY town, name, code
             LIMIT $6::bigint
            """,
        values=(list(words), kind, town, name, code),
        read=_point,
    )


async def hours_in_use(database: Database) -> list[str]:
    """Return the different opening hours there are; many points share theirs."""
    rows = await database.fetch(
        "SELECT DISTINCT hours FROM point WHERE NOT withdrawn AND hours <> ''"
    )
    return [row[0] for row in rows]


async def towns_with_points(database: Database, limit: int) -> list[str]:
    """Return the towns with the most points."""
    rows = await database.fetch(
        """
        SELECT town FROM point WHERE NOT withdrawn
         GROUP BY town ORDER BY count(*) DESC, town LIMIT $1
        """,
        limit,
    )
    return [row[0] for row in rows]


async def count_points(database: Database, wanted: PointFilter) -> int:
    """Return how many points match."""
    return await database.fetch_value(
        """
        SELECT count(*)
          FROM point
         WHERE NOT withdrawn AND (sells_cards OR NOT $1) AND (sells_reloads OR NOT $2)
           AND ($3::text[] IS NULL OR hours = ANY($3)) AND postcode LIKE $4 || '%'
           AND NOT EXISTS (SELECT FROM unnest($5::text[]) AS word
                            WHERE strpos(place_words, word) = 0)
        """,
        *_values(wanted),
    )


async def find_points(
    database: Database, wanted: PointFilter, *, skip: int = 0, limit: int
) -> list[FoundPoint]:
    """Return the points that match: those whose town is meant first, then by town and name."""
    rows = await database.fetch(
        """
        SELECT point_id, code, name, kind, address, town, state, postcode, latitude_microdegrees,
               longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn
          FROM point
         WHERE NOT withdrawn AND (sells_cards OR NOT $1) AND (sells_reloads OR NOT $2)
           AND ($3::text[] IS NULL OR hours = ANY($3)) AND postcode LIKE $4 || '%'
           AND NOT EXISTS (SELECT FROM unnest($5::text[]) AS word
                            WHERE strpos(place_words, word) = 0)
         ORDER BY NOT starts_with(town_words, $6), town_words, name, code
        OFFSET $7 LIMIT $8
        """,
        *_values(wanted),
        " ".join(wanted.words),
        skip,
        limit,
    )
    return [FoundPoint(point_id=row["point_id"], point=_point(row)) for row in rows]


async def nearest_points(
    database: Database,
    wanted: PointFilter,
    at: tuple[int, int],
    box: Box,
    *,
    skip: int = 0,
    limit: int,
) -> list[FoundPoint]:
    """Return the points in a box that match, the nearest first; its words count for nothing.

    at: latitude and longitude in microdegrees. The distance is that of a great circle on a sphere
    of the earth's mean radius, 6,371,009 m: wrong by half a hundredth at most.
    """
    rows = await database.fetch(
        """
        SELECT point_id, code, name, kind, address, town, state, postcode, latitude_microdegrees,
               longitude_microdegrees, hours, sells_cards, sells_reloads, withdrawn,
               (2 * 6371009 * asin(sqrt(least(1.0,
                   power(sind((latitude_microdegrees - $4::integer) / 2e6), 2)
                   + cosd(latitude_microdegrees / 1e6) * cosd($4 / 1e6)
                     * power(sind((longitude_microdegrees - $5::integer) / 2e6), 2)
               ))))::integer AS metres
          FROM point
         WHERE NOT withdrawn AND (sells_cards OR NOT $1) AND (sells_reloads OR NOT $2)
           AND ($3::text[] IS NULL OR hours = ANY($3))
           AND latitude_microdegrees BETWEEN $6 AND $7
           AND longitude_microdegrees BETWEEN $8 AND $9
         ORDER BY metres, name, code
        OFFSET $10 LIMIT $11
        """,
        *_values(wanted)[:3],
        *at,
        box.south,
        box.north,
        box.west,
        box.east,
        skip,
        limit,
    )
    return [
        FoundPoint(point_id=row["point_id"], point=_point(row), metres=row["metres"])
        for row in rows
    ]


def _values(wanted: PointFilter) -> tuple[object, ...]:
    hours = None if wanted.hours is None else list(wanted.hours)
    return (wanted.cards, wanted.reloads, hours, wanted.postcode, list(wanted.words))


def _point(row: Record) -> Point:
    values: dict[str, Any] = {field.name: row[field.name] for field in fields(Point)}
    values["kind"] = PointKind(row["kind"])
    return Point(**values)

"""Packages made in the console. The application may neither change nor delete a version."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tambah.domain.package import Package, PackageVersion
from tambah.domain.records import Record as DomainRecord
from tambah.store.database import Connection, Database, Record

_VERSIONS_LOCK = 0x7061636B  # "pack"
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Package).decode


class MadeVersion(DomainRecord, frozen=True, kw_only=True):
    """A version as it is stored. approval_id: the request that made it."""

    what: PackageVersion
    version: int
    approval_id: int
    made_at: datetime


async def lock_versions(connection: Connection) -> None:
    """Let nobody else add a version until the transaction ends; reading goes on."""
    # Not a lock of the table: that asks for rights to change it, which nobody has.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _VERSIONS_LOCK)


async def insert_version(
    connection: Connection, what: PackageVersion, approval_id: int, made_at: datetime
) -> None:
    """Add a version, the next of its code; only for a holder of the lock."""
    await connection.execute(
        """
        INSERT INTO package_version (code, version, since, terms, approval_id, made_at)
        SELECT $1::text, count(*) + 1, $2, $3, $4, $5 FROM package_version WHERE code = $1::text
        """,
        what.code,
        what.since,
        _encode(what.package).decode() if what.package else None,
        approval_id,
        made_at,
    )


async def version_by(connection: Connection, approval_id: int) -> MadeVersion | None:
    """Return the version that a request made, None where it made none yet."""
    row = await connection.fetchrow(
        """
        SELECT code, version, since, terms, approval_id, made_at
          FROM package_version
         WHERE approval_id = $1
        """,
        approval_id,
    )
    return _made(row) if row else None


async def count_versions(database: Database) -> int:
    """Return how many versions were ever made: another number, and there is something new."""
    return await database.fetch_value("SELECT count(*) FROM package_version")


async def read_versions(database: Connection | Database) -> list[MadeVersion]:
    """Return every version in the order in which they were made."""
    rows = await database.fetch(
        """
        SELECT code, version, since, terms, approval_id, made_at
          FROM package_version
         ORDER BY package_no
        """
    )
    return [_made(row) for row in rows]


def _made(row: Record) -> MadeVersion:
    terms = row["terms"]
    return MadeVersion(
        what=PackageVersion(
            code=row["code"],
            since=row["since"],
            package=None if terms is None else _decode(terms),
        ),
        version=row["version"],
        approval_id=row["approval_id"],
        made_at=row["made_at"],
    )

"""Promotions made in the console. The application may neither change nor delete a version."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tambah.domain.promotion import Promotion
from tambah.domain.records import Record as DomainRecord
from tambah.store.database import Connection, Database, Record

_VERSIONS_LOCK = 0x70726F6D6F  # "promo"
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Promotion).decode


class MadePromotion(DomainRecord, frozen=True, kw_only=True):
    """A promotion as its last version has it. approval_id: the request that made that version."""

    promotion: Promotion
    version: int
    approval_id: int
    made_at: datetime


async def lock_promotions(connection: Connection) -> None:
    """Let nobody else add a version until the transaction ends; reading goes on."""
    # Not a lock of the table: that asks for rights to change it, which nobody has.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _VERSIONS_LOCK)


async def insert_version(
    connection: Connection, promotion: Promotion, version: int, approval_id: int, made_at: datetime
) -> None:
    """Add a version of a promotion."""
    await connection.execute(
        """
        INSERT INTO promotion (name, version, terms, approval_id, made_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        promotion.name,
        version,
        _encode(promotion).decode(),
        approval_id,
        made_at,
    )


async def version_by(connection: Connection, approval_id: int) -> MadePromotion | None:
    """Return the version that a request made, None where it made none yet."""
    row = await connection.fetchrow(
        "SELECT version, terms, approval_id, made_at FROM promotion WHERE approval_id = $1",
        approval_id,
    )
    return _made(row) if row else None


async def last_version(connection: Connection, name: str) -> MadePromotion | None:
    """Return a promotion as it stands."""
    row = await connection.fetchrow(
        """
        SELECT version, terms, approval_id, made_at
          FROM promotion
         WHERE name = $1
         ORDER BY version DESC
         LIMIT 1
        """,
        name,
    )
    return _made(row) if row else None


async def count_versions(database: Database) -> int:
    """Return how many versions were ever made: another number, and there is something new."""
    return await database.fetch_value("SELECT count(*) FROM promotion")


async def read_promotions(database: Database) -> list[MadePromotion]:
    """Return every promotion as it stands, those that are over too, by name."""
    rows = await database.fetch(
        """
        SELECT DISTINCT ON (name) version, terms, approval_id, made_at
          FROM promotion
         ORDER BY name, version DESC
        """
    )
    return [_made(row) for row in rows]


def _made(row: Record) -> MadePromotion:
    return MadePromotion(
        promotion=_decode(row["terms"]),
        version=row["version"],
        approval_id=row["approval_id"],
        made_at=row["made_at"],
    )

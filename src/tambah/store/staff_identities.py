"""Who staff are at the operator's provider of single sign-on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who one of the staff is at a provider, and since when we know."""

    staff_id: int
    issuer: str
    subject: str
    bound_at: datetime


async def find_identity(database: Database, issuer: str, subject: str) -> Identity | None:
    """Return whose account a provider's subject is bound to."""
    row = await database.fetch_row(
        "SELECT * FROM staff_identity WHERE issuer = $1 AND subject = $2", issuer, subject
    )
    return Identity(**dict(row.items())) if row else None


async def read_identity(database: Database, staff_id: int) -> Identity | None:
    """Return who somebody is at the provider."""
    row = await database.fetch_row("SELECT * FROM staff_identity WHERE staff_id = $1", staff_id)
    return Identity(**dict(row.items())) if row else None


async def read_own_identity(connection: Connection, staff_id: int) -> Identity | None:
    """Return the same of somebody who is held."""
    row = await connection.fetchrow("SELECT * FROM staff_identity WHERE staff_id = $1", staff_id)
    return Identity(**dict(row.items())) if row else None


async def insert_identity(connection: Connection, identity: Identity) -> bool:
    """Bind somebody; say whether they and the subject were both still free."""
    done = await connection.execute(
        """
        INSERT INTO staff_identity (staff_id, issuer, subject, bound_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
        """,
        identity.staff_id,
        identity.issuer,
        identity.subject,
        identity.bound_at,
    )
    return done.endswith(" 1")


async def take_identity(connection: Connection, staff_id: int) -> bool:
    """Take away who somebody is at the provider; say whether it was known."""
    done = await connection.execute("DELETE FROM staff_identity WHERE staff_id = $1", staff_id)
    return done.endswith(" 1")

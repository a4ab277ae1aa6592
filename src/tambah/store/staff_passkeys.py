"""Passkeys of staff, and what was used up of what was asked of them."""

from __future__ import annotations

from datetime import datetime

from tambah.domain.passkey import Passkey
from tambah.store.database import Connection, Database, Record


async def insert_passkey(connection: Connection, passkey: Passkey) -> bool:
    """Add a passkey; say whether it was nobody's yet."""
    done = await connection.execute(
        """
        INSERT INTO staff_passkey (passkey_id, staff_id, name, credential, public_key, sign_count,
                                   created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (credential) DO NOTHING
        """,
        passkey.passkey_id,
        passkey.staff_id,
        passkey.name,
        passkey.credential,
        passkey.public_key,
        passkey.sign_count,
        passkey.created_at,
    )
    return done.endswith(" 1")


async def find_passkey(connection: Connection, staff_id: int, credential: bytes) -> Passkey | None:
    """Return somebody's passkey by what its authenticator calls it; hold the account before."""
    row = await connection.fetchrow(
        "SELECT * FROM staff_passkey WHERE staff_id = $1 AND credential = $2", staff_id, credential
    )
    return _passkey(row) if row else None


async def list_passkeys(database: Database, staff_id: int) -> list[Passkey]:
    """Return somebody's passkeys, the oldest first."""
    rows = await database.fetch(
        "SELECT * FROM staff_passkey WHERE staff_id = $1 ORDER BY created_at, passkey_id", staff_id
    )
    return [_passkey(row) for row in rows]


async def write_use(connection: Connection, passkey: Passkey) -> None:
    """Write when a passkey was used, and its counter then."""
    await connection.execute(
        "UPDATE staff_passkey SET sign_count = $2, used_at = $3 WHERE passkey_id = $1",
        passkey.passkey_id,
        passkey.sign_count,
        passkey.used_at,
    )


async def take_passkey(connection: Connection, staff_id: int, passkey_id: int) -> Passkey | None:
    """Take one of somebody's passkeys away; return what it was."""
    row = await connection.fetchrow(
        "DELETE FROM staff_passkey WHERE staff_id = $1 AND passkey_id = $2 RETURNING *",
        staff_id,
        passkey_id,
    )
    return _passkey(row) if row else None


async def take_all_passkeys(connection: Connection, staff_id: int) -> None:
    """Take all of somebody's passkeys away."""
    await connection.execute("DELETE FROM staff_passkey WHERE staff_id = $1", staff_id)


async def spend(connection: Connection, digest: bytes, expires_at: datetime) -> bool:
    """Use up what is good once; say whether it was still good."""
    done = await connection.execute(
        """
        INSERT INTO staff_spent (digest, expires_at) VALUES ($1, $2)
            ON CONFLICT (digest) DO NOTHING
        """,
        digest,
        expires_at,
    )
    return done.endswith(" 1")


def _passkey(row: Record) -> Passkey:
    return Passkey(
        passkey_id=row["passkey_id"],
        staff_id=row["staff_id"],
        name=row["name"],
        credential=row["credential"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        created_at=row["created_at"],
        used_at=row["used_at"],
    )

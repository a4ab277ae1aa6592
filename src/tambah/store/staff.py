"""Who works here: accounts and invitations. Nothing here moves money.

Secrets come hashed or sealed and go so; see `engine.staff`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.staff import Role, Staff, StaffState
from tambah.store.database import Connection, Database, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who works here, with their secrets: a hash, and one that is sealed."""

    staff: Staff
    password: str | None = field(repr=False)
    totp: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation. totp: the authenticator's secret that it offers, sealed."""

    digest: bytes
    staff_id: int
    totp: bytes = field(repr=False)
    expires_at: datetime


async def insert_staff(connection: Connection, staff: Staff) -> bool:
    """Add somebody; say whether the name was still free."""
    done = await connection.execute(
        """
        INSERT INTO staff (staff_id, name, roles, state, created_at, totp_step, wrong)
        VALUES ($1, $2, $3, $4, $5, 0, 0)
            ON CONFLICT (name) DO NOTHING
        """,
        staff.staff_id,
        staff.name,
        list(staff.roles),
        staff.state,
        staff.created_at,
    )
    return done.endswith(" 1")


async def lock_staff(connection: Connection, name: str) -> Account | None:
    """Hold somebody's account until the transaction ends, and return it."""
    row = await connection.fetchrow("SELECT * FROM staff WHERE name = $1 FOR UPDATE", name)
    return _account(row) if row else None


async def write_staff(connection: Connection, staff: Staff) -> None:
    """Write what may change of somebody who is held, but for their secrets."""
    await connection.execute(
        """
        UPDATE staff SET roles = $2, state = $3, totp_step = $4, wrong = $5,
               locked_until = $6, passkeys = $7
         WHERE staff_id = $1
        """,
        staff.staff_id,
        list(staff.roles),
        staff.state,
        staff.totp_step,
        staff.wrong,
        staff.locked_until,
        staff.passkeys,
    )


async def write_secrets(
    connection: Connection, staff_id: int, *, password: str | None, totp: bytes | None
) -> None:
    """Write somebody's secrets, hashed and sealed, or take them away."""
    await connection.execute(
        "UPDATE staff SET password = $2, totp = $3 WHERE staff_id = $1", staff_id, password, totp
    )


async def read_account(database: Database, name: str) -> Account | None:
    """Return somebody's account by the name."""
    row = await database.fetch_row("SELECT * FROM staff WHERE name = $1", name)
    return _account(row) if row else None


async def read_staff(database: Database, staff_id: int) -> Staff | None:
    """Return somebody by their id."""
    row = await database.fetch_row("SELECT * FROM staff WHERE staff_id = $1", staff_id)
    return staff_from_row(row) if row else None


async def list_staff(database: Database) -> list[Staff]:
    """Return everybody by their names, those disabled too."""
    rows = await database.fetch("SELECT * FROM staff ORDER BY name")
    return [staff_from_row(row) for row in rows]


async def insert_invitation(connection: Connection, invitation: Invitation) -> None:
    """Add an invitation; those before it are good for nothing any more."""
    await connection.execute(
        "DELETE FROM staff_invitation WHERE staff_id = $1", invitation.staff_id
    )
    await connection.execute(
        """
        INSERT INTO staff_invitation (digest, staff_id, totp, expires_at) VALUES ($1, $2, $3, $4)
        """,
        invitation.digest,
        invitation.staff_id,
        invitation.totp,
        invitation.expires_at,
    )


async def read_invitation(database: Database, digest: bytes, now: datetime) -> Invitation | None:
    """Return an invitation that may be accepted now."""
    row = await database.fetch_row(
        "SELECT * FROM staff_invitation WHERE digest = $1 AND expires_at > $2", digest, now
    )
    return Invitation(**dict(row.items())) if row else None


async def take_invitation(connection: Connection, digest: bytes, now: datetime) -> bool:
    """Use an invitation up; say whether it was there and good."""
    done = await connection.execute(
        "DELETE FROM staff_invitation WHERE digest = $1 AND expires_at > $2", digest, now
    )
    return done.endswith(" 1")


async def end_invitations(connection: Connection, staff_id: int) -> None:
    """Take somebody's invitations away."""
    await connection.execute("DELETE FROM staff_invitation WHERE staff_id = $1", staff_id)


async def write_recovery(connection: Connection, staff_id: int, digests: Iterable[bytes]) -> None:
    """Put recovery codes, by digest, in place of those that somebody had."""
    await connection.execute("DELETE FROM staff_recovery WHERE staff_id = $1", staff_id)
    await connection.execute(
        """
        INSERT INTO staff_recovery (staff_id, digest) SELECT $1, digest
          FROM unnest($2::bytea[]) AS new (digest)
        """,
        staff_id,
        list(digests),
    )


async def use_recovery(connection: Connection, staff_id: int, digest: bytes) -> bool:
    """Use a recovery code up; say whether it was there."""
    done = await connection.execute(
        "DELETE FROM staff_recovery WHERE staff_id = $1 AND digest = $2", staff_id, digest
    )
    return done.endswith(" 1")


def staff_from_row(row: Record) -> Staff:
    """Return somebody from their row."""
    return Staff(
        staff_id=row["staff_id"],
        name=row["name"],
        roles=tuple(Role(role) for role in row["roles"]),
        state=StaffState(row["state"]),
        created_at=row["created_at"],
        totp_step=row["totp_step"],
        wrong=row["wrong"],
        locked_until=row["locked_until"],
        passkeys=row["passkeys"],
    )


def _account(row: Record) -> Account:
    return Account(staff=staff_from_row(row), password=row["password"], totp=row["totp"])

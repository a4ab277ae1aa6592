"""Who is signed in to the console, as every page asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.staff import Staff, StaffSession
from tambah.store.database import Connection, Database, Record
from tambah.store.staff import staff_from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """A session with whose it is."""

    session: StaffSession
    staff: Staff


async def insert_session(connection: Connection, session: StaffSession) -> None:
    """Write a session that is new."""
    await connection.execute(
        """
        INSERT INTO staff_session (digest, staff_id, proved_at, seen_at, expires_at, factor_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        session.digest,
        session.staff_id,
        session.proved_at,
        session.seen_at,
        session.expires_at,
        session.factor_at,
    )


async def read_seated(database: Database, digest: bytes) -> Seated | None:
    """Return a session, ended or not, with whose it is."""
    row = await database.fetch_row(
        """
        SELECT staff.*, digest, proved_at, seen_at, expires_at, factor_at
          FROM staff_session
          JOIN staff USING (staff_id)
         WHERE digest = $1
        """,
        digest,
    )
    return Seated(session=_session(row), staff=staff_from_row(row)) if row else None


async def touch_session(database: Database, digest: bytes, now: datetime) -> None:
    """Note that a session was used."""
    await database.execute(
        "UPDATE staff_session SET seen_at = $2 WHERE digest = $1 AND seen_at < $2", digest, now
    )


async def prove_session(
    connection: Connection, digest: bytes, now: datetime, *, with_factor: bool
) -> None:
    """Note that who it is was proved again, with a second factor or without."""
    await connection.execute(
        """
        UPDATE staff_session
           SET proved_at = $2, factor_at = CASE WHEN $3 THEN $2 ELSE factor_at END
         WHERE digest = $1
        """,
        digest,
        now,
        with_factor,
    )


async def end_session(connection: Connection, digest: bytes) -> None:
    """End one session."""
    await connection.execute("DELETE FROM staff_session WHERE digest = $1", digest)


async def end_other_sessions(connection: Connection, staff_id: int, digest: bytes) -> int:
    """End every session of somebody but one; return how many."""
    done = await connection.execute(
        "DELETE FROM staff_session WHERE staff_id = $1 AND digest <> $2", staff_id, digest
    )
    return int(done.rsplit(" ", 1)[1])


async def end_sessions_of(connection: Connection, staff_id: int) -> int:
    """End every session of somebody; return how many."""
    done = await connection.execute("DELETE FROM staff_session WHERE staff_id = $1", staff_id)
    return int(done.rsplit(" ", 1)[1])


async def prune_staff_sessions(database: Database, before: datetime) -> int:
    """Forget sessions, invitations and what was used up, ended before an instant; say how many."""
    sessions = await database.execute("DELETE FROM staff_session WHERE expires_at < $1", before)
    asked = await database.execute("DELETE FROM staff_invitation WHERE expires_at < $1", before)
    spent = await database.execute("DELETE FROM staff_spent WHERE expires_at < $1", before)
    return sum(int(done.rsplit(" ", 1)[1]) for done in (sessions, asked, spent))


def _session(row: Record) -> StaffSession:
    return StaffSession(
        staff_id=row["staff_id"],
        digest=row["digest"],
        proved_at=row["proved_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
        factor_at=row["factor_at"],
    )

"""Who is signed in, as pages ask for it. Sessions begin in the engine, and end here."""

from datetime import datetime

from tambah.domain.signing_in import Session
from tambah.store.database import Database


async def read_session(database: Database, line_id: int, digest: bytes) -> Session | None:
    """Return a session by its line and digest, ended or not."""
    row = await database.fetch_row(
        """
        SELECT line_id, digest, proved_at, seen_at, expires_at
          FROM session
         WHERE line_id = $1 AND digest = $2
        """,
        line_id,
        digest,
    )
    return Session(**dict(row.items())) if row else None


async def list_sessions(
    database: Database, line_id: int, *, now: datetime, seen_since: datetime
) -> list[Session]:
    """Return a line's sessions that hold, the last used first."""
    rows = await database.fetch(
        """
        SELECT line_id, digest, proved_at, seen_at, expires_at
          FROM session
         WHERE line_id = $1 AND expires_at > $2 AND seen_at > $3
         ORDER BY seen_at DESC, digest
        """,
        line_id,
        now,
        seen_since,
    )
    return [Session(**dict(row.items())) for row in rows]


async def touch_session(database: Database, session: Session, now: datetime) -> None:
    """Note that a session was used."""
    await database.execute(
        "UPDATE session SET seen_at = $3 WHERE line_id = $1 AND digest = $2 AND seen_at < $3",
        session.line_id,
        session.digest,
        now,
    )


async def end_session(database: Database, session: Session) -> None:
    """End one session."""
    await database.execute(
        "DELETE FROM session WHERE line_id = $1 AND digest = $2", session.line_id, session.digest
    )


async def end_all_sessions(database: Database, line_id: int) -> None:
    """End every session of a line, everywhere."""
    await database.execute("DELETE FROM session WHERE line_id = $1", line_id)


async def prune_sign_ins(database: Database, before: datetime) -> int:
    """Forget sessions and passwords that ended before an instant; return how many."""
    sessions = await database.execute("DELETE FROM session WHERE expires_at < $1", before)
    codes = await database.execute("DELETE FROM sign_in_code WHERE expires_at < $1", before)
    return sum(int(done.rsplit(" ", 1)[1]) for done in (sessions, codes))

"""Conversations between two requests, and messages that came in, for those that come twice."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambah.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """Where a conversation stands: after how many steps, the rest of it, encrypted, since when."""

    step: int
    sealed: bytes = field(repr=False)
    at: datetime


async def read_conversation(database: Database, session: bytes) -> ConversationRow | None:
    """Return a conversation, None for one that has not begun."""
    row = await database.fetch_row(
        "SELECT step, sealed, at FROM conversation WHERE session = $1", session
    )
    return None if row is None else ConversationRow(step=row[0], sealed=row[1], at=row[2])


async def write_conversation(database: Database, session: bytes, row: ConversationRow) -> bool:
    """Write the next step of a conversation; say whether nobody else has written it meanwhile.

    The steps of a conversation follow each other: whoever is late reads what was written instead.
    """
    done = await database.fetch_value(
        """
        INSERT INTO conversation (session, step, sealed, at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (session) DO UPDATE
           SET step = excluded.step, sealed = excluded.sealed, at = excluded.at
         WHERE conversation.step = excluded.step - 1
        RETURNING true
        """,
        session,
        row.step,
        row.sealed,
        row.at,
    )
    return bool(done)


async def mark_answered(connection: Connection, name: bytes, at: datetime) -> bool:
    """Note that a message was answered; say whether it had not been."""
    done = await connection.execute(
        """
        INSERT INTO conversation (session, step, sealed, at) VALUES ($1, 1, ''::bytea, $2)
        ON CONFLICT (session) DO NOTHING
        """,
        name,
        at,
    )
    return done.endswith(" 1")


async def first_seen(
    database: Database, digest: bytes, *, at: datetime, window: timedelta
) -> datetime:
    """Return when a message came first, within a window; `at` if it did only now.

    What came longer ago than the window is another message with the same words.
    """
    row = await database.fetch_value(
        """
        INSERT INTO inbound_sms (digest, first_at)
        VALUES ($1, $2)
        ON CONFLICT (digest) DO UPDATE
           SET first_at = CASE WHEN inbound_sms.first_at <= excluded.first_at - $3::interval
                               THEN excluded.first_at ELSE inbound_sms.first_at END
        RETURNING first_at
        """,
        digest,
        at,
        window,
    )
    assert isinstance(row, datetime), "the statement returns its row either way"
    return row

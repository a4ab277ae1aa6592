"""Throwing away what has served its time; nothing of the books ever."""

from datetime import datetime
from typing import LiteralString

from tambah.store.database import Database

_CHUNK = 10_000


async def prune_requests(database: Database, before: datetime) -> int:
    """Forget first answers given before an instant; return how many."""
    return await _repeat(
        database,
        """
        DELETE FROM request
         WHERE (owner_id, digest) IN (SELECT owner_id, digest FROM request WHERE at < $1 LIMIT $2)
        """,
        before,
    )


async def prune_attempts(database: Database, before: datetime) -> int:
    """Forget wrong codes tried before an instant; return how many."""
    return await _repeat(
        database,
        "DELETE FROM attempt WHERE ctid IN (SELECT ctid FROM attempt WHERE at < $1 LIMIT $2)",
        before,
    )


async def prune_reservations(database: Database, before: datetime) -> int:
    """Forget sessions that were closed before an instant; what they used stays on record."""
    return await _repeat(
        database,
        """
        DELETE FROM reservation
         WHERE (line_id, session) IN
               (SELECT line_id, session FROM reservation WHERE closed_at < $1 LIMIT $2)
        """,
        before,
    )


async def prune_sms_refs(database: Database, before: datetime) -> int:
    """Forget what gateways called messages before an instant; return how many parts."""
    return await _repeat(
        database,
        """
        DELETE FROM sms_ref
         WHERE (ref, gateway) IN (SELECT ref, gateway FROM sms_ref WHERE at < $1 LIMIT $2)
        """,
        before,
    )


async def prune_conversations(database: Database, before: datetime) -> int:
    """Forget conversations whose last step is older than an instant; return how many."""
    return await _repeat(
        database,
        """
        DELETE FROM conversation
         WHERE session IN (SELECT session FROM conversation WHERE at < $1 LIMIT $2)
        """,
        before,
    )


async def prune_inbound_sms(database: Database, before: datetime) -> int:
    """Forget messages that came first before an instant; return how many."""
    return await _repeat(
        database,
        """
        DELETE FROM inbound_sms
         WHERE digest IN (SELECT digest FROM inbound_sms WHERE first_at < $1 LIMIT $2)
        """,
        before,
    )


async def _repeat(database: Database, sql: LiteralString, before: datetime) -> int:
    """Delete in chunks, so that no one waits long for a lock."""
    deleted = 0
    while True:
        done = await database.execute(sql, before, _CHUNK)
        count = int(done.rsplit(" ", 1)[1])
        deleted += count
        if count < _CHUNK:
            return deleted

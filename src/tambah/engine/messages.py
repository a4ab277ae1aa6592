"""What staff do with messages that are stuck."""

from collections.abc import Sequence
from datetime import timedelta

from tambah.domain.actor import Actor
from tambah.engine.administer import note
from tambah.store.database import Database
from tambah.store.outbox import requeue


async def retry_messages(
    database: Database,
    keys: Sequence[tuple[int, int]],
    *,
    actor: Actor,
    offset: timedelta = timedelta(),
) -> list[tuple[int, int]]:
    """Have messages tried again, with an audit row each; return which could be.

    keys: line and number. Raises ReasonMissing.
    """
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            done = await requeue(connection, keys, offset=offset)
            for line_id, number in done:
                await note(connection, actor, "RetryMessage", f"message:{line_id}-{number}")
        return done
    finally:
        await connection.close()

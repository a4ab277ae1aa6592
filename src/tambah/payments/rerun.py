"""Having an event of the inbox processed again, by hand."""

from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.payment import ProviderId
from tambah.engine.administer import note
from tambah.store.database import Database
from tambah.store.payment_inbox import queue_again


async def rerun(
    database: Database, provider: ProviderId, event_id: str, actor: Actor, now: datetime
) -> bool:
    """Queue an event once more and leave an audit row; say whether there is such an event.

    What was done on its word before is not done again. Raises ReasonMissing.
    """
    async with database.read() as connection, connection.transaction():
        if not await queue_again(connection, event_id, provider, now):
            return False
        subject = f"payment_event:{provider.name.lower()}/{event_id}"
        await note(connection, actor, "RerunEvent", subject)
    return True

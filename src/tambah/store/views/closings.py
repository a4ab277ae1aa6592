"""When the books were last closed."""

from datetime import datetime

from tambah.store.database import Database


async def last_closing(database: Database) -> datetime | None:
    """Return the instant of the last closing, None before the first."""
    return await database.fetch_value("SELECT max(closed_at) FROM closing")

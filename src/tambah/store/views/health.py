"""What an installation's health shows in its database."""

from datetime import datetime

from tambah.store.database import Database


async def outbox_lag_seconds(database: Database, now: datetime) -> float:
    """Return the age of the oldest message that is due and not handed over, 0 for none."""
    oldest: datetime | None = await database.fetch_value(
        "SELECT min(due_at) FROM outbox WHERE state = 1 AND due_at <= $1", now
    )
    return (now - oldest).total_seconds() if oldest else 0.0


async def plans_in_use(database: Database) -> set[str]:
    """Return the plans that any line has."""
    rows = await database.fetch("SELECT DISTINCT plan FROM line")
    return {row[0] for row in rows}

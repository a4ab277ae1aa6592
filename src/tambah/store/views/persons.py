"""Who a line's person is, still sealed."""

from tambah.store.database import Database


async def sealed_person(database: Database, line_id: int) -> bytes | None:
    """Return a line's person as it was sealed, None where nobody was named."""
    return await database.fetch_value("SELECT sealed FROM person WHERE line_id = $1", line_id)

"""Facts about a database that stand in it: the demo stamp, the peppers' canaries."""

from tambah.store.database import Database


async def read_stamps(database: Database) -> dict[str, str]:
    """Return all stamps."""
    return {row[0]: row[1] for row in await database.fetch("SELECT name, value FROM stamp")}


async def write_stamp(database: Database, name: str, value: str) -> None:
    """Set a stamp."""
    await database.execute(
        """
        INSERT INTO stamp (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        name,
        value,
    )


async def is_empty(database: Database) -> bool:
    """Say whether nothing has been put into the database yet."""
    return await database.fetch_value(
        """
        SELECT NOT EXISTS (SELECT 1 FROM line) AND NOT EXISTS (SELECT 1 FROM partner)
           AND NOT EXISTS (SELECT 1 FROM voucher_batch)
        """
    )

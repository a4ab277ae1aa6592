"""Opaque ids for what owns money."""

from tambah.store.database import Database
from tambah.store.ledger import lines


async def mint_owner_ids(database: Database, count: int) -> list[int]:
    """Return fresh ids for lines or partners, never given out before."""
    async with database.read() as connection:
        return await lines.mint_owner_ids(connection, count)

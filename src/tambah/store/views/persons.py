"""Who a line's person is, still sealed, and whose facts are whose."""

from tambah.store.database import Database


async def sealed_person(database: Database, line_id: int) -> bytes | None:
    """Return a line's person as it was sealed, None where nobody was named."""
    return await database.fetch_value("SELECT sealed FROM person WHERE line_id = $1", line_id)


async def lines_of_fact(database: Database, digest: bytes, kind: int) -> list[int]:
    """Return the lines to whose person a fact belongs."""
    rows = await database.fetch(
        "SELECT line_id FROM person_fact WHERE digest = $1 AND kind = $2", digest, kind
    )
    return [row[0] for row in rows]

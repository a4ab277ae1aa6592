"""Lines whose caller has chosen the language of the hotline."""

from tambah.store.database import Database


async def is_greeted(database: Database, line_id: int) -> bool:
    """Say whether a line's caller was asked for a language before."""
    found = await database.fetch_value("SELECT true FROM greeting WHERE line_id = $1", line_id)
    return bool(found)


async def note_greeted(database: Database, line_id: int) -> None:
    """Note that a line's caller has chosen a language."""
    await database.execute(
        "INSERT INTO greeting (line_id, at) VALUES ($1, now()) ON CONFLICT DO NOTHING", line_id
    )

"""Lists that left the house: who took what, how many rows of it, under which filter."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.engine.administer import acting, note
from tambah.store.database import Database


async def note_export(
    database: Database,
    actor: Actor,
    *,
    name: str,
    form: str,
    rows: int,
    filters: dict[str, str],
) -> None:
    """Say in the audit trail that a list was exported. Raises ReasonMissing."""
    async with acting(database) as connection:
        facts: dict[str, object] = {"rows": rows, "form": form, "filter": filters}
        await note(connection, actor, "ExportList", f"list:{name}", after=facts)

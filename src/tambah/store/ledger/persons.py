"""Who a line's person is: encrypted, with keyed digests to look it up by."""

from collections.abc import Sequence
from datetime import datetime

from tambah.domain.commands import PersonRecord
from tambah.store.database import Connection

_PERSON = ("line_id", "sealed", "key_id", "updated_at")
_FACT = ("digest", "line_id", "kind")


async def insert_persons(
    connection: Connection, persons: Sequence[tuple[int, PersonRecord, datetime]]
) -> None:
    """Write the persons of lines that are new, each at its instant, and how they are found."""
    await connection.copy_records_to_table(
        "person",
        records=[(line_id, who.sealed, who.key_id, at) for line_id, who, at in persons],
        columns=_PERSON,
    )
    facts = [(digest, line_id, kind) for line_id, who, _ in persons for kind, digest in who.facts]
    # In key order: neighbours in the index are written together.
    facts.sort()
    await connection.copy_records_to_table("person_fact", records=facts, columns=_FACT)


async def erase_person(connection: Connection, line_id: int) -> bool:
    """Erase who a line's person is, and by what they were found; say whether there was one."""
    await connection.execute("DELETE FROM person_fact WHERE line_id = $1", line_id)
    done = await connection.execute("DELETE FROM person WHERE line_id = $1", line_id)
    return done.endswith(" 1")

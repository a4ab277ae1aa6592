"""Who a line's person is: encrypted, with keyed digests to look it up by."""

from collections.abc import Sequence

from tambah.domain.commands import PersonRecord
from tambah.store.database import Connection


async def insert_persons(
    connection: Connection, persons: Sequence[tuple[int, PersonRecord]]
) -> None:
    """Write the persons of lines that are new, and what they can be found by."""
    await connection.execute(
        """
        INSERT INTO person (line_id, sealed, key_id, updated_at)
        SELECT line_id, sealed, key_id, now()
          FROM unnest($1::bigint[], $2::bytea[], $3::smallint[]) AS new (line_id, sealed, key_id)
        """,
        [line_id for line_id, _ in persons],
        [person.sealed for _, person in persons],
        [person.key_id for _, person in persons],
    )
    facts = [(digest, line_id, kind) for line_id, who in persons for kind, digest in who.facts]
    # In key order: neighbours in the index are written together.
    facts.sort()
    await connection.execute(
        """
        INSERT INTO person_fact (digest, line_id, kind)
        SELECT digest, line_id, kind
          FROM unnest($1::bytea[], $2::bigint[], $3::smallint[]) AS new (digest, line_id, kind)
        """,
        [fact[0] for fact in facts],
        [fact[1] for fact in facts],
        [fact[2] for fact in facts],
    )

"""What an import would meet: whose numbers are taken, and which come twice in its file."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from tambah.domain.line import LineState
from tambah.store.database import Connection, Database

_COLUMNS = ["line", "msisdn", "digest", "iccid"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A number that had a line before. is_free: that line is over and done with.

    digest: of the row which the line came from.
    """

    digest: bytes
    is_free: bool


async def taken_numbers(database: Database, msisdns: Sequence[int]) -> dict[int, Taken]:
    """Return what became of those numbers that are or were somebody's.

    Numbers and lines lie on different shards, so they are asked one after the other.
    """
    owners = await database.fetch(
        "SELECT msisdn, line_id FROM number WHERE msisdn = ANY($1::bigint[])", msisdns
    )
    lines = await database.fetch(
        "SELECT line_id, import_digest, state FROM line WHERE line_id = ANY($1::bigint[])",
        [row[1] for row in owners],
    )
    held = {row[0]: Taken(row[1], row[2] == LineState.TERMINATED) for row in lines}
    return {row[0]: held[row[1]] for row in owners if row[1] in held}


async def unusable_sims(database: Database, iccids: Sequence[str]) -> set[str]:
    """Return those of the SIMs that are not in stock: no line can bring them along."""
    rows = await database.fetch(
        "SELECT iccid FROM sim WHERE iccid = ANY($1::text[]) AND state <> 1", iccids
    )
    return {row[0] for row in rows}


async def make_scratch(connection: Connection) -> None:
    """Make the table that `find_repeats` looks through; it goes with the connection."""
    await connection.execute(
        "CREATE TEMPORARY TABLE import_row"
        " (line bigint NOT NULL, msisdn bigint NOT NULL, digest bytea NOT NULL, iccid text)"
    )


async def note_rows(
    connection: Connection, rows: Iterable[tuple[int, int, bytes, str | None]]
) -> None:
    """Note rows of the file: line, number, digest, SIM."""
    await connection.copy_records_to_table("import_row", records=rows, columns=_COLUMNS)


async def find_repeats(connection: Connection) -> AsyncIterator[tuple[int, bool]]:
    """Return every noted row whose number came before, and whether it says the same as then."""
    async with connection.transaction():
        cursor = connection.cursor(
            """
            SELECT line, digest = first_digest
              FROM (SELECT line, digest, row_number() OVER by_number AS place,
                           first_value(digest) OVER by_number AS first_digest
                      FROM import_row
                    WINDOW by_number AS (PARTITION BY msisdn ORDER BY line)) AS placed
             WHERE place > 1
             ORDER BY line
            """,
            prefetch=1000,
        )
        async for row in cursor:
            yield row[0], row[1]


async def find_shared_sims(connection: Connection) -> AsyncIterator[int]:
    """Return every noted row whose SIM is on a row before, repeats of a number left out."""
    async with connection.transaction():
        cursor = connection.cursor(
            """
            SELECT line
              FROM (SELECT line, row_number() OVER (PARTITION BY iccid ORDER BY line) AS place
                      FROM (SELECT DISTINCT ON (msisdn) line, iccid
                              FROM import_row
                             ORDER BY msisdn, line) AS first
                     WHERE iccid IS NOT NULL) AS placed
             WHERE place > 1
             ORDER BY line
            """,
            prefetch=1000,
        )
        async for row in cursor:
            yield row[0]

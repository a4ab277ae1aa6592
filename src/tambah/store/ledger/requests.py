"""First answers, kept under the caller's key."""

from collections.abc import Collection
from datetime import datetime
from operator import attrgetter

from tambah.domain.records import Record
from tambah.store.database import Connection


class Answered(Record, frozen=True):
    """A request that was answered: digests of its key and content, and the answer as stored."""

    owner_id: int
    digest: bytes
    content: bytes
    answer: str
    body: bytes
    at: datetime


new_request = attrgetter("owner_id", "digest", "content", "answer", "body", "at")
"""An answer as a row (`batch_rows`)."""


async def read_requests(
    connection: Connection, wanted: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], Answered]:
    """Return what was answered under (owner, key digest).

    OFFSET 0: see `topups.find_references`.
    """
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::bytea[]) AS asked (owner_id, digest),
               LATERAL (SELECT owner_id, digest, content, answer, body, at
                          FROM request
                         WHERE request.owner_id = asked.owner_id
                           AND request.digest = asked.digest
                        OFFSET 0) AS found
        """,
        [owner_id for owner_id, _ in asked],
        [digest for _, digest in asked],
    )
    return {(row[0], row[1]): Answered(*row) for row in rows}

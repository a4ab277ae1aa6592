"""Messages, written in the transaction that made them true."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from tambah.domain.state import Message
from tambah.store.database import Connection

_encode = msgspec.json.Encoder().encode
_QUEUED = 1
_COLUMNS = (
    "line_id",
    "number",
    "at",
    "template",
    "params",
    "language",
    "msisdn",
    "state",
    "attempts",
    "due_at",
    "sealed",
    "good_until",
)


async def insert_messages(
    connection: Connection, messages: Iterable[tuple[Message, int, int]]
) -> None:
    """Queue messages, each with its line's number and language."""
    await connection.copy_records_to_table("outbox", records=_rows(messages), columns=_COLUMNS)


async def drop_messages(connection: Connection, line_ids: Collection[int]) -> None:
    """Give up what is still queued for lines that ended: their numbers are others' from now on."""
    await connection.execute(
        """
        UPDATE outbox SET state = 4, sealed = NULL
         WHERE line_id = ANY($1::bigint[]) AND state = 1
        """,
        sorted(line_ids),
    )


def _rows(messages: Iterable[tuple[Message, int, int]]) -> Iterator[tuple[object, ...]]:
    for message, msisdn, language in messages:
        yield (
            message.line_id,
            message.number,
            message.at,
            message.template,
            _encode(message.params).decode(),
            language,
            msisdn,
            _QUEUED,
            0,
            message.at,
            message.sealed,
            message.good_until,
        )

"""Messages, written in the transaction that made them true."""

from collections.abc import Collection
from typing import Any

import msgspec

from tambah.domain.state import Message
from tambah.store.database import Connection

_encode = msgspec.json.Encoder().encode


async def insert_message(connection: Connection, message: Message, to: tuple[int, int]) -> None:
    """Queue one message. to: a number and a language."""
    await connection.execute(
        """
        INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, due_at,
                            sealed, good_until, state, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0)
        """,
        *new_message(message, *to),
    )


async def drop_messages(connection: Connection, line_ids: Collection[int]) -> None:
    """Give up what is still queued for lines that ended: their numbers are others' from now on."""
    await connection.execute(
        """
        UPDATE outbox SET state = 4, sealed = NULL
         WHERE line_id = ANY($1::bigint[]) AND state = 1
        """,
        sorted(line_ids),
    )


def new_message(message: Message, msisdn: int, language: int) -> tuple[Any, ...]:
    """Return a message as a row (`batch_rows`)."""
    return (
        message.line_id,
        message.number,
        message.at,
        message.template,
        _encode(message.params).decode(),
        language,
        msisdn,
        message.at,
        message.sealed,
        message.good_until,
    )

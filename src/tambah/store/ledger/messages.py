"""Messages, written in the transaction that made them true."""

from collections.abc import Sequence

import msgspec

from tambah.domain.state import Message
from tambah.store.database import Connection

_encode = msgspec.json.Encoder().encode


async def insert_messages(
    connection: Connection, messages: Sequence[Message], addressees: Sequence[tuple[int, int]]
) -> None:
    """Queue messages; `addressees` are each one's (msisdn, language)."""
    await connection.execute(
        """
        INSERT INTO outbox
               (line_id, number, at, template, params, language, msisdn, state, attempts, due_at)
        SELECT line_id, number, at, template, params::jsonb, language, msisdn, 1, 0, at
          FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::text[], $5::text[],
                      $6::smallint[], $7::bigint[])
               AS new (line_id, number, at, template, params, language, msisdn)
        """,
        [m.line_id for m in messages],
        [m.number for m in messages],
        [m.at for m in messages],
        [m.template for m in messages],
        [_encode(m.params).decode() for m in messages],
        [language for _, language in addressees],
        [msisdn for msisdn, _ in addressees],
    )

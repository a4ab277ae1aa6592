"""What gateways say became of messages that they took. States only move forward."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tambah.store.database import Connection
from tambah.store.outbox import MessageState, add_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a part. state: DELIVERED or FAILED. ref: as the mark has it in `parts`."""

    gateway: str
    ref: str
    state: MessageState
    reason: str = ""


async def write_receipts(
    connection: Connection, receipts: Sequence[Receipt], *, offset: timedelta
) -> int:
    """Write receipts; return for how many the message was known. Each counts once.

    A message is delivered when all of its parts are, and failed with the first that is. One that
    is not known (yet) is kept for the mark. The outbox is asked in a second statement: it sees
    what a mark committed while the first waited for its row.
    """
    first = {(one.ref, one.gateway): one for one in reversed(receipts)}
    async with connection.transaction():
        rows = await connection.fetch(
            """
            INSERT INTO sms_ref AS known (ref, gateway, state, reason, at)
            SELECT ref, gateway, state, reason, now() + $1::interval
              FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[])
                   AS new (ref, gateway, state, reason)
                ON CONFLICT (ref, gateway) DO UPDATE
               SET state = excluded.state, reason = excluded.reason
             WHERE known.state = 2
            RETURNING line_id, number, state, reason
            """,
            offset,
            [ref for ref, _ in sorted(first)],
            [gateway for _, gateway in sorted(first)],
            [first[key].state for key in sorted(first)],
            [first[key].reason for key in sorted(first)],
        )
        heard = add_up(row for row in rows if row["line_id"] is not None)
        keys = sorted(heard)
        if keys:
            await connection.execute(
                """
                UPDATE outbox
                   SET parts_left = outbox.parts_left - new.delivered,
                       state = CASE WHEN new.failed > 0 THEN 4
                                    WHEN outbox.parts_left <= new.delivered THEN 3
                                    ELSE 2 END,
                       reason = CASE WHEN new.failed > 0 THEN new.reason ELSE outbox.reason END
                  FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[],
                              $5::text[])
                       AS new (line_id, number, delivered, failed, reason)
                 WHERE outbox.line_id = new.line_id AND outbox.number = new.number
                   AND outbox.state = 2
                """,
                [line_id for line_id, _ in keys],
                [number for _, number in keys],
                [heard[key].delivered for key in keys],
                [heard[key].failed for key in keys],
                [heard[key].reason for key in keys],
            )
    return len(keys)

"""The queue of messages: claimed with a lease, marked when the gateway has answered.

A claim is a lease: the row stays queued and is merely not due for a while, so that a notifier
that dies loses nothing. Several notifiers may work at once; none waits for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

import msgspec

from tambah.store.database import Connection, Database


class MessageState(IntEnum):
    """Where a message is: `QUEUED` until the gateway took it or it was given up."""

    QUEUED = 1
    HANDED_OVER = 2
    DELIVERED = 3
    FAILED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message that is one notifier's to send until its lease ends.

    language: `domain.line.Language` as a number. attempts: this one included; with the key it
    tells one claim from the next. sealed, good_until: as `domain.state.Message` has them.
    """

    line_id: int
    number: int
    at: datetime
    template: str
    params: dict[str, Any]
    language: int
    msisdn: int
    attempts: int
    sealed: bytes | None = None
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What became of a claim.

    state: QUEUED puts it back, due after `pause`. gateway_ref: with HANDED_OVER. uncounted: the
    hand-over was never begun, so it is no attempt.
    """

    message: ClaimedMessage
    state: MessageState
    gateway_ref: str | None = None
    pause: timedelta = timedelta()
    uncounted: bool = False


async def open_outbox(database: Database) -> Connection:
    """Return a new connection for claims and marks; the caller closes it.

    Whatever statistics say, claims read the index in its order: sorting a backlog of a million
    messages for every two hundred of them would never get through it.
    """
    connection = await database.connect_writer(timeout_seconds=20)
    await connection.execute("SET enable_bitmapscan = off")
    return connection


async def claim_messages(
    connection: Connection, *, offset: timedelta, lease: timedelta, limit: int
) -> list[ClaimedMessage]:
    """Claim up to `limit` messages that are due, the longest due first.

    offset: how far the demo's clock was moved. The CTE is materialised because a join may run a
    plain subquery more than once, and each run would lock another `limit` rows.
    """
    rows = await connection.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT line_id, number
              FROM outbox
             WHERE state = 1 AND due_at <= now() + $1::interval
             ORDER BY due_at
             LIMIT $3
               FOR UPDATE SKIP LOCKED
        )
        UPDATE outbox
           SET due_at = now() + $1::interval + $2::interval, attempts = attempts + 1
          FROM due
         WHERE outbox.line_id = due.line_id AND outbox.number = due.number
        RETURNING outbox.line_id, outbox.number, at, template, params, language, msisdn, attempts,
                  sealed, good_until
        """,
        offset,
        lease,
        limit,
    )
    claimed = [
        ClaimedMessage(
            line_id=row[0],
            number=row[1],
            at=row[2],
            template=row[3],
            params=msgspec.json.decode(row[4], type=dict[str, Any]),
            language=row[5],
            msisdn=row[6],
            attempts=row[7],
            sealed=row[8],
            good_until=row[9],
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda message: (message.at, message.line_id, message.number))


async def mark_messages(
    connection: Connection, marks: Sequence[Mark], *, offset: timedelta
) -> None:
    """Write what became of claims. What was sealed is erased once it is of no more use.

    A claim whose lease ended, and that another has taken since, cannot be put back or failed by
    the first any more; that it was handed over stays true and stops the other's next try.
    """
    ordered = sorted(marks, key=lambda mark: (mark.message.line_id, mark.message.number))
    await connection.execute(
        """
        UPDATE outbox
           SET state = new.state,
               attempts = outbox.attempts - new.uncounted,
               gateway_ref = new.gateway_ref,
               sealed = CASE WHEN new.state = 1 THEN outbox.sealed END,
               handed_at = CASE WHEN new.state = 2 THEN now() + $1::interval END,
               due_at = CASE WHEN new.state = 1 THEN now() + $1::interval + new.pause
                             ELSE outbox.due_at END
          FROM unnest($2::bigint[], $3::integer[], $4::integer[], $5::smallint[], $6::text[],
                      $7::interval[], $8::integer[])
               AS new (line_id, number, attempts, state, gateway_ref, pause, uncounted)
         WHERE outbox.line_id = new.line_id AND outbox.number = new.number
           AND outbox.state = 1
           AND (outbox.attempts = new.attempts OR new.state = 2)
        """,
        offset,
        [mark.message.line_id for mark in ordered],
        [mark.message.number for mark in ordered],
        [mark.message.attempts for mark in ordered],
        [mark.state for mark in ordered],
        [mark.gateway_ref for mark in ordered],
        [mark.pause for mark in ordered],
        [int(mark.uncounted) for mark in ordered],
    )

"""The queue of messages: claimed with a lease, marked when the gateway has answered.

A claim is a lease: the row stays queued and is merely not due for a while, so that a notifier
that dies loses nothing. Several notifiers may work at once; none waits for another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

import msgspec

from tambah.store.database import Connection, Database, Record


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
    message had nothing to do with it, so it is no attempt. gateway: who took or refused it.
    parts: what that gateway calls its parts, for receipts to come. reason: the code of why not.
    """

    message: ClaimedMessage
    state: MessageState
    gateway_ref: str | None = None
    pause: timedelta = timedelta()
    uncounted: bool = False
    gateway: str | None = None
    parts: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Return the message's own key."""
        return self.message.line_id, self.message.number


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
    ordered = sorted(marks, key=lambda mark: mark.key)
    async with connection.transaction():
        heard = await _remember_parts(connection, ordered, offset)
        nothing = PartsHeard()
        found = [heard.get(mark.key, nothing) for mark in ordered]
        await connection.execute(
            _MARK,
            offset,
            [mark.message.line_id for mark in ordered],
            [mark.message.number for mark in ordered],
            [mark.message.attempts for mark in ordered],
            [one.settle(mark) for mark, one in zip(ordered, found, strict=True)],
            [mark.gateway_ref for mark in ordered],
            [mark.pause for mark in ordered],
            [int(mark.uncounted) for mark in ordered],
            [mark.gateway for mark in ordered],
            [one.reason or mark.reason for mark, one in zip(ordered, found, strict=True)],
            [one.parts_left(mark) for mark, one in zip(ordered, found, strict=True)],
        )


_MARK = """
    UPDATE outbox
       SET state = new.state,
           attempts = outbox.attempts - new.uncounted,
           gateway_ref = new.gateway_ref,
           gateway = coalesce(new.gateway, outbox.gateway),
           reason = new.reason,
           parts_left = new.parts_left,
           sealed = CASE WHEN new.state = 1 THEN outbox.sealed END,
           lost_secret = CASE WHEN outbox.sealed IS NOT NULL AND new.state <> 1 THEN true
                              ELSE outbox.lost_secret END,
           handed_at = CASE WHEN new.gateway_ref IS NOT NULL THEN now() + $1::interval END,
           due_at = CASE WHEN new.state = 1 THEN now() + $1::interval + new.pause
                         ELSE outbox.due_at END
      FROM unnest($2::bigint[], $3::integer[], $4::integer[], $5::smallint[], $6::text[],
                  $7::interval[], $8::integer[], $9::text[], $10::text[], $11::smallint[])
           AS new (line_id, number, attempts, state, gateway_ref, pause, uncounted, gateway,
                   reason, parts_left)
     WHERE outbox.line_id = new.line_id AND outbox.number = new.number
       AND outbox.state = 1
       AND (outbox.attempts = new.attempts OR new.gateway_ref IS NOT NULL)
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsHeard:
    """What receipts have said of a message before it was marked."""

    delivered: int = 0
    failed: int = 0
    reason: str = ""

    def settle(self, mark: Mark) -> MessageState:
        """Return the state in which a mark leaves its message."""
        if self.failed:
            return MessageState.FAILED
        if mark.parts and self.delivered == len(mark.parts):
            return MessageState.DELIVERED
        return mark.state

    def parts_left(self, mark: Mark) -> int | None:
        """Return how many parts are to be heard of, None for a gateway that tells nothing."""
        return len(mark.parts) - self.delivered if mark.parts else None


async def _remember_parts(
    connection: Connection, marks: Sequence[Mark], offset: timedelta
) -> dict[tuple[int, int], PartsHeard]:
    """Write down what gateways call the parts; return what was heard of them already.

    A receipt that came first left a row of no line. Ids come round again: a row of another
    message, or a stray one of yesterday, is begun anew. Rows are taken in key order, and before
    the outbox's, here as in `write_receipts`: neither waits for the other in a circle.
    """
    parts = sorted(
        {(ref, mark.gateway or ""): mark.key for mark in marks for ref in mark.parts}.items()
    )
    if not parts:
        return {}
    rows = await connection.fetch(
        """
        INSERT INTO sms_ref AS known (ref, gateway, line_id, number, state, reason, at)
        SELECT ref, gateway, line_id, number, 2, '', now() + $1::interval
          FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[])
               AS new (ref, gateway, line_id, number)
            ON CONFLICT (ref, gateway) DO UPDATE
           SET line_id = excluded.line_id, number = excluded.number, at = excluded.at,
               state = CASE WHEN coalesce(known.line_id = excluded.line_id
                                          AND known.number = excluded.number,
                                          known.at > excluded.at - interval '1 day')
                            THEN known.state ELSE 2 END
        RETURNING line_id, number, state, reason
        """,
        offset,
        [ref for (ref, _), _ in parts],
        [gateway for (_, gateway), _ in parts],
        [line_id for _, (line_id, _) in parts],
        [number for _, (_, number) in parts],
    )
    return add_up(row for row in rows if row["state"] != MessageState.HANDED_OVER)


def add_up(rows: Iterable[Record]) -> dict[tuple[int, int], PartsHeard]:
    """Add up by message what receipts said of its parts."""
    heard: dict[tuple[int, int], PartsHeard] = {}
    for row in rows:
        key = (row["line_id"], row["number"])
        before = heard.get(key, PartsHeard())
        failed = row["state"] == MessageState.FAILED
        heard[key] = PartsHeard(
            delivered=before.delivered + (not failed),
            failed=before.failed + failed,
            reason=row["reason"] if failed else before.reason,
        )
    return heard


async def requeue(
    connection: Connection, keys: Sequence[tuple[int, int]], *, offset: timedelta
) -> list[tuple[int, int]]:
    """Put failed messages back, and have waiting ones tried now; return which could be.

    Not those that were taken, and none that can never be worded again.
    """
    ordered = sorted(set(keys))
    rows = await connection.fetch(
        """
        UPDATE outbox
           SET state = 1, attempts = 0, due_at = now() + $1::interval, gateway_ref = NULL,
               parts_left = NULL, handed_at = NULL
          FROM unnest($2::bigint[], $3::integer[]) AS wanted (line_id, number)
         WHERE outbox.line_id = wanted.line_id AND outbox.number = wanted.number
           AND outbox.state IN (1, 4) AND outbox.lost_secret IS NOT TRUE
           AND (outbox.good_until IS NULL OR outbox.good_until > now() + $1::interval)
        RETURNING outbox.line_id, outbox.number
        """,
        offset,
        [line_id for line_id, _ in ordered],
        [number for _, number in ordered],
    )
    return sorted((row[0], row[1]) for row in rows)

"""The inbox of what providers tell us: stored before it is answered, processed under a lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from tambah.store.database import Connection, Database, Record


class EventState(IntEnum):
    """Where an event is."""

    QUEUED = 1
    DONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event as it came: its id at the provider, and what it says, as our own encoding."""

    event_id: str
    provider: int
    event_type: str
    provider_ref: str | None
    notice: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it stands. times: how often it came; tries: how often it was processed."""

    event_id: str
    provider: int
    event_type: str
    provider_ref: str | None
    notice: bytes
    first_at: datetime
    last_at: datetime
    times: int
    state: EventState
    tries: int
    verdict: str
    line_id: int | None
    payment_no: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of an event. due_at: when to try again, None when it is over."""

    event: Event
    verdict: str
    payment: tuple[int, int] | None = None
    due_at: datetime | None = None


async def store_events(database: Database, events: Sequence[NewEvent], now: datetime) -> None:
    """Store events; one that was stored before is counted, and processed no second time."""
    await database.execute(
        """
        INSERT INTO payment_event (event_id, provider, event_type, first_at, last_at, times,
                                   provider_ref, state, notice, due_at, tries, verdict)
        SELECT DISTINCT ON (event_id, provider) event_id, provider, event_type, $6::timestamptz,
               $6::timestamptz, 1, provider_ref, 1, notice, $6::timestamptz, 0, ''
          FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::bytea[])
               AS new (event_id, provider, event_type, provider_ref, notice)
            ON CONFLICT (event_id, provider)
            DO UPDATE SET last_at = excluded.last_at, times = payment_event.times + 1
        """,
        [event.event_id for event in events],
        [event.provider for event in events],
        [event.event_type for event in events],
        [event.provider_ref for event in events],
        [event.notice for event in events],
        now,
    )


async def claim_events(
    database: Database, now: datetime, lease: timedelta, limit: int
) -> list[Event]:
    """Claim events that are due, the longest due first."""
    rows = await database.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT event_id, provider
              FROM payment_event
             WHERE state = 1 AND due_at <= $1
             ORDER BY due_at
             LIMIT $3
               FOR UPDATE SKIP LOCKED
        )
        UPDATE payment_event
           SET due_at = $1 + $2::interval, tries = tries + 1
          FROM due
         WHERE payment_event.event_id = due.event_id AND payment_event.provider = due.provider
        RETURNING payment_event.*
        """,
        now,
        lease,
        limit,
    )
    return [_event(row) for row in rows]


async def finish_events(database: Database, done: Sequence[Done]) -> None:
    """Write what came of events; a claim that another took since has no more say."""
    await database.execute(
        """
        UPDATE payment_event
           SET state = CASE WHEN new.due_at IS NULL THEN 2 ELSE 1 END,
               due_at = coalesce(new.due_at, payment_event.due_at), verdict = new.verdict,
               line_id = new.line_id, payment_no = new.payment_no
          FROM unnest($1::text[], $2::smallint[], $3::text[], $4::timestamptz[], $5::bigint[],
                      $6::integer[], $7::integer[])
               AS new (event_id, provider, verdict, due_at, line_id, payment_no, tries)
         WHERE payment_event.event_id = new.event_id AND payment_event.provider = new.provider
           AND payment_event.tries = new.tries
        """,
        [one.event.event_id for one in done],
        [one.event.provider for one in done],
        [one.verdict for one in done],
        [one.due_at for one in done],
        [one.payment[0] if one.payment else None for one in done],
        [one.payment[1] if one.payment else None for one in done],
        [one.event.tries for one in done],
    )


async def queue_again(connection: Connection, event_id: str, provider: int, now: datetime) -> bool:
    """Have an event processed once more; say whether there is such a one."""
    done = await connection.execute(
        """
        UPDATE payment_event SET state = 1, due_at = $3, tries = 0
         WHERE event_id = $1 AND provider = $2
        """,
        event_id,
        provider,
        now,
    )
    return done == "UPDATE 1"


async def list_events(
    database: Database, *, verdict: str | None = None, limit: int = 100
) -> list[Event]:
    """Return events, the latest first; of one verdict, if one is named."""
    rows = await database.fetch(
        """
        SELECT * FROM payment_event
         WHERE $1::text IS NULL OR verdict = $1
         ORDER BY last_at DESC, event_id
         LIMIT $2
        """,
        verdict,
        limit,
    )
    return [_event(row) for row in rows]


async def events_of(database: Database, line_id: int, payment_no: int, limit: int) -> list[Event]:
    """Return what was told of a payment, the latest first."""
    rows = await database.fetch(
        """
        SELECT * FROM payment_event
         WHERE line_id = $1 AND payment_no = $2
         ORDER BY first_at DESC, event_id
         LIMIT $3
        """,
        line_id,
        payment_no,
        limit,
    )
    return [_event(row) for row in rows]


def _event(row: Record) -> Event:
    values = {name: row[name] for name in Event.__slots__}
    values["state"] = EventState(values["state"])
    return Event(**values)

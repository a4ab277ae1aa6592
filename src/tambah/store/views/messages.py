"""Messages as staff see them: by state, with what is stuck; never what they say."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tambah.store.database import Database, Record
from tambah.store.outbox import MessageState

WAITED_LONG = timedelta(minutes=5)
UNHEARD_LONG = timedelta(days=1)
LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. gateway, reason: empty where none took or refused it. due_at: its next try.

    can_be_retried: it can still be worded.
    """

    line_id: int
    number: int
    at: datetime
    template: str
    state: MessageState
    attempts: int
    due_at: datetime
    gateway: str
    reason: str
    msisdn: int = field(repr=False)
    can_be_retried: bool


async def list_stuck(
    database: Database, now: datetime, limit: int, waited: timedelta = WAITED_LONG
) -> list[MessageView]:
    """Return what is stuck, the oldest first.

    That is: what waits for longer than `waited`, what failed within a week, and what a gateway
    that sends receipts took over a day ago without one.
    """
    rows = await database.fetch(
        """
        (SELECT line_id, number, at, template, state, attempts, due_at, gateway, reason, msisdn,
                lost_secret
           FROM outbox
          WHERE state = 1 AND due_at < $5 AND at < $1
          ORDER BY at LIMIT $4)
        UNION ALL
        (SELECT line_id, number, at, template, state, attempts, due_at, gateway, reason, msisdn,
                lost_secret
           FROM outbox
          WHERE state = 4 AND at >= $3
          ORDER BY at LIMIT $4)
        UNION ALL
        (SELECT line_id, number, at, template, state, attempts, due_at, gateway, reason, msisdn,
                lost_secret
           FROM outbox
          WHERE state = 2 AND parts_left > 0 AND handed_at >= $3 AND handed_at < $2
          ORDER BY handed_at LIMIT $4)
         ORDER BY at, line_id, number
         LIMIT $4
        """,
        now - waited,
        now - UNHEARD_LONG,
        now - LOOKED_BACK,
        limit,
        now + LOOKED_BACK,
    )
    return [_view(row) for row in rows]


async def latest_messages(database: Database, limit: int) -> list[MessageView]:
    """Return the newest messages of each state, the newest first. For demos: it reads them all."""
    rows = await database.fetch(
        """
        SELECT line_id, number, at, template, state, attempts, due_at, gateway, reason, msisdn,
               lost_secret
          FROM (SELECT *, row_number() OVER (PARTITION BY state ORDER BY at DESC) AS place
                  FROM outbox) AS placed
         WHERE place <= $1
         ORDER BY state, at DESC, line_id, number
        """,
        limit,
    )
    return [_view(row) for row in rows]


async def count_messages(database: Database) -> dict[MessageState, int]:
    """Return how many messages are in each state. For demos: it reads them all."""
    rows = await database.fetch("SELECT state, count(*) FROM outbox GROUP BY state")
    counted = {row[0]: row[1] for row in rows}
    return {state: counted.get(state, 0) for state in MessageState}


def _view(row: Record) -> MessageView:
    return MessageView(
        line_id=row[0],
        number=row[1],
        at=row[2],
        template=row[3],
        state=MessageState(row[4]),
        attempts=row[5],
        due_at=row[6],
        gateway=row[7] or "",
        reason=row[8] or "",
        msisdn=row[9],
        can_be_retried=row[4] in (MessageState.QUEUED, MessageState.FAILED) and not row[10],
    )

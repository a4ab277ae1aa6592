"""Requests that take two people. The application may neither change nor delete what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from tambah.domain.approval import Approval, ApprovalState, Deed
from tambah.store.database import Connection, Database, Record

_HELD_FOR = timedelta(minutes=2)
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request that is about to be made; see `domain.approval.Approval`."""

    deed: Deed
    subject: str
    params: Mapping[str, object]
    before: Mapping[str, object]


class Asked(NamedTuple):
    """Who asks, and why. request: a digest of the press of the button, None to add it anyway."""

    maker: str
    why: str
    request: bytes | None = None


async def insert_approval(
    connection: Connection,
    wanted: Wanted,
    *,
    asked: Asked,
    made_at: datetime,
    expires_at: datetime,
) -> Approval | None:
    """Add a request that waits; return it, None where the maker made one by that press before."""
    row = await connection.fetchrow(
        """
        INSERT INTO approval (deed, subject, params, before, why, maker, made_at, expires_at,
                              request)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (maker, request) DO NOTHING
        RETURNING *
        """,
        wanted.deed.value,
        wanted.subject,
        _encode(wanted.params).decode(),
        _encode(wanted.before).decode(),
        asked.why,
        asked.maker,
        made_at,
        expires_at,
        asked.request,
    )
    return approval_from_row(row) if row else None


async def approval_made_by(connection: Connection, maker: str, request: bytes) -> Approval:
    """Return the request that somebody made by one press of the button; it is there."""
    row = await connection.fetchrow(
        "SELECT * FROM approval WHERE maker = $1 AND request = $2", maker, request
    )
    assert row is not None, "a row that stands in another's way is there to be read"
    return approval_from_row(row)


async def lock_approval(connection: Connection, approval_id: int) -> Approval | None:
    """Hold a request until the transaction ends, and return it."""
    row = await connection.fetchrow(
        "SELECT * FROM approval WHERE approval_id = $1 FOR UPDATE", approval_id
    )
    return approval_from_row(row) if row else None


async def write_approval(connection: Connection, approval: Approval) -> None:
    """Write how a request that is held was decided, and what came of it."""
    await connection.execute(
        """
        UPDATE approval
           SET state = $2, decided_by = $3, decided_at = $4, collect_until = $5, answer = $6,
               done_at = $7, outcome = $8, held_until = NULL
         WHERE approval_id = $1
        """,
        approval.approval_id,
        approval.state,
        approval.decided_by,
        approval.decided_at,
        approval.collect_until,
        approval.answer,
        approval.done_at,
        _encode(approval.outcome).decode(),
    )


async def take_up(database: Database, approval_id: int, now: datetime) -> int | None:
    """Hold an approved request for whoever does it now; return which try it is, None if not free.

    Who dies on the way leaves it free again after two minutes, unless they say that they live.
    """
    return await database.fetch_value(
        """
        UPDATE approval SET tries = tries + 1, held_until = $3::timestamptz
         WHERE approval_id = $1 AND state = 2 AND collect_until IS NULL
           AND (held_until IS NULL OR held_until < $2::timestamptz)
        RETURNING tries
        """,
        approval_id,
        now,
        now + _HELD_FOR,
    )


async def hold_on(database: Database, approval_id: int, now: datetime) -> None:
    """Say that whoever does an approved request still lives."""
    await database.execute(
        "UPDATE approval SET held_until = $2 WHERE approval_id = $1 AND state = 2",
        approval_id,
        now + _HELD_FOR,
    )


async def left_to_do(database: Database, now: datetime) -> list[int]:
    """Return the approved requests that nobody is doing, the oldest first."""
    rows = await database.fetch(
        """
        SELECT approval_id FROM approval
         WHERE state = 2 AND collect_until IS NULL
           AND (held_until IS NULL OR held_until < $1)
         ORDER BY decided_at
        """,
        now,
    )
    return [row[0] for row in rows]


async def read_approval(database: Database, approval_id: int) -> Approval | None:
    """Return a request by its number."""
    row = await database.fetch_row("SELECT * FROM approval WHERE approval_id = $1", approval_id)
    return approval_from_row(row) if row else None


async def waiting_approvals(database: Database, now: datetime) -> list[Approval]:
    """Return what waits to be decided or collected, the oldest first."""
    rows = await database.fetch(
        """
        SELECT * FROM approval
         WHERE (state = 1 AND expires_at > $1) OR (state = 2 AND collect_until > $1)
         ORDER BY made_at, approval_id
         LIMIT 500
        """,
        now,
    )
    return [approval_from_row(row) for row in rows]


async def latest_approvals(
    database: Database, *, before_id: int | None, limit: int
) -> list[Approval]:
    """Return requests of all states, the newest first, older than one of them."""
    rows = await database.fetch(
        """
        SELECT * FROM approval
         WHERE approval_id < coalesce($1::bigint, 9223372036854775807)
         ORDER BY approval_id DESC
         LIMIT $2
        """,
        before_id,
        limit,
    )
    return [approval_from_row(row) for row in rows]


async def count_waiting(database: Database, deeds: list[str], who: str, now: datetime) -> int:
    """Return how many requests for these deeds wait for somebody else than their maker."""
    return await database.fetch_value(
        """
        SELECT count(*) FROM approval
         WHERE state = 1 AND expires_at > $3 AND deed = ANY($1::text[]) AND maker <> $2
        """,
        deeds,
        who,
        now,
    )


def approval_from_row(row: Record) -> Approval:
    """Return a request from its row."""
    return Approval(
        approval_id=row["approval_id"],
        deed=Deed(row["deed"]),
        subject=row["subject"],
        params=_decode(row["params"]),
        before=_decode(row["before"]),
        why=row["why"],
        maker=row["maker"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        state=ApprovalState(row["state"]),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        collect_until=row["collect_until"],
        answer=row["answer"],
        done_at=row["done_at"],
        outcome=_decode(row["outcome"]),
    )


def _decode(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])

"""What was done by hand: append-only, each day a chain of hashes."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date

import msgspec

from tambah.domain.state import AuditEntry
from tambah.store.database import Connection, Record

GENESIS = b"\0" * 32
_encode = msgspec.json.Encoder(order="deterministic").encode


def link(previous: bytes, values: Sequence[object]) -> bytes:
    """Return the hash of a row (SHA-256 over the row before it and its own values)."""
    return hashlib.sha256(previous + _encode(list(values))).digest()


async def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Add rows to their day's chain, in the caller's transaction.

    The day's head is locked until it commits, so the chain has no forks.
    """
    for entry in entries:
        day = entry.at.astimezone(UTC).date()
        seq, previous = await _lock_head(connection, day)
        values = (
            day.isoformat(),
            seq,
            entry.at.astimezone(UTC).isoformat(),
            entry.who,
            entry.action,
            entry.subject,
            entry.why,
            _encode(entry.before).decode(),
            _encode(entry.after).decode(),
        )
        hashed = link(previous, values)
        await connection.execute(
            """
            INSERT INTO audit (day, seq, at, who, action, subject, why, before, after,
                               previous, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            day,
            seq,
            entry.at,
            *values[3:],
            previous,
            hashed,
        )
        await connection.execute(
            "UPDATE audit_head SET seq = $2, hash = $3 WHERE day = $1", day, seq, hashed
        )


def row_values(row: Record) -> tuple[object, ...]:
    """Return a stored row's values as `link` hashed them."""
    return (
        row["day"].isoformat(),
        row["seq"],
        row["at"].astimezone(UTC).isoformat(),
        row["who"],
        row["action"],
        row["subject"],
        row["why"],
        row["before"],
        row["after"],
    )


async def _lock_head(connection: Connection, day: date) -> tuple[int, bytes]:
    """Return the next place in the day's chain and the hash before it; holds the head."""
    await connection.execute(
        "INSERT INTO audit_head (day, seq, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        day,
        GENESIS,
    )
    row = await connection.fetchrow(
        "SELECT seq, hash FROM audit_head WHERE day = $1 FOR NO KEY UPDATE", day
    )
    if row is None:
        raise AssertionError("the head was just made")
    return row["seq"] + 1, row["hash"]

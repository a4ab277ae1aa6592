"""Staff at the command line: messages that are stuck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from tambah.store.database import Database
from tests.conftest import Fresh

from .conftest import Tambah

MSISDN = 60123456789
_Value = TypeVar("_Value")


@dataclass
class Outbox:
    """A database's outbox, written between commands."""

    dsn: str

    def do(self, work: Callable[[Database], Awaitable[_Value]]) -> _Value:
        async def run() -> _Value:
            database = Database(self.dsn)
            await database.open(readers=1)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(run())

    def add(self, line_id: int, state: int, *, age: str = "1 hour", **columns: Any) -> None:
        """Add a message of a line in a state."""
        values = {"reason": None, "gateway": "main", "parts_left": None, "lost_secret": False}
        values |= columns

        async def work(database: Database) -> None:
            await database.execute(
                """
                INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                                    attempts, due_at, handed_at, reason, gateway, parts_left,
                                    lost_secret)
                VALUES ($1, 1, now() - $3::text::interval, 'line_ended', '{}', 1, $4, $2, 3,
                        now() + interval '1 hour', now() - $3::text::interval, $5, $6, $7, $8)
                """,
                line_id,
                state,
                age,
                MSISDN,
                values["reason"],
                values["gateway"],
                values["parts_left"],
                values["lost_secret"],
            )

        self.do(work)

    def rows(self) -> list[tuple[Any, ...]]:
        async def work(database: Database) -> list[tuple[Any, ...]]:
            rows = await database.fetch(
                "SELECT line_id, state, attempts, due_at <= now() FROM outbox ORDER BY line_id"
            )
            return [tuple(row) for row in rows]

        return self.do(work)

    def audited(self) -> list[tuple[str, str, str]]:
        async def work(database: Database) -> list[tuple[str, str, str]]:
            rows = await database.fetch(
                "SELECT action, subject, why FROM audit WHERE subject LIKE 'message:%'"
                " ORDER BY day, seq"
            )
            return [(row[0], row[1], row[2]) for row in rows]

        return self.do(work)


@pytest.fixture
def outbox(environment: Fresh) -> Outbox:
    return Outbox(environment.dsn)


def test_stuck_shows_what_waits_failed_or_was_not_heard_of(tambah: Tambah, outbox: Outbox) -> None:
    assert tambah("messages", "stuck").out == "No message is stuck.\n"
    outbox.add(1, 1, reason="throttled")
    outbox.add(2, 1, age="1 minute")  # not long
    outbox.add(3, 4, age="2 hours", reason="UNDELIV 001")
    outbox.add(4, 4, age="8 days")  # past
    outbox.add(5, 2, age="25 hours", parts_left=1)
    outbox.add(6, 2, age="2 hours", parts_left=1)
    outbox.add(7, 2, age="25 hours")  # a gateway without receipts
    outbox.add(8, 3, age="25 hours", parts_left=0)
    outbox.add(9, 4, age="3 hours", lost_secret=True)

    said = tambah("messages", "stuck", "--json")

    items = said.document["items"]
    assert [(one["id"], one["state"], one["reason"], one["can_be_retried"]) for one in items] == [
        ("5-1", "handed_over", None, False),
        ("9-1", "failed", None, False),
        ("3-1", "failed", "UNDELIV 001", True),
        ("1-1", "queued", "throttled", True),
    ]
    assert items[0]["to"] == "012-••• 6789"
    at_once = tambah("messages", "stuck", "--minutes", "0", "--json").document["items"]
    assert {one["id"] for one in at_once} - {one["id"] for one in items} == {"2-1"}
    plain = tambah("messages", "stuck").out
    assert "3-1" in plain
    assert str(MSISDN) not in plain + json.dumps(items)
    assert "3456789" not in plain


def test_retry_puts_back_what_can_be_and_says_who_did(tambah: Tambah, outbox: Outbox) -> None:
    outbox.add(1, 1)
    outbox.add(2, 2)
    outbox.add(3, 4)
    outbox.add(4, 4, lost_secret=True)

    said = tambah(
        "messages", "retry", "1-1", "2-1", "3-1", "4-1", "9-9", "--reason", "SMSC mended", "--json"
    )

    assert said.document == {"retried": ["1-1", "3-1"], "left": 3}
    assert outbox.rows() == [
        (1, 1, 0, True),
        (2, 2, 3, False),
        (3, 1, 0, True),
        (4, 4, 3, False),
    ]
    assert outbox.audited() == [
        ("RetryMessage", "message:1-1", "SMSC mended"),
        ("RetryMessage", "message:3-1", "SMSC mended"),
    ]


def test_retry_of_all_that_failed_leaves_what_waits_alone(tambah: Tambah, outbox: Outbox) -> None:
    outbox.add(1, 1)
    outbox.add(2, 4)
    outbox.add(3, 4, age="8 days")
    outbox.add(4, 4, lost_secret=True)

    said = tambah("messages", "retry", "--failed", "--reason", "SMSC mended")

    assert said.out == "1 put back.\n"
    assert [row[1] for row in outbox.rows()] == [1, 1, 4, 4]


def test_retry_refuses_what_it_cannot_do(tambah: Tambah, outbox: Outbox) -> None:
    outbox.add(2, 2)
    assert tambah("messages", "retry", "2-1", "--json").error == "reason_missing"
    refused = tambah("messages", "retry", "2-1", "--reason", "x", "--json")
    assert (refused.status, refused.error) == (1, "message_not_retryable")
    assert tambah("messages", "retry", "--reason", "x").status == 2
    assert tambah("messages", "retry", "2-1", "--failed", "--reason", "x").status == 2
    assert tambah("messages", "retry", "two", "--reason", "x").status == 2
    assert outbox.audited() == []

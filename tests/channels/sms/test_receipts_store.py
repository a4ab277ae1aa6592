"""Receipts against marks on a real PostgreSQL: whichever comes first, none is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tambah.store.database import Connection, Database
from tambah.store.outbox import Mark, MessageState, claim_messages, mark_messages
from tambah.store.receipts import Receipt, write_receipts

NOW = timedelta()
DELIVERED, FAILED = MessageState.DELIVERED, MessageState.FAILED


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Connection]:
    writer = await database.connect_writer()
    yield writer
    await writer.close()


async def queue(database: Database, *line_ids: int) -> None:
    await database.execute(
        """
        INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                            attempts, due_at)
        SELECT line_id, 1, now(), 'line_ended', '{}', 1, 60123456789, 1, 0, now()
          FROM unnest($1::bigint[]) AS line_id
        """,
        list(line_ids),
    )


async def mark(writer: Connection, parts: dict[int, tuple[str, ...]], gateway: str = "g") -> None:
    claimed = await claim_messages(writer, offset=NOW, lease=timedelta(seconds=40), limit=200)
    marks = [
        Mark(
            message=one,
            state=MessageState.HANDED_OVER,
            gateway_ref=" ".join(parts[one.line_id]),
            gateway=gateway,
            parts=parts[one.line_id],
        )
        for one in claimed
        if one.line_id in parts
    ]
    await mark_messages(writer, marks, offset=NOW)


def receipt(ref: str, state: MessageState = DELIVERED, *, reason: str = "", gateway: str = "g"):
    return Receipt(gateway=gateway, ref=ref, state=state, reason=reason)


async def states(database: Database) -> dict[int, tuple[MessageState, int | None, str | None]]:
    rows = await database.fetch("SELECT line_id, state, parts_left, reason FROM outbox")
    return {row[0]: (MessageState(row[1]), row[2], row[3]) for row in rows}


async def test_a_message_is_delivered_when_all_of_its_parts_are(
    database: Database, writer: Connection
):
    await queue(database, 1, 2)
    await mark(writer, {1: ("a",), 2: ("b", "c", "d")})
    assert (
        await write_receipts(writer, [receipt("d"), receipt("a"), receipt("b")], offset=NOW) == 2
    )
    assert await states(database) == {1: (DELIVERED, 0, None), 2: (MessageState(2), 1, None)}
    await write_receipts(writer, [receipt("c")], offset=NOW)
    assert (await states(database))[2] == (DELIVERED, 0, None)


async def test_one_failed_part_fails_the_message_with_its_reason(
    database: Database, writer: Connection
):
    await queue(database, 1)
    await mark(writer, {1: ("a", "b")})
    await write_receipts(writer, [receipt("b", FAILED, reason="UNDELIV 00b")], offset=NOW)
    await write_receipts(writer, [receipt("a")], offset=NOW)
    assert await states(database) == {1: (FAILED, 2, "UNDELIV 00b")}


async def test_a_receipt_counts_once_and_never_backwards(database: Database, writer: Connection):
    await queue(database, 1)
    await mark(writer, {1: ("a", "b")})
    for _ in range(3):
        await write_receipts(writer, [receipt("a"), receipt("a")], offset=NOW)
    await write_receipts(writer, [receipt("a", FAILED, reason="late")], offset=NOW)
    assert await states(database) == {1: (MessageState(2), 1, None)}
    await write_receipts(writer, [receipt("b")], offset=NOW)
    await write_receipts(writer, [receipt("b", FAILED, reason="late")], offset=NOW)
    assert await states(database) == {1: (DELIVERED, 0, None)}


@pytest.mark.parametrize(
    ("early", "late", "ends"),
    [
        ([receipt("a")], [receipt("b")], (DELIVERED, 0, None)),
        ([receipt("a"), receipt("b")], [], (DELIVERED, 0, None)),
        ([receipt("b", FAILED, reason="x")], [receipt("a")], (FAILED, 2, "x")),
    ],
)
async def test_a_receipt_before_the_mark_is_kept_for_it(
    database: Database,
    writer: Connection,
    early: list[Receipt],
    late: list[Receipt],
    ends: tuple[MessageState, int, str | None],
):
    await queue(database, 1)
    assert await write_receipts(writer, early, offset=NOW) == 0
    await mark(writer, {1: ("a", "b")})
    await write_receipts(writer, late, offset=NOW)
    assert await states(database) == {1: ends}


async def test_another_gateways_receipt_of_the_same_id_says_nothing(
    database: Database, writer: Connection
):
    await queue(database, 1)
    await mark(writer, {1: ("a",)})
    assert await write_receipts(writer, [receipt("a", gateway="other")], offset=NOW) == 0
    assert await states(database) == {1: (MessageState(2), 1, None)}


async def test_an_id_that_comes_round_again_begins_anew(database: Database, writer: Connection):
    await queue(database, 1)
    await mark(writer, {1: ("a",)})
    await write_receipts(writer, [receipt("a", FAILED, reason="x")], offset=NOW)
    await queue(database, 2)
    await mark(writer, {2: ("a",)})
    assert (await states(database))[2] == (MessageState(2), 1, None)
    await write_receipts(writer, [receipt("a")], offset=NOW)
    assert await states(database) == {1: (FAILED, 1, "x"), 2: (DELIVERED, 0, None)}


async def test_a_stray_receipt_of_the_day_before_is_not_for_a_new_message(
    database: Database, writer: Connection
):
    await write_receipts(writer, [receipt("a", FAILED)], offset=timedelta(days=-2))
    await queue(database, 1)
    await mark(writer, {1: ("a",)})
    assert await states(database) == {1: (MessageState(2), 1, None)}


async def test_a_mark_written_twice_keeps_what_was_heard(database: Database, writer: Connection):
    """The commit's answer was lost, so the notifier marks again."""
    await queue(database, 1)
    claimed = await claim_messages(writer, offset=NOW, lease=NOW, limit=1)
    handed = Mark(
        message=claimed[0],
        state=MessageState.HANDED_OVER,
        gateway_ref="a b",
        gateway="g",
        parts=("a", "b"),
    )
    await mark_messages(writer, [handed], offset=NOW)
    await write_receipts(writer, [receipt("a")], offset=NOW)
    await mark_messages(writer, [handed], offset=NOW)
    await write_receipts(writer, [receipt("b")], offset=NOW)
    assert await states(database) == {1: (DELIVERED, 0, None)}


async def test_marks_and_receipts_racing_lose_nothing(database: Database):
    """Two parts' receipts and the mark in every order, on connections of their own."""
    lines = range(1, 61)
    await queue(database, *lines)
    writers = [await database.connect_writer() for _ in range(4)]
    first, *others = writers
    claimed = await claim_messages(first, offset=NOW, lease=timedelta(seconds=40), limit=200)
    order = itertools.cycle(itertools.permutations(range(3)))
    for message in claimed:
        parts = (f"{message.line_id}a", f"{message.line_id}b")
        taken = Mark(
            message=message,
            state=MessageState.HANDED_OVER,
            gateway_ref="x",
            gateway="g",
            parts=parts,
        )
        works = [
            mark_messages(others[0], [taken], offset=NOW),
            write_receipts(others[1], [receipt(parts[0])], offset=NOW),
            write_receipts(others[2], [receipt(parts[1])], offset=NOW),
        ]
        await asyncio.gather(*(works[place] for place in next(order)))
    assert set((await states(database)).values()) == {(DELIVERED, 0, None)}
    for writer in writers:
        await writer.close()

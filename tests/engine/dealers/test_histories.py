"""Random trees and dealings leave the same rows on PostgreSQL as the rules do in memory."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.commands import Command
from tambah.domain.dealer_commands import PayCommission
from tambah.domain.validity import ValidityPolicy
from tambah.engine.answers import request_digest
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.verifying import close_books, verify
from tambah.store.database import Database
from tests.domain.histories import history_rules
from tests.domain.trees import dealings, trees
from tests.domain.world import ALICE, BOB, import_line
from tests.engine import test_histories_on_postgres as on_postgres
from tests.engine.test_histories_on_postgres import (
    KEYS,
    SETTINGS,
    Instant,
    Step,
    StoredBooks,
    answer,
    answer_in_memory,
    comparable,
    in_steps,
    lay_out,
    snapshot,
)

instant, owner, keys = on_postgres.instant, on_postgres.owner, on_postgres.keys


@SETTINGS
@given(data=st.data(), is_batched=st.booleans(), is_closed=st.booleans())
async def test_dealings_leave_the_same_books_as_in_memory(
    data: st.DataObject,
    is_batched: bool,
    is_closed: bool,
    database: Database,
    owner: Any,
    instant: Instant,
) -> None:
    world = data.draw(trees())
    lines = [(0, import_line(11, ALICE)), (0, import_line(12, BOB))]
    steps = alone(in_steps([*lines, *data.draw(dealings(world))], is_batched=is_batched))
    rules = history_rules(ValidityPolicy.ADD)
    books = StoredBooks(rules, world, digest=lambda caller, key: request_digest(KEYS, caller, key))
    await lay_out(owner, world)
    engine = Engine(database, rules=rules, keys=KEYS, clock=Clock())
    await engine.start()
    try:
        for place, (now, commands) in enumerate(steps):
            instant.now = now
            futures = [engine.enqueue(command) for command in commands]
            expected = [answer_in_memory(books, command, now) for command in commands]
            answers = [await answer(future) for future in futures]
            assert [comparable(a) for a in answers] == [comparable(a) for a in expected]
            if is_closed and place == len(steps) // 2:
                closed = await close_books(database)
                assert closed.verdict.findings == ()
    finally:
        await engine.stop()

    stored = await snapshot(owner)
    for table, rows in books.snapshot().items():
        assert stored[table] == rows, table
    assert (await verify(database)).findings == ()
    assert (await verify(database, full=True)).findings == ()


def alone(steps: list[Step]) -> list[Step]:
    """Give each run of commission a batch of its own: it pays what was owed before its batch."""
    found: list[Step] = []
    for now, commands in steps:
        together: list[Command] = []
        for command in commands:
            if isinstance(command, PayCommission):
                found += [(now, together), (now, [command])]
                together = []
            else:
                together.append(command)
        found.append((now, together))
    return [(now, commands) for now, commands in found if commands]

"""The sweep on a real PostgreSQL: page by page, killed, twice at once; and reactivation proved."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation, TellLine
from tambah.domain.commands import ImportLine, TopUp
from tambah.domain.line import Language
from tambah.domain.refusals import LineExpired, NumberUnknown, ReactivationTooLittle
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.sweep import sweep_once
from tambah.store.database import Database
from tambah.store.views.due import due_lines
from tests.engine.books import add_partner

RM = 1_000_000
FIRST = 60123450000
TODAY = date(2027, 3, 1)


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules by which a line comes back for RM10."""
    return replace(rules, life=replace(rules.life, reactivation_fee_micros=10 * RM))


@pytest.fixture
def clock() -> Clock:
    """Return a clock that tests move."""
    return Clock()


@pytest.fixture
async def engine(
    database: Database, rules: Rules, keys: Keys, clock: Clock
) -> AsyncIterator[Engine]:
    """Run an engine by that clock."""
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    yield engine
    await engine.stop()


def move(clock: Clock, rules: Rules, day: date, hour: int, minute: int = 0) -> datetime:
    """Make it that local time."""
    then = rules.validity.start_of(day) + timedelta(hours=hour, minutes=minute)
    clock.offset = then - datetime.now(UTC)
    return then


async def add_lines(engine: Engine, rules: Rules, count: int, last_day: date) -> list[int]:
    """Import lines that are active to the end of a day; return their ids."""
    ids = list(range(5001, 5001 + count))
    for line_id in ids:
        await engine.submit(
            ImportLine(
                line_id=line_id,
                msisdn=FIRST + line_id - 5001,
                digest=b"test",
                language=Language.EN,
                plan="standard",
                activated_at=datetime(2026, 1, 1, tzinfo=UTC),
                active_until=rules.validity.start_of(last_day + timedelta(days=1)),
            )
        )
    return ids


async def told(database: Database) -> Counter[tuple[int, str]]:
    """Return how often each line was told each message."""
    rows = await database.fetch("SELECT line_id, template FROM outbox")
    return Counter((row[0], row[1]) for row in rows)


class Dying:
    """An engine whose caller is killed after some commands."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine = engine
        self._left = after

    async def submit(self, command: Any) -> Any:
        """Pass the first commands on; then be gone."""
        self._left -= 1
        if self._left < 0:
            raise asyncio.CancelledError
        return await self._engine.submit(command)


async def test_more_than_a_page_are_due_and_all_are_seen_to(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 9)
    ids = await add_lines(engine, rules, 23, TODAY + timedelta(days=7))
    assert await sweep_once(engine, database, clock.now(), page=10) == 0

    move(clock, rules, TODAY, 10, 1)
    assert await sweep_once(engine, database, clock.now(), page=10) == 23

    assert await told(database) == Counter({(line_id, "remind_grace"): 1 for line_id in ids})
    assert await due_lines(database, clock.now(), limit=1) == []


async def test_a_sweep_that_is_killed_between_lines_is_finished_by_the_next(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 9)
    ids = await add_lines(engine, rules, 9, TODAY + timedelta(days=7))
    move(clock, rules, TODAY, 10, 1)

    with pytest.raises(asyncio.CancelledError):
        await sweep_once(Dying(engine, after=4), database, clock.now())  # type: ignore[arg-type]
    await engine.submit(TellLine(caller="t", request_key="t", line_id=ids[8], template="x"))
    halfway = await told(database)
    assert 4 <= sum(count for (_, kind), count in halfway.items() if kind == "remind_grace") < 9
    move(clock, rules, TODAY, 10, 5)
    await sweep_once(engine, database, clock.now())
    await sweep_once(engine, database, clock.now())

    reminded = {key: n for key, n in (await told(database)).items() if key[1] == "remind_grace"}
    assert reminded == {(line_id, "remind_grace"): 1 for line_id in ids}


async def test_two_sweeps_at_once_tell_everything_once(
    engine: Engine, database: Database, rules: Rules, keys: Keys, clock: Clock
) -> None:
    move(clock, rules, TODAY, 9)
    ids = await add_lines(engine, rules, 40, TODAY)
    other = Engine(database, rules=rules, keys=keys, clock=clock)
    await other.start()
    move(clock, rules, TODAY + timedelta(days=1), 0, 1)

    await asyncio.gather(
        *(sweep_once(one, database, clock.now(), page=7) for one in (engine, other, engine))
    )
    await other.stop()

    assert await told(database) == Counter({(line_id, "grace_started"): 1 for line_id in ids})


async def test_a_line_comes_back_for_the_fee_and_the_books_are_proved(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 9)
    [line_id] = await add_lines(engine, rules, 1, TODAY)
    partner_id = await add_partner(database)
    move(clock, rules, TODAY + timedelta(days=60), 9)
    reload = TopUp(
        caller="p",
        request_key="1",
        msisdn=FIRST,
        partner_id=partner_id,
        amount_micros=30 * RM,
        reference="r1",
    )
    with pytest.raises(LineExpired):
        await engine.submit(reload)
    allowed = AllowReactivation(
        caller="care", request_key="1", line_id=line_id, actor=Actor(who="a", why="seen")
    )
    first = await engine.submit(allowed)
    assert await engine.submit(allowed) == first, "a repeat gets the first answer"
    with pytest.raises(ReactivationTooLittle):
        await engine.submit(replace(reload, request_key="2", amount_micros=5 * RM))
    credited = await engine.submit(replace(reload, request_key="3"))
    assert credited.balance_micros == 20 * RM
    row = await database.fetch_row("SELECT state, reactivation_until, due_at FROM line")
    assert row is not None
    assert (row[0], row[1]) == (2, None)

    assert (await verify(database)).findings == ()
    await database.execute("UPDATE topup SET reactivation_micros = 9000000")
    named = (await verify(database)).findings
    assert [(f.kind, f.subject) for f in named] == [("topup", f"topup:{line_id}/1")]


async def test_a_number_that_goes_on_takes_no_message_of_the_old_line_along(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 9)
    [old_id] = await add_lines(engine, rules, 1, TODAY)
    await engine.submit(TellLine(caller="t", request_key="1", line_id=old_id, template="x"))
    later = TODAY + timedelta(days=300)
    move(clock, rules, later, 0, 1)
    await sweep_once(engine, database, clock.now())
    with pytest.raises(NumberUnknown):
        await engine.submit(TellLine(caller="t", request_key="2", line_id=old_id, template="x"))
    new = ImportLine(
        line_id=7001,
        msisdn=FIRST,
        digest=b"next",
        language=Language.TA,
        plan="standard",
        active_until=rules.validity.start_of(later + timedelta(days=30)),
    )
    await engine.submit(new)

    rows = await database.fetch("SELECT line_id, state FROM outbox")
    assert {(row[0], row[1]) for row in rows} == {(old_id, 4)}
    assert await database.fetch_value("SELECT line_id FROM number") == 7001

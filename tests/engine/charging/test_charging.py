"""Charging on a real PostgreSQL: many sessions at once, the clock, kills, and what verify says."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.charging_commands import (
    Ask,
    ChargeEvent,
    CloseSession,
    ReleaseUnits,
    ReserveUnits,
    UpdateUnits,
    session_key,
)
from tambah.domain.rating import cost
from tambah.domain.refusals import CreditTooLow, Refusal
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.charging import close_overdue
from tambah.store.database import Database
from tambah.store.pruning import prune_reservations
from tambah.store.views.usage import find_session, sessions_to_renew, used_by_line
from tests.conftest import Fresh
from tests.engine.books import RM, add_line, add_partner

from .switch import CALL, RATE, charging_rules

NUMBER = 60123456789


@pytest.fixture
def rules() -> Rules:
    """Return rules with one rate for calls."""
    return charging_rules()


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


def ask(used: int = 0, wanted: int | None = None) -> Ask:
    """Return what is asked under the one rating group."""
    return Ask(rating_group=1, usage=CALL, used=used, wanted=wanted)


def step(kind: type, session: str, no: int, one: Ask, msisdn: int = NUMBER) -> ReserveUnits:
    """Return a step of a session."""
    return kind(peer="switch", session_id=session, request_no=no, msisdn=msisdn, asks=(one,))


async def sound(database: Database) -> None:
    """Assert that the books are proved, from the last closing and in full."""
    for full in (False, True):
        assert (await verify(database, full=full)).findings == ()


async def main_credit(database: Database, line_id: int) -> tuple[int, int]:
    """Return the main credit of a line, and what is held of it."""
    row = await database.fetch_row(
        "SELECT remaining_micros, held FROM bucket WHERE owner_id = $1 AND bucket_id = 1", line_id
    )
    assert row is not None
    return row[0], row[1]


async def test_sessions_at_once_never_overspend_together(
    engine: Engine, database: Database, rules: Rules, keys: Keys, clock: Clock
) -> None:
    line_id = await add_line(engine, database, NUMBER, opening_micros=2 * RM)
    other = Engine(database, rules=rules, keys=keys, clock=clock)
    await other.start()

    async def talk(no: int, by: Engine) -> tuple[int, int]:
        session, granted = f"call {no}", 0
        try:
            answer = await by.submit(step(ReserveUnits, session, 0, ask()))
            for request_no in range(1, 20):
                units = answer.grants[0].units
                granted += units
                answer = await by.submit(step(UpdateUnits, session, request_no, ask(used=units)))
                if answer.grants[0].refused:
                    break
        except CreditTooLow:
            return 0, 0
        await by.submit(step(ReleaseUnits, session, 99, ask()))
        return granted, 1

    talked = await asyncio.gather(*(talk(no, (engine, other)[no % 2]) for no in range(64)))
    await other.stop()

    remaining, held = await main_credit(database, line_id)
    assert held == 0
    records = await used_by_line(database, line_id, None, 100)
    assert sum(r.units for r in records) == sum(units for units, _ in talked)
    assert sum(r.charged_micros for r in records) == 2 * RM - remaining
    assert [r.charged_micros for r in records] == [cost(RATE, r.units) for r in records]
    assert remaining < cost(RATE, 1), "nothing was left that could be used"
    assert all(r.unpaid_units == 0 for r in records), "all that was granted was paid for"
    await sound(database)


async def test_a_session_that_is_left_open_is_closed_by_the_clock(
    engine: Engine, database: Database, clock: Clock
) -> None:
    line_id = await add_line(engine, database, NUMBER, opening_micros=5 * RM)
    for no in range(7):
        await engine.submit(step(ReserveUnits, f"call {no}", 0, ask(wanted=10)))
        await engine.submit(step(UpdateUnits, f"call {no}", 1, ask(used=10, wanted=10)))
    assert await close_overdue(engine, database, clock.now()) == 0
    await sound(database)

    clock.offset = timedelta(minutes=26)
    await engine.submit(step(UpdateUnits, "call 0", 2, ask(used=10, wanted=10)))
    closed = await asyncio.gather(
        *(close_overdue(engine, database, clock.now(), page=2) for _ in range(3))
    )
    assert sum(closed) == 6
    remaining, held = await main_credit(database, line_id)
    assert 5 * RM - remaining == 6 * cost(RATE, 10)
    assert held > 0, "the one that was heard of goes on"
    await engine.submit(step(ReleaseUnits, "call 0", 3, ask(used=10)))
    await sound(database)
    assert await prune_reservations(database, datetime.now(UTC) + timedelta(days=1)) == 7
    await sound(database)


async def test_sessions_that_fell_short_are_renewed_after_a_top_up(
    engine: Engine, database: Database
) -> None:
    from tambah.domain.commands import TopUp

    await add_line(engine, database, NUMBER, opening_micros=RM)
    partner_id = await add_partner(database)
    first = await engine.submit(step(ReserveUnits, "call", 0, ask(wanted=300)))
    assert first.grants[0].final
    assert await sessions_to_renew(database, ["switch"]) == []
    await engine.submit(
        TopUp(
            caller="t",
            request_key="t",
            msisdn=NUMBER,
            partner_id=partner_id,
            amount_micros=10 * RM,
            reference="t",
        )
    )
    (due,) = await sessions_to_renew(database, ["switch"])
    assert (due.session_id, due.msisdn) == ("call", NUMBER)
    assert await sessions_to_renew(database, ["another"]) == []
    found = await find_session(database, session_key("switch", "call"))
    assert found == due
    assert await find_session(database, session_key("another", "call")) is None
    answer = await engine.submit(step(UpdateUnits, "call", 1, ask(used=100, wanted=300)))
    assert (answer.grants[0].units, answer.grants[0].final) == (300, False)
    assert await sessions_to_renew(database, ["switch"]) == []


async def test_a_close_for_a_session_that_is_not_there_does_nothing(
    engine: Engine, database: Database
) -> None:
    line_id = await add_line(engine, database, NUMBER)
    answer = await engine.submit(CloseSession(line_id=line_id, session=b"\0" * 16))
    assert not answer.closed
    with pytest.raises(Refusal):
        await engine.submit(step(ChargeEvent, "sms", 0, ask(wanted=1)))


# Killed in mid-session


class Switch:
    """Talks to an engine in another process, kills it now and then, and asks again."""

    def __init__(self, fresh: Fresh) -> None:
        self._dsn = fresh.dsn
        self._process: Process | None = None
        self.kills = 0

    async def tell(self, **told: object) -> str:
        """Have a step done, over as many kills as it takes; return the answer."""
        line = json.dumps(told).encode() + b"\n"
        while True:
            process = self._process or await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(line)
            await process.stdin.drain()
            if random.random() < 0.15:
                # Before, in the middle of, or just after the commit.
                await asyncio.sleep(random.random() * 0.02)
                await self.kill()
                continue
            return (await process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        """Kill the engine as if the power had gone."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None
            self.kills += 1

    async def _start(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.engine.charging.switch", self._dsn, "0",
            stdin=PIPE, stdout=PIPE,
        )  # fmt: skip
        return self._process


async def test_a_killed_engine_charges_what_was_reported_once(
    engine: Engine, database: Database, fresh: Fresh
) -> None:
    line_id = await add_line(engine, database, NUMBER, opening_micros=50 * RM)
    switch = Switch(fresh)
    reported: dict[str, int] = {}
    for no in range(8):
        session = f"call {no}"
        answer = await switch.tell(
            step="reserve", session=session, no=0, msisdn=NUMBER, used=0, more=True
        )
        assert answer == "ok"
        reported[session] = 0
        for request_no in range(1, 4):
            used = random.randrange(1, 60)
            answer = await switch.tell(
                step="update", session=session, no=request_no, msisdn=NUMBER, used=used, more=True
            )
            assert answer == "ok"
            reported[session] += used
        if no % 2:
            answer = await switch.tell(
                step="release", session=session, no=9, msisdn=NUMBER, used=7, more=False
            )
            assert answer == "ok"
            reported[session] += 7
    await switch.kill()
    assert switch.kills > 1
    await sound(database)

    # The others are never heard of again.
    late = Clock()
    late.offset = timedelta(hours=1)
    again = Engine(database, rules=charging_rules(), keys=keys_of(engine), clock=late)
    await again.start()
    assert await close_overdue(again, database, late.now()) == 4
    await again.stop()
    records = await used_by_line(database, line_id, None, 100)
    assert sorted(r.units for r in records) == sorted(reported.values())
    remaining, held = await main_credit(database, line_id)
    assert held == 0
    assert 50 * RM - remaining == sum(cost(RATE, units) for units in reported.values())
    await sound(database)


def keys_of(engine: Engine) -> Keys:
    """Return the keys that an engine has."""
    return engine._keys  # pyright: ignore[reportPrivateUsage]


# What verify names


@pytest.mark.parametrize(
    ("deed", "found"),
    [
        ("UPDATE bucket SET held = 0 WHERE owner_id = {line}", {"usage bucket:{line}/1"}),
        ("UPDATE bucket SET held = held + 1 WHERE owner_id = {line}", {"usage bucket:{line}/1"}),
        ("DELETE FROM reservation WHERE closed_at IS NULL", {"usage bucket:{line}/1"}),
        ("UPDATE usage_record SET charged_micros = 1", {"usage line:{line}"}),
        ("UPDATE usage_record SET refunded_micros = 1", {"usage line:{line}"}),
        ("DELETE FROM usage_record", {"usage line:{line}"}),
    ],
)
async def test_verify_names_what_was_altered(
    deed: str, found: set[str], engine: Engine, database: Database
) -> None:
    line_id = await add_line(engine, database, NUMBER, opening_micros=5 * RM)
    await engine.submit(step(ReserveUnits, "open", 0, ask()))
    await engine.submit(step(ReserveUnits, "over", 0, ask()))
    await engine.submit(step(ReleaseUnits, "over", 1, ask(used=30)))
    await sound(database)
    await database.execute(deed.format(line=line_id))
    verdict = await verify(database, full=True)
    assert {f"{f.kind} {f.subject}" for f in verdict.findings} == {
        one.format(line=line_id) for one in found
    }

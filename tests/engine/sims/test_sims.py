"""SIMs and lines on a real PostgreSQL: who gets which, when several want it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import ActivateLine, RedeemVoucher
from tambah.domain.esim import parse_activation_code
from tambah.domain.guessing import Audience
from tambah.domain.refusals import (
    CodeNotUsable,
    EsimCodeGone,
    Refusal,
    SignInNeeded,
    SimNotUsable,
    SimUnknown,
)
from tambah.domain.rules import Rules
from tambah.domain.sim import Sim, SimKind, SimState
from tambah.domain.sim_commands import EsimCode, ReplaceSim, ReportInstalled, ShowEsimCode
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.sims import open_code, retire_sim, seal_code
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tambah.store.ledger import sims
from tambah.store.views.sims import read_sim, read_sim_of
from tests.conftest import Fresh
from tests.engine.books import add_line

STAFF = Actor(who="test", why="Ticket 7")
OLD, NEW, ESIM = "8960000000000000007", "8960000000000000015", "8960000000000000023"
NUMBERS = [60123456780 + place for place in range(8)]
CODE = "LPA:1$SMDP.EXAMPLE.COM$AB12-CD34"


@pytest.fixture
async def other_engine(fresh: Fresh, rules: Rules, keys: Keys) -> AsyncIterator[Engine]:
    """Run a second engine on the same database, as another process does."""
    database = Database(fresh.dsn)
    await database.open(readers=1)
    engine = Engine(database, rules=rules, keys=keys, clock=Clock())
    await engine.start()
    yield engine
    await engine.stop()
    await database.close()


async def add_stock(database: Database, *stock: Sim) -> None:
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            await sims.insert_sims(connection, stock)
    finally:
        await connection.close()


def esim(keys: Keys, iccid: str = ESIM) -> Sim:
    code = parse_activation_code(CODE)
    return Sim(
        iccid=iccid,
        kind=SimKind.ESIM,
        smdp_address=code.smdp_address,
        sealed=seal_code(keys, iccid, code),
    )


def to_sim(msisdn: int, iccid: str = NEW, key: str = "") -> ReplaceSim:
    return ReplaceSim(
        caller="test", request_key=key or f"{msisdn} {iccid}", msisdn=msisdn, iccid=iccid,
        actor=STAFF,
    )  # fmt: skip


def show(line_id: int, *, is_fresh: bool = False) -> ShowEsimCode:
    return ShowEsimCode(line_id=line_id, is_fresh=is_fresh, actor=STAFF)


async def outcomes(*work: Any) -> list[str]:
    """Return what came of each: a refusal's name, or nothing."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for one in done:
        assert not isinstance(one, BaseException) or isinstance(one, Refusal), one
    return sorted(type(one).__name__ if isinstance(one, Refusal) else "" for one in done)


async def test_lines_that_race_for_one_sim_leave_it_to_one(
    engine: Engine, other_engine: Engine, database: Database
) -> None:
    line_ids = {number: await add_line(engine, database, number) for number in NUMBERS}
    await add_stock(database, Sim(iccid=NEW))

    done = await outcomes(
        *((engine, other_engine)[place % 2].submit(to_sim(n)) for place, n in enumerate(NUMBERS))
    )

    assert done == ["", *["SimNotUsable"] * 7]
    sim = await read_sim(database, NEW)
    assert sim is not None
    assert sim.line_id in line_ids.values()
    on_it = await database.fetch("SELECT line_id FROM line WHERE iccid = $1", NEW)
    assert [row[0] for row in on_it] == [sim.line_id]


async def test_lines_that_bring_one_unknown_sim_along_leave_it_to_one(
    engine: Engine, other_engine: Engine, database: Database
) -> None:
    done = await outcomes(
        *(
            add_line((engine, other_engine)[place % 2], database, number, iccid=OLD)
            for place, number in enumerate(NUMBERS)
        )
    )

    assert done == ["", *["SimNotUsable"] * 7]
    assert await database.fetch_value("SELECT count(*) FROM line WHERE iccid = $1", OLD) == 1


async def test_lines_that_swap_crosswise_leave_each_sim_to_one(
    engine: Engine, other_engine: Engine, database: Database
) -> None:
    stock = [f"896000000000001{place:04d}" for place in range(6)]
    for number in NUMBERS:
        await add_line(engine, database, number)
    await add_stock(database, *(Sim(iccid=iccid) for iccid in stock))

    await outcomes(
        *(
            (engine, other_engine)[turn % 2].submit(to_sim(number, iccid))
            for turn, iccid in enumerate(stock)
            for number in (NUMBERS if turn % 2 else reversed(NUMBERS))
        )
    )

    rows = await database.fetch(
        """
        SELECT sim.iccid, sim.state, line.line_id
          FROM sim LEFT JOIN line ON line.iccid = sim.iccid AND line.line_id = sim.line_id
         ORDER BY sim.iccid
        """
    )
    assert len(rows) == 6
    for row in rows:
        assert (row["state"] == SimState.ASSIGNED) == (row["line_id"] is not None)
    assert (await verify(database, full=True)).findings == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sim SET line_id = 1 WHERE state = 1",
        "UPDATE sim SET state = 2 WHERE line_id IS NULL",
        "UPDATE sim SET state = 3, sealed = 'x'",
        "INSERT INTO sim SELECT * FROM sim",
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(
    database: Database, statement: str
) -> None:
    await add_stock(database, Sim(iccid=NEW))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await database.execute(statement)  # type: ignore[arg-type]


async def test_a_sim_never_goes_from_one_line_to_another(database: Database) -> None:
    await add_stock(database, Sim(iccid=NEW, state=SimState.ASSIGNED, line_id=1))
    connection = await database.connect_writer()
    try:
        for changed in (
            Sim(iccid=NEW, state=SimState.ASSIGNED, line_id=2),
            Sim(iccid=NEW, state=SimState.IN_STOCK),
        ):
            with pytest.raises(sims.SimChangedElsewhere):
                await sims.update_sims(connection, [changed])
    finally:
        await connection.close()


async def test_a_line_is_activated_on_a_sim(engine: Engine, database: Database) -> None:
    line_id = await add_line(
        engine, database, NUMBERS[0], active_until=None, grace_until=None, activated_at=None
    )
    await add_stock(database, Sim(iccid=NEW))
    command = ActivateLine(
        caller="test", request_key="a", msisdn=NUMBERS[0], valid_days=5, iccid=NEW, actor=STAFF
    )
    await engine.submit(command)
    await engine.submit(command)
    sim = await read_sim_of(database, line_id)
    assert sim is not None
    assert (sim.iccid, sim.state, sim.line_id) == (NEW, SimState.ASSIGNED, line_id)


async def test_a_replacement_ends_sessions_and_passwords_of_that_line_alone(
    engine: Engine, database: Database
) -> None:
    mine, other = [
        await add_line(engine, database, number, iccid=iccid)
        for number, iccid in zip(NUMBERS[:2], (OLD, ESIM), strict=True)
    ]
    await add_stock(database, Sim(iccid=NEW))
    for line_id in (mine, other):
        await database.execute(
            "INSERT INTO session VALUES ($1, 'd', now(), now(), now() + interval '1 day')", line_id
        )
        await database.execute(
            "INSERT INTO sign_in_code VALUES ($1, 'c', 'd', now() + interval '5 minutes', false)",
            line_id,
        )

    done = await engine.submit(to_sim(NUMBERS[0]))

    assert [r[0] for r in await database.fetch("SELECT line_id FROM session")] == [other]
    assert [r[0] for r in await database.fetch("SELECT line_id FROM sign_in_code")] == [other]
    row = await database.fetch_row("SELECT iccid, hold_until FROM line WHERE line_id = $1", mine)
    assert row is not None
    assert tuple(row) == (NEW, done.hold_until)
    old = await read_sim(database, OLD)
    assert old is not None
    assert (old.state, old.line_id) == (SimState.RETIRED, mine)


async def test_two_replacements_in_one_batch_retire_the_one_between(
    engine: Engine, database: Database
) -> None:
    line_id = await add_line(engine, database, NUMBERS[0], iccid=OLD)
    await add_stock(database, Sim(iccid=NEW), Sim(iccid=ESIM))
    first, second = engine.enqueue(to_sim(NUMBERS[0])), engine.enqueue(to_sim(NUMBERS[0], ESIM))
    await asyncio.gather(first, second)
    states = await database.fetch("SELECT iccid, state, line_id FROM sim ORDER BY iccid")
    assert [tuple(row) for row in states] == [
        (OLD, SimState.RETIRED, line_id),
        (NEW, SimState.RETIRED, line_id),
        (ESIM, SimState.ASSIGNED, line_id),
    ]


async def test_a_code_is_shown_once_however_many_ask_at_once(
    engine: Engine, other_engine: Engine, database: Database, keys: Keys
) -> None:
    await add_stock(database, esim(keys))
    line_id = await add_line(engine, database, NUMBERS[0], iccid=ESIM)

    done = await outcomes(
        *((engine, other_engine)[place % 2].submit(show(line_id)) for place in range(8))
    )

    assert done == ["", *["SignInNeeded"] * 7]
    audits = await database.fetch("SELECT action FROM audit WHERE action = 'ShowEsimCode'")
    assert len(audits) == 1


async def test_the_code_is_whole_and_then_gone(
    engine: Engine, database: Database, keys: Keys
) -> None:
    await add_stock(database, esim(keys))
    line_id = await add_line(engine, database, NUMBERS[0], iccid=ESIM)
    shown = await engine.submit(show(line_id))
    assert isinstance(shown, EsimCode)
    assert open_code(keys, ESIM, shown.sealed).text == CODE
    with pytest.raises(SignInNeeded):
        await engine.submit(show(line_id))
    await engine.submit(ReportInstalled(line_id=line_id, iccid=ESIM, actor=STAFF))
    with pytest.raises(EsimCodeGone):
        await engine.submit(show(line_id, is_fresh=True))
    assert await database.fetch_value("SELECT sealed FROM sim WHERE iccid = $1", ESIM) is None


async def test_a_sim_of_the_stock_can_be_retired_and_then_serves_nobody(
    engine: Engine, database: Database, keys: Keys
) -> None:
    await add_line(engine, database, NUMBERS[0], iccid=OLD)
    await add_stock(database, esim(keys))
    ended = await retire_sim(database, ESIM, STAFF, is_lost=True)
    assert (ended.state, ended.sealed) == (SimState.LOST, None)
    with pytest.raises(SimNotUsable):
        await engine.submit(to_sim(NUMBERS[0], ESIM))
    with pytest.raises(SimNotUsable):
        await retire_sim(database, OLD, STAFF, is_lost=False)
    with pytest.raises(SimUnknown):
        await retire_sim(database, NEW, STAFF, is_lost=False)


async def test_a_bystander_s_command_touches_no_sim(engine: Engine, database: Database) -> None:
    await add_line(engine, database, NUMBERS[0], iccid=OLD)
    before = await database.fetch_value("SELECT xmin::text FROM sim WHERE iccid = $1", OLD)
    with pytest.raises(CodeNotUsable):
        await engine.submit(
            RedeemVoucher(
                caller="test",
                request_key="r",
                msisdn=NUMBERS[0],
                digits="1234567890123452",
                audience=Audience.OWN,
            )
        )
    assert await database.fetch_value("SELECT xmin::text FROM sim WHERE iccid = $1", OLD) == before

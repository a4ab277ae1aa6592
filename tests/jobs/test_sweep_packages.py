"""Renewal of packages on a real PostgreSQL: once, whoever is killed, late or twice at work."""

from __future__ import annotations

import asyncio
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.commands import ImportLine
from tambah.domain.line import Language
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.package_commands import BuyPackage, PackageBought
from tambah.domain.rules import Rules
from tambah.domain.subscription import SubscriptionState
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.sweep import sweep_once
from tambah.store.database import Database
from tambah.store.views.subscriptions import read_running
from tests.conftest import Fresh

RM = 1_000_000
FIRST = 60123450000
TODAY = date(2027, 3, 1)
LINES = 300
NAMES = {tag: "Demo" for tag in ("en", "ms", "zh-Hans", "ta")}
WEEK = Package(
    code="WEEK",
    names=NAMES,
    terms={},
    price_micros=3 * RM,
    allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**30),),
    days=7,
    recurring=True,
    auto_renew=True,
    on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
)


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with one package."""
    return replace(rules, packages=(WEEK,))


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


def move(clock: Clock, rules: Rules, day: date, hour: int) -> datetime:
    """Make it that local time."""
    then = rules.validity.start_of(day) + timedelta(hours=hour)
    clock.offset = then - datetime.now(UTC)
    return then


async def sell(engine: Engine, rules: Rules, count: int = LINES) -> None:
    """Import active lines with credit for two renewals, and sell each the package."""
    for line_id in range(5001, 5001 + count):
        await engine.submit(
            ImportLine(
                line_id=line_id,
                msisdn=FIRST + line_id - 5001,
                digest=b"test",
                language=Language.EN,
                plan="standard",
                activated_at=datetime(2026, 1, 1, tzinfo=UTC),
                active_until=rules.validity.start_of(TODAY + timedelta(days=90)),
                opening_micros=7 * RM,
            )
        )
    bought = await asyncio.gather(
        *(
            engine.submit(
                BuyPackage(caller="test", request_key="buy", msisdn=FIRST + place, package="WEEK")
            )
            for place in range(count)
        )
    )
    assert all(isinstance(one, PackageBought) and one.renews for one in bought)


async def states(database: Database) -> dict[tuple[int, int], int]:
    """Count packages by state and renewal."""
    rows = await database.fetch(
        "SELECT state, renewal_no, count(*) FROM subscription GROUP BY state, renewal_no"
    )
    return {(row[0], row[1]): row[2] for row in rows}


RUNNING, RENEWED, LAPSED = (
    SubscriptionState.RUNNING.value,
    SubscriptionState.RENEWED.value,
    SubscriptionState.LAPSED.value,
)


async def test_two_sweeps_at_once_and_a_third_renew_each_package_once(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 12)
    await sell(engine, rules)
    now = move(clock, rules, TODAY + timedelta(days=8), 0)

    await asyncio.gather(*(sweep_once(engine, database, now, page=50) for _ in range(2)))
    await sweep_once(engine, database, now)

    assert await states(database) == {(RENEWED, 0): LINES, (RUNNING, 1): LINES}
    [one] = await read_running(database, 5001, now)
    assert one.subscription.until == rules.validity.start_of(TODAY + timedelta(days=15))
    assert [(left.left, left.part) for left in one.left] == [(2**30, 100)]
    assert (await verify(database)).findings == ()


async def test_a_late_sweep_renews_from_the_old_end_and_lapses_without_credit(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> None:
    move(clock, rules, TODAY, 12)
    await sell(engine, rules, 5)

    await sweep_once(engine, database, move(clock, rules, TODAY + timedelta(days=10), 9))
    row = await database.fetch_row("SELECT until FROM subscription WHERE number = 2")
    assert row is not None
    assert row[0] == rules.validity.start_of(TODAY + timedelta(days=15))

    await sweep_once(engine, database, move(clock, rules, TODAY + timedelta(days=15), 0))
    assert await states(database) == {(RENEWED, 0): 5, (LAPSED, 1): 5}
    told = await database.fetch_value(
        "SELECT count(*) FROM outbox WHERE template = 'package_not_renewed'"
        " AND params ->> 'missing' = '2.00'"
    )
    assert told == 5
    assert (await verify(database)).findings == ()


SWEEPER = textwrap.dedent(
    """
    import asyncio, os, signal, sys
    from dataclasses import replace
    from datetime import datetime
    from tambah.engine.clock import Clock
    from tambah.engine.engine import Engine
    from tambah.jobs.sweep import sweep_once
    from tambah.store.database import Database
    from tests.conftest import make_keys, make_rules
    from tests.jobs.test_sweep_packages import WEEK

    class Dying:
        def __init__(self, engine):
            self.engine, self.left = engine, 35

        async def submit(self, command):
            await self.engine.submit(command)
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

    async def main():
        then, clock = datetime.fromisoformat(sys.argv[2]), Clock()
        clock.offset = then - clock.now()
        database = Database(sys.argv[1])
        await database.open()
        rules = replace(make_rules(), packages=(WEEK,))
        engine = Engine(database, rules=rules, keys=make_keys(), clock=clock)
        await engine.start()
        await sweep_once(Dying(engine), database, then, page=10)

    asyncio.run(main())
    """
)


async def test_a_sweep_that_is_killed_in_the_middle_is_finished_by_the_next(
    engine: Engine, database: Database, rules: Rules, clock: Clock, fresh: Fresh
) -> None:
    move(clock, rules, TODAY, 12)
    await sell(engine, rules)
    now = move(clock, rules, TODAY + timedelta(days=8), 0)

    sweeper = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SWEEPER, fresh.dsn, now.isoformat()
    )
    assert await sweeper.wait() == -signal.SIGKILL

    # Of the page it died in, some may be done whose answer it did not live to see.
    done = (await states(database))[RENEWED, 0]
    assert 35 <= done <= 40
    await sweep_once(engine, database, now)
    assert await states(database) == {(RENEWED, 0): LINES, (RUNNING, 1): LINES}
    paid = await database.fetch_value("SELECT sum(amount_micros) FROM transfer WHERE credit = 29")
    assert paid == 2 * LINES * 3 * RM
    assert (await verify(database)).findings == ()

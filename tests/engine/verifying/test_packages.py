"""Packages are proved leg by leg, from the start and from a closing; what is false is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.commands import AgeLine
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.package_commands import BuyPackage, RefundPackage
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.domain.world import STAFF

from .history import ALICE, BOB, Counter, open_books
from .test_gifts import named, tamper

RM = 1_000_000
WEEK = Package(
    code="WEEK",
    names={tag: "Demo" for tag in ("en", "ms", "zh-Hans", "ta")},
    terms={},
    price_micros=3 * RM,
    allowances=(
        PackageAllowance(kind=BucketKind.BYTES, amount=2**30, scope="social"),
        PackageAllowance(kind=BucketKind.SECONDS, amount=600),
    ),
    days=7,
    recurring=True,
    auto_renew=True,
    on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that tests move."""
    return Clock()


@pytest.fixture
async def engine(
    database: Database, rules: Rules, keys: Keys, clock: Clock
) -> AsyncIterator[Engine]:
    """Run an engine: Alice (1) has a package and one that was taken back, Bob (2) one."""
    engine = Engine(database, rules=replace(rules, packages=(WEEK,)), keys=keys, clock=clock)
    await engine.start()
    owners = await open_books(engine, database, keys)
    counter = Counter(engine, owners.shop)
    await counter.fund(200)
    await counter.top_up(ALICE, 30)
    await counter.top_up(BOB, 30)
    await buy(engine, ALICE, "one")
    await buy(engine, ALICE, "two")
    await buy(engine, BOB, "one")
    await engine.submit(
        RefundPackage(caller="test", request_key="back", msisdn=ALICE, number=2, actor=STAFF)
    )
    yield engine
    await engine.stop()


async def buy(engine: Engine, msisdn: int, key: str) -> None:
    """Buy the package."""
    await engine.submit(BuyPackage(caller="test", request_key=key, msisdn=msisdn, package="WEEK"))


async def test_packages_are_proved_from_the_start_and_from_a_closing(
    engine: Engine, database: Database, clock: Clock
) -> None:
    assert (await close_books(database)).verdict.findings == ()
    clock.offset += timedelta(days=9)
    await engine.submit(AgeLine(msisdn=ALICE))
    await buy(engine, BOB, "three")
    await engine.submit(
        RefundPackage(caller="test", request_key="again", msisdn=BOB, number=2, actor=STAFF)
    )

    assert (await verify(database)).findings == ()
    full = await verify(database, full=True)
    assert full.findings == ()
    assert full.accounts["package_revenue"] == 4 * 3 * RM
    granted = {"line_bytes", "bytes_given", "bytes_lapsed"}
    assert sum(full.allowances[name] for name in granted) == 0


DEEDS = {
    "a price changed": (
        "UPDATE subscription SET price_micros = 1 WHERE line_id = 2",
        {"package package:2/1"},
    ),
    "an allowance made larger": (
        "UPDATE subscription SET granted = jsonb_set(granted, '{0,amount}', '9')"
        " WHERE line_id = 2",
        {"package package:2/1"},
    ),
    "paid by another bucket": (
        "UPDATE subscription SET paid = jsonb_set(paid, '{0,bucket_id}', '99') WHERE line_id = 2",
        {"package package:2/1"},
    ),
    "dated otherwise": (
        "UPDATE subscription SET at = at - interval '1 second' WHERE line_id = 2",
        {"package package:2/1"},
    ),
    "a package deleted": (
        "DELETE FROM subscription WHERE line_id = 2",
        {f"package transfer:2/{seq}" for seq in (3, 4, 5, 6)},
    ),
    "a package out of nothing": (
        "INSERT INTO subscription SELECT line_id, 9, package, names, price_micros, granted, paid,"
        " recurring, renews, renewal_no, at, started_at, until, 'ABCDEFGH', state"
        " FROM subscription WHERE line_id = 2",
        {"package package:2/9"},
    ),
    "a refund forgotten": (
        "UPDATE subscription SET state = 1, ended_at = NULL WHERE line_id = 1 AND number = 2",
        {"package package:1/2"},
    ),
    "a refund that never was": (
        "UPDATE subscription SET state = 5, ended_at = now() WHERE line_id = 2",
        {"package package:2/1"},
    ),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_falsified_packages_are_found(
    name: str, engine: Engine, database: Database, fresh: Fresh
) -> None:
    statement, found = DEEDS[name]
    await tamper(fresh.owner_dsn, statement)

    assert named(await verify(database)) == found

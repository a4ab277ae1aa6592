"""An engine with tax and bonus on sale, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from tambah.domain.catalog import Catalog
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tests.conftest import RM, denomination

from .history import Counter, Owners, first_part, open_books, second_part


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules under which RM10 bears tax and RM30 a bonus of RM2."""
    with_tax = msgspec.structs.replace(
        denomination(10), tax_micros=600_000, credit_micros=9 * RM + 400_000
    )
    catalog = Catalog(
        denominations=(with_tax, denomination(30, bonus=2), denomination(50, bonus=5)),
        own_amount=rules.catalog.own_amount,
    )
    return replace(rules, catalog=catalog)


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the engine."""
    return Clock()


@pytest.fixture
async def engine(
    database: Database, rules: Rules, keys: Keys, clock: Clock
) -> AsyncIterator[Engine]:
    """Run an engine whose clock can be moved."""
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def owners(engine: Engine, database: Database, keys: Keys) -> Owners:
    """Open the books: four lines, a shop, twenty cards."""
    return await open_books(engine, database, keys)


@pytest.fixture
def counter(engine: Engine, owners: Owners) -> Counter:
    """Return where commands are given."""
    return Counter(engine, owners.shop)


@pytest.fixture
async def history(counter: Counter, clock: Clock) -> None:
    """Run the whole history."""
    await first_part(counter)
    await second_part(counter, clock)

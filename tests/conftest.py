"""One real PostgreSQL for the whole run, and a fresh migrated database for each test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import settings

from tambah.domain.catalog import Catalog, Denomination, OwnAmount
from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.rules import Rules
from tambah.domain.validity import ValidityPolicy, ValidityRule
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys, parse_peppers
from tambah.store.database import Database
from tambah.store.migrate import migrate

from .quick_server import quick_server

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("tambah", deadline=None)
settings.load_profile("tambah")

_numbers = count(1)
# Workers side by side may share a server of the operator's.
_TEMPLATE = f"tambah_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
RM = MICROS_PER_RINGGIT
KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")


def with_database(dsn: str, name: str) -> str:
    """Return the address of another database of the same server."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}"))


@dataclass(frozen=True)
class Server:
    """The run's server: addresses of its template, for the owner and for the product's role."""

    owner_dsn: str
    dsn: str


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start the embedded server, or take the one that TAMBAH_TEST_DATABASE_URL names."""
    given = os.environ.get("TAMBAH_TEST_DATABASE_URL")
    if given:
        server = Server(given, given)
        asyncio.run(_make_template(server))
        yield server
        return
    with quick_server() as embedded:
        server = Server(embedded.owner_dsn, embedded.dsn)
        asyncio.run(_make_template(server))
        yield server


async def _make_template(server: Server) -> None:
    owner: Any = await asyncpg.connect(server.owner_dsn)
    await owner.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
    await owner.execute(f"CREATE DATABASE {_TEMPLATE}")
    await owner.close()
    await migrate(
        with_database(server.owner_dsn, _TEMPLATE),
        with_database(server.dsn, _TEMPLATE),
    )


@dataclass(frozen=True)
class Fresh:
    """A fresh database's addresses."""

    owner_dsn: str
    dsn: str


@pytest.fixture
async def fresh(server: Server) -> AsyncIterator[Fresh]:
    """Make an empty migrated database for one test."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    owner: Any = await asyncpg.connect(server.owner_dsn)
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield Fresh(with_database(server.owner_dsn, name), with_database(server.dsn, name))
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


@pytest.fixture
async def database(fresh: Fresh) -> AsyncIterator[Database]:
    """Open a fresh migrated database as the product's own role."""
    database = Database(fresh.dsn)
    await database.open(readers=4)
    yield database
    await database.close()


@pytest.fixture
def keys() -> Keys:
    """Return two live peppers, the older of which keeps working."""
    return make_keys()


def make_keys() -> Keys:
    """Return the same for fixtures of a wider scope."""
    return parse_peppers(f"1: {'11' * 32}\n2: {'22' * 32}\n")


def denomination(
    price: int, *, bonus: int = 0, tax: int = 0, days: int | None = None
) -> Denomination:
    """Return a denomination in whole ringgit, a day for each unless told."""
    return Denomination(
        price_micros=price * RM,
        tax_micros=tax * RM,
        credit_micros=(price - tax) * RM,
        bonus_micros=bonus * RM,
        valid_days=days or price,
        bonus_days=30,
        on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def rules() -> Rules:
    """Return a small operator's rules: RM5, RM10, RM30 (RM2 bonus) and RM50."""
    return make_rules()


def make_rules() -> Rules:
    """Return the same for fixtures of a wider scope."""
    return Rules(
        catalog=Catalog(
            denominations=(
                denomination(5),
                denomination(10),
                denomination(30, bonus=2),
                denomination(50, bonus=5),
            ),
            own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM),
        ),
        validity=ValidityRule(policy=ValidityPolicy.ADD_WITH_CAP, zone=KUALA_LUMPUR, cap_days=365),
    )


@pytest.fixture
async def engine(database: Database, rules: Rules, keys: Keys) -> AsyncIterator[Engine]:
    """Run an engine on the fresh database."""
    engine = Engine(database, rules=rules, keys=keys, clock=Clock())
    await engine.start()
    yield engine
    await engine.stop()

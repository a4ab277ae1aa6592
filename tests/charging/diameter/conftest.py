"""A server of Gy and Ro in this process, on a fresh database with a line that has credit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tambah.charging.diameter.server import DiameterServer
from tambah.desks.charging import ChargingDesk
from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import Database
from tests.charging.diameter.client import Client
from tests.charging.diameter.world import MSISDN, TOP_UP_PAGE, charging_rules, entry
from tests.engine.books import add_line

Credit = Callable[[int], Awaitable[None]]


@pytest.fixture
def rules() -> Rules:
    """Return rules with a tariff."""
    return charging_rules()


@pytest.fixture
async def credit(engine: Engine, database: Database) -> Credit:
    """Return what gives the line credit."""
    await add_line(engine, database, MSISDN)
    keys = iter(range(100))

    async def give(micros: int) -> None:
        command = AdjustCredit(
            caller="test",
            request_key=str(next(keys)),
            msisdn=MSISDN,
            amount_micros=micros,
            actor=Actor(who="test", why="credit to spend"),
        )
        await engine.submit(command)

    return give


@pytest.fixture
async def server_of_diameter(
    engine: Engine, database: Database, rules: Rules
) -> AsyncIterator[DiameterServer]:
    """Run a server; `where` says where."""
    desk = ChargingDesk(engine, database, rules, Clock())
    server = DiameterServer(entry(top_up_page=TOP_UP_PAGE), desk, database, rules.numbers)
    yield server
    await server.stop()


@pytest.fixture
async def where(server_of_diameter: DiameterServer) -> str:
    """Return where the server listens."""
    return await server_of_diameter.start()


@pytest.fixture
async def client(where: str) -> AsyncIterator[Client]:
    """Connect a gateway that was introduced."""
    client = await Client.introduced(where)
    yield client
    await client.close()

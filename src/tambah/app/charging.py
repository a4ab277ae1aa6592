"""A process that charges: an engine of its own on the database, and a door of the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tambah.app.base import Base, check_peppers, read_keys, read_rules
from tambah.app.house import renewing, settle_version
from tambah.app.serving import spare_collector
from tambah.charging.diameter.metrics import MetricsDoor
from tambah.charging.diameter.server import DiameterServer
from tambah.config import ConfigError, DiameterEntry, check_diameter
from tambah.desks.charging import ChargingDesk
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.jobs.watch import watch_for_ever
from tambah.store.database import Database
from tambah.store.stamps import read_stamps


@asynccontextmanager
async def open_diameter(base: Base) -> AsyncGenerator[str]:
    """Answer Gy and Ro while it is open; yields where it listens. Raises ConfigError.

    A demo's database is charged as well, by the demo's operator.toml unless another is named.
    At its end requests under way are answered first, then the peers are told.
    """
    await settle_version(base, demo=False)
    async with AsyncExitStack() as closing:
        database = base.database()
        await database.open()
        closing.push_async_callback(database.close)
        is_demo = (await read_stamps(database)).get("demo") == "yes"
        operator, rules = read_rules(base.settings, demo=is_demo)
        if operator.diameter is None:
            raise ConfigError(
                "operator.toml has no [diameter]: say who we are and who may connect"
            )
        check_diameter(operator.diameter)
        desk = await _open_desk(base, database, rules, closing)
        yield await _open_server(operator.diameter, desk, database, rules, closing)


async def _open_desk(
    base: Base, database: Database, rules: Rules, closing: AsyncExitStack
) -> ChargingDesk:
    """Start an engine, with what watches the database; return the desk before it."""
    keys = read_keys(base.settings, base.data_dir, make=False)
    await check_peppers(database, keys)
    clock = Clock()
    engine = base.engine(database, rules, keys, clock)
    await closing.enter_async_context(renewing(engine, database, rules, clock))
    await engine.start()
    closing.push_async_callback(engine.stop)
    closing.push_async_callback(_end, asyncio.create_task(watch_for_ever(database)))
    return ChargingDesk(engine, database, rules, clock)


async def _open_server(
    entry: DiameterEntry,
    desk: ChargingDesk,
    database: Database,
    rules: Rules,
    closing: AsyncExitStack,
) -> str:
    """Take connections, and Prometheus's; return where. Raises ConfigError."""
    server = DiameterServer(entry, desk, database, rules.numbers)
    try:
        where = await server.start()
        closing.push_async_callback(server.stop)
        if entry.metrics:
            closing.callback(MetricsDoor(server, entry.metrics).close)
    except OSError as error:
        raise ConfigError(f"cannot listen: {error}") from error
    spare_collector()
    return where


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

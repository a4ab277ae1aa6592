"""What a command works on: the database that the settings name, its rules and its secrets."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from tambah.app import Base, check_peppers, find_base, read_keys, read_rules
from tambah.cli.frame import CommandRefused, run
from tambah.cli.logs import configure_logging
from tambah.config import Operator, read_settings
from tambah.domain.actor import Actor
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.live_packages import all_packages
from tambah.engine.live_promotions import with_made
from tambah.store.database import Database
from tambah.store.migrate import HEAD, current_version, migrate
from tambah.store.stamps import read_stamps

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An open database with the rules and keys that belong to it."""

    base: Base
    database: Database
    operator: Operator
    rules: Rules
    keys: Keys
    clock: Clock
    is_demo: bool

    @property
    def now(self) -> datetime:
        """Return the present instant (UTC) by the installation's clock."""
        return self.clock.now()

    @property
    def zone(self) -> ZoneInfo:
        """Return the operator's zone, in which instants are shown."""
        return self.rules.validity.zone

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[Engine]:
        """Run an engine beside whatever serves the same database: rows are locked, not files."""
        engine = self.base.engine(self.database, self.rules, self.keys, self.clock)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()


def actor(why: str | None) -> Actor:
    """Return who acts at the command line, and why (empty when no reason was given)."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Actor(who=f"cli:{name}", why=why or "")


def with_base(work: Callable[[Base], _Value]) -> _Value:
    """Do something with the database that the settings name; leave it as it was found."""
    settings = read_settings()
    configure_logging(settings.log_level)
    base = find_base(settings)
    try:
        return work(base)
    finally:
        base.close()


def at_desk(work: Callable[[Desk], Awaitable[_Value]]) -> _Value:
    """Open the database with its rules and keys, and do something with them."""

    async def sit(base: Base) -> _Value:
        """Open it, work, close it."""
        async with open_desk(base) as desk:
            return await work(desk)

    return with_base(lambda base: run(sit(base)))


@asynccontextmanager
async def open_desk(base: Base) -> AsyncGenerator[Desk]:
    """Open a database that has the present tables. Raises ConfigError and CommandRefused."""
    async with open_database(base) as database:
        stamps = await read_stamps(database)
        is_demo = stamps.get("demo") == "yes"
        operator, rules = read_rules(base.settings, demo=is_demo)
        keys = read_keys(base.settings, base.data_dir, make=False)
        await check_peppers(database, keys)
        packages = await all_packages(database, rules)
        rules = replace(await with_made(database, rules), packages=packages)
        yield Desk(
            base=base,
            database=database,
            operator=operator,
            rules=rules,
            keys=keys,
            clock=Clock(),
            is_demo=is_demo,
        )


@asynccontextmanager
async def open_database(base: Base) -> AsyncGenerator[Database]:
    """Open a database that has the present tables, and nothing but it. Raises CommandRefused."""
    await require_schema(base)
    database = base.database()
    await database.open(readers=2)
    try:
        yield database
    finally:
        await database.close()


async def require_schema(base: Base) -> None:
    """Refuse a database of another version; our own embedded one is brought along."""
    version = await current_version(base.owner_dsn)
    if version == HEAD:
        return
    if base.embedded is not None and version is None:
        await migrate(base.owner_dsn, base.dsn)
        return
    raise CommandRefused(
        "schema_version",
        f"The database is at version {version or 'none'}, this program needs {HEAD}."
        " Run `tambah migrate`.",
    )

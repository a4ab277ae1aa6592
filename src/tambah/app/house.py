"""The house: everything that runs, opened in order and closed in the opposite one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tambah.app.base import Base, check_peppers, read_keys, read_rules
from tambah.channels.notifier import Notifier
from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.channels.switchboard import Switchboard, build_switchboard
from tambah.config import (
    ConfigError,
    check_gateways,
    read_gateway_secrets,
)
from tambah.desks.deeds import means_of
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.live_packages import PackageSource
from tambah.engine.live_promotions import PromotionSource
from tambah.engine.tariffs import TariffSource
from tambah.i18n import LANGUAGES, texts
from tambah.jobs.approvals import carry_out_for_ever
from tambah.jobs.bank_folder import watch_folder_for_ever
from tambah.jobs.book_closing import close_for_ever
from tambah.jobs.charging import close_overdue_for_ever
from tambah.jobs.daily import daily_for_ever
from tambah.jobs.demo import seed_demo
from tambah.jobs.inbox import InboxWorker
from tambah.jobs.payments import poll_for_ever
from tambah.jobs.renewing import Renewal
from tambah.jobs.sweep import sweep_for_ever
from tambah.jobs.watch import watch_for_ever
from tambah.payments.build import Ground, build_bank_desk, build_desk
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.migrate import HEAD, current_version, migrate
from tambah.store.stamps import is_empty, read_stamps, write_stamp
from tambah.web.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A running Tambah: its site, what carries calls and messages, and what works behind it."""

    site: Site
    notifier: Notifier | None
    switchboard: Switchboard


@asynccontextmanager
async def open_house(
    base: Base, *, demo: bool = False, works: bool = True, url: str = ""
) -> AsyncGenerator[House]:
    """Open the database, check it, start the engine; drain and close it all afterwards.

    works: also run what happens by the clock (messages, the sweep). url: where it is served, for
    links, unless TAMBAH_PUBLIC_URL says otherwise. Raises ConfigError.
    """
    await settle_version(base, demo=demo)
    async with AsyncExitStack() as closing:
        database = base.database()
        await database.open()
        closing.push_async_callback(database.close)
        await check_stamp(database, demo=demo)
        operator, rules = read_rules(base.settings, demo=demo)
        secrets = read_gateway_secrets()
        check_gateways(operator.gateways, secrets)
        keys = read_keys(base.settings, base.data_dir, make=demo)
        await check_peppers(database, keys)
        clock = Clock()
        for tag in LANGUAGES:
            texts(tag)  # read once, before the first visitor waits for it
        engine = base.engine(database, rules, keys, clock)
        await engine.start()
        closing.push_async_callback(engine.stop)
        ground = Ground(
            settings=base.settings,
            operator=operator,
            rules=rules,
            engine=engine,
            database=database,
            keys=keys,
            clock=clock,
            public_url=base.settings.public_url or url,
            is_demo=demo,
        )
        site = _open_site(ground)
        if site.payments is not None:
            closing.push_async_callback(site.payments.close)
        if demo:
            site = replace(site, sandbox=await seed_demo(site, base.data_dir))
        await closing.enter_async_context(renewing(engine, database, rules, clock))
        switchboard = build_switchboard(site, base.data_dir, secrets)
        closing.push_async_callback(switchboard.close)
        async with _working(site, ground, switchboard, works=works) as notifier:
            yield House(site=site, notifier=notifier, switchboard=switchboard)


def _open_site(ground: Ground) -> Site:
    """Return what every door is given."""
    return Site(
        engine=ground.engine,
        database=ground.database,
        rules=ground.rules,
        operator=ground.operator,
        keys=ground.keys,
        clock=ground.clock,
        public_url=ground.public_url,
        payments=build_desk(ground),
        trusted_proxies=tuple(_split(ground.settings.trusted_proxies)),
        recordings_dir=ground.settings.recordings_dir,
        sso_client_secret=ground.settings.sso_client_secret,
    )


def _keeping_books(site: Site) -> list[asyncio.Task[None]]:
    """Have the books proved once a day, and their days closed if the operator wants it."""
    tasks = [asyncio.create_task(daily_for_ever(site.database, site.clock))]
    if site.operator.finance.close_automatically:
        closing = close_for_ever(site.database, site.rules.validity)
        tasks.append(asyncio.create_task(closing))
    return tasks


def _by_the_clock(site: Site) -> list[asyncio.Task[None]]:
    """Have lines that are due aged, and sessions whose time is up closed."""
    return [
        asyncio.create_task(work(site.engine, site.database, site.clock))
        for work in (sweep_for_ever, close_overdue_for_ever)
    ]


@asynccontextmanager
async def renewing(
    engine: Engine, database: Database, rules: Rules, clock: Clock
) -> AsyncGenerator[None]:
    """Take the rules that are kept in the database, before the first request and ever after.

    rules: those of operator.toml.
    """
    renewal = Renewal(
        engine,
        [
            TariffSource(database, clock),
            PromotionSource(database, rules),
            PackageSource(database, rules),
        ],
    )
    await renewal.look()
    task = asyncio.create_task(renewal.run())
    try:
        yield
    finally:
        task.cancel()
        await _wait_out([task])


@asynccontextmanager
async def _working(
    site: Site, ground: Ground, switchboard: Switchboard, *, works: bool
) -> AsyncGenerator[Notifier | None]:
    """Run what happens by the clock beside whatever is inside: messages, the sweep, the watch."""
    tasks = [asyncio.create_task(watch_for_ever(site.database))]
    notifier: Notifier | None = None
    if works:
        clock = site.clock
        tasks += _by_the_clock(site)
        tasks.append(asyncio.create_task(carry_out_for_ever(means_of(site))))
        tasks += _keeping_books(site)
        if site.payments is not None:
            polling = poll_for_ever(site.payments, site.database, clock)
            inbox = InboxWorker(site.payments)
            site.payments.on_events = inbox.wake
            tasks += [asyncio.create_task(polling), asyncio.create_task(inbox.run())]
        bank, folder = build_bank_desk(ground), ground.settings.bank_folder
        if bank is not None and folder:
            tasks.append(asyncio.create_task(watch_folder_for_ever(bank, Path(folder))))
        notifier = _make_notifier(site, switchboard)
    links = [asyncio.create_task(one.run()) for one in switchboard.sms.transceivers if works]
    telling = asyncio.create_task(notifier.run()) if notifier else None
    try:
        async with switchboard.listening() if works else nullcontext():
            yield notifier
    finally:
        for task in tasks:
            task.cancel()
        if notifier is not None:
            notifier.stop()
        # The connections stay until the messages in hand are answered.
        await _wait_out([*tasks, *([telling] if telling else [])])
        for link in links:
            link.cancel()
        await _wait_out(links)


def _make_notifier(site: Site, switchboard: Switchboard) -> Notifier | None:
    """Return what sends messages, None when there is no way to: then they wait."""
    sandbox = SandboxGateway(site.database) if site.is_demo else None
    gateway = switchboard.sender or sandbox
    if gateway is None:
        return None
    zone = site.rules.validity.zone
    notifier = Notifier(
        site.database, site.operator.brand, gateway, zone, site.clock, keys=site.keys
    )
    site.engine.on_messages = notifier.wake
    return notifier


async def _wait_out(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        with suppress(asyncio.CancelledError, *CONNECTION_LOST):
            await task


async def settle_version(base: Base, *, demo: bool) -> None:
    """Migrate our own server; of the operator's, say what is to be done. Raises ConfigError."""
    if demo or base.embedded is not None:
        await migrate(base.owner_dsn, base.dsn)
        return
    version = await current_version(base.dsn)
    if version != HEAD:
        raise ConfigError(
            f"the database has version {version or 'none'} of the tables and this program needs"
            f" {HEAD}; run `tambah migrate`"
        )


async def check_stamp(database: Database, *, demo: bool) -> None:
    """Keep demo and production apart. Raises ConfigError."""
    stamps = await read_stamps(database)
    stamped = stamps.get("demo") == "yes"
    if demo and not stamped:
        if not await is_empty(database):
            raise ConfigError(
                "this database has data and was not made by `tambah demo`; the demo does not touch"
                " it. Give the demo a data directory of its own with TAMBAH_DATA_DIR"
            )
        await write_stamp(database, "demo", "yes")
    if not demo and stamped:
        raise ConfigError("this database was made by `tambah demo`; it is not for production")


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", text) if part]

"""Builds everything; nothing else knows every part."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from litestar import Litestar

from tambah.api.rest import Api
from tambah.api.webhooks import Webhooks
from tambah.channels.ivr.drafts import is_installed
from tambah.channels.ivr.speech import PromptSpeech
from tambah.channels.notifier import Notifier
from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.channels.sandbox_phone.handlers import phone_routes
from tambah.channels.switchboard import Switchboard, build_switchboard
from tambah.config import (
    ConfigError,
    Operator,
    Settings,
    check_gateways,
    read_gateway_secrets,
    read_operator,
)
from tambah.console.routes import console_router
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys, new_pepper, parse_peppers
from tambah.engine.operator import operator_rules
from tambah.i18n import LANGUAGES, texts
from tambah.jobs.bank_folder import watch_folder_for_ever
from tambah.jobs.daily import daily_for_ever
from tambah.jobs.demo import seed_demo
from tambah.jobs.inbox import InboxWorker
from tambah.jobs.payments import poll_for_ever
from tambah.jobs.sweep import sweep_for_ever
from tambah.jobs.watch import watch_for_ever
from tambah.payments.build import Ground, build_bank_desk, build_desk
from tambah.portal.routes import routes
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.embedded import EmbeddedRefused, EmbeddedServer, default_data_dir
from tambah.store.migrate import HEAD, current_version, migrate
from tambah.store.stamps import is_empty, read_stamps, write_stamp
from tambah.web.health import HEALTH_PATHS, Health
from tambah.web.setup import configure
from tambah.web.site import Site

log = structlog.get_logger(__name__)

DEMO_OPERATOR = Path(__file__).parent / "demo_operator.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every command of ours stands on: where the data is, and the database itself.

    owner_dsn: the role that may create tables. embedded: our own server, None for the operator's.
    """

    settings: Settings
    data_dir: Path
    dsn: str
    owner_dsn: str
    embedded: EmbeddedServer | None

    def database(self) -> Database:
        """Return the database, not yet opened; a dead embedded server is revived by it."""
        return Database(self.dsn, self.embedded.ensure_running if self.embedded else None)

    def close(self) -> None:
        """Stop the embedded server, if this process started it."""
        if self.embedded is not None:
            self.embedded.stop()


def find_base(settings: Settings) -> Base:
    """Find the database that the settings name, starting the embedded one if need be. Blocks.

    Call it in the main thread: the server it starts ends with the thread that did.
    Raises ConfigError.
    """
    data_dir = Path(settings.data_dir) if settings.data_dir else default_data_dir()
    if settings.database_url:
        owner_dsn = settings.owner_database_url or settings.database_url
        return Base(
            settings=settings,
            data_dir=data_dir,
            dsn=settings.database_url,
            owner_dsn=owner_dsn,
            embedded=None,
        )
    try:
        server = EmbeddedServer.start(data_dir)
    except EmbeddedRefused as refused:
        raise ConfigError(str(refused)) from refused
    return Base(
        settings=settings,
        data_dir=data_dir,
        dsn=server.dsn,
        owner_dsn=server.owner_dsn,
        embedded=server,
    )


def read_keys(settings: Settings, data_dir: Path, *, make: bool) -> Keys:
    """Return the peppers: from the settings, else from data_dir/pepper, made there if `make`.

    Raises ConfigError.
    """
    path = data_dir / "pepper"
    try:
        if settings.pepper:
            return parse_peppers(settings.pepper)
        if not path.exists() and make:
            data_dir.mkdir(parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(new_pepper())
        return parse_peppers(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no pepper: set TAMBAH_PEPPER_FILE to a file made with"
            " `openssl rand -hex 32`, kept apart from the database and its backups"
        ) from error
    except ValueError as error:
        raise ConfigError(f"the pepper cannot be used: {error}") from error


def read_rules(settings: Settings, *, demo: bool = False) -> tuple[Operator, Rules]:
    """Return operator.toml and the rules it makes. Raises ConfigError."""
    if settings.operator_file:
        path = Path(settings.operator_file)
    elif demo:
        path = DEMO_OPERATOR
    else:
        raise ConfigError(
            "set TAMBAH_OPERATOR_FILE to your operator.toml; the demo's is a complete example"
        )
    operator = read_operator(path)
    return operator, operator_rules(operator)


async def check_peppers(database: Database, keys: Keys) -> None:
    """Notice a wrong pepper: each leaves a canary in the database when first used.

    Raises ConfigError.
    """
    stamps = await read_stamps(database)
    for key_id in keys.peppers:
        stamped = stamps.get(f"pepper:{key_id}")
        if stamped is None:
            await write_stamp(database, f"pepper:{key_id}", keys.canary(key_id))
        elif stamped != keys.canary(key_id):
            raise ConfigError(
                f"pepper {key_id} is not the one that this database was made with; no code would"
                " be found. Restore the right pepper file"
            )


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
    await _settle_version(base, demo=demo)
    async with AsyncExitStack() as closing:
        database = base.database()
        await database.open()
        closing.push_async_callback(database.close)
        await _check_stamp(database, demo=demo)
        operator, rules = read_rules(base.settings, demo=demo)
        check_gateways(operator.gateways, read_gateway_secrets())
        keys = read_keys(base.settings, base.data_dir, make=demo)
        await check_peppers(database, keys)
        clock = Clock()
        for tag in LANGUAGES:
            texts(tag)  # read once, before the first visitor waits for it
        engine = Engine(
            database,
            rules=rules,
            keys=keys,
            clock=clock,
            lanes=base.settings.lanes,
            queue_limit=base.settings.queue_limit,
        )
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
        switchboard = build_switchboard(site, base.data_dir, read_gateway_secrets())
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
    )


@asynccontextmanager
async def _working(
    site: Site, ground: Ground, switchboard: Switchboard, *, works: bool
) -> AsyncGenerator[Notifier | None]:
    """Run what happens by the clock beside whatever is inside: messages, the sweep, the watch."""
    tasks = [asyncio.create_task(watch_for_ever(site.database))]
    notifier: Notifier | None = None
    if works:
        clock = site.clock
        tasks.append(asyncio.create_task(sweep_for_ever(site.engine, site.database, clock)))
        tasks.append(asyncio.create_task(daily_for_ever(site.database, clock)))
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


async def _settle_version(base: Base, *, demo: bool) -> None:
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


async def _check_stamp(database: Database, *, demo: bool) -> None:
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


def spare_collector() -> None:
    """Keep what lives as long as the process out of the garbage collector's rounds.

    Records live for a batch and hold no cycles; scanning every module again and again for them
    is work for nothing, and a pause each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def build_asgi(site: Site, switchboard: Switchboard | None = None) -> Any:
    """Return the ASGI application: the API's own thin handlers first, gateways, then pages."""
    api, health, webhooks = Api(site), Health(site), Webhooks(site)
    pieces = configure(site)
    litestar = Litestar(
        route_handlers=[
            *pieces.route_handlers,
            *routes(site),
            *_phone(site, switchboard),
            console_router(site),
        ],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # `wrap` limits and drains bodies, for every path
    )
    pages = pieces.wrap(litestar)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http":
            await litestar(scope, receive, send)
        elif path.startswith("/api/") or api.owns(path):
            await api(scope, receive, send)
        elif webhooks.owns(path):
            await webhooks(scope, receive, send)
        elif path in HEALTH_PATHS:
            await health(scope, receive, send)
        elif switchboard is not None and (door := switchboard.door_of(path)) is not None:
            await door(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return application


def _phone(site: Site, switchboard: Switchboard | None) -> list[Any]:
    """Return the handlers of the phone on the screen, where there is one."""
    if switchboard is None or not site.is_demo:
        return []
    speaks = is_installed() or bool(site.recordings_dir)
    speech = PromptSpeech(switchboard.prompts, site.rules.validity.zone) if speaks else None
    return phone_routes(site, switchboard.attendant, speech)


def listen(settings: Settings, *, demo: bool, anywhere: bool = False) -> socket.socket:
    """Return a bound socket. A demo listens on loopback unless told twice. Raises ConfigError."""
    host, _, port = settings.listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if demo and not _is_loopback(host) and not (anywhere and settings.listen_anywhere):
        raise ConfigError(
            "the demo lays codes and a key open, so it listens on loopback only; if you mean it,"
            " give --anywhere and set TAMBAH_LISTEN_ANYWHERE=yes as well"
        )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port)))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot listen on {settings.listen}: {error}") from error
    return bound


async def serve(application: Any, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn would believe X-Forwarded-For from this machine; whom to believe is our setting.
        proxy_headers=False,
        date_header=True,
        http="httptools",
        ws="none",
        timeout_graceful_shutdown=20,
        backlog=2048,
    )
    spare_collector()
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def leave() -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await server.serve(sockets=[bound])


class _Server(uvicorn.Server):
    """uvicorn, but for signals: it would end the process before the engine is drained."""

    def install_signal_handlers(self) -> None:
        """Leave signals to `serve`."""

    def capture_signals(self) -> Any:
        """Leave signals to `serve`."""
        return nullcontext()


def url_of(bound: socket.socket) -> str:
    """Return the address that a socket is reached at."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", text) if part]

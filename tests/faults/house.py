"""A demo in a process of its own with its embedded PostgreSQL: started, killed, looked into."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import msgspec
import psutil

from tambah.app import read_keys, read_rules
from tambah.config import Settings
from tambah.domain.actor import Actor
from tambah.engine.keys import Keys
from tambah.engine.vouchers import BatchRequest, change_batch, generate
from tambah.jobs.demo import FILE, DemoFile
from tambah.store.database import Database
from tambah.store.embedded.binaries import bin_dir
from tambah.store.embedded.places import APP, OWNER, Places, dsn, read_passwords, socket_dir
from tambah.store.embedded.postmaster import find_postmaster

from .wire import ask_once

ROOT = Path(__file__).parents[2]
ACTOR = Actor(who="faults", why="to be killed")
_MOST_IN_A_BATCH = 1_000
_driver: Any = asyncpg  # its own annotations are partial
_FIRST_START_SECONDS = 120.0
_COMING_UP_SECONDS = 30.0


def free_port() -> int:
    """Return a port that nobody listens on.

    Below those that the system gives to callers: a caller of a dead server may be given the
    server's own port, and is then connected to itself.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(slots=True)
class House:
    """One server process on a data directory. Several may share one: they join its PostgreSQL.

    log: everything the process says. environ: TAMBAH_* settings besides the usual.
    dying_at: a step of a payment at which it kills itself (`dying.POINTS`).
    """

    data_dir: Path
    log: Path
    port: int = field(default_factory=free_port)
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    dying_at: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        environ = {n: v for n, v in os.environ.items() if not n.startswith("TAMBAH_")}
        environ |= {
            "TAMBAH_DATA_DIR": str(self.data_dir),
            "TAMBAH_LISTEN": f"127.0.0.1:{self.port}",
            **self.environ,
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _command(self) -> list[str]:
        if self.dying_at:
            return [sys.executable, "-m", "tests.faults.dying", self.dying_at]
        return [str(Path(sys.executable).with_name("tambah")), "demo"]

    async def wait_ready(self, seconds: float = _FIRST_START_SECONDS) -> None:
        """Wait until it can move money. Raises AssertionError when it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while True:
            answer = await ask_once(self.port, "/readyz")
            if answer is not None and answer.status == 200:
                return
            assert self.process is not None
            assert self.process.poll() is None, f"the server ended by itself: {self.said()}"
            assert time.monotonic() < deadline, f"not ready in {seconds:.0f} s: {self.said()}"
            await asyncio.sleep(0.02)

    def kill(self) -> None:
        """Kill -9 the process, and only it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stop the process as an operator does; return its exit status."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def is_alive(self) -> bool:
        """Say whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        """Return the end of what the process said."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    @property
    def places(self) -> Places:
        """Return where the embedded server's files are."""
        return Places(data_dir=self.data_dir)

    def postmaster(self) -> int | None:
        """Return the pid of the PostgreSQL in service, None while there is none."""
        found = find_postmaster(self.places.cluster)
        return found.pid if found and found.is_ready else None

    def backend(self, rng: Random) -> int | None:
        """Return the pid of one of PostgreSQL's processes, more often one that serves us."""
        postmaster = self.postmaster()
        if postmaster is None:
            return None
        serving: list[int] = []
        others: list[int] = []
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(postmaster).children():
                title = " ".join(child.cmdline())
                (serving if "[local]" in title else others).append(child.pid)
        chosen = serving if serving and rng.random() < 0.8 else others or serving
        return rng.choice(sorted(chosen)) if chosen else None

    def address(self, role: str = APP) -> str:
        """Return the database's address."""
        passwords = read_passwords(self.places)
        assert passwords is not None
        return dsn(role=role, password=passwords[role], socket_dir=socket_dir(self.places))

    @contextlib.asynccontextmanager
    async def looked_into(self) -> AsyncGenerator[Any]:
        """Lend a connection of our own to the database, once there is one to be had."""
        connection = await self._connected()
        try:
            yield connection
        finally:
            await connection.close()

    async def _connected(self) -> Any:
        """Connect; wait while PostgreSQL is on its way up again.

        A backend outlives a killed postmaster by moments and may yet serve a credit in them, so
        that a credit begun after the kill does not show that there is a postmaster.
        """
        deadline = time.monotonic() + _COMING_UP_SECONDS
        while True:
            try:
                return await _driver.connect(self.address(), timeout=30)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncGenerator[Database]:
        """Lend the product's own way to the database, in this process."""
        database = Database(self.address())
        await database.open(readers=2)
        try:
            yield database
        finally:
            await database.close()

    def demo(self) -> DemoFile:
        """Return demo.json."""
        return msgspec.json.decode((self.data_dir / FILE).read_bytes(), type=DemoFile)

    def keys(self) -> Keys:
        """Return the demo's peppers."""
        return read_keys(Settings(), self.data_dir, make=False)

    def dump(self) -> str:
        """Return all tables as pg_dump writes them in plain text."""
        run = subprocess.run(
            [str(bin_dir() / "pg_dump"), "--dbname", self.address(OWNER)],
            check=True,
            capture_output=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        return run.stdout.decode("utf-8", "replace")


async def make_codes(house: House, count: int, *, price_micros: int = 5_000_000) -> list[str]:
    """Make and release as many live codes, straight into the database."""
    _, rules = read_rules(Settings(), demo=True)
    codes: list[str] = []
    async with house.database() as database:
        while len(codes) < count:
            now = await database.fetch_value("SELECT now()")
            made = await generate(
                database,
                house.keys(),
                rules.catalog,
                BatchRequest(
                    price_micros=price_micros,
                    quantity=min(_MOST_IN_A_BATCH, count - len(codes)),
                    now=now,
                    actor=ACTOR,
                    operator="faults",
                    born_active=True,
                    keep_codes=True,
                ),
            )
            await change_batch(database, made.batch_id, "release", ACTOR, now)
            codes += made.codes
    return codes

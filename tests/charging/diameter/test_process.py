"""The server as a process: killed in the midst of sessions, parted from its database, stopped."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.charging.diameter.names import Command, RequestType
from tambah.domain.charging_rule import MEGABYTE
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.jobs.charging import close_overdue
from tambah.store.database import Database
from tests.charging.diameter.client import DATA, Client, Message, Session, service
from tests.charging.diameter.conftest import Credit
from tests.charging.diameter.test_sessions import balance
from tests.charging.diameter.world import CORE, OCS, PGW, REALM, RM
from tests.conftest import Fresh
from tests.faults.house import ROOT, free_port

INITIAL, UPDATE, TERMINATION, _ = RequestType
SESSIONS, UPDATES = 6, 10
_CONFIGURATION = f"""

[diameter]
host = "{OCS}"
realm = "{REALM}"
listen = "127.0.0.1:{{port}}"
metrics = "127.0.0.1:{{metrics}}"

[[diameter.peers]]
host = "{PGW}"
realm = "{CORE}"
allow = ["127.0.0.1"]
"""


class Program:
    """The charging process. where: its address. others: PostgreSQL's processes before it."""

    def __init__(self, fresh: Fresh, folder: Path) -> None:
        port, self.metrics = free_port(), free_port()
        self.where = f"127.0.0.1:{port}"
        operator = folder / "operator.toml"
        more = _CONFIGURATION.format(port=port, metrics=self.metrics)
        # Of the demo's all but its own entry.
        others = re.sub(r"(?s)\n\[diameter\].*?(?=\n# )", "", DEMO_OPERATOR.read_text())
        operator.write_text(others + more)
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("TAMBAH_")} | {
            "TAMBAH_DATABASE_URL": fresh.dsn,
            "TAMBAH_OPERATOR_FILE": str(operator),
            "TAMBAH_PEPPER": f"1: {'11' * 32}\n2: {'22' * 32}\n",
            "TAMBAH_DATA_DIR": str(folder),
        }
        self._log = folder / "log"
        self.others: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "tests.charging.diameter.program", "charging", "diameter"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - forks at once
                command, cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )
        host, _, port = self.where.rpartition(":")
        for _ in range(1200):
            assert self._process.poll() is None, self._log.read_text()
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """Kill -9 it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def stop(self) -> int:
        """Stop it as an operator does; return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, 60)


@pytest.fixture
async def program(
    fresh: Fresh, database: Database, credit: Credit, tmp_path: Path
) -> AsyncIterator[Program]:
    """Run the process on the test's database; the line has credit."""
    await credit(100 * RM)
    program = Program(fresh, tmp_path)
    program.others = await backends(database)
    await program.start()
    yield program
    await program.stop()


class Stubborn:
    """A gateway that connects again and sends what was not answered again, as RFC 8506 wants."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self.answered = 0
        self.again = 0

    async def ask(self, name: str, kind: RequestType, number: int, used: int) -> Message:
        """Send a request until it is answered."""
        more = [service(1, used=used, wanted=MEGABYTE, more=kind is not TERMINATION)]
        flags = 0xC0
        while True:
            client = await self._connected()
            try:
                session = Session(client, DATA, name)
                answer = await session.ask(kind, number, *more, flags=flags)
            except (ConnectionError, TimeoutError):
                if self._client is client:
                    self._client = None
                    await client.close()
            else:
                if answer.result != 3004:
                    self.answered += 1
                    return answer
                await asyncio.sleep(0.05)
            flags = 0xD0
            self.again += 1

    async def close(self) -> None:
        """Part from the server."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> Client:
        async with self._connecting:
            while self._client is None:
                try:
                    self._client = await Client.introduced(self._where)
                except (ConnectionError, TimeoutError):
                    await asyncio.sleep(0.05)
            return self._client


async def a_session(gateway: Stubborn, number: int) -> list[int | None]:
    """Use a megabyte for each update; return the results."""
    name = f"{PGW};kill;{number}"
    answers = [await gateway.ask(name, INITIAL, 0, 0)]
    answers += [await gateway.ask(name, UPDATE, 1 + place, MEGABYTE) for place in range(UPDATES)]
    answers.append(await gateway.ask(name, TERMINATION, 1 + UPDATES, MEGABYTE))
    return [one.result for one in answers]


async def wait_for(gateway: Stubborn, answered: int) -> None:
    """Wait until so many requests were answered."""
    while gateway.answered < answered:  # noqa: ASYNC110 - as soon as it can be
        await asyncio.sleep(0.001)


async def test_sessions_go_on_after_every_kill_and_are_charged_once(
    program: Program, database: Database
) -> None:
    gateway = Stubborn(program.where)
    sessions = asyncio.gather(*(a_session(gateway, number) for number in range(SESSIONS)))

    for answered in (10, 30, 50):
        await wait_for(gateway, answered)
        program.kill()
        await program.start()
    results = await asyncio.wait_for(sessions, 120)
    await gateway.close()

    assert gateway.again > 0
    assert results == [[2001] * (UPDATES + 2)] * SESSIONS
    assert await balance(database) == 100 * RM - SESSIONS * (UPDATES + 1) * 100_000
    assert (await verify(database, full=True)).findings == ()


async def test_sessions_go_on_when_the_database_parted_from_the_engine(
    program: Program, database: Database
) -> None:
    gateway = Stubborn(program.where)
    sessions = asyncio.gather(*(a_session(gateway, number) for number in range(SESSIONS)))

    for answered in (10, 30, 50):
        await wait_for(gateway, answered)
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> ALL($1) AND pid <> pg_backend_pid()",
            program.others,
        )
    results = await asyncio.wait_for(sessions, 120)
    await gateway.close()

    assert results == [[2001] * (UPDATES + 2)] * SESSIONS
    assert await balance(database) == 100 * RM - SESSIONS * (UPDATES + 1) * 100_000


async def test_a_session_that_nobody_goes_on_with_is_closed_with_what_it_reported(
    program: Program, database: Database, rules: Rules, keys: Keys
) -> None:
    gateway = Stubborn(program.where)
    await gateway.ask("lost", INITIAL, 0, 0)
    await gateway.ask("lost", UPDATE, 1, 3 * MEGABYTE)
    program.kill()
    await gateway.close()

    later = Clock(timedelta(hours=2))
    engine = Engine(database, rules=rules, keys=keys, clock=later)
    await engine.start()
    closed = await close_overdue(engine, database, later.now())
    await engine.stop()

    assert closed == 1
    assert await balance(database) == 100 * RM - 300_000
    assert (await verify(database, full=True)).findings == ()


async def test_a_process_that_is_stopped_says_goodbye_and_tells_its_counts(
    program: Program,
) -> None:
    client = await Client.introduced(program.where)
    await Session.of(client, DATA).ask(INITIAL, 0, service(1))
    url = f"http://127.0.0.1:{program.metrics}/metrics"
    with await asyncio.to_thread(urllib.request.urlopen, url, timeout=20) as answer:
        told = answer.read().decode()

    status = await program.stop()

    asked = await asyncio.wait_for(client.asked.get(), 20)
    await client.ended()
    assert (status, asked.header.command_code) == (0, Command.DISCONNECT_PEER)
    assert 'tambah_diameter_requests_total{result="success",type="initial"} 1.0' in told
    assert f'tambah_diameter_peer_up{{peer="{PGW}"}} 1.0' in told
    await client.close()


async def backends(database: Database) -> list[int]:
    """Return the processes of PostgreSQL that serve the test's database."""
    rows = await database.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    )
    return [row[0] for row in rows]

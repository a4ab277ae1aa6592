"""A PostgreSQL of the operator's own, of another version than the one that comes with us."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tambah.domain.commands import RedeemVoucher
from tambah.domain.guessing import Audience
from tambah.domain.rules import Rules
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import close_books, verify
from tambah.store.database import Database
from tambah.store.migrate import HEAD, current_version, migrate
from tests.engine.books import RM, add_cards, add_line

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
PASSWORD = "of-a-test-server"


def _as_server() -> dict[str, Any]:
    """Return how a server process is started: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    """Start the system's PostgreSQL over TCP with a password; yield its superuser's address."""
    if not PROGRAMS:
        pytest.skip("no PostgreSQL of the system's: install Debian's postgresql to run this")
    folder = Path(tempfile.mkdtemp(prefix="tambah-own-"))
    programs = PROGRAMS[-1].parent
    (folder / "password").write_text(PASSWORD)
    how = _as_server()
    if how:
        for path in (folder, folder / "password"):
            os.chown(path, how["user"], how["group"])
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "boss", "-E", "UTF8", "--locale=C",
         "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"],
        check=True, capture_output=True, cwd="/", **how,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder,
         "-c", "listen_addresses=127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **how,
    )  # fmt: skip
    try:
        yield asyncio.run(_make_database(f"127.0.0.1:{port}"))
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


async def _make_database(place: str) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            boss: Any = await asyncpg.connect(f"postgresql://boss:{PASSWORD}@{place}/postgres")
            break
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
    await boss.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
    await boss.execute("CREATE DATABASE books")
    await boss.close()
    return f"{place}/books"


async def test_own_server_carries_the_whole_way(own_server: str, rules: Rules, keys: Keys) -> None:
    owner_dsn = f"postgresql://boss:{PASSWORD}@{own_server}"
    dsn = f"postgresql://shop:{PASSWORD}@{own_server}"
    await asyncio.gather(migrate(owner_dsn, dsn), migrate(owner_dsn, dsn))
    assert await current_version(dsn) == HEAD
    database = Database(dsn)
    await database.open(readers=2)
    engine = Engine(database, rules=rules, keys=keys, clock=Clock())
    await engine.start()
    await add_line(engine, database, 60123456789)
    stem = "123456789012345"
    code = stem + check_digit(stem)
    await add_cards(database, keys, [code])

    credited = await engine.submit(
        RedeemVoucher(
            caller="web",
            request_key="1",
            msisdn=60123456789,
            digits=code,
            audience=Audience.GUEST,
        )
    )

    assert credited.balance_micros == 10 * RM
    assert (await close_books(database)).closed_at is not None
    assert (await verify(database)).is_clean
    assert (await verify(database, full=True)).is_clean
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute("UPDATE transfer SET amount_micros = 1")
    await engine.stop()
    await database.close()

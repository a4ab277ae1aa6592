"""A command line on a fresh database, run in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from tambah.app import DEMO_OPERATOR
from tambah.cli import _root
from tests.conftest import Fresh, Server, with_database

_numbers = count(1)


@dataclass(frozen=True)
class Said:
    """What a command said. document: of --json."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Return the code of a refusal given with --json."""
        return json.loads(self.err)["error"]["code"]


Tambah = Callable[..., Said]


@pytest.fixture
def environment(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> Fresh:
    """Name a fresh migrated database, the demo's operator and a pepper; leave logging alone."""
    for name, value in {
        "DATABASE_URL": fresh.dsn,
        "OWNER_DATABASE_URL": fresh.owner_dsn,
        "OPERATOR_FILE": str(DEMO_OPERATOR),
        "PEPPER": "ab" * 32,
    }.items():
        monkeypatch.setenv(f"TAMBAH_{name}", value)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr("tambah.cli.desk.configure_logging", lambda _level: None)
    return fresh


@pytest.fixture
def tambah(environment: Fresh) -> Tambah:
    """Return what runs a command line and gives back what it said."""

    def run(*arguments: object) -> Said:
        result = CliRunner().invoke(_root(), [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
async def empty(server: Server) -> AsyncIterator[Fresh]:
    """Make a database without any table."""
    name = f"empty{next(_numbers)}"
    owner: Any = await asyncpg.connect(server.owner_dsn)
    await owner.execute(f"CREATE DATABASE {name}")
    yield Fresh(with_database(server.owner_dsn, name), with_database(server.dsn, name))
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()

"""One demo with two server processes, shared by all tests here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tambah.engine.administer import SCOPES, KeyRequest, add_key, add_partner
from tambah.engine.verifying import verify
from tambah.jobs.demo import DemoFile
from tests.faults.house import ACTOR, House, make_codes
from tests.faults.secrets import find_secrets, readable
from tests.faults.wire import Wire


@dataclass(slots=True)
class Street:
    """Two houses on one database, and what a test needs to know of them.

    codes: every code that was made, used or not. owner_key: of a partner that speaks for lines.
    """

    houses: tuple[House, House]
    demo: DemoFile
    owner_key: str
    codes: list[str] = field(default_factory=list[str])
    api_keys: list[str] = field(default_factory=list[str])
    _wires: list[Wire] = field(default_factory=list[Wire])
    _spoilt: int = 0
    _next_line: int = 0
    _next_source: int = 1

    @property
    def house(self) -> House:
        """Return the first house, which started the database."""
        return self.houses[0]

    def lines(self, count: int) -> list[str]:
        """Return active lines; other tests may have used them, but done them no harm."""
        active = self._active()[self._spoilt :]
        start = self._next_line % len(active)
        self._next_line += count
        return (active + active)[start : start + count]

    def lines_to_spoil(self, count: int) -> list[str]:
        """Return active lines that no other test will get: wrong codes are tried on them."""
        self._spoilt += count
        return self._active()[self._spoilt - count : self._spoilt]

    def _active(self) -> list[str]:
        return [line.msisdn for line in self.demo.lines if line.state == "active"]

    def source(self) -> str:
        """Return a loopback address that no other test was given: a source of its own."""
        self._next_source += 1
        return f"127.0.7.{self._next_source}"

    def wire(self, place: int = 0, *, source: str = "127.0.0.1", port: int = 0) -> Wire:
        """Return a connection to the houses in turn (or to a port), hung up after the test."""
        wire = Wire(port or self.houses[place % len(self.houses)].port, source=source)
        self._wires.append(wire)
        return wire

    def hang_up(self) -> None:
        """End all connections."""
        for wire in self._wires:
            wire.drop()
        self._wires.clear()

    async def fresh_codes(self, count: int) -> list[str]:
        """Make live codes."""
        codes = await make_codes(self.house, count)
        self.codes += codes
        return codes


@pytest.fixture(autouse=True)
def hung_up(street: Street) -> Iterator[None]:
    """Leave no connection open after a test."""
    yield
    street.hang_up()


@pytest.fixture(scope="session")
async def street() -> AsyncIterator[Street]:
    """Start a demo and a second process on its data directory."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-races-"))
    houses = (
        House(folder / "data", folder / "first.log"),
        House(folder / "data", folder / "second.log"),
    )
    try:
        for house in houses:
            house.start()
            await house.wait_ready()
        demo = houses[0].demo()
        async with houses[0].database() as database:
            partner_id = await add_partner(
                database,
                name="Speaks for lines",
                actor=ACTOR,
                speaks_for_lines=True,
                credit_limit_micros=10**12,
            )
            wanted = KeyRequest(partner_id=partner_id, label="races", scopes=SCOPES, is_test=True)
            owner_key = await add_key(database, houses[0].keys(), wanted, ACTOR)
        street = Street(houses, demo, owner_key, list(demo.codes), [demo.api_key, owner_key])
        yield street
        # Whatever the tests did, nothing of it may have left a secret behind.
        findings = find_secrets(readable(houses[0], houses[1].log), street.codes, street.api_keys)
        async with houses[0].database() as database:
            verdict = await verify(database, full=True)
    finally:
        for house in reversed(houses):
            house.stop()
        shutil.rmtree(folder, ignore_errors=True)
    assert findings == []
    assert (verdict.total, verdict.findings) == (0, ())

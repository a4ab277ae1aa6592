"""A day over Diameter: the real charging process on a demo's database, and the books after it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.engine.verifying import verify
from tambah.simulator.day import Kind, plan_day
from tambah.simulator.diameter import DiameterNetwork
from tambah.simulator.gateway import Gateway, GatewayLost, GatewayRefused
from tambah.simulator.network import HttpNetwork
from tambah.simulator.running import run_day
from tests.faults.house import House, free_port

HOST, REALM = "pgw.kampungtel.example", "kampungtel.example"
TAMBAH = Path(sys.executable).with_name("tambah")
EXPECTED = {
    "credit_limit_reached", "credit_too_low", "line_in_grace", "package_already_running",
    "package_not_for_you",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run a demo."""
    folder = tmp_path_factory.mktemp("simulated")
    house = House(folder / "data", folder / "log")
    house.start()
    try:
        asyncio.run(house.wait_ready())
        yield house
    finally:
        house.stop()


@dataclass
class Charging:
    """`tambah charging diameter` on the demo's data directory. where: its address."""

    house: House
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def where(self) -> str:
        """Return its address."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it listens: with the demo's own file but for the port."""
        operator = self.folder / "operator.toml"
        told = DEMO_OPERATOR.read_text(encoding="utf-8")
        operator.write_text(told.replace("127.0.0.1:3868", self.where), encoding="utf-8")
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TAMBAH_")}
        environ |= {
            "TAMBAH_DATA_DIR": str(self.house.data_dir),
            "TAMBAH_OPERATOR_FILE": str(operator),
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - forks at once
                [TAMBAH, "charging", "diameter"], env=environ, stdout=log, stderr=log
            )
        for _ in range(600):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """Kill -9 it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
async def charging(house: House, tmp_path: Path) -> AsyncIterator[Charging]:
    """Run the charging process."""
    charging = Charging(house, tmp_path, free_port())
    await charging.start()
    yield charging
    charging.kill()


async def booked(house: House, run: str) -> int:
    """Return what the books say that the sessions of a run cost, in micro-ringgit."""
    async with house.looked_into() as connection:
        found = await connection.fetchval(
            """
            SELECT coalesce(sum(charged_micros), 0)
              FROM usage_record JOIN reservation USING (line_id, session)
             WHERE session_id LIKE $1
            """,
            f"%{run}%",
        )
    return int(found)


async def prove(house: House) -> None:
    """Have the product prove its books."""
    async with house.database() as database:
        assert (await verify(database)).findings == ()


async def test_a_day_at_the_command_line_adds_up(
    house: House, charging: Charging, tmp_path: Path
) -> None:
    before = await booked(house, HOST)
    command = [
        TAMBAH, "simulate", "--json", "--demo", house.data_dir / "demo.json", "--lines", "30",
        "--minutes", "0", "--seed", "5", "--diameter", charging.where,
        "--picture", tmp_path / "day.svg",
    ]  # fmt: skip
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    report = json.loads(ran.stdout)

    assert all(report["acts"][kind] > 0 for kind in ("call", "text", "browse", "top_up"))
    assert set(report["refused"]) <= EXPECTED
    used = await booked(house, HOST) - before
    assert used > 0
    whole, sen = re.fullmatch(r"([0-9]+)\.([0-9]+)", report["revenue"]).groups()  # type: ignore[union-attr]
    assert int(whole) * 1_000_000 + int(sen.ljust(6, "0")) >= used
    assert (tmp_path / "day.svg").read_text().startswith("<svg")
    await prove(house)


async def test_what_is_said_is_what_is_booked_though_charging_is_killed(
    house: House, charging: Charging
) -> None:
    demo = house.demo()
    numbers = [str(line.msisdn) for line in demo.lines if line.state == "active"][40:80]
    acts = plan_day(numbers, seed=7)
    gateway, run = Gateway(charging.where, HOST, REALM), "killed-run"
    done = 0

    def count(number: int, _: int) -> None:
        nonlocal done
        done = number

    async def kill_twice() -> None:
        for share in (0.3, 0.6):
            while done < len(acts) * share:  # noqa: ASYNC110 - as soon as it can be
                await asyncio.sleep(0.005)
            charging.kill()
            await charging.start()

    async with HttpNetwork(f"http://127.0.0.1:{house.port}", demo.switch_key, run) as http:
        await gateway.open()
        network = DiameterNetwork(gateway, REALM, http, run)
        report, _ = await asyncio.gather(
            run_day(network, acts, minutes=0, at_once=16, progress=count), kill_twice()
        )
        await gateway.close()

    said = sum(
        micros
        for (_, kind), micros in report.micros.items()
        if kind in (Kind.CALL, Kind.TEXT, Kind.BROWSE)
    )
    assert set(report.refused) <= EXPECTED
    assert said > 0
    assert said == await booked(house, run)
    async with house.looked_into() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM reservation WHERE session_id LIKE $1 AND closed_at IS NULL",
            f"%{run}%",
        )
    assert left == 0
    await prove(house)


async def test_who_is_no_peer_and_where_nobody_is_are_told(charging: Charging) -> None:
    stranger = Gateway(charging.where, "stranger.example", REALM)
    with pytest.raises(GatewayRefused):
        await stranger.open()
    await stranger.close()
    nobody = Gateway(f"127.0.0.1:{free_port()}", HOST, REALM)
    with pytest.raises(GatewayLost):
        await nobody.open()


async def test_the_command_says_what_to_do_where_it_is_no_peer(
    house: House, charging: Charging
) -> None:
    command = [
        TAMBAH, "simulate", "--demo", house.data_dir / "demo.json", "--lines", "1",
        "--diameter", charging.where, "--host", "stranger.example",
    ]  # fmt: skip
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert ran.returncode != 0
    assert b"diameter.peers" in ran.stdout + ran.stderr

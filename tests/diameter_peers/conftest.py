"""Erlang's diameter, freeDiameter and tshark, in a world of their own before our server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.charging.diameter.conftest import (  # noqa: F401 - fixtures
    credit,
    rules,
    server_of_diameter,
    where,
)
from tests.charging.diameter.world import CORE, PGW
from tests.diameter_peers.programs import Capture, Element, Relay, run_inside

WORLD = os.environ.get("TAMBAH_DIAMETER_WORLD")
_HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def world() -> Path:
    """Return the root of the peers' world."""
    if not WORLD:
        pytest.skip("NO DIAMETER PEERS: other programs are spoken to by `make test-diameter`")
    return Path(WORLD)


@pytest.fixture(scope="session")
async def folder(world: Path) -> AsyncIterator[Path]:
    """Return the folder that the programs see as /run, with the element compiled in it."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-diameter-"))
    for name in ("ro.dia", "element.erl"):
        shutil.copy(_HERE / name, folder)
    compile_all = (
        'ok = diameter_make:codec("ro.dia", []),'
        ' [{ok, _} = compile:file(F, [report, warnings_as_errors]) || F <- ["ro", "element"]],'
        " halt()."
    )
    said = await run_inside(world, folder, "erl", "-noshell", "-eval", compile_all)
    assert (folder / "element.beam").exists(), said
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def element(world: Path, folder: Path, where: str) -> AsyncIterator[Element]:  # noqa: F811
    """Connect Erlang's network element straight to the server."""
    element = await Element.start(world, folder, PGW, CORE, int(where.rpartition(":")[2]))
    yield element
    await element.stop()


@pytest.fixture
async def relay(world: Path, folder: Path, where: str) -> AsyncIterator[Relay]:  # noqa: F811
    """Put freeDiameter before the server."""
    relay = await Relay.start(world, folder, int(where.rpartition(":")[2]))
    yield relay
    await relay.stop()


@pytest.fixture
async def capture(world: Path, folder: Path, where: str) -> AsyncIterator[Capture]:  # noqa: F811
    """Have tshark take down what goes to and from the server."""
    capture = await Capture.start(world, folder, int(where.rpartition(":")[2]))
    yield capture
    await capture.stop()

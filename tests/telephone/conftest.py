"""Real calls: sipp's callers, Asterisk, our FastAGI server. `make test-telephone` runs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.telephone.asterisk import Asterisk, start_asterisk, wait_until_up
from tests.telephone.ear import Ear

WORLD = os.environ.get("TAMBAH_TELEPHONE_WORLD")


@pytest.fixture(scope="session", autouse=True)
def world() -> Path:
    """Return the root of Asterisk's world."""
    if not WORLD:
        pytest.skip("NO TELEPHONE: real calls are made by `make test-telephone`")
    return Path(WORLD)


@pytest.fixture(scope="session")
def prompts(world: Path) -> Iterator[Path]:
    """Return the folder that Asterisk plays clips from."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-prompts-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def asterisk(world: Path, prompts: Path) -> AsyncIterator[Asterisk]:
    """Run one Asterisk for all calls."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-telephone-"))
    try:
        with start_asterisk(world, folder, prompts) as asterisk:
            await wait_until_up(asterisk)
            yield asterisk
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    """Listen to what a test's callers are told."""
    ear = await Ear.open()
    yield ear
    ear.close()

"""A demo that was killed while it was made is made to the end the next time."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tambah.engine.verifying import verify
from tambah.jobs.demo import FILE
from tests.faults.house import House


async def test_a_demo_killed_before_its_file_was_written_starts_again() -> None:
    folder = Path(tempfile.mkdtemp(prefix="tambah-first-"))
    house = House(folder / "data", folder / "server.log")
    try:
        house.start()
        await house.wait_ready()
        house.kill()
        # As after a kill between the first redemption and the file that tells of it.
        (house.data_dir / FILE).unlink()
        house.start()
        await house.wait_ready()

        demo = house.demo()
        assert len(demo.codes) >= 10
        assert sum(line.state == "active" for line in demo.lines) >= 50
        async with house.database() as database:
            assert (await verify(database, full=True)).findings == ()
    finally:
        house.stop()
        shutil.rmtree(folder, ignore_errors=True)

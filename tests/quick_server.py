"""The tests' server. Its data is in memory, where the machine has enough of it.

ext4 gives no inode away again within seconds of its deletion, and looks through all of those: with
a database made and dropped for each test, the kernel was at that for more than half of a run.
Servers that tests kill are not these; they keep their data on a disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from tambah.store.embedded import EmbeddedServer
from tambah.store.embedded.cluster import SETTINGS_VARIABLE
from tambah.store.embedded.places import Places
from tambah.store.embedded.postmaster import find_postmaster

_MEMORY = Path("/dev/shm")
_PREFIX = "tambah-test-"
_ENOUGH = 6 * 2**30
"""For several workers, each with a gigabyte at most."""


@contextlib.contextmanager
def quick_server() -> Iterator[EmbeddedServer]:
    """Run a server whose data is gone afterwards."""
    _sweep()
    where = _MEMORY if _has_room() else None
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=where))
    try:
        server = _start(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> EmbeddedServer:
    before = os.environ.get(SETTINGS_VARIABLE)
    # What is written ahead stays in memory until it is recycled.
    os.environ[SETTINGS_VARIABLE] = ";".join(filter(None, ["max_wal_size=256MB", before]))
    try:
        return EmbeddedServer.start(folder)
    finally:
        os.environ.pop(SETTINGS_VARIABLE)
        if before is not None:
            os.environ[SETTINGS_VARIABLE] = before


def _has_room() -> bool:
    if not _MEMORY.is_dir():
        return False
    free = shutil.disk_usage(_MEMORY).free
    return min(free, psutil.virtual_memory().available) >= _ENOUGH


def _sweep() -> None:
    """Take away what a killed run left in memory, and the server that it left running."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        starter = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not starter.isdigit() or psutil.pid_exists(int(starter)):
            continue
        left = find_postmaster(Places(data_dir=folder).cluster)
        if left is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(left.pid)
                process.kill()
                process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)

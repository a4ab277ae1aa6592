"""Call records of a file charged, and the same file again."""

from __future__ import annotations

import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tambah.app import spare_collector
from tambah.desks.charging import ChargingDesk
from tambah.desks.usage_import import import_usage
from tambah.domain.actor import Actor
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.importing import ImportRequest
from tambah.store.database import Database

from .charges import charging_rules
from .ground import FIRST_NUMBER, Ground


class Charged(NamedTuple):
    """How an import went. again: records a second of the same file, of which nothing is charged.

    grown_mb: by how much the process grew from its first tenth of the file to the end of it.
    """

    rate: float
    again: float
    grown_mb: float


def write_records(path: Path, records: int, lines: int) -> None:
    """Write so many records of data used within the last day, spread over the lines."""
    began = datetime.now(UTC) - timedelta(days=1)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,msisdn,service,began_at,units\n")
        for place in range(records):
            number = FIRST_NUMBER + place * 7919 % lines
            at = began + timedelta(seconds=place % 80_000)
            file.write(f"r{place},{number},data,{at.isoformat()},{1_048_576 + place % 999}\n")


async def charge_file(ground: Ground, path: Path, records: int) -> Charged:
    """Import a file twice. Raises RuntimeError unless each record is charged once."""
    database = Database(ground.dsn)
    await database.open(readers=2)
    rules = charging_rules()
    clock = Clock()
    engine = Engine(database, rules=rules, keys=ground.keys, clock=clock)
    await engine.start()
    spare_collector()  # as the command does
    desk = ChargingDesk(engine, database, rules, clock)
    marks: list[float] = []

    def mark(done: int, of: int) -> None:
        if not marks and done * 10 >= of:
            marks.append(_peak_mb())

    request = ImportRequest(path=path, actor=Actor(who="bench", why="bench"), progress=mark)
    rates: list[float] = []
    for expected in ((records, 0), (0, records)):
        began = time.perf_counter()
        result = await import_usage(database, desk, rules, request, clock.now())
        rates.append(records / (time.perf_counter() - began))
        if (result.created, result.unchanged) != expected:
            raise RuntimeError(f"{result} of {records} records")
    grown = _peak_mb() - marks[0]
    await engine.stop()
    await database.close()
    return Charged(rates[0], rates[1], grown)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

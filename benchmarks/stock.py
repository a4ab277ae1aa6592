"""Voucher stock: a million codes made by the product; ten million for the growth figure."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tambah.config import read_operator
from tambah.domain.actor import Actor
from tambah.engine.keys import parse_peppers
from tambah.engine.operator import operator_rules
from tambah.engine.vouchers import BatchRequest, change_batch, generate
from tambah.store.database import Database

from .engine_runs import OPERATOR
from .ground import PEPPER, Ground, add_lines

MILLION = 1_000_000
_ACTOR = Actor(who="bench", why="benchmark")


@dataclass
class _Peak:
    mb: float = 0.0


PEAK = _Peak()


def make_million(ground: Ground) -> float:
    """Make a batch of a million in a process of its own; return its seconds, keep its peak."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.stock", ground.dsn, str(MILLION)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    seconds, PEAK.mb = map(float, ran.stdout.split())
    return seconds


def grow(ground: Ground, *, cards: int, lines: int) -> None:
    """Fill the ground up to so many cards and lines."""
    subprocess.run(
        [sys.executable, "-m", "benchmarks.stock", ground.dsn, str(cards)],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parent.parent,
    )
    asyncio.run(add_lines(ground, ground.lines, lines - ground.lines))
    asyncio.run(ground.do("VACUUM ANALYZE"))
    asyncio.run(ground.do("CHECKPOINT"))


async def _make(dsn: str, quantity: int) -> float:
    database = Database(dsn)
    await database.open(readers=1)
    began = time.perf_counter()
    made = await generate(
        database,
        parse_peppers(PEPPER),
        operator_rules(read_operator(OPERATOR)).catalog,
        BatchRequest(
            price_micros=10_000_000,
            quantity=quantity,
            now=datetime.now(UTC),
            actor=_ACTOR,
            operator="Benchmark",
            born_active=True,
        ),
    )
    seconds = time.perf_counter() - began
    await change_batch(database, made.batch_id, "release", _ACTOR, datetime.now(UTC))
    await database.close()
    return seconds


if __name__ == "__main__":
    taken = asyncio.run(_make(sys.argv[1], int(sys.argv[2])))
    print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)

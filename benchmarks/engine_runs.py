"""The engine in this process, called by so many tasks at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from tambah.app import spare_collector
from tambah.config import read_operator
from tambah.domain.commands import Command, TopUp
from tambah.domain.package_commands import BuyPackage
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.operator import operator_rules
from tambah.store.database import Database

from .ground import FIRST_NUMBER, FIRST_PARTNER, PARTNERS, Ground

OPERATOR = Path(__file__).with_name("operator.toml")


async def top_ups(ground: Ground, callers: int, seconds: float, *, hot: bool = False) -> float:
    """Return top-ups a second through the engine, each answered after its commit."""

    def next_one(draw: random.Random) -> TopUp:
        key = str(draw.getrandbits(62))
        return TopUp(
            caller="bench",
            request_key=key,
            msisdn=FIRST_NUMBER + (0 if hot else draw.randrange(ground.lines)),
            partner_id=FIRST_PARTNER + draw.randrange(PARTNERS),
            amount_micros=10_000_000,
            reference=key,
        )

    return await _commands(ground, callers, seconds, next_one)


async def purchases(ground: Ground, callers: int, seconds: float) -> float:
    """Return packages bought a second through the engine, each answered after its commit."""

    def next_one(draw: random.Random) -> BuyPackage:
        return BuyPackage(
            caller="bench",
            request_key=str(draw.getrandbits(62)),
            msisdn=FIRST_NUMBER + draw.randrange(ground.lines),
            package="DATA7",
        )

    return await _commands(ground, callers, seconds, next_one)


async def _commands(
    ground: Ground, callers: int, seconds: float, next_one: Callable[[random.Random], Command]
) -> float:
    database = Database(ground.dsn)
    await database.open(readers=1)
    engine = Engine(
        database,
        rules=operator_rules(read_operator(OPERATOR)),
        keys=ground.keys,
        clock=Clock(),
    )
    await engine.start()
    spare_collector()  # as the server does
    done = 0
    stop = time.perf_counter() + seconds

    async def call(seed: int) -> None:
        nonlocal done
        draw = random.Random(seed)
        while time.perf_counter() < stop:
            await engine.enqueue(next_one(draw))
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(call(time.time_ns() + place) for place in range(callers)))
    rate = done / (time.perf_counter() - began)
    await engine.stop()
    await database.close()
    return rate

"""What charging is measured by: a tariff, and sessions that begin, go on three times and end."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

from tambah.app import spare_collector
from tambah.config import read_operator
from tambah.domain.charging_commands import Ask, ReleaseUnits, ReserveUnits, UpdateUnits
from tambah.domain.charging_rule import MEGABYTE
from tambah.domain.rating import Rate, Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import HOME, STANDARD, TariffBook, TariffRow, Usage, build_sheet
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.operator import operator_rules
from tambah.store.database import Database

from .engine_runs import OPERATOR
from .ground import FIRST_LINE, FIRST_NUMBER, Ground

STEPS = 5
"""Requests of a session: one that begins it, three that go on, one that ends it."""
VOLUME = 10 * MEGABYTE


def charging_rules() -> Rules:
    """Return the operator's rules with one rate: ten sen a megabyte of data."""
    row = TariffRow(
        service=Service.DATA,
        origin=HOME,
        pattern="",
        on_net=False,
        hours="",
        destination_class="data",
        name="",
        rate=Rate(price_micros=100_000, per_units=MEGABYTE),
    )
    sheet = build_sheet(1, datetime(2020, 1, 1, tzinfo=UTC), (row,))
    rules = operator_rules(read_operator(OPERATOR))
    return replace(rules, tariffs=TariffBook(sheets={STANDARD: (sheet,)}))


async def give_credit(ground: Ground) -> None:
    """Give every line RM100,000, straight in the tables: none runs out, and each can be told."""
    await ground.do(
        "UPDATE bucket SET remaining_micros = 100000000000 WHERE owner_id >= $1 AND kind = 1",
        FIRST_LINE,
    )


async def charges(ground: Ground, callers: int, seconds: float) -> float:
    """Return requests a second through the engine in this process, by so many sessions at once."""
    database = Database(ground.dsn)
    await database.open(readers=1)
    engine = Engine(database, rules=charging_rules(), keys=ground.keys, clock=Clock())
    await engine.start()
    spare_collector()  # as the server does
    done = 0
    stop = time.perf_counter() + seconds
    usage = Usage(service=Service.DATA)
    first = Ask(rating_group=1, usage=usage, wanted=VOLUME)
    further = Ask(rating_group=1, usage=usage, wanted=VOLUME, used=VOLUME)

    async def call(seed: int) -> None:
        nonlocal done
        draw = random.Random(seed)
        while time.perf_counter() < stop:
            said = {
                "peer": "bench",
                "session_id": str(draw.getrandbits(62)),
                "msisdn": FIRST_NUMBER + draw.randrange(ground.lines),
            }
            await engine.submit(ReserveUnits(**said, request_no=1, asks=(first,)))
            for number in range(2, STEPS):
                await engine.submit(UpdateUnits(**said, request_no=number, asks=(further,)))
            await engine.submit(ReleaseUnits(**said, request_no=STEPS, asks=(further,)))
            done += STEPS

    began = time.perf_counter()
    await asyncio.gather(*(call(time.time_ns() + place) for place in range(callers)))
    rate = done / (time.perf_counter() - began)
    await engine.stop()
    await database.close()
    return rate

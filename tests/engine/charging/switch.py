"""An engine in a process of its own, that does what it is told line by line, to be killed.

Run as `python -m tests.engine.charging.switch DSN OFFSET`. A line on standard input is a JSON
object `{"step", "session", "no", "msisdn", "used", "more"}`; the answer is `ok`, or a refusal's
code, on standard output, once it is durable.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta

from tambah.domain.charging_commands import Ask, ReleaseUnits, ReserveUnits, UpdateUnits
from tambah.domain.charging_rule import ChargingRule
from tambah.domain.rating import Rate, Service
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.domain.tariff import TariffBook, TariffRow, Usage, build_sheet
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import Database
from tests.conftest import make_keys, make_rules
from tests.domain.world import ALWAYS

SEN = 10_000
RATE = Rate(price_micros=30 * SEN, per_units=60, first_units=30, next_units=6)
CALL = Usage(service=Service.VOICE, to="60388881234")
STEPS = {"reserve": ReserveUnits, "update": UpdateUnits, "release": ReleaseUnits}


def charging_rules() -> Rules:
    """Return the rules of these tests: one rate for calls."""
    call = TariffRow(
        service=Service.VOICE,
        origin="home",
        pattern="60",
        on_net=False,
        hours="",
        destination_class="domestic",
        name="",
        rate=RATE,
    )
    tariffs = TariffBook(sheets={"standard": (build_sheet(1, ALWAYS, (call,)),)})
    return replace(make_rules(), tariffs=tariffs, charging=ChargingRule(validity_seconds=600))


async def serve(dsn: str, offset: float) -> None:
    """Do steps until there are no more."""
    database = Database(dsn)
    await database.open(readers=1)
    clock = Clock()
    clock.offset = timedelta(seconds=offset)
    engine = Engine(database, rules=charging_rules(), keys=make_keys(), clock=clock)
    await engine.start()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        ask = Ask(rating_group=1, usage=CALL, used=told["used"], more=told["more"])
        try:
            await engine.submit(
                STEPS[told["step"]](
                    peer="switch",
                    session_id=told["session"],
                    request_no=told["no"],
                    msisdn=told["msisdn"],
                    asks=(ask,),
                )
            )
            answer = "ok"
        except Refusal as refusal:
            answer = refusal.code
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    await engine.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))

"""The door of a 5G core with a tariff: PORT, and `alone` for an engine that answers at once."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

import uvloop

from tambah.app import serve_nchf
from tambah.config import read_operator
from tambah.domain.charging_commands import Grant, UnitsGranted
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import parse_peppers
from tambah.store.database import Database
from tambah.web.site import Site

from .charges import VOLUME, charging_rules
from .engine_runs import OPERATOR
from .ground import PEPPER


class _NoEngine:
    """Grants whatever is asked: what is left is the protocol."""

    async def submit(self, step: Any) -> UnitsGranted:
        """Answer at once."""
        grant = Grant(rating_group=1, units=VOLUME, seconds=3600, threshold=VOLUME // 5)
        return UnitsGranted(
            msisdn=step.msisdn, request_no=step.request_no, grants=(grant,), free_micros=0
        )


async def main(port: int, *, alone: bool) -> None:
    """Serve until told to stop."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(1024)
    database = Database(os.environ["TAMBAH_DATABASE_URL"])
    await database.open()
    keys, clock, rules = parse_peppers(PEPPER), Clock(), charging_rules()
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    site = Site(
        engine=_NoEngine() if alone else engine,  # type: ignore[arg-type]
        database=database,
        rules=rules,
        operator=read_operator(OPERATOR),
        keys=keys,
        clock=clock,
        public_url="",
    )
    await serve_nchf(site, bound)
    await engine.stop()
    await database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), alone="alone" in sys.argv[2:]))

"""The product's own application with the sandbox as payment provider: PORT as argument."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import uvloop

from tambah.app import build_asgi, serve
from tambah.config import read_operator
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import parse_peppers
from tambah.engine.operator import operator_rules
from tambah.jobs.inbox import InboxWorker
from tambah.store.database import Database
from tambah.web.site import Site

from .engine_runs import OPERATOR
from .ground import PEPPER
from .paying import sandbox_desk


async def main(port: int) -> None:
    """Serve until told to stop."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", port))
    database = Database(os.environ["TAMBAH_DATABASE_URL"])
    await database.open()
    operator, keys, clock = read_operator(OPERATOR), parse_peppers(PEPPER), Clock()
    rules = operator_rules(operator)
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    desk, _ = sandbox_desk(engine, database, keys, rules.validity.zone)
    site = Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=operator,
        keys=keys,
        clock=clock,
        public_url=f"http://127.0.0.1:{port}",
        payments=desk,
    )
    inbox = InboxWorker(desk)
    desk.on_events = inbox.wake
    working = asyncio.create_task(inbox.run())
    bound.listen(1024)
    await serve(build_asgi(site), bound)
    working.cancel()
    await engine.stop()
    await database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))

"""The charging process with a tariff: `python -m benchmarks.diameter_server PORT [alone]`.

alone: what the protocol takes by itself, every request answered without the engine.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
import uvloop

from tambah.app import find_base, read_keys, read_rules, spare_collector
from tambah.charging.diameter.credit_control import CreditControl
from tambah.charging.diameter.server import DiameterServer
from tambah.config import DiameterEntry, DiameterPeerEntry, read_settings
from tambah.desks.charging import ChargingDesk
from tambah.domain.charging_commands import Grant, UnitsGranted
from tambah.domain.charging_rule import MEGABYTE
from tambah.domain.rating import Rate, Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import TariffBook, TariffRow, build_sheet
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine

LINKS = 4
HOST, REALM = "ocs.bench", "bench"
_ROW = TariffRow(
    service=Service.DATA,
    origin="home",
    pattern="",
    on_net=False,
    hours="",
    destination_class="data",
    name="",
    rate=Rate(price_micros=1_000, per_units=MEGABYTE),
)


def with_tariff(rules: Rules) -> Rules:
    """Return the rules with data at a tenth of a sen a megabyte."""
    sheet = build_sheet(1, datetime(2020, 1, 1, tzinfo=UTC), (_ROW,))
    return replace(rules, tariffs=TariffBook(sheets={"standard": (sheet,)}))


def entry(port: int) -> DiameterEntry:
    """Return a configuration with so many gateways as the load has connections."""
    peers = tuple(
        DiameterPeerEntry(host=f"pgw{number}.bench", realm=REALM, allow=("127.0.0.1",))
        for number in range(LINKS)
    )
    return DiameterEntry(host=HOST, realm=REALM, listen=f"127.0.0.1:{port}", peers=peers)


async def _grant(_: Any, asked: Any) -> UnitsGranted:
    """Answer as the engine would, without it."""
    grants = tuple(
        Grant(rating_group=one.key, units=MEGABYTE, seconds=3600, threshold=MEGABYTE // 5)
        for one in asked.groups
        if one.more
    )
    return UnitsGranted(msisdn=0, request_no=asked.request_no, grants=grants, free_micros=0)


async def serve(port: int, *, alone: bool) -> None:
    """Serve until killed."""
    settings = read_settings()
    base = find_base(settings)
    _, plain = read_rules(settings)
    rules = with_tariff(plain)
    database = base.database()
    await database.open()
    keys, clock = read_keys(settings, base.data_dir, make=False), Clock()
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    if alone:
        CreditControl._do = _grant  # type: ignore[method-assign]
    desk = ChargingDesk(engine, database, rules, clock)
    server = DiameterServer(entry(port), desk, database, rules.numbers)
    await server.start()
    spare_collector()
    await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    uvloop.run(serve(int(sys.argv[1]), alone="alone" in sys.argv[2:]))

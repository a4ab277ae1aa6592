"""A day of calls, messages and data on some of the demo's lines, so that they look lived in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from tambah.desks.charging import ChargingDesk, Wish
from tambah.domain.charging_commands import Ask, ChargeEvent, ReleaseUnits, ReserveUnits
from tambah.domain.rating import Service
from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.engine.tariffs import TariffSource
from tambah.simulator.day import Act, Habits, Kind, plan_day
from tambah.web.site import Site

_PEER = "demo switch"
_SEED = 2026
_AT_ONCE = 64
_SERVICES = {Kind.CALL: Service.VOICE, Kind.TEXT: Service.SMS, Kind.BROWSE: Service.DATA}
_Kind = TypeVar("_Kind", ReserveUnits, ReleaseUnits, ChargeEvent)
_LITTLE = Habits(calls=2, texts=1, sessions=2, packages=0, top_ups=0)


async def use_some_credit(site: Site, msisdns: Sequence[str]) -> None:
    """Play a day on the lines; what runs out of credit is refused, as on any day.

    Sessions have names of their own: a start that was cut short does nothing twice.
    """
    source = TariffSource(site.database, site.clock)
    site.engine.renew(await source.renew(site.engine.rules))
    desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
    acts = list(enumerate(plan_day(msisdns, seed=_SEED, habits=_LITTLE)))
    for start in range(0, len(acts), _AT_ONCE):
        part = acts[start : start + _AT_ONCE]
        await asyncio.gather(*(_use(desk, act, f"demo-{number}") for number, act in part))


async def _use(desk: ChargingDesk, act: Act, name: str) -> None:
    wish = Wish(
        rating_group=1, service=_SERVICES[act.kind], to=act.to, wanted=act.units, used=act.units
    )
    (ask,) = await desk.asks([wish])
    with suppress(Refusal):
        if act.kind is Kind.TEXT:
            await desk.submit(_step(ChargeEvent, act, name, 0, ask))
            return
        first = replace(ask, used=0)
        await desk.submit(_step(ReserveUnits, act, name, 0, first))
        await desk.submit(_step(ReleaseUnits, act, name, 1, ask))


def _step(kind: type[_Kind], act: Act, name: str, request_no: int, ask: Ask) -> _Kind:
    return kind(
        peer=_PEER,
        session_id=name,
        request_no=request_no,
        msisdn=int(act.msisdn),
        asks=(ask,),
    )

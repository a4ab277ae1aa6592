"""A day of calls, messages and data on some of the demo's lines, so that they look lived in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from tambah.desks.charging import ChargingDesk, Wish
from tambah.domain.charging_commands import ChargeEvent
from tambah.domain.rating import Service
from tambah.domain.refusals import Refusal
from tambah.engine.tariffs import TariffSource
from tambah.simulator.day import Act, Habits, Kind, plan_day
from tambah.web.site import Site

_PEER = "demo switch"
_SEED = 2026
_AT_ONCE = 64
_SERVICES = {Kind.CALL: Service.VOICE, Kind.TEXT: Service.SMS, Kind.BROWSE: Service.DATA}
_LITTLE = Habits(calls=2, texts=1, sessions=2, packages=0, top_ups=0)


async def use_some_credit(site: Site, msisdns: Sequence[str]) -> None:
    """Play yesterday on the lines; what runs out of credit is refused, as on any day.

    Sessions have names of their own: a start that was cut short does nothing twice.
    """
    source = TariffSource(site.database, site.clock)
    site.engine.renew(await source.renew(site.engine.rules))
    desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
    validity, now = site.rules.validity, site.clock.now()
    midnight = validity.start_of(validity.local_day(now) - timedelta(days=1))
    acts = list(enumerate(plan_day(msisdns, seed=_SEED, habits=_LITTLE)))
    for start in range(0, len(acts), _AT_ONCE):
        part = acts[start : start + _AT_ONCE]
        await asyncio.gather(
            *(_use(desk, act, f"demo-{number}", midnight) for number, act in part)
        )


async def _use(desk: ChargingDesk, act: Act, name: str, midnight: datetime) -> None:
    """Charge an act as a record of yesterday, as a switch does that writes them down."""
    wish = Wish(rating_group=1, service=_SERVICES[act.kind], to=act.to, wanted=act.units)
    (ask,) = await desk.asks([wish])
    with suppress(Refusal):
        await desk.submit(
            ChargeEvent(
                peer=_PEER,
                session_id=name,
                request_no=0,
                msisdn=int(act.msisdn),
                asks=(ask,),
                at=midnight + timedelta(seconds=act.second),
            )
        )

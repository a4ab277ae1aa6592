"""What every door of charging does alike: a network's words into a usage, and commands.

Diameter, Nchf and the HTTP API each have their own names for what is used; here they become one
`Usage`, by the operator's configuration and by whose the numbers are at present.
"""

from __future__ import annotations

from typing import NamedTuple

from tambah.domain.charging_commands import (
    Ask,
    ChargeEvent,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UnitsGranted,
    UpdateUnits,
    session_key,
)
from tambah.domain.rating import Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import Usage
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.foreseeing import foresee_charge
from tambah.store.database import Database
from tambah.store.views.lines import read_line
from tambah.store.views.sims import find_msisdn_of_imsi
from tambah.store.views.usage import OpenSession, are_ours, find_session, read_usages

Step = ReserveUnits | UpdateUnits | ReleaseUnits | ChargeEvent | RefundEvent


class Wish(NamedTuple):
    """A rating group as a network asks for it.

    to: whom is called, as E.164 digits, or a short code. network: where the subscriber is, as
    country code and network code; empty at home. wanted, used, more: as `Ask` has them.
    """

    rating_group: int
    service: Service
    to: str = ""
    network: str = ""
    wanted: int | None = None
    used: int = 0
    more: bool = True


class ChargingDesk:
    """Where the doors of charging bring what they were asked."""

    def __init__(self, engine: Engine, database: Database, rules: Rules, clock: Clock) -> None:
        self._engine = engine
        self._database = database
        self._rules = rules
        self._clock = clock

    async def asks(self, wishes: list[Wish]) -> tuple[Ask, ...]:
        """Return what is asked, in the tariff's words."""
        called = {int(one.to) for one in wishes if one.to.isdecimal() and len(one.to) > _SHORT}
        ours = await are_ours(self._database, list(called)) if called else set[int]()
        return tuple(self._ask(one, ours) for one in wishes)

    async def submit(self, step: Step) -> UnitsGranted:
        """Have a step of a session done. Raises its Refusal, Busy, Unavailable."""
        return await self._engine.submit(step)

    async def find(self, peer: str, session_id: str) -> OpenSession | None:
        """Return a session by its name, for a request that does not say whose it is."""
        return await find_session(self._database, session_key(peer, session_id))

    async def find_by_imsi(self, imsi: str) -> int | None:
        """Return the number of the line that a SIM in service is for, None where there is none."""
        return await find_msisdn_of_imsi(self._database, imsi)

    async def usages(self, msisdn: int, peer: str, session_id: str) -> dict[int, Usage]:
        """Return what a session uses, by rating group: a later request need not say it again."""
        return await read_usages(self._database, msisdn, session_key(peer, session_id))

    async def price(self, step: ChargeEvent) -> UnitsGranted:
        """Return what an event would cost, and that it could be paid; nothing is written.

        Raises what charging it would raise.
        """
        account = await read_line(self._database, step.msisdn)
        return foresee_charge(step, account, self._engine.rules, self._clock.now())

    def _ask(self, wish: Wish, ours: set[int]) -> Ask:
        rule = self._rules.charging
        is_data = wish.service is Service.DATA
        return Ask(
            rating_group=wish.rating_group,
            usage=Usage(
                service=wish.service,
                origin=rule.zone_of(wish.network),
                to="" if is_data else wish.to,
                on_net=wish.to.isdecimal() and int(wish.to) in ours,
                application=rule.applications.get(wish.rating_group, "") if is_data else "",
            ),
            wanted=wish.wanted,
            used=wish.used,
            more=wish.more,
        )


_SHORT = 6
"""Numbers no longer than that are short codes, which are nobody's line."""

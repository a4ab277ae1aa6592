"""Lines, cards and houses for scenarios, all on one database: each scenario has its own."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
from litestar import Litestar

from tambah.domain.actor import Actor
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import AgeLine, ImportLine, RedeemVoucher
from tambah.domain.guessing import Audience, GuessingRule
from tambah.domain.line import Language, LifeRule
from tambah.domain.refusals import Busy, CodeNotUsable, Unavailable
from tambah.domain.rules import Rules
from tambah.domain.voucher import BatchState, VoucherState, letter_code
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.importing.people import seal_person
from tambah.engine.keys import Keys
from tambah.portal.routes import routes
from tambah.store.database import Database
from tambah.web.setup import configure
from tambah.web.site import Site
from tests.channels.dialogue_world import code
from tests.engine.books import RM, add_cards
from tests.portal.conftest import NoEngine, make_site

ACTOR = Actor(who="test", why="a scenario")
FEE_MICROS = 20 * RM
MOST_MICROS = 15 * RM

CARDS: dict[str, dict[str, Any]] = {
    "good": {},
    "bonus": {"bonus_micros": 2 * RM},
    "inactive": {"state": VoucherState.GENERATED},
    "locked": {"state": VoucherState.LOCKED},
    "void": {"state": VoucherState.VOID},
    "unreleased": {"batch_state": BatchState.GENERATED},
    "void batch": {"batch_state": BatchState.VOID},
    "expired": {"redeem_before": datetime(2020, 1, 1, tzinfo=UTC)},
    "others": {},
    "own": {},
}
"""Every kind of card: how its row differs from a good one's."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "lettered": lambda digits: letter_code(digits, lambda choices: choices[-1]),
    "small letters": lambda digits: letter_code(digits, lambda choices: choices[-1]).lower(),
    "spaced": lambda digits: " ".join(digits[at : at + 4] for at in range(0, 16, 4)),
    "dashed": lambda digits: "-".join(digits[at : at + 4] for at in range(0, 16, 4)),
    "wide": lambda digits: digits.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "mistyped": lambda digits: digits[:-1] + str((int(digits[-1]) + 1) % 10),
    "swapped": lambda digits: _swap(digits),
    "short": lambda digits: digits[:12],
    "long": lambda digits: digits + "7",
}


def _swap(digits: str) -> str:
    """Swap the first two neighbours that differ."""
    at = next(n for n in range(15) if digits[n] != digits[n + 1])
    return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]


@dataclass(frozen=True)
class Person:
    """Whom a line is registered to."""

    document: str
    contact: str


@dataclass(frozen=True)
class Subscriber:
    """A line of a scenario. number 0: of nobody."""

    msisdn: int
    line_id: int
    person: Person

    @property
    def dialled(self) -> str:
        """Return the number as people key it."""
        return f"0{str(self.msisdn)[2:]}"


@dataclass
class Town:
    """One database with several houses on it, which differ in their rules or are ill."""

    database: Database
    keys: Keys
    sites: dict[str, Site]
    engines: list[Engine]
    apps: dict[str, Any] = field(default_factory=dict[str, Any])
    open_ends: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list[Callable[[], Awaitable[None]]]
    )
    count: int = 0

    @property
    def site(self) -> Site:
        """Return the house in which all is well."""
        return self.sites["well"]

    def next(self) -> int:
        """Return a number that nothing else was made with."""
        self.count += 1
        return self.count

    def browser(self, house: str, address: str) -> httpx.AsyncClient:
        """Return a browser at a house's pages, from an address of its own."""
        if house not in self.apps:
            pieces = configure(self.sites[house])
            app = Litestar(
                route_handlers=[*pieces.route_handlers, *routes(self.sites[house])],
                exception_handlers=pieces.exception_handlers,
                openapi_config=None,
                logging_config=None,
                request_max_body_size=None,
            )
            self.apps[house] = pieces.wrap(app)
        transport = httpx.ASGITransport(self.apps[house], client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://testel.example")

    async def add_line(self, state: str) -> Subscriber:
        """Add a line in a state."""
        number = self.next()
        msisdn = 60120000000 + number
        person = Person(document=f"9012311{number:05d}", contact=f"0139{number:06d}")
        line_id: int = await self.database.fetch_value("SELECT nextval('owner_id_seq')")
        if state != "unknown":
            sealed = seal_person(
                self.keys,
                line_id,
                {"name": "Demo", "document": person.document, "contact": person.contact},
            )
            await self.site.engine.submit(
                ImportLine(
                    line_id=line_id,
                    msisdn=msisdn,
                    digest=b"scenario",
                    language=Language.EN,
                    plan="standard",
                    person=sealed,
                    **_of_state(state),
                )
            )
            await self.site.engine.submit(AgeLine(msisdn=msisdn))
        if state == "returning":
            await self.site.engine.submit(
                AllowReactivation(
                    caller="test", request_key=f"back:{line_id}", line_id=line_id, actor=ACTOR
                )
            )
        return Subscriber(msisdn=msisdn, line_id=line_id, person=person)

    async def add_card(self, kind: str, owner: Subscriber) -> str:
        """Add an RM10 card of a kind, and return its code; `unknown` is a code of no card."""
        digits = code(100_000_000_000_000 + secrets.randbelow(8 * 10**14))
        if kind == "unknown":
            return digits
        row = dict(CARDS[kind])
        states = {name: int(row.pop(name)) for name in ("state", "batch_state") if name in row}
        batch_id = await add_cards(self.database, self.keys, [digits], **states)
        for column, value in row.items():
            await self.database.execute(
                cast("Any", f"UPDATE voucher_batch SET {column} = $1 WHERE batch_id = $2"),
                value,
                batch_id,
            )
        if kind in ("own", "others"):
            user = owner if kind == "own" else await self.add_line("active")
            await self.redeem(user, digits, Audience.OWN)
        return digits

    async def redeem(self, user: Subscriber, digits: str, audience: Audience) -> None:
        """Redeem a code without a door, from a source of its own."""
        await self.site.engine.submit(
            RedeemVoucher(
                caller="test",
                request_key=secrets.token_hex(8),
                msisdn=user.msisdn,
                digits=digits,
                audience=audience,
                source=secrets.token_bytes(8),
            )
        )

    async def try_wrong(self, user: Subscriber, times: int, audience: Audience) -> None:
        """Have wrong codes tried on a line, from sources of their own."""
        for _ in range(times):
            try:
                await self.redeem(user, await self.add_card("unknown", user), audience)
            except CodeNotUsable:
                continue
            raise AssertionError("an unknown code was taken")

    async def hang_up(self) -> None:
        """Close what a scenario left open."""
        while self.open_ends:
            await self.open_ends.pop()()

    async def stop(self) -> None:
        """Stop every engine."""
        for engine in self.engines:
            await engine.stop()


def _of_state(state: str) -> dict[str, Any]:
    """Return the fields of an import that make a line of a state."""
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)

    def dates(active: int, grace: int) -> dict[str, Any]:
        return {
            "activated_at": today - timedelta(days=400),
            "active_until": today + timedelta(days=active),
            "grace_until": today + timedelta(days=grace),
            "opening_micros": 6 * RM,
        }

    return {
        "active": dates(10, 60),
        "grace": dates(-5, 45),
        "expired": dates(-60, -10),
        "returning": dates(-60, -10),
        "barred": dates(10, 60) | {"barred": True},
        "suspended": dates(10, 60) | {"suspended": True},
        "pre-active": {},
        "terminated": dates(-400, -350),
    }[state]


async def found_town(database: Database, rules: Rules, keys: Keys) -> Town:
    """Open the houses."""
    houses = {
        "well": rules,
        "guests paused": replace(rules, guessing=GuessingRule(guests_hourly=0)),
        "source spent": replace(rules, guessing=GuessingRule(source_hourly=0)),
        "fee": replace(rules, life=LifeRule(reactivation_fee_micros=FEE_MICROS)),
        "small purses": replace(rules, most_credit_micros=MOST_MICROS),
    }
    sites: dict[str, Site] = {}
    engines: list[Engine] = []
    for name, these in houses.items():
        engine = Engine(database, rules=these, keys=keys, clock=Clock())
        await engine.start()
        engines.append(engine)
        sites[name] = make_site(engine, database, these, keys)
    sites["busy"] = make_site(NoEngine(Busy()), database, rules, keys)
    sites["away"] = make_site(NoEngine(Unavailable()), database, rules, keys)
    return Town(database=database, keys=keys, sites=sites, engines=engines)

"""A site with staff of every role, a clock that can be moved, and browsers in process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar

from tambah.config import Brand, Operator
from tambah.console.routes import console_doors, console_router
from tambah.domain.rules import Rules
from tambah.domain.staff import Role
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.staff import proofs
from tambah.store.database import Database
from tambah.web.setup import configure
from tambah.web.site import Site
from tests.apps import app_of
from tests.engine.books import add_cards, add_line
from tests.engine.staff.people import Person, hire
from tests.portal.conftest import code

ALICE, BOB = 60123456789, 60198765432
CODES = [code(700_000_000_000_000 + number * 7_919) for number in range(3)]
HOST = "http://testel.example"


class MovedClock:
    """The present, moved on as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    @property
    def offset(self) -> timedelta:
        """Return how far it is ahead of the database's."""
        return self.ahead

    def now(self) -> datetime:
        """Return the present instant, moved."""
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    """A site and who works there."""

    site: Site
    clock: MovedClock
    people: dict[str, Person] = field(default_factory=dict[str, Person])

    async def hire(self, name: str, *roles: Role) -> Person:
        """Have somebody invited and accept."""
        site = self.site
        person = await hire(site.database, site.keys, name, roles, now=self.clock.now())
        self.people[name] = person
        return person

    def browser(self, site: Site | None = None) -> httpx.AsyncClient:
        """Return a fresh browser of the console."""
        return client_of(site or self.site)

    async def enter(self, person: Person, **typed: str) -> httpx.AsyncClient:
        """Return a browser in which somebody is signed in, by one of their recovery codes."""
        async with self.browser() as door:
            answer = await sign_in(door, person, **({"code": person.codes.pop()} | typed))
        assert (answer.status_code, answer.headers.get("location")) == (303, "/console")
        browser = self.browser()
        browser.cookies = door.cookies
        return browser

    async def enter_as(self, *roles: Role) -> httpx.AsyncClient:
        """Return a browser of somebody new with those roles."""
        name = f"demo-{len(self.people)}"
        return await self.enter(await self.hire(name, *roles))


async def sign_in(browser: httpx.AsyncClient, person: Person, **typed: str) -> httpx.Response:
    """Fill the sign-in form in and press the button."""
    form = {"name": person.name, "password": person.password, "code": ""} | typed
    return await browser.post("/console/sign-in", data=form)


def client_of(site: Site, wrap: Callable[[Any], Any] | None = None) -> httpx.AsyncClient:
    """Return a client of the console's pages, in process."""
    whole = app_of("console", site, _build)
    transport = httpx.ASGITransport(wrap(whole) if wrap else whole, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url=HOST)


def _build(site: Site) -> Any:
    pieces = configure(site, doors=console_doors(site))
    app = Litestar(
        route_handlers=[*pieces.route_handlers, console_router(site)],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return pieces.wrap(app)


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as cheaply as argon2 can; tests/engine/staff does it at its price."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(proofs, "_hasher", cheap)


@pytest.fixture
async def world(engine: Engine, database: Database, rules: Rules, keys: Keys) -> World:
    """Return a site with Alice's line and three RM10 cards, and nobody who works there yet."""
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, CODES)
    clock: Any = MovedClock()
    site = Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(brand=Brand(name="Testel"), denominations=()),
        keys=keys,
        clock=clock,
        public_url=HOST,
    )
    return World(site=site, clock=clock)

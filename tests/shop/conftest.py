"""A site with a shop, its seller and cards to sell, and browsers in process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar

from tambah.config import Brand, DenominationEntry, Operator
from tambah.domain.line import Language
from tambah.domain.rules import Rules
from tambah.domain.seller import Seller
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.operator import seller_rule
from tambah.engine.sellers import NewSeller, PinTry, add_seller, change_pin
from tambah.engine.staff import proofs
from tambah.shop import signing_in
from tambah.shop.routes import shop_doors, shop_router
from tambah.store.database import Database
from tambah.web.setup import configure
from tambah.web.site import Site
from tests.apps import app_of
from tests.console.conftest import MovedClock
from tests.engine.books import add_cards, add_line
from tests.engine.dealers.tree import STAFF, Tree, fund, plant
from tests.portal.conftest import code, field

ALICE, TILL, SHOP = 60123456789, 60171112223, 60174445556
PIN = "402958"
CODES = [code(700_000_000_000_000 + number * 7_919) for number in range(1, 13)]
HOST = "http://testel.example"
UNSOLD = 1


@dataclass
class World:
    """A site, its dealers, a seller of the shop with the PIN, and a batch not sold yet."""

    site: Site
    clock: MovedClock
    tree: Tree
    seller: Seller
    batch_id: int

    def serial(self, number: int) -> str:
        """Return the serial number of a card."""
        return f"{self.batch_id:04d}-{number:08d}"

    def browser(self, site: Site | None = None) -> httpx.AsyncClient:
        """Return a fresh browser of the shop."""
        return client_of(site or self.site)

    async def enter(self) -> httpx.AsyncClient:
        """Return a browser in which the shop's seller is signed in."""
        async with self.browser() as door:
            answer = await sign_in(door)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/shop")
        browser = self.browser()
        browser.cookies = door.cookies
        return browser

    async def sales(self) -> int:
        """Return how many sales there are."""
        return await self.site.database.fetch_value("SELECT count(*) FROM dealer_sale")


async def sign_in(browser: httpx.AsyncClient, **typed: str) -> httpx.Response:
    """Fill the sign-in form in and press the button."""
    return await browser.post("/shop/sign-in", data={"number": str(SHOP), "pin": PIN} | typed)


async def check(browser: httpx.AsyncClient, what: str, **typed: str) -> dict[str, str]:
    """Fill a form in; return what the page that reads it back would send."""
    page = await browser.post(f"/shop/{what}", data=typed)
    assert page.status_code == 200, page.text
    sent = {"token": field(page, "token")}
    return sent | {name: field(page, name) for name in typed}


async def sell_card(browser: httpx.AsyncClient, serial: str) -> httpx.Response:
    """Sell a card through both pages."""
    return await browser.post("/shop/card/sell", data=await check(browser, "card", serial=serial))


async def load(browser: httpx.AsyncClient, number: str, amount: str) -> httpx.Response:
    """Reload a number through both pages."""
    sent = await check(browser, "reload", number=number, amount=amount)
    return await browser.post("/shop/reload/load", data=sent)


def client_of(site: Site) -> httpx.AsyncClient:
    """Return a client of the shop's pages, in process."""
    whole = app_of("shop", site, _build)
    transport = httpx.ASGITransport(whole, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url=HOST)


def _build(site: Site) -> Any:
    pieces = configure(site, doors=shop_doors(site))
    app = Litestar(
        route_handlers=[*pieces.route_handlers, shop_router(site)],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return pieces.wrap(app)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash PINs as cheaply as argon2 can, and answer a wrong one at once."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(proofs, "_hasher", cheap)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)


@pytest.fixture
async def world(engine: Engine, database: Database, rules: Rules, keys: Keys) -> World:
    """Return a shop with RM100 of float, its seller, twelve RM10 cards, and Alice's line."""
    await add_line(engine, database, ALICE)
    tree = await plant(database)
    await fund(engine, tree.shop, 100)
    batch_id = await add_cards(database, keys, CODES, state=UNSOLD)
    clock: Any = MovedClock()
    site = Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(
            brand=Brand(name="Testel"),
            denominations=(DenominationEntry(price="10.00", valid_days=30),),
        ),
        keys=keys,
        clock=clock,
        public_url=HOST,
    )
    seller = await hire(site, tree.shop, SHOP, "Counter 1")
    return World(site=site, clock=clock, tree=tree, seller=seller, batch_id=batch_id)


async def hire(site: Site, partner_id: int, msisdn: int, name: str) -> Seller:
    """Add a seller who has chosen their PIN."""
    new = NewSeller(partner_id=partner_id, name=name, msisdn=msisdn, language=Language.EN)
    _, start = await add_seller(site.database, new, actor=STAFF)
    return await change_pin(
        site.database,
        seller_rule(site.operator.shop),
        PinTry(msisdn=msisdn, pin=start),
        PIN,
        now=site.clock.now(),
    )

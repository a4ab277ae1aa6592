"""A site with one line and some cards, and clients of its pages."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tambah.config import Brand, GatewayEntry, Operator
from tambah.domain import refusals
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.portal.routes import routes
from tambah.store.database import Database
from tambah.web.setup import configure
from tambah.web.site import Sandbox, Site
from tests.apps import app_of
from tests.conftest import make_rules
from tests.engine.books import add_cards, add_line

ALICE = 60123456789
TYPED_NUMBER = "012-345 6789"


def code(number: int) -> str:
    """Return a code with its check digit."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


CODES = [code(700_000_000_000_000 + number * 7_919) for number in range(3)]
WRONG = [code(300_000_000_000_000 + number * 7_919) for number in range(30)]


def client_of(site: Site, *more: Any) -> httpx.AsyncClient:
    """Return a client of a site's pages and of further handlers, in process."""
    whole = _build(site, *more) if more else app_of("portal", site, _build)
    transport = httpx.ASGITransport(whole, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://testel.example")


def process_of(site: Site) -> httpx.AsyncClient:
    """Return a client of an application of its own, as another process would be."""
    transport = httpx.ASGITransport(_build(site), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://testel.example")


def _build(site: Site, *more: Any) -> Any:
    pieces = configure(site)
    app = Litestar(
        route_handlers=[*pieces.route_handlers, *routes(site), *more],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return pieces.wrap(app)


def make_site(engine: Any, database: Any, rules: Rules, keys: Keys) -> Site:
    """Return a site of those parts."""
    return Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(
            brand=Brand(name="Testel", hotline="1300 80 0000"),
            denominations=(),
            gateways=(GatewayEntry(name="sms", kind="sms_http"),),
        ),
        keys=keys,
        clock=Clock(),
        public_url="http://testel.example",
    )


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Keys) -> Site:
    """Return a site with Alice's line and three RM10 cards."""
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, CODES)
    return make_site(engine, database, rules, keys)


@pytest.fixture
def empty_site(rules: Rules, keys: Keys) -> Site:
    """Return a site with neither engine nor database, for pages that ask neither."""
    return make_site(NoEngine(), NoDatabase(), rules, keys)


def example(refusal: type[Refusal], now: datetime) -> Refusal:
    """Return a refusal with the params that it comes with."""
    params: dict[type[Refusal], dict[str, Any]] = {
        refusals.AmountOutOfRange: {"least": "1.00", "most": "500.00"},
        refusals.FieldMissing: {"field": "code"},
        refusals.FieldMalformed: {"field": "code"},
        refusals.ScopeMissing: {"scope": "topups:write"},
        refusals.ReactivationTooLittle: {"least": "5.00"},
        refusals.BalanceTooHigh: {"most": "5000.00"},
        refusals.CodeAlreadyYours: {"used_at": now},
        refusals.CardRedeemed: {"used_at": now},
        refusals.TooManyWrongCodes: {"until": now + timedelta(minutes=15)},
        refusals.DailyCapReached: {"cap": "100.00"},
        refusals.CreditTooLow: {"missing": "1.00"},
        refusals.BatchStateWrong: {"state": "draft"},
        refusals.VoucherStateWrong: {"state": "active"},
        refusals.InternalError: {"incident": "AB12CD34"},
        refusals.PaymentsOfDayReached: {"most": "1000.00"},
        refusals.PaymentNotRefundable: {"state": "failed"},
        refusals.CreditSpent: {"most": "12.00"},
        refusals.StatementMalformed: {"where": "line 3"},
        refusals.StatementTooLarge: {"most_mb": 20},
        refusals.ListTooLong: {"most": 1_000_000},
        refusals.ChangeOnHold: {"until": now + timedelta(hours=24)},
        refusals.SimNotUsable: {"state": "assigned"},
        refusals.PhotoTooLarge: {"most_mb": 2},
        refusals.CardDigitsMalformed: {"most_digits": 4},
        refusals.PasswordTooWeak: {"least": 12},
        refusals.ApprovalOver: {"state": "declined"},
        refusals.CommissionOutOfTree: {"rate": "3.00"},
        refusals.DealerExists: {"dealer": 503},
        refusals.CardSoldByYou: {"sold_at": now},
        refusals.UndoTooLate: {"minutes": 10},
        refusals.MoveTooLate: {"hours": 24},
        refusals.StockNotHeld: {"serial": "0001-00000007"},
        refusals.StockSold: {"serial": "0001-00000007"},
        refusals.PeriodNotOver: {"until": now},
        refusals.PeriodOutOfOrder: {"period": "2026-12"},
        refusals.PeriodTooEarly: {"period": "2026-12"},
        refusals.RangeBeyondBatch: {"serial": "0001-00000500"},
        refusals.BooksDisagree: {"what": "batch 7"},
        refusals.PackageNotForYou: {"reason": "needs"},
        refusals.PackageAlreadyRunning: {"until": now + timedelta(days=3)},
    }
    return refusal(**params.get(refusal, {}))


class NoEngine:
    """Answers every command with one error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or RuntimeError("no engine")
        self.rules = make_rules()

    async def submit(self, _command: Any) -> Any:
        """Stand in for Engine.submit."""
        raise self.error


class NoDatabase:
    """A database without a row."""

    async def fetch(self, *_: Any) -> list[Any]:
        """Stand in for Database.fetch."""
        return []

    async def fetch_row(self, *_: Any) -> None:
        """Stand in for Database.fetch_row."""

    async def fetch_value(self, sql: str, *_: Any) -> int | None:
        """Stand in for Database.fetch_value: nothing is there, and so are none of anything."""
        return 0 if "count(*)" in sql else None


@pytest.fixture
def demo_site(site: Site) -> Site:
    """Return the site as a demo."""
    return replace(
        site, sandbox=Sandbox(api_key="tk_test_x", codes=(*CODES, WRONG[0]), msisdn="60123456789")
    )


@pytest.fixture
async def pages(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the site's pages."""
    async with client_of(site) as client:
        yield client


@pytest.fixture
async def empty_pages(empty_site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the empty site's pages."""
    async with client_of(empty_site) as client:
        yield client


@pytest.fixture
async def demo_pages(demo_site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the demo's pages."""
    async with client_of(demo_site) as client:
        yield client


def field(page: httpx.Response, name: str) -> str:
    """Return the value of a form's field, empty for none."""
    for tag in re.findall(r"<input [^>]*>", page.text):
        if f'name="{name}"' in tag and (value := re.search(r'value="([^"]*)"', tag)):
            return html.unescape(value[1])
    return ""


async def top_up(
    pages: httpx.AsyncClient, typed_code: str, number: str = TYPED_NUMBER, **more: Any
) -> httpx.Response:
    """Open the form, fill it in and press the button."""
    form = {"token": field(await pages.get("/"), "token"), "number": number, "code": typed_code}
    return await pages.post("/topup", data=form | more)


def text_of(page: httpx.Response) -> str:
    """Return a page's text without its tags."""
    bare = re.sub(r"<(script|style|title)\b.*?</\1>|<[^>]+>", " ", page.text, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", bare)).strip()

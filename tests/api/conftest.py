"""A whole site on a fresh database, one on a fake engine, and clients for both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tambah.api.rest import Api
from tambah.config import Brand, Operator
from tambah.domain.commands import Command, Credited
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.web.site import Sandbox, Site
from tests.engine.books import add_line, add_partner

ALICE = 60123456789
BOB = 60198765432
KEY = "tk_test_" + "a" * 32
SCOPES = [
    "charge",
    "lines:read",
    "packages:read",
    "packages:write",
    "redemptions:write",
    "rates:read",
    "sales:read",
    "sales:write",
    "topups:write",
    "transfers:read",
    "vouchers:read",
]


@dataclass
class Answer:
    """What a fake engine answers next, and what it was asked."""

    reply: Credited | Exception
    asked: list[Command] = field(default_factory=list)

    async def submit(self, command: Command) -> Credited:
        """Stand in for Engine.submit."""
        self.asked.append(command)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


CREDITED = Credited(
    msisdn=ALICE,
    topup_no=3,
    at=datetime(2027, 3, 1, 6, 30, tzinfo=UTC),
    price_micros=30_000_000,
    tax_micros=0,
    credited_micros=30_000_000,
    bonus_micros=2_000_000,
    balance_micros=34_200_000,
    bonus_balance_micros=2_000_000,
    active_until=datetime(2027, 3, 31, 16, 0, tzinfo=UTC),
    grace_until=datetime(2027, 5, 20, 16, 0, tzinfo=UTC),
    receipt="7Q4KD2MX",
    reference="till-7/2041",
)


class FakeDatabase:
    """Knows API keys and nothing else; counts what it is asked."""

    def __init__(self, keys: Keys) -> None:
        self.rows: dict[bytes, tuple[int, bool, bool, list[str]]] = {
            keys.digest("api_key", KEY): (7, False, False, SCOPES)
        }
        self.asked = 0

    async def fetch_row(self, _sql: str, digest: bytes) -> Any:
        """Stand in for Database.fetch_row."""
        self.asked += 1
        return self.rows.get(digest)


def make_site(
    engine: Any, database: Any, rules: Rules, keys: Keys, sandbox: Sandbox | None = None
) -> Site:
    """Return a site of those parts."""
    return Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(brand=Brand(name="Testel"), denominations=[]),
        keys=keys,
        clock=Clock(),
        public_url="https://testel.example",
        sandbox=sandbox,
    )


def client_of(api: Any, key: str | None = KEY) -> httpx.AsyncClient:
    """Return a client that speaks to an ASGI application in process."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api, raise_app_exceptions=True),
        base_url="https://testel.example",
        headers={"authorization": f"Bearer {key}"} if key else {},
    )


@pytest.fixture
def fake_engine() -> Answer:
    """Return an engine that answers CREDITED."""
    return Answer(CREDITED)


@pytest.fixture
def fake_database(keys: Keys) -> FakeDatabase:
    """Return a database that knows one key with every scope."""
    return FakeDatabase(keys)


@pytest.fixture
async def fake(
    fake_engine: Answer, fake_database: FakeDatabase, rules: Rules, keys: Keys
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the API on fakes."""
    async with client_of(Api(make_site(fake_engine, fake_database, rules, keys))) as client:
        yield client


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Keys) -> Site:
    """Return a site with Alice's line and a partner whose key is KEY."""
    await add_line(engine, database, ALICE)
    partner_id = await add_partner(database)
    await add_key(database, keys, KEY, partner_id, SCOPES)
    return make_site(engine, database, rules, keys)


@pytest.fixture
async def real(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the API on PostgreSQL."""
    async with client_of(Api(site)) as client:
        yield client


async def add_key(
    database: Database, keys: Keys, key: str, partner_id: int, scopes: list[str]
) -> None:
    """Give a partner a key."""
    await database.execute(
        """
        INSERT INTO api_key (digest, prefix, partner_id, label, scopes, created_at)
        VALUES ($1, 'tk_test_', $2, 'test', $3, now())
        """,
        keys.digest("api_key", key),
        partner_id,
        scopes,
    )


def top_up(amount: object = "30.00", currency: object = "MYR", reference: object = "r1") -> Any:
    """Return a top-up's body."""
    return {"amount": amount, "currency": currency, "reference": reference}


def problem(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem document, having looked at its form."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["type"] == f"/docs#{body['code']}"
    assert body["title"]
    assert body["detail"]
    return response.status_code, body["code"]

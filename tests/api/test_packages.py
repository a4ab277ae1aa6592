"""Packages by API: the list, what runs, buying once under a key, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from tambah.api.rest import Api
from tambah.domain.balance import BucketKind
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tests.engine.books import add_line, add_partner

from .conftest import ALICE, SCOPES, add_key, client_of, make_site

RM = 1_000_000
PACKAGE = Package(
    code="DATA7",
    names={"en": "A", "ms": "B", "zh-Hans": "C", "ta": "D"},
    terms={},
    price_micros=10 * RM,
    allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**30, scope="internet social"),),
    days=7,
    recurring=True,
    auto_renew=True,
    plans=("standard",),
    on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
)
OURS, OTHER = "tk_test_" + "o" * 32, "tk_test_" + "x" * 32


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with one package."""
    return replace(rules, packages=(PACKAGE,))


@pytest.fixture
async def api(
    engine: Engine, database: Database, rules: Rules, keys: Keys
) -> AsyncIterator[httpx.AsyncClient]:
    """Speak to the API as a partner that speaks for lines; Alice has RM25."""
    ours, other = await add_partner(database), await add_partner(database)
    await database.execute(
        "UPDATE partner SET speaks_for_lines = true WHERE partner_id = $1", ours
    )
    await add_line(engine, database, ALICE, opening_micros=25 * RM)
    await add_key(database, keys, OURS, ours, SCOPES)
    await add_key(database, keys, OTHER, other, SCOPES)
    async with client_of(Api(make_site(engine, database, rules, keys)), OURS) as client:
        yield client


PATH = f"/api/v1/lines/{ALICE}/packages"


async def buy(
    client: httpx.AsyncClient, key: str, code: str = "DATA7", **more: object
) -> httpx.Response:
    """Buy a package."""
    body = {"package": code, **more}
    return await client.post(PATH, headers={"idempotency-key": key}, json=body)


async def test_the_list_says_what_is_on_sale(api: httpx.AsyncClient) -> None:
    listed = await api.get("/api/v1/packages")

    assert listed.status_code == 200
    assert listed.json() == {
        "items": [
            {
                "code": "DATA7",
                "names": {"en": "A", "ms": "B", "zh-Hans": "C", "ta": "D"},
                "terms": {},
                "price": {"amount": "10.00", "currency": "MYR"},
                "allowances": [
                    {"unit": "bytes", "amount": 2**30, "classes": ["internet", "social"]}
                ],
                "days": 7,
                "hours": 0,
                "recurring": True,
                "auto_renew": True,
                "stacking": "add",
            }
        ]
    }


async def test_a_package_is_bought_once_and_seen(api: httpx.AsyncClient) -> None:
    first = await buy(api, "1", auto_renew=False)
    again = await buy(api, "1", auto_renew=False)
    running = (await api.get(PATH)).json()["items"]

    assert first.status_code == 201, first.text
    assert again.json() == first.json()
    assert (first.json()["price"], first.json()["balance"]) == ("10.00", "15.00")
    assert first.json()["renews"] is False
    assert len(running) == 1
    assert running[0]["left"] == [
        {"unit": "bytes", "amount": 2**30, "left": 2**30, "classes": ["internet", "social"]}
    ]
    assert running[0]["receipt"] == first.json()["receipt"]
    transfers = (await api.get(f"/api/v1/lines/{ALICE}/transfers")).json()["items"]
    assert [one["kind"] for one in transfers[:2]] == ["package", "package"]


async def test_what_is_refused_says_why(api: httpx.AsyncClient, database: Database) -> None:
    assert (await buy(api, "1")).status_code == 201
    assert (await buy(api, "2")).status_code == 201
    short = (await buy(api, "3")).json()
    unknown = await buy(api, "4", "NONE")
    await database.execute("UPDATE line SET plan = 'other'")
    not_for_it = (await buy(api, "5")).json()
    nobody = await api.get("/api/v1/lines/60199999999/packages")

    assert (short["code"], short["missing"]) == ("credit_too_low", "5.00")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "package_unknown")
    assert (not_for_it["code"], not_for_it["reason"]) == ("package_not_for_you", "plan")
    assert nobody.status_code == 404


async def test_a_suspended_partner_buys_nothing(
    api: httpx.AsyncClient, database: Database
) -> None:
    await database.execute("UPDATE partner SET suspended = true")
    assert (await buy(api, "1")).json()["code"] == "partner_suspended"


async def test_only_who_speaks_for_lines_spends_their_credit(
    api: httpx.AsyncClient, database: Database
) -> None:
    api.headers["authorization"] = f"Bearer {OTHER}"
    refused = await buy(api, "1")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert await database.fetch_value("SELECT count(*) FROM subscription") == 0


async def test_another_price_than_was_told_is_refused(api: httpx.AsyncClient) -> None:
    other = await buy(api, "other", price="9.00")
    assert (other.status_code, other.json()["code"]) == (409, "package_changed")
    wrong = await buy(api, "wrong", price="9.001")
    assert wrong.status_code == 400
    told = await buy(api, "told", price="10.00")
    assert told.status_code == 201

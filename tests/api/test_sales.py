"""A point of sale: cards by serial number, the last sales, undoing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tambah.api.rest import Api
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tests.engine.books import add_cards, add_line
from tests.engine.dealers.tree import fund, plant
from tests.engine.test_engine import code

from .conftest import ALICE, SCOPES, add_key, client_of, make_site

SHOP, TILL = "tk_test_" + "s" * 32, "tk_test_" + "t" * 32


@pytest.fixture
async def api(
    engine: Engine, database: Database, rules: Rules, keys: Keys
) -> AsyncIterator[httpx.AsyncClient]:
    """Speak to the API as a till that draws on its shop's RM50; five cards are for sale."""
    tree = await plant(database)
    await fund(engine, tree.shop, 50)
    await add_cards(database, keys, [code(n) for n in range(1, 6)], state=1)
    await add_line(engine, database, ALICE)
    await add_key(database, keys, SHOP, tree.shop, SCOPES)
    await add_key(database, keys, TILL, tree.till, SCOPES)
    async with client_of(Api(make_site(engine, database, rules, keys)), TILL) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, key: str, body: Any = None) -> httpx.Response:
    """Send what moves money."""
    return await client.post(f"/api/v1/{path}", headers={"idempotency-key": key}, json=body)


async def test_a_card_is_sold_seen_and_undone(api: httpx.AsyncClient, database: Database) -> None:
    body = {"reference": "till-7/2042", "terminal": "till 7"}
    sold = await post(api, "cards/0001-00000001/sale", "a", body)
    assert sold.status_code == 201, sold.text
    assert sold.json() == {
        "serial": "0001-00000001",
        "at": sold.json()["at"],
        "price": "10.00",
        "commission": "0.00",
        "float": "40.30",
        "currency": "MYR",
        "reference": "till-7/2042",
    }
    # The same request again is the same sale; under a new key it is refused.
    again = await post(api, "cards/0001-00000001/sale", "a", body)
    assert again.json() == sold.json()
    twice = await post(api, "cards/0001-00000001/sale", "b", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "reference_used")
    mine = await post(api, "cards/0001-00000001/sale", "c", {"reference": "other"})
    assert (mine.status_code, mine.json()["code"]) == (409, "card_sold_by_you")
    assert mine.json()["sold_at"][:19] == sold.json()["at"][:19]

    await post(
        api,
        f"lines/{ALICE}/topups",
        "d",
        {"amount": "10.00", "currency": "MYR", "reference": "r2"},
    )
    found = (await api.get("/api/v1/sales?limit=10")).json()
    assert [(one["kind"], one["state"], one["reference"]) for one in found["items"]] == [
        ("reload", "sold", "r2"),
        ("card", "sold", "till-7/2042"),
    ]

    undone = await post(api, "sales/till-7%2F2042/undo", "e")
    assert undone.status_code == 200, undone.text
    assert undone.json()["float"] == "40.30"
    later = await post(api, "sales/till-7%2F2042/undo", "f")
    assert (later.status_code, later.json()["code"]) == (409, "sale_undone")
    found = (await api.get("/api/v1/sales?limit=2")).json()
    assert [one["state"] for one in found["items"]] == ["sold", "undone"]
    assert (await verify(database)).findings == ()


async def test_another_dealers_sale_is_not_ones_own(api: httpx.AsyncClient) -> None:
    await post(api, "cards/0001-00000001/sale", "a", {"reference": "r1"})
    as_shop = {"authorization": f"Bearer {SHOP}", "idempotency-key": "b"}

    undone = await api.post("/api/v1/sales/r1/undo", headers=as_shop)
    sold = await api.post(
        "/api/v1/cards/0001-00000001/sale", headers=as_shop, json={"reference": "r1"}
    )
    listed = await api.get("/api/v1/sales", headers=as_shop)

    assert (undone.status_code, undone.json()["code"]) == (404, "sale_unknown")
    assert (sold.status_code, sold.json()["code"]) == (409, "card_sold")
    assert listed.json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("cards/0001-00000099/sale", {"reference": "r"}, 404, "voucher_unknown"),
        ("cards/nonsense/sale", {"reference": "r"}, 404, "voucher_unknown"),
        ("cards/0001-00000001/sale", {}, 400, "field_missing"),
        ("cards/0001-00000001/sale", {"reference": "a\nb"}, 400, "field_malformed"),
        ("sales/none/undo", None, 404, "sale_unknown"),
        ("sales/", None, 404, "page_not_found"),
        ("sales/a/b/c", None, 404, "page_not_found"),
    ],
)
async def test_what_cannot_be_sold_is_refused(
    api: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> None:
    answer = await post(api, path, "a", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_sale_needs_a_key_and_a_limit_is_a_number(api: httpx.AsyncClient) -> None:
    unkeyed = await api.post("/api/v1/cards/0001-00000001/sale", json={"reference": "r"})
    undo = await api.post("/api/v1/sales/r/undo")
    limit = await api.get("/api/v1/sales?limit=0")
    method = await api.post("/api/v1/sales")

    assert unkeyed.json()["code"] == undo.json()["code"] == "idempotency_key_missing"
    assert (limit.status_code, limit.json()["field"]) == (400, "limit")
    assert (method.status_code, method.headers["allow"]) == (405, "GET")


async def test_sales_are_paged_like_every_list(api: httpx.AsyncClient) -> None:
    for number in range(1, 6):
        sold = await post(
            api, f"cards/0001-0000000{number}/sale", f"k{number}", {"reference": f"r{number}"}
        )
        assert sold.status_code == 201, sold.text
    found: list[str] = []
    path, pages = "/api/v1/sales?limit=2", 0
    while path:
        page = (await api.get(path)).json()
        found += [one["reference"] for one in page["items"]]
        path = page["next"] and f"/api/v1/sales?limit=2&cursor={page['next']}"
        pages += 1

    assert (pages, found) == (3, ["r5", "r4", "r3", "r2", "r1"])
    for query in ("limit=501", "cursor=x", "cursor=AAAAAAAA", f"cursor={'_' * 16}"):
        refused = await api.get(f"/api/v1/sales?{query}")
        assert (refused.status_code, refused.json()["field"]) == (400, query.partition("=")[0])

"""GET /api/v1/rates: what the rate page tells, for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from tambah.api.rest import Api
from tambah.domain.tariff import TariffBook, build_sheet
from tambah.engine.tariffs.reading import read_rates
from tambah.jobs.demo import TARIFF
from tambah.web.site import Site

from .conftest import client_of

ZONES = ("neighbours", "asia", "world")


@pytest.fixture
async def api(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Speak to the API of a site with the demo's tariff."""
    rows = read_rates(TARIFF, ZONES, lambda _: None).rows
    sheet = build_sheet(7, datetime(2026, 1, 1, tzinfo=UTC), rows)
    book = TariffBook(sheets={"standard": (sheet,)})
    site.engine.renew(replace(site.engine.rules, tariffs=book))
    async with client_of(Api(site)) as client:
        yield client


async def test_a_number_is_answered(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/rates", params={"to": "+86 755 1234 5678"})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["to"], told["countries"], told["sheet"]) == ("8675512345678", ["CN"], 7)
    (rate,) = told["voice"]["rates"]
    assert (rate["price"], rate["per"], rate["first"], rate["now"]) == ("0.10", 60, 30, True)
    assert rate["costs"] == {"60": "0.10", "300": "0.50", "600": "1.00"}
    assert told["voice_on_net"] is None
    assert set(told["data"]) == {"", "social"}


async def test_bands_and_our_own_network_are_told(api: httpx.AsyncClient) -> None:
    told = (await api.get("/api/v1/rates?to=%2B60")).json()

    assert [rate["hours"] for rate in told["voice"]["rates"]] == ["00:00-07:00", ""]
    assert sum(rate["now"] for rate in told["voice"]["rates"]) == 1
    assert told["voice_on_net"]["destination_class"] == "on-net"


async def test_a_country_is_answered_by_code_and_by_name(api: httpx.AsyncClient) -> None:
    found = [
        (await api.get("/api/v1/rates", params={"to": to})).json()["to"]
        for to in ("CN", "China", "中国", "சீனா", "+86")
    ]
    assert found == ["86"] * 5


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "field_missing"),
        ("?to=", 400, "field_missing"),
        ("?to=united", 400, "field_malformed"),
        (f"?to={'9' * 65}", 400, "field_malformed"),
        ("?to=CN&from=mars", 400, "field_malformed"),
        ("?to=Narnia", 404, "rate_unknown"),
        ("?to=888", 404, "rate_unknown"),
    ],
)
async def test_what_cannot_be_answered(
    api: httpx.AsyncClient, query: str, status: int, code: str
) -> None:
    answer = await api.get(f"/api/v1/rates{query}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_without_a_sheet_there_is_no_rate(site: Site) -> None:
    async with client_of(Api(site)) as client:
        assert (await client.get("/api/v1/rates?to=CN")).status_code == 404

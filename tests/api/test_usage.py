"""Charging by API v1 on PostgreSQL, and the list of what a line used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tambah.api.rest import Api
from tambah.desks.usage_words import read_place, write_place
from tambah.domain.rules import Rules
from tambah.store.views.usage import Place
from tambah.web.site import Site
from tests.charging.nchf.conftest import make_rules
from tests.conftest import make_rules as usual_rules
from tests.engine.books import add_partner

from .conftest import ALICE, BOB, SCOPES, add_key, client_of, problem, top_up

LINE = f"/api/v1/lines/{ALICE}"
OUT = "60111111111"


@pytest.fixture
def rules() -> Rules:
    """Return rules under which things are charged."""
    return make_rules(usual_rules())


@pytest.fixture
async def switch(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a switch, and give Alice RM10."""
    async with client_of(Api(site)) as client:
        await client.post(
            f"{LINE}/topups", json=top_up("10.00"), headers={"idempotency-key": "credit"}
        )
        yield client


def data(group: int = 1, **told: Any) -> Any:
    """Return what is asked of data: RM0.10 a megabyte."""
    return {"rating_group": group, "service": "data", **told}


def sms(**told: Any) -> Any:
    """Return what is asked of a message: RM0.15."""
    return {"rating_group": 3, "service": "sms", "to": OUT, **told}


async def step(client: httpx.AsyncClient, word: str, number: int, *usages: Any) -> httpx.Response:
    """Send a step of the session s1."""
    body = {"step": word, "number": number, "usages": list(usages)}
    return await client.post(f"{LINE}/sessions/s1", json=body)


async def test_a_session_is_reserved_updated_and_released(switch: httpx.AsyncClient) -> None:
    megabyte = 2**20
    begun = await step(switch, "reserve", 1, data(wanted=20 * megabyte))
    assert begun.status_code == 200
    assert begun.json() == {
        "msisdn": str(ALICE),
        "session": "s1",
        "number": 1,
        "grants": [
            {
                "rating_group": 1,
                "units": 20 * megabyte,
                "seconds": 3600,
                "threshold": 4 * megabyte,
                "final": False,
                "refused": None,
                "price": None,
            }
        ],
        "credit": "8.00",
        "charged": "0.00",
        "currency": "MYR",
        "again": False,
    }
    went_on = await step(
        switch, "update", 2, data(used=10 * megabyte, wanted=megabyte), data(99, used=0)
    )
    assert [one["refused"] for one in went_on.json()["grants"]] == [None, "rate_unknown"]
    again = await step(switch, "update", 2, data(used=10 * megabyte, wanted=megabyte))
    assert (again.json()["again"], again.json()["credit"]) == (True, "8.90")
    early = await step(switch, "update", 1, data(used=megabyte))
    ended = await step(switch, "release", 3, data(used=megabyte, more=False))
    gone = await step(switch, "update", 4, data())

    assert problem(early) == (409, "request_out_of_order")
    assert (ended.status_code, ended.json()["grants"], ended.json()["credit"]) == (200, [], "8.90")
    assert problem(gone) == (404, "session_unknown")


async def test_an_event_is_charged_once_and_given_back_once(switch: httpx.AsyncClient) -> None:
    charge = {"usages": [sms(wanted=2)]}
    done = await switch.post(f"{LINE}/charges/e1", json=charge)
    again = await switch.post(f"{LINE}/charges/e1", json=charge)
    assert (done.status_code, done.json()["grants"][0]["price"]) == (200, "0.30")
    assert (again.json()["again"], again.json()["credit"]) == (True, "9.70")
    too_much = await switch.post(f"{LINE}/charges/e2", json={"usages": [sms(wanted=1000)]})
    assert problem(too_much) == (409, "credit_too_low")

    back = {"rating_groups": [3]}
    given = await switch.post(f"{LINE}/charges/e1/refund", json=back)
    repeated = await switch.post(f"{LINE}/charges/e1/refund", json=back)
    twice = await switch.post(f"{LINE}/charges/e1/refund", json={**back, "number": 3})
    unknown = await switch.post(f"{LINE}/charges/e9/refund", json=back)
    assert (given.json()["grants"][0]["price"], given.json()["credit"]) == ("0.30", "10.00")
    assert (repeated.json()["again"], repeated.json()["credit"]) == (True, "10.00")
    assert (problem(twice), problem(unknown)) == (
        (409, "already_refunded"),
        (404, "charge_unknown"),
    )


async def test_what_was_used_is_listed_in_pages_that_meet_each_row_once(
    switch: httpx.AsyncClient,
) -> None:
    for number in range(4):
        both = [sms(), {**sms(), "rating_group": 4}]
        await switch.post(f"{LINE}/charges/e{number}", json={"usages": both})
    seen: list[Any] = []
    address = f"{LINE}/usage?limit=3"
    page = (await switch.get(address)).json()
    seen += page["items"]
    while page["next"]:
        page = (await switch.get(f"{address}&cursor={page['next']}")).json()
        seen += page["items"]

    assert [one["rating_group"] for one in seen] == [3, 4] * 4
    assert [one["began_at"] for one in seen] == sorted(
        (one["began_at"] for one in seen), reverse=True
    )
    assert {(one["to"], one["units"], one["price"]) for one in seen} == {
        ("011-••• 1111", 1, "0.15")
    }
    kinds = {one["kind"] for one in (await switch.get(f"{LINE}/transfers")).json()["items"]}
    assert kinds == {"topup", "usage"}


@pytest.mark.parametrize("cursor", ["", "AAAA", "A" * 42, "A" * 44, "!" * 43, "_" * 43, "ä"])
async def test_cursors_that_are_none(switch: httpx.AsyncClient, cursor: str) -> None:
    answer = await switch.get(f"{LINE}/usage", params={"cursor": cursor})
    assert problem(answer) == (400, "field_malformed")


def test_a_cursor_is_read_as_it_was_written() -> None:
    place = Place(datetime(2027, 3, 1, 6, 30, 0, 123456, tzinfo=UTC), b"\xff" * 16, 2**32)
    assert read_place(write_place(place)) == place
    assert read_place("_" * 43) is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "field_missing"),
        ({"step": "begin", "number": 1}, "field_malformed"),
        ({"step": "reserve", "number": -1}, "field_malformed"),
        ({"step": "reserve", "number": 1, "usages": [{}]}, "field_malformed"),
        ({"step": "reserve", "number": 1, "usages": [data(), data()]}, "field_malformed"),
        ({"step": "reserve", "number": 1, "usages": [data(used=2**60)]}, "field_malformed"),
        ({"step": "reserve", "number": 1, "usages": [sms(to="+60")]}, "field_malformed"),
        ([], "body_malformed"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    switch: httpx.AsyncClient, body: Any, code: str
) -> None:
    answer = await switch.post(f"{LINE}/sessions/s1", json=body)
    assert problem(answer) == (400, code)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (f"{LINE}/sessions/a%20b", (400, "field_malformed")),
        (f"{LINE}/sessions/{'a' * 129}", (400, "field_malformed")),
        (f"{LINE}/sessions/", (404, "page_not_found")),
        (f"{LINE}/sessions", (404, "page_not_found")),
        (f"{LINE}/sessions/a/refund", (404, "page_not_found")),
        (f"{LINE}/charges/a/refund/b", (404, "page_not_found")),
        (f"/api/v1/lines/{BOB}/sessions/s1", (404, "number_unknown")),
        ("/api/v1/lines/7/sessions/s1", (400, "number_malformed")),
    ],
)
async def test_addresses(switch: httpx.AsyncClient, address: str, found: tuple[int, str]) -> None:
    body = {"step": "reserve", "number": 1}
    assert problem(await switch.post(address, json=body)) == found


async def test_a_suspended_partner_charges_nothing(switch: httpx.AsyncClient, site: Site) -> None:
    await site.database.execute("UPDATE partner SET suspended = true")
    fresh = client_of(Api(site))
    assert problem(await step(fresh, "reserve", 1, data())) == (403, "partner_suspended")
    await fresh.aclose()


async def test_one_partners_session_is_not_anothers(switch: httpx.AsyncClient, site: Site) -> None:
    await step(switch, "reserve", 1, data())
    other = "tk_test_" + "b" * 32
    await add_key(site.database, site.keys, other, await add_partner(site.database), SCOPES)
    async with client_of(Api(site), other) as client:
        assert problem(await step(client, "update", 2, data())) == (404, "session_unknown")

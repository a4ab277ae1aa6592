"""Checking a number while it is typed: what is told, what it costs, when an alarm is raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tambah.engine.clock import Clock
from tambah.portal.names import mask_name
from tambah.store.database import Database
from tambah.store.look_ups import count_look_ups, prune_look_ups
from tambah.web.site import Site

from .conftest import TYPED_NUMBER, WRONG, client_of, process_of
from .paying import check_form, fields, open_shop

BUDGET = 5


@pytest.fixture
async def shopping(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a shop with a small budget."""
    async with client_of(open_shop(site, look_ups_hourly=BUDGET).site) as client:
        yield client


async def ask(
    pages: httpx.AsyncClient, number: str = TYPED_NUMBER, tag: str = "en"
) -> httpx.Response:
    return await pages.post(f"/topup/number?lang={tag}", data={"number": number})


@pytest.mark.parametrize(
    ("number", "tag", "expected"),
    [
        (TYPED_NUMBER, "en", (True, "This number can be topped up here.")),
        (TYPED_NUMBER, "zh-Hans", (True, "这个号码可以在这里加额。")),
        (
            "019-999 9999",
            "en",
            (
                False,
                "This number is not one of our prepaid numbers. Check the number and enter it"
                " again.",
            ),
        ),
        (
            "12",
            "ms",
            (
                False,
                "Ini bukan nombor telefon yang dapat dibaca. Sila masukkan seperti 012-345 6789.",
            ),
        ),
    ],
)
async def test_number_is_judged_in_the_readers_language(
    shopping: httpx.AsyncClient, number: str, tag: str, expected: tuple[bool, str]
) -> None:
    answer = await ask(shopping, number, tag)

    assert answer.status_code == 200
    assert answer.json() == {"good": expected[0], "text": expected[1]}
    assert answer.headers["cache-control"] == "no-store"


async def test_budget_of_a_source_is_kept_whatever_it_asks_and_however_fast(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    numbers = [f"019-999 {number}" for number in range(9000, 9020)]
    answers = await asyncio.gather(*(ask(shopping, number) for number in numbers))
    statuses = [answer.status_code for answer in answers]
    over = await ask(shopping)

    assert statuses.count(200) <= BUDGET
    assert 429 in statuses
    assert (over.status_code, over.headers["retry-after"]) == (429, "3600")
    assert over.json()["text"].startswith("Too many numbers were checked from here.")
    assert await database.fetch_value("SELECT count(*) FROM look_up") < BUDGET + 8


async def test_malformed_number_costs_nothing(
    shopping: httpx.AsyncClient, database: Database
) -> None:
    await ask(shopping, "12")

    assert await database.fetch_value("SELECT count(*) FROM look_up") == 0


async def test_check_page_costs_a_look_and_is_refused_without(
    shopping: httpx.AsyncClient,
) -> None:
    for _ in range(BUDGET):
        assert (await check_form(shopping)).status_code == 200
    refused = await check_form(shopping)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert "Too many numbers were checked from here." in refused.text


async def test_a_recharge_code_tells_of_numbers_on_a_budget_too(site: Site) -> None:
    shop = open_shop(site, look_ups_hourly=BUDGET)
    said: list[str] = []
    async with client_of(shop.site) as client:
        for number in ["019-999 9999"] * (BUDGET + 1) + [TYPED_NUMBER]:
            page = await client.get("/")
            typed = {**fields(page), "amount": "code", "number": number, "code": WRONG[0]}
            said.append((await client.post("/topup", data=typed)).text)
        still_free = await ask(client)
    assert all("not one of our prepaid numbers" in text for text in said[:BUDGET])
    assert all("not one of our prepaid numbers" not in text for text in said[BUDGET:])
    assert all("too many numbers" in text.lower() for text in said[BUDGET:])
    assert still_free.json()["good"], "who only types numbers has a budget apart"


async def test_budget_comes_back_after_an_hour_and_counts_across_processes(site: Site) -> None:
    shop = open_shop(site, look_ups_hourly=1).site
    later = replace(shop, clock=Clock(timedelta(minutes=61)))
    async with process_of(shop) as one, process_of(shop) as other, client_of(later) as after:
        statuses = [(await ask(pages)).status_code for pages in (one, other, after)]

    assert statuses == [200, 429, 200]


async def test_alarm_is_raised_once_when_everybody_together_passes_the_limit(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    crowded = open_shop(site, all_look_ups_hourly=1).site
    async with process_of(crowded) as pages:
        await ask(pages)
    async with process_of(crowded) as pages:
        for _ in range(5):
            await ask(pages)

    assert capsys.readouterr().out.count("numbers are looked up beyond the limit") == 1


async def test_old_look_ups_are_forgotten(site: Site, database: Database) -> None:
    shop = open_shop(site).site
    async with client_of(shop) as pages:
        await ask(pages)
    now = shop.clock.now()

    assert await count_look_ups(database, now - timedelta(hours=1), 10) == 1
    assert await prune_look_ups(database, now - timedelta(days=1)) == 0
    assert await prune_look_ups(database, now + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Nor Aisyah", "N*r A****h"),
        ("Li A", "L* A"),
        ("  tan  wei   ming ", "t*n w*i m**g"),
        ("陈大文", "陈*文"),
        ("முத்து", "மு*து"),
        ("Zoe\u0301 D'Souza", "Z*é D*****a"),
        ("a b c d e f g", "a b c d e"),
        ("", ""),
    ],
)
def test_mask_name_shows_the_ends_of_each_word(name: str, masked: str) -> None:
    assert mask_name(name) == masked

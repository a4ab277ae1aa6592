"""`/rates`: what a call costs, by number and by country, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.config import read_operator
from tambah.desks.rates import open_counter, where_is
from tambah.domain.tariff import Sheet, TariffBook, build_sheet
from tambah.engine.tariffs.reading import read_rates
from tambah.i18n import LANGUAGES
from tambah.i18n.countries import country_name, find_regions, regions
from tambah.jobs.demo import TARIFF
from tambah.web.site import Site

from .conftest import client_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def demo_sheet(number: int = 1, since: datetime = START) -> Sheet:
    """Return the demo's sheet, from an instant on."""
    zones = read_operator(DEMO_OPERATOR).tariffs.zones
    return build_sheet(number, since, read_rates(TARIFF, zones, lambda _: None).rows)


@pytest.fixture
def rated(site: Site) -> Site:
    """Return a site with the demo's tariff and zones."""
    book = TariffBook(sheets={"standard": (demo_sheet(),)})
    site.engine.renew(replace(site.engine.rules, tariffs=book))
    demo = read_operator(DEMO_OPERATOR)
    from_demo = {"tariffs": demo.tariffs}
    changed: Any = {
        name: from_demo.get(name, getattr(site.operator, name))
        for name in type(site.operator).__struct_fields__
    }
    return replace(site, operator=type(site.operator)(**changed))


async def read(site: Site, query: str = "", tag: str = "en", status: int = 200) -> str:
    """Return the page's words, with single spaces."""
    async with client_of(site) as client:
        answer = await client.get(f"/rates{query}", headers={"accept-language": tag})
    assert answer.status_code == status
    page = answer.text.split("<main", 1)[1].split("</main>", 1)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def test_a_number_is_answered_by_its_longest_prefix(rated: Site) -> None:
    page = await read(rated, "?to=%2B86+755+1234+5678")

    assert "To +8675512345678, China" in page
    assert "RM0.10 a minute RM0.10 RM0.50 RM1.00" in page
    assert "Every 30 seconds begun is charged in full." in page


async def test_a_plus_that_nobody_encoded_is_understood(rated: Site) -> None:
    assert "To China (+86)" in await read(rated, "?to=+86")


@pytest.mark.parametrize(
    ("tag", "typed", "heading"),
    [
        ("en", "china", "To China (+86)"),
        ("ms", "Jerman", "Ke Jerman (+49)"),
        ("zh-Hans", "中国", "拨打到中国（+86）"),
        ("ta", "சீனா", "சீனா (+86) எண்களுக்கு"),
        ("en", "中国", "To China (+86)"),
        ("en", "usa", "To United States (+1)"),
    ],
)
async def test_a_country_is_found_by_its_name_in_any_language(
    rated: Site, tag: str, typed: str, heading: str
) -> None:
    assert heading in await read(rated, f"?to={typed}", tag)


async def test_a_country_lists_what_costs_otherwise(rated: Site) -> None:
    page = await read(rated, "?to=China")

    assert "+8620, +86755" not in page  # two names, so two rows
    assert "+8620 China, Guangzhou RM0.10 a minute" in page
    assert "+86755 China, Shenzhen RM0.10 a minute" in page


async def test_our_own_country_is_shown_first_with_our_own_numbers(rated: Site) -> None:
    page = await read(rated)

    assert "To Malaysia (+60)" in page
    assert page.index("Calls to Testel numbers") < page.index("Calls to all other numbers")
    assert "12:00 am to 7:00 am" in page
    assert "At all other times" in page
    assert page.count("· now") >= 2
    assert "RM0.10 per MB" in page


async def test_roaming_tells_what_is_received_too(rated: Site) -> None:
    page = await read(rated, "?to=Malaysia&from=neighbours")

    assert "RM0.80 a minute" in page
    assert "Calls you receive there" in page
    assert "RM0.50 per MB" in page
    assert "Roaming: Singapore, Brunei" in page


async def test_a_name_of_several_countries_asks_which(rated: Site) -> None:
    page = await read(rated, "?to=guinea-bi")

    assert "To Guinea-Bissau (+245)" in page
    several = await read(rated, "?to=united")
    assert "Which one do you mean" in several
    assert "United Kingdom" in several


async def test_nowhere_is_told_so(rated: Site) -> None:
    assert "We know of no number or country" in await read(rated, "?to=Narnia", status=404)
    assert "There is no price for this" in await read(rated, "?to=888", status=404)


async def test_without_a_sheet_the_page_says_so(site: Site) -> None:
    assert "No rates are published" in await read(site)


async def test_a_sheet_to_come_is_announced(rated: Site) -> None:
    later = rated.clock.now() + timedelta(days=3)
    book = TariffBook(sheets={"standard": (demo_sheet(), demo_sheet(2, later))})
    rated.engine.renew(replace(rated.engine.rules, tariffs=book))

    assert "New prices from" in await read(rated)


async def test_what_was_typed_is_never_markup(rated: Site) -> None:
    async with client_of(rated) as client:
        answer = await client.get("/rates", params={"to": "<b>x</b>", "from": "<i>", "plan": '"'})

    assert "<b>x" not in answer.text


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_country_answers_in_every_language(rated: Site, tag: str) -> None:
    """Every country that has a calling code has a price in the demo, by its own name."""
    sheet = demo_sheet()
    missing = [
        region for region in regions() if find_regions(country_name(region, tag)) != (region,)
    ]
    assert missing == []
    counter = open_counter(rated)
    assert counter is not None
    assert sheet.origins == ["home", "asia", "neighbours", "world"]
    for region in regions():
        assert counter.card(where_is(region)).voice is not None

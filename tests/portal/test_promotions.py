"""What promotions add is on the tiles, on the check page, and on the result."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.payment import show_reference
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpSource
from tambah.i18n import LANGUAGES
from tambah.payments.sandbox import Ending
from tambah.web.site import Site

from .conftest import CODES, client_of, text_of, top_up
from .paying import Shop, check_form, open_shop, press_pay
from .signing import sign_in

RM = 1_000_000
EVER = datetime(2020, 1, 1, tzinfo=UTC)
PROMOTIONS = (
    Promotion(
        name="first",
        since=EVER,
        group="bonus",
        extra_permille=100,
        bonus_days=30,
        first_topup=True,
    ),
    Promotion(
        name="data",
        since=EVER,
        group="data",
        allowances=(
            Allowance(kind=BucketKind.BYTES, amount=3 * 2**29, days=7),
            Allowance(kind=BucketKind.SECONDS, amount=3600, days=7),
        ),
        denominations=(30 * RM,),
    ),
    Promotion(
        name="cards",
        since=EVER,
        group="cards",
        extra_days=5,
        allowances=(Allowance(kind=BucketKind.MESSAGES, amount=20, days=1),),
        sources=(TopUpSource.VOUCHER,),
    ),
    Promotion(name="over", since=EVER, until=datetime(2021, 1, 1, tzinfo=UTC), bonus_micros=RM),
)


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return the small operator's rules with promotions."""
    return replace(rules, promotions=PROMOTIONS)


@pytest.fixture
def shop(site: Site) -> Shop:
    """Return Alice's site with payments."""
    return open_shop(site)


@pytest.fixture
async def shopping(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the shop's pages."""
    async with client_of(shop.site) as client:
        yield client


async def test_tiles_say_what_everybody_gets(shopping: httpx.AsyncClient) -> None:
    tiles = (await shopping.get("/")).text.split('class="tile"')[1:]
    thirty = next(tile for tile in tiles if "<b>RM30</b>" in tile)
    ten = next(tile for tile in tiles if "<b>RM10</b>" in tile)

    assert "<em>+RM2 bonus</em>" in thirty
    assert "<em>+1.5 GB of data for 7 days</em>" in thirty
    assert "<em>+60 minutes of calls for 7 days</em>" in thirty
    # The first top-up's bonus hangs on whose line it is.
    assert "<em>" not in ten


async def test_cards_say_what_everybody_gets(pages: httpx.AsyncClient) -> None:
    rows = (await pages.get("/")).text.split("<tr>")
    ten = next(row for row in rows if '<th scope="row">RM10</th>' in row)

    assert "<b>+20 SMS</b> <small>for 1 day</small>" in ten
    assert "<td>15 days</td>" in ten


async def test_what_the_check_page_promises_is_what_the_payment_gives(
    shop: Shop, shopping: httpx.AsyncClient
) -> None:
    checked = await check_form(shopping)
    promised = text_of(checked)

    # The offer's own RM2 and the promotion's RM3 live equally long.
    assert "and RM5.00 bonus for 30 days" in promised
    assert "and 1.5 GB of data for 7 days" in promised
    assert "and 60 minutes of calls for 7 days" in promised

    address = await shop.end(await press_pay(shopping, checked), Ending.PAID)
    result = text_of(await shopping.get(address))

    assert "Bonus credit RM5.00 until" in result
    assert "On top 1.5 GB of data until" in result
    assert "On top 60 minutes of calls until" in result
    topup = await shop.site.database.fetch_row("SELECT bonus_micros FROM topup")
    assert topup is not None
    assert topup["bonus_micros"] == 5 * RM


async def test_the_history_quotes_one_reference_for_a_payment_and_what_it_gave(
    shop: Shop, shopping: httpx.AsyncClient
) -> None:
    await shop.end(await press_pay(shopping, await check_form(shopping)), Ending.PAID)
    await sign_in(shop.site, shopping)
    history = await shopping.get("/account/history?group=top_ups")

    references = re.findall(r"<code>([^<]+)</code>", history.text)
    assert len(references) >= 4
    assert set(references) == {
        show_reference(await shop.site.database.fetch_value("SELECT reference FROM payment"))
    }


async def test_the_second_top_up_is_not_the_first(shop: Shop, shopping: httpx.AsyncClient) -> None:
    await shop.end(await press_pay(shopping, await check_form(shopping)), Ending.PAID)

    checked = text_of(await check_form(shopping))

    assert "and RM2.00 bonus for 30 days" in checked


async def test_a_cards_result_says_what_promotions_gave(pages: httpx.AsyncClient) -> None:
    done = await top_up(pages, CODES[0])

    result = text_of(await pages.get(done.headers["location"]))

    assert "Bonus credit RM1.00 until" in result
    assert "On top 20 SMS until" in result


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_pages_say_it_in_every_language(tag: str, shopping: httpx.AsyncClient) -> None:
    home = await shopping.get(f"/?lang={tag}")
    checked = await check_form(shopping)

    words = {"en": "data", "ms": "data", "zh-Hans": "数据", "ta": "டேட்டா"}
    assert f"+1.5 GB {'of ' if tag == 'en' else ''}{words[tag]}" in home.text
    assert checked.text.count("1.5 GB") == 1


async def test_the_home_page_stays_within_its_weight(
    shopping: httpx.AsyncClient,
) -> None:
    page = await shopping.get("/", headers={"accept-encoding": "gzip"})

    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) < 6 * 1024

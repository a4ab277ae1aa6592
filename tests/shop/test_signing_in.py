"""Who comes into a shop's pages: number and PIN, ladders, time-outs, a PIN of one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import msgspec
import pytest

from tambah.config import ShopEntry
from tambah.engine.sellers import NewSeller, add_seller, disable_seller, new_pin
from tambah.i18n import LANGUAGES
from tambah.web.site import Site
from tests.engine.dealers.tree import STAFF
from tests.portal.conftest import text_of

from .conftest import PIN, SHOP, TILL, World, sign_in

PLACES = [
    "GET /shop",
    "GET /shop/card",
    "POST /shop/card",
    "POST /shop/card/sell",
    "GET /shop/reload",
    "POST /shop/reload",
    "POST /shop/reload/load",
    "GET /shop/sales",
    "GET /shop/sales/ABCDE-FGHIJ",
    "POST /shop/sales/ABCDE-FGHIJ/undo",
    "GET /shop/pin",
    "POST /shop/pin",
]


@pytest.mark.parametrize("place", PLACES)
async def test_nobody_comes_in_without_signing_in(world: World, place: str) -> None:
    method, path = place.split()
    async with world.browser() as browser:
        answer = await browser.request(method, path)

    assert (answer.status_code, answer.headers["location"]) == (303, "/shop/sign-in")


async def test_a_seller_signs_in_and_out(world: World) -> None:
    async with world.browser() as browser:
        answer = await sign_in(browser)
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "Path=/shop", "SameSite=strict"} <= set(cookie.split("; "))
        assert "Counter 1" in text_of(await browser.get("/shop"))
        await browser.post("/shop/sign-out")
        browser.cookies.set("shop", cookie.partition("=")[2].partition(";")[0])
        assert (await browser.get("/shop")).headers["location"] == "/shop/sign-in"
    audit = await world.site.database.fetch("SELECT action FROM audit WHERE who LIKE 'seller:%'")
    assert [row[0] for row in audit] == ["ChangeSellerPin", "SellerSignIn", "SellerSignOut"]


async def test_the_cookie_is_secure_where_the_site_is(world: World) -> None:
    site = replace(world.site, public_url="https://testel.example")
    async with world.browser(site) as browser:
        assert "Secure" in (await sign_in(browser)).headers["set-cookie"]


async def test_whatever_is_wrong_the_answer_is_the_same(world: World) -> None:
    await disable_seller_of_till(world)
    tries = [
        {"pin": "111222"},
        {"number": "0198765432"},
        {"number": str(TILL)},
        {"number": "nonsense"},
        {"pin": ""},
    ]
    async with world.browser() as browser:
        pages = [await sign_in(browser, **typed) for typed in tries]

    assert {page.status_code for page in pages} == {422}
    assert len({text_of(page) for page in pages}) == 1


async def disable_seller_of_till(world: World) -> None:
    """Add a seller and disable them."""
    new = NewSeller(
        partner_id=world.tree.till, name="Gone", msisdn=TILL, language=world.seller.language
    )
    await add_seller(world.site.database, new, actor=STAFF)
    await disable_seller(world.site.database, TILL, actor=STAFF)


async def test_five_wrong_pins_lock_the_seller_and_time_unlocks(world: World) -> None:
    async with world.browser() as browser:
        for _ in range(5):
            await sign_in(browser, pin="111222")
        assert (await sign_in(browser)).status_code == 422
        world.clock.ahead = timedelta(minutes=16)
        assert (await sign_in(browser)).status_code == 303
    locks = "SELECT count(*) FROM audit WHERE action = 'LockSeller'"
    assert await world.site.database.fetch_value(locks) == 1


async def test_a_source_has_a_budget_of_wrong_pins(world: World) -> None:
    operator = replace_shop(world, ShopEntry(source_wrong_hourly=2))
    async with world.browser(operator) as browser:
        statuses = [(await sign_in(browser, number="0198765432")).status_code for _ in range(3)]

    assert statuses == [422, 422, 429]


def replace_shop(world: World, shop: ShopEntry) -> Site:
    """Return the site with other rules of its shops."""

    operator = msgspec.structs.replace(world.site.operator, shop=shop)
    return replace(world.site, operator=operator)


@pytest.mark.parametrize("ahead", [timedelta(minutes=121), timedelta(hours=15)])
async def test_a_session_ends_by_itself(world: World, ahead: timedelta) -> None:
    async with await world.enter() as browser:
        world.clock.ahead = ahead
        assert (await browser.get("/shop")).headers["location"] == "/shop/sign-in"


async def test_disabled_they_are_out_at_once(world: World) -> None:
    async with await world.enter() as browser:
        await disable_seller(world.site.database, SHOP, actor=STAFF)
        assert (await browser.get("/shop")).headers["location"] == "/shop/sign-in"


async def test_the_first_pin_is_changed_before_anything_else(world: World) -> None:
    _, start = await new_pin(world.site.database, SHOP, actor=STAFF)
    async with world.browser() as browser:
        await sign_in(browser, pin=start)
        assert (await browser.get("/shop")).headers["location"] == "/shop/pin"
        assert await change(browser, pin=start, new="123456") == 422
        assert await change(browser, pin=start, new=start) == 422
        assert await change(browser, pin=start, new="835204", again="835205") == 422
        assert await change(browser, pin="111222", new="835204") == 422
        assert await change(browser, pin=start, new="835204") == 303
        assert (await browser.get("/shop")).status_code == 200
    async with world.browser() as other:
        assert (await sign_in(other, pin=start)).status_code == 422
        assert (await sign_in(other, pin="835204")).status_code == 303


async def change(browser: httpx.AsyncClient, **typed: str) -> int:
    """Fill the form of a new PIN in; return the status of the answer."""
    page = await browser.post("/shop/pin", data={"again": typed["new"]} | typed)
    return page.status_code


async def test_a_form_of_another_site_is_refused(world: World) -> None:
    async with await world.enter() as browser:
        headers = {"sec-fetch-site": "cross-site"}
        answer = await browser.post(
            "/shop/card", data={"serial": world.serial(1)}, headers=headers
        )

    assert answer.status_code == 422


async def test_no_pin_stands_in_the_database(world: World) -> None:
    async with await world.enter() as browser:
        await browser.get("/shop")
    rows = await world.site.database.fetch("SELECT pin FROM seller")
    audit = await world.site.database.fetch("SELECT row_to_json(audit)::text FROM audit")

    assert all(row[0].startswith("$argon2id$") for row in rows)
    assert not any(PIN in row[0] for row in (*rows, *audit))


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_pages_speak_every_language_and_are_never_kept(world: World, tag: str) -> None:
    async with await world.enter() as browser:
        for path in ("/shop", "/shop/card", "/shop/reload", "/shop/sales", "/shop/pin"):
            page = await browser.get(path, params={"lang": tag})
            assert page.status_code == 200
            assert f'<html lang="{tag}">' in page.text
            assert page.headers["cache-control"] == "no-store"


async def test_it_can_be_installed_and_says_so_when_offline(world: World) -> None:
    async with world.browser() as browser:
        manifest = await browser.get("/shop/app.webmanifest")
        worker = await browser.get("/shop/worker.js")
        page = await browser.get("/shop/offline")

    assert (manifest.json()["start_url"], manifest.json()["display"]) == ("/shop", "standalone")
    assert worker.headers["service-worker-allowed"] == "/shop"
    assert '"/shop/offline"' in worker.text
    assert "No connection" in text_of(page)


async def test_only_the_page_of_a_card_may_ask_for_the_camera(world: World) -> None:
    async with await world.enter() as browser:
        card = await browser.get("/shop/card")
        home = await browser.get("/shop")

    assert "camera=(self)" in card.headers["permissions-policy"]
    assert "camera=()" in home.headers["permissions-policy"]

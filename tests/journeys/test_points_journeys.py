"""Finding a top-up point, as people do it: by town, by nearness, on the map, without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, PHONE, SCRIPTS, Demo, visit

MOST_MAP_BYTES = 70 * 1024
KUALA_LUMPUR = {"latitude": 3.1571234, "longitude": 101.7123456}
ALLOWED: dict[str, Any] = {"geolocation": KUALA_LUMPUR, "permissions": ["geolocation"]}


async def show_map(page: Page) -> None:
    """Press the button, and wait until everything is drawn."""
    await page.click("#show-map")
    await page.wait_for_selector(".map[data-ready]")


def count_bytes(page: Page) -> list[int]:
    """Return a list that grows by the bytes of each answer, as they are sent."""
    sizes: list[int] = []

    async def add(request: Any) -> None:
        size = await request.sizes()
        sizes.append(size["responseBodySize"] + size["responseHeadersSize"])

    page.on("requestfinished", add)
    return sizes


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_a_town_is_searched(browser: Browser, demo: Demo, tag: str, scripts: bool) -> None:
    said = texts(tag)
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto(f"/help?lang={tag}")
        await page.get_by_role("link", name=said.get("points.help")).click()
        await page.get_by_label(said.get("points.where")).fill("johor bahru")
        await page.get_by_label(said.get("points.only.cards")).check()
        await page.get_by_role("button", name=said.get("points.search"), exact=True).click()
        await page.wait_for_url(re.compile(r".*q=johor\+bahru.*"))

        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator("h3")).to_contain_text(["Johor Bahru"] * 3)
        first = page.locator(".points > li").first
        await expect(first.locator("a")).to_have_attribute("href", re.compile(r"^geo:1\.\d+,103"))
        await expect(page.locator("#map")).to_be_visible(visible=scripts)
        await expect(page.locator("#near")).to_be_visible(visible=scripts)


async def test_the_list_goes_on_without_scripts(browser: Browser, demo: Demo) -> None:
    names: list[str] = []
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/points")
        while True:
            names += await page.locator("h3").all_inner_texts()
            following = page.locator("a[rel=next]")
            if not await following.count():
                break
            await following.click()
            await page.wait_for_load_state()

    assert len(names) == len(set(names)) == 61


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_nearest_are_found_and_the_place_stays_untold(
    browser: Browser, demo: Demo, tag: str
) -> None:
    said = texts(tag)
    addresses: list[str] = []
    sent: list[str | None] = []
    async with visit(browser, demo, viewport=DESK, **ALLOWED) as page:
        page.on("request", lambda request: addresses.append(request.url))
        page.on("request", lambda request: sent.append(request.post_data))
        await page.goto(f"/points?lang={tag}")
        await page.get_by_label(said.get("points.only.reloads")).check()
        await page.get_by_role("button", name=said.get("points.near")).click()
        await expect(page.locator("h2").first).to_have_text(said.get("points.nearest"))

        distances = await page.locator(".what b").all_inner_texts()
        assert await page.locator("h3").count() == len(distances) == 15
        assert re.match(r"[\d.]+ ?(m|km|米|公里|மீ|கிமீ)$", distances[0])
        await expect(page.locator("h3").first).to_contain_text("Kuala Lumpur")
        await expect(page.get_by_label(said.get("points.only.reloads"))).to_be_checked()
        # Another page of it, and another language, keep the place.
        await page.get_by_role("button", name=said.get("points.page.next")).click()
        await expect(page.locator(".paging")).to_contain_text("2")
        await page.get_by_role("button", name="English").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator("h2").first).to_have_text("Nearest to you")

    assert [url for url in addresses if "3.15" in url or "101.7" in url] == []
    bodies = [body for body in sent if body]
    assert "latitude=3.157&longitude=101.712" in bodies[0]  # a hundred metres, no nearer
    assert [body for body in bodies if "3.1571" in body] == []


async def test_whoever_keeps_the_place_to_themselves_is_told_another_way(
    browser: Browser, demo: Demo
) -> None:
    said = texts("en")
    async with visit(browser, demo, permissions=[]) as page:
        await page.goto("/points?lang=en")
        await page.get_by_role("button", name=said.get("points.near")).click()
        await expect(page.locator("#near-live")).to_have_text(said.get("points.near.denied"))
        assert page.url.endswith("/points?lang=en")
        await expect(page.locator("h3")).to_have_count(15)


async def test_the_map_is_drawn_from_this_site_alone(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=DESK) as page:  # strangers are an error there
        sizes = count_bytes(page)
        await page.goto("/points?lang=en")
        await page.wait_for_load_state("networkidle")
        await show_map(page)
        await page.wait_for_load_state("networkidle")

        await expect(page.locator(".map .pin")).to_have_count(15)
        await expect(page.locator(".map .dot")).to_have_count(61 - 15)
        await expect(page.locator(".map path.land")).to_have_count(1)
        assert await page.locator(".map img").count() == 0
    assert sum(sizes) <= MOST_MAP_BYTES


async def test_the_map_obeys_the_keyboard(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=DESK) as page:
        await page.goto("/points?q=Kuching&lang=en")
        await page.focus("#show-map")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".map[data-ready]")
        await expect(page.locator(".map")).to_be_focused()
        await page.keyboard.press("Tab")
        mark = page.locator(".map .pin").first
        await expect(mark).to_be_focused()
        name = await page.locator("h3").first.inner_text()
        await expect(mark).to_have_attribute("aria-label", name)
        await page.keyboard.press("Enter")
        await expect(page.locator(".told strong")).to_have_text(name)
        await expect(page.locator(".told a")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator(".told")).to_have_count(0)
        await expect(mark).to_be_focused()
        await page.keyboard.press("Enter")
        await page.locator(".told a").press("Enter")
        await expect(page.locator(".points > li").first).to_be_focused()


async def test_the_map_moves_without_dragging(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=PHONE) as page:
        await page.goto("/points?q=Kuching&lang=en")
        await show_map(page)
        mark = page.locator(".map .pin").first

        async def at() -> tuple[float, float]:
            box = await mark.bounding_box()
            assert box is not None
            return box["x"], box["y"]

        for name, moves in {
            "Move east": lambda before, now: now[0] < before[0],
            "Move west": lambda before, now: now[0] > before[0],
            "Move south": lambda before, now: now[1] < before[1],
            "Move north": lambda before, now: now[1] > before[1],
        }.items():
            button = page.get_by_role("button", name=name)
            await button.scroll_into_view_if_needed()
            before = await at()
            await button.click()
            for _ in range(100):
                if moves(before, await at()):
                    break
                await page.evaluate("() => new Promise(requestAnimationFrame)")
            assert moves(before, await at()), name


async def test_a_map_that_cannot_be_loaded_leaves_the_list(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=PHONE) as page:
        await page.route("**/static/malaysia.*", lambda route: route.fulfill(status=503))
        await page.goto("/points?q=Kuching&lang=en")
        await page.click("#show-map")
        await expect(page.locator("#map > [role=status]")).to_have_text(
            texts("en").get("points.map.failed")
        )
        await expect(page.locator("h3")).to_have_count(3)

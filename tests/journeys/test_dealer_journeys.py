"""Dealers and their stock in the console, as finance and the warehouse see to them."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import Demo, phone_or_desk, visit
from .test_console_journeys import enter, staff
from .test_looks import AXE, look


async def add(page: Page, name: str, kind: str, parent: str = "") -> str:
    """Add a dealer, having seen what it is; return its number."""
    await page.goto("/console/dealers/new")
    await page.fill("#called", name)
    await page.check(f"[name=dealer_kind][value={kind}]")
    await page.fill("#parent", parent)
    if kind == "terminal":
        await page.check("[name=draws_on]")
    await page.fill("#reason", "contract 88 (made up)")
    await page.click("form .go")
    await page.wait_for_selector("[name=token]", state="attached")
    await page.click("form .go")
    await page.wait_for_url(re.compile(r"/console/dealers/[0-9]+$"))
    return page.url.rpartition("/")[2]


async def look_at_list(page: Page, place: str) -> list[str]:
    """Return what is wrong with a list: dense rows, and heads that a phone hides."""
    await page.wait_for_load_state()
    found = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    said = [f"{place}: scrolls sideways"] if found else []
    for scheme, options in AXE.items():
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        result = await Axe().run(page, options=options)
        said += [f"{place}, {scheme}: {one['id']}" for one in result.response["violations"]]
    return said


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_a_dealer_is_added_and_looked_after(browser: Browser, demo: Demo, tag: str) -> None:
    said, found = texts(tag), list[str]()
    options = phone_or_desk(tag, scripts=True)
    async with visit(browser, demo, **options) as page:
        await enter(page, staff(demo, "demo-finance"), tag)
        root = await add(page, f"Demo Utara {tag}", "distributor")
        shop = await add(page, "Kedai Demo Jaya", "shop", root)
        till = await add(page, "Till 1", "terminal", shop)
        here = f"/console/dealers/{shop}"
        for path in (
            "/console/dealers/new",
            "/console/dealers/commission",
            here,
            f"/console/dealers/{till}",
            f"{here}/fund",
            f"{here}/move-float",
            f"{here}/agreement",
            f"{here}/standing",
            "/console/stock",
            "/console/stock/moves",
        ):
            await page.goto(path)
            found += await look(page, path)
        await page.goto(f"/console/dealers?under={root}")
        await expect(page.locator(".down-2")).to_have_text("Till 1")
        found += await look_at_list(page, "tree")

        await page.goto(f"/console/dealers/{root}/agreement")
        await page.fill("#rate", "6.5")
        await page.check("[name=paid_as][value=margin]")
        await page.fill("#reason", "contract 88 (made up)")
        await page.click("form .go")
        await expect(page.locator(".note")).to_have_text(said.get("acts.takes_two"))
        found += await look(page, "agreement, seen")
        await page.click("form .go")
        await page.wait_for_url(re.compile(r"/console/requests/[0-9]+$"))
        found += await look(page, "agreement, asked for")

        await page.fill("#q", shop)
        await page.press("#q", "Enter")
        await expect(page).to_have_url(re.compile(rf"/console/dealers/{shop}$"))
    async with visit(browser, demo, **options) as page:
        await enter(page, staff(demo, "demo-warehouse"), tag)
        for kind in ("ship", "return", "recount", "stolen", "found"):
            await page.goto(f"/console/stock/move/{kind}")
            found += await look(page, kind)
        await page.goto("/console/stock/move/ship")
        await page.fill("#cards", "0001-99999999")
        await page.fill("#to_holder", shop)
        await page.fill("#reason", "order (made up)")
        await page.click("form .go")
        await page.wait_for_selector(".summary")
        found += await look(page, "ship, refused")
    assert found == []

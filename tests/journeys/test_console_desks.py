"""Marketing's and network's days in the console, and finance's new pages, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, PHONE, Demo, visit
from .test_console_acts import at_work
from .test_looks import look
from .test_shop_journeys import sign_in

MIXED = [("en", PHONE), ("zh-Hans", DESK), ("ta", PHONE), ("ms", DESK)]


@pytest.mark.parametrize(("kind", "tag", "viewport"), [("offer", *MIXED[2]), ("news", *MIXED[1])])
async def test_marketing_writes_looks_at_it_and_publishes(
    browser: Browser, demo: Demo, kind: str, tag: str, viewport: object
) -> None:
    slug, said = f"demo-{kind}-{tag.lower()}", texts(tag)
    async with at_work(browser, demo, "demo-marketing", tag, viewport) as page:
        await page.goto("/console/content/new")
        found = await look(page, "new article")
        await page.fill("#slug", slug)
        await page.select_option("#kind", kind)
        await page.fill("#from", "2026-01-01")
        for one in LANGUAGES:
            await page.fill(f"[name=title-{one}]", f"Demo {kind} {one}")
            await page.fill(f"[name=summary-{one}]", "Made up")
            await page.fill(f"[name=body-{one}]", "**Twice** as much.")
        await page.click("button[value=preview]")
        await expect(page.locator(".previews article")).to_have_count(len(LANGUAGES))
        found += await look(page, "preview")
        await page.fill("#why", "campaign 7 (made up)")
        await page.click("button[value=publish]")
        await expect(page.locator(".lead").first).to_contain_text(
            said.get("console.content.is.shown")
        )
        found += await look(page, "published")
    async with visit(browser, demo, viewport=PHONE) as page:
        await page.goto(f"/offers/{slug}?lang={tag}")
        await expect(page.locator("h1")).to_have_text(f"Demo {kind} {tag}")
    assert found == []


async def test_marketing_mends_a_top_up_point(browser: Browser, demo: Demo) -> None:
    async with at_work(browser, demo, "demo-marketing", "ms", PHONE) as page:
        await page.goto("/console/points")
        await page.click("tbody a >> nth=0")
        found = await look(page, "point")
        await page.fill("[name=name]", "Kedai Contoh Baharu")
        await page.fill("#why", "sign changed (made up)")
        await page.click("form.act .go")
        await expect(page.locator("#why")).to_have_value("")
        await expect(page.locator("[name=name]")).to_have_value("Kedai Contoh Baharu")
        found += await look(page, "points, mended")
    assert found == []


@pytest.mark.parametrize(("tag", "viewport"), MIXED[:2])
async def test_the_network_desk_sees_what_waits_and_who_is_locked_out(
    browser: Browser, demo: Demo, tag: str, viewport: object
) -> None:
    async with at_work(browser, demo, "demo-network", tag, viewport) as page:
        await page.goto("/console/operations")
        found = await look(page, "operations")
        for section in ("engine", "due", "loads", "locked", "guesses", "providers"):
            await expect(page.locator(f"#{section}")).to_be_visible()
        await page.goto("/console/operations/odds")
        found += await look(page, "odds")
        await page.goto("/console/figures")
        found += await look(page, "figures")
    assert found == []


@pytest.mark.parametrize(("tag", "viewport"), MIXED)
async def test_finance_sees_what_is_owed_and_who_holds_cards_drawn(
    browser: Browser, demo: Demo, tag: str, viewport: object
) -> None:
    async with at_work(browser, demo, "demo-finance", tag, viewport) as page:
        await page.goto("/console/figures")
        await expect(page.locator("#h-liability")).to_be_visible()
        await expect(page.locator("#h-stock")).to_be_visible()
        assert await look(page, "figures") == []


async def test_a_shop_sees_how_to_buy_float(browser: Browser, demo: Demo) -> None:
    found = list[str]()
    async with visit(browser, demo, viewport=PHONE) as page:
        await sign_in(page, demo)
        await page.get_by_role("main").get_by_role("link", name="Buy float").click()
        await expect(page.locator("main h2")).to_be_visible()
        for tag in LANGUAGES:
            await page.goto(f"/shop/float?lang={tag}")
            found += await look(page, f"float, {tag}")
    assert found == []

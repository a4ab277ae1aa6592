"""Finding an offer, an answer, and one's way, as people do it."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.engine.publishing import DEFAULT_ANSWERS
from tambah.i18n import LANGUAGES, texts

from .conftest import SCRIPTS, Demo, phone_or_desk, visit

MENU = ("/", "/account", "/points", "/rates", "/offers", "/help")


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_an_offer_is_found_from_the_home_page(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    said = texts(tag)
    async with visit(browser, demo, **phone_or_desk(tag, scripts=scripts)) as page:
        await page.goto(f"/?lang={tag}")
        # Marketing's journey may have published a newer one.
        title = await page.locator(".newest a[href*=first-top-up]").inner_text()
        await page.click(f"nav.site a:text-is('{said.get('frame.offers')}')")
        await expect(page.locator("h1")).to_have_text(said.get("offers.title"))
        await expect(page.locator("nav.site [aria-current=page]")).to_have_text(
            said.get("frame.offers")
        )
        await page.click(f".notices a:text-is('{title}')")
        await expect(page.locator("h1")).to_have_text(title)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        assert await page.get_attribute("meta[property='og:title']", "content") == title
        assert (await page.get_attribute("meta[property='og:url']", "content") or "").endswith(
            f"/offers/first-top-up?lang={tag}"
        )
        await page.click("article .go")
        await expect(page.locator("#number")).to_be_visible()


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_feed_leads_to_the_same_articles(browser: Browser, demo: Demo, tag: str) -> None:
    atom = "{http://www.w3.org/2005/Atom}"
    async with visit(browser, demo) as page:
        await page.goto(f"/offers?lang={tag}")
        address = await page.get_attribute("link[type='application/atom+xml']", "href")
        listed = await page.locator(".notices a").all_inner_texts()
        response = await page.request.get(address or "")
        feed = Xml.fromstring(await response.text())
        found = {
            entry.findtext(f"{atom}title"): entry.find(f"{atom}link").get("href")  # type: ignore[union-attr]
            for entry in feed.iter(f"{atom}entry")
        }
        assert sorted(found, key=str) == sorted(listed)
        for title, link in found.items():
            await page.goto(link or "")
            await expect(page.locator("h1")).to_have_text(str(title))
            await expect(page.locator("html")).to_have_attribute("lang", tag)


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_an_answer_is_found_without_scripts(browser: Browser, demo: Demo, tag: str) -> None:
    said = texts(tag)
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto(f"/?lang={tag}")
        await page.click(f"nav.site a:text-is('{said.get('frame.help')}')")
        for slug in DEFAULT_ANSWERS:
            await page.click(f".contents a[href='#{slug}']")
            await expect(page).to_have_url(re.compile(rf"/help(\?lang={tag})?#{slug}$"))
            heading = page.locator(f"#{slug} h2")
            await expect(heading).to_have_text(said.get(f"faq.{slug}.title"))
            await expect(heading).to_be_in_viewport()


async def test_the_menu_is_walked_by_keyboard(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        await page.goto("/help?lang=ta")
        await page.focus(".languages li:last-child a")
        walked: list[str] = []
        for _ in MENU:
            await page.keyboard.press("Tab")
            walked.append(await focused(page, "new URL(element.href).pathname"))
            outline = await focused(page, "getComputedStyle(element).outlineStyle")
            assert outline != "none"
            visible = await focused(page, "element.getBoundingClientRect().bottom <= innerHeight")
            assert visible
        assert tuple(walked) == MENU
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"/offers\?lang=ta$"))


async def focused(page: Page, expression: str) -> Any:
    """Return something of the element that has the focus."""
    return await page.evaluate(f"(element => {expression})(document.activeElement)")


@pytest.mark.parametrize("width", [640, 320], ids=["200 %", "400 %"])
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_nothing_is_lost_when_zoomed(
    browser: Browser, demo: Demo, tag: str, width: int
) -> None:
    wide = "document.documentElement.scrollWidth > innerWidth"
    async with visit(browser, demo, viewport={"width": width, "height": 400}) as page:
        for path in ("/", "/offers", "/offers/first-top-up", "/help"):
            await page.goto(f"{path}?lang={tag}")
            assert not await page.evaluate(wide)
            for link in await page.locator("nav.site a").all():
                await expect(link).to_be_visible()


async def test_help_and_a_person_stand_in_the_same_place_everywhere(
    browser: Browser, demo: Demo
) -> None:
    places: set[tuple[Any, Any]] = set()
    async with visit(browser, demo) as page:
        for path in ("/", "/offers", "/help", "/account/sign-in", "/nowhere"):
            await page.goto(f"{path}?lang=en")
            box = await page.locator("nav.site a").last.bounding_box()
            assert box is not None
            places.add((round(box["x"]), round(box["y"])))
            await expect(page.locator("footer a[href^='tel:']")).to_have_count(1)
            await expect(page.locator("footer a[href^='/help/ticket']")).to_have_count(1)
            assert await page.locator("footer a[rel='me noopener']").count() == 3
    assert len(places) == 1

"""A subscriber's SIM: seeing on which one is, and fetching an eSIM by picture, text or link."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import SCRIPTS, Demo, phone_or_desk, visit, watch_addresses
from .signing import sign_in

# SGP.22 section 4.1, with what a demo's codes leave out as well.
SGP22 = re.compile(
    r"LPA:1\$(?P<smdp>[A-Z0-9.-]+)\$(?P<matching_id>[A-Z0-9-]*)(\$(?P<oid>[0-9.]*)(\$(?P<flag>1))?)?"
)


async def newest_code(browser: Browser, demo: Demo, number: str) -> str:
    """Return the newest one-time password of a number in the demo's inbox, once there is one."""
    async with visit(browser, demo, java_script_enabled=False) as inbox:
        for _ in range(50):
            await inbox.goto("/sandbox/sms?refresh=off")
            messages = inbox.locator(".inbox li", has_text=number).locator(".bubble")
            for text in await messages.all_inner_texts():
                if found := re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", text):
                    return found[0]
    raise AssertionError("no password came")


async def read_qr(page: Page) -> list[str]:
    """Return what an independent reader makes of the QR codes in a picture of the page."""
    picture = Image.open(io.BytesIO(await page.screenshot(full_page=True)))
    return [one.text for one in zxingcpp.read_barcodes(picture)]


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_an_esim_is_fetched_by_picture_text_or_link(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    scheme = "dark" if scripts else "light"
    options = phone_or_desk(tag, scripts=scripts) | {"color_scheme": scheme}
    said = texts(tag)
    number = demo.esim_number(tag)
    async with visit(browser, demo, **options) as page:
        seen = watch_addresses(page)
        await sign_in(browser, demo, page, number, tag)
        await page.goto("/account/sim")
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator("h1")).to_have_text(number)
        await page.get_by_role("button", name=said.get("sims.code.show")).click()
        await expect(page.locator("h1")).to_have_text(said.get("sims.code.title"))

        text = await page.locator("#lpa").inner_text()
        form = SGP22.fullmatch(text)
        assert form is not None
        assert form["smdp"] == "SMDP.KAMPUNGTEL.EXAMPLE"
        assert len(form["matching_id"]) >= 15
        assert await read_qr(page) == [text]
        for host in ("apple", "android"):
            link = page.locator(f'a[href^="https://esimsetup.{host}.com/"]')
            address = urlsplit(await link.get_attribute("href") or "")
            assert parse_qs(address.query) == {"carddata": [text]}
            assert "noreferrer" in (await link.get_attribute("rel") or "")

        steps = page.locator("details").first
        await steps.locator("summary").click()
        await expect(steps).to_contain_text(said.get("sims.help.iphone.2"))
        await page.get_by_role("link", name=said.get("sims.back")).click()
        await expect(page.locator("main")).to_contain_text(said.get("sims.code.again"))
        assert form["matching_id"] not in await page.content()
    assert [address for address in seen if form["matching_id"] in address] == []


async def test_the_code_s_page_in_another_language_is_asked_for_again(
    browser: Browser, demo: Demo
) -> None:
    async with visit(browser, demo) as page:
        await sign_in(browser, demo, page, demo.esim_number("en"), "en")
        await page.goto("/account/sim")
        await page.get_by_role("button", name="Show my activation code").click()
        text = await page.locator("#lpa").inner_text()
        await page.get_by_role("button", name="தமிழ்").click()
        await expect(page.locator("html")).to_have_attribute("lang", "ta")
        assert await page.locator("#lpa").inner_text() == text
        assert await read_qr(page) == [text]


async def test_a_subscriber_with_a_card_sees_it_and_no_code(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        await sign_in(browser, demo, page, demo.number("en"), "en")
        await page.goto("/account/sim")
        await expect(page.locator(".state")).to_have_text("SIM card")
        await expect(page.locator("dd").first).to_have_text(re.compile(r"ends in [0-9]{4}"))
        assert await page.locator("main form").count() == 0


async def test_the_code_is_reached_by_keyboard_alone(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        await sign_in(browser, demo, page, demo.esim_number("ms"), "ms")
        await page.goto("/account/sim")
        await page.locator("main").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#lpa")).to_be_visible()
        await page.locator("main").focus()
        for _ in range(3):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("details").first).to_have_attribute("open", "")

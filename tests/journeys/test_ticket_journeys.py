"""Telling customer care, as people do it: with a photo, and the answer read later."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import SCRIPTS, Demo, fill, phone_or_desk, press, telling, visit, watch_addresses
from .test_topup_journeys import unknown_code

TICKET = re.compile(r".*/help/ticket/[a-z2-7]{40}(\?lang=[A-Za-z-]+)?$")
SAID = {
    "en": "I scratched too hard",
    "ms": "Saya menggores terlalu kuat",
    "zh-Hans": "我刮得太用力了",
    "ta": "அழுத்திச் சுரண்டிவிட்டேன்",
}


def a_photo(size: tuple[int, int] = (80, 50), name: str = "card.jpg") -> Any:
    """Return a photo as a file chooser hands it over; of noise where it is to be large."""
    file = io.BytesIO()
    if size[0] > 1000:
        Image.effect_noise(size, 100).save(file, "JPEG", quality=95)
    else:
        Image.new("RGB", size, "#8899aa").save(file, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()}


async def sms_to(page: Page, number: str, wanted: str) -> str:
    """Return the latest message in the demo's inbox for a number that holds a text."""
    for _ in range(50):
        await page.goto("/sandbox/sms?refresh=off")
        item = page.locator(".inbox li").filter(has_text=number).filter(has_text=wanted)
        if await item.count():
            return await item.first.locator(".bubble").inner_text()
    raise AssertionError(f"no message with {wanted}")


async def tambah(demo: Demo, *arguments: str) -> str:
    """Run a command on the demo's database, as staff do; return what it said."""
    command = Path(sys.executable).with_name("tambah")
    process = await asyncio.create_subprocess_exec(
        command, *arguments, env=demo.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_a_damaged_card_is_claimed_answered_and_closed(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    number, said = demo.number(tag), texts(tag)
    async with visit(browser, demo, **phone_or_desk(tag, scripts=scripts)) as page:
        seen = watch_addresses(page)
        await page.goto(f"/help?lang={tag}")
        await page.click("a[href^='/help/ticket?'] >> nth=0")
        await page.fill("#number", number)
        await page.check("[name=category][value=damaged_card]")
        await page.fill("#serial", "0001-00000001")
        await page.fill("#readable", "1234 5678 9012 34??")
        await page.fill("#text", SAID[tag])
        await page.set_input_files("#photo", a_photo())
        await press(page)
        await page.wait_for_url(TICKET)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator(".state")).to_have_text(said.get("tickets.state.open"))
        await expect(page.locator(".thread")).to_contain_text(SAID[tag])
        await expect(page.locator(".face")).not_to_contain_text(number)
        reference = await page.locator("h1").inner_text()
        assert await page.locator(".shot img").evaluate("image => image.decode().then(() => 80)")
        assert reference in await sms_to(page, number, reference)

        await tambah(demo, "tickets", "answer", reference, "--template", "photo_needed", "--waits")
        await page.goto(f"/help/ticket/follow?lang={tag}")
        await page.fill("#reference", reference.lower())
        await page.fill("#number", number)
        await press(page)
        await page.wait_for_url(TICKET)
        await expect(page.locator(".state")).to_have_text(said.get("tickets.state.waiting"))
        await expect(page.locator(".ours")).to_contain_text(
            said.get("tickets.answer.photo_needed")
        )
        await page.set_input_files("#photo", a_photo(name="back.jpg"))
        await press(page)
        await expect(page.locator(".state")).to_have_text(said.get("tickets.state.open"))
        await expect(page.locator(".shot")).to_have_count(2)
        await page.click("form.buttons .quiet")
        await expect(page.locator(".state")).to_have_text(said.get("tickets.state.closed"))

    assert telling(seen, number, reference) == []


@SCRIPTS
async def test_a_refused_card_leads_to_a_ticket_that_is_filled_in(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/?lang=en")
        await fill(page, number, unknown_code(411_111_111_111_111 + scripts))
        await press(page)
        await page.click("[formaction^='/help/ticket/about']")
        await expect(page.locator("#number")).to_have_value(number)
        await expect(page.locator("[value=damaged_card]")).to_be_checked()
        # Another language keeps all of it.
        await page.fill("#text", SAID["en"])
        await page.click("nav button[lang=zh-Hans]")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        await expect(page.locator("#number")).to_have_value(number)
        await expect(page.locator("#text")).to_have_value(SAID["en"])
        await page.press("#number", "Enter")
        await page.wait_for_url(TICKET)
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


async def test_a_photo_over_the_limit_is_made_smaller_by_the_browser(
    browser: Browser, demo: Demo
) -> None:
    large = a_photo(size=(3000, 2200))
    assert len(large["buffer"]) > 2 * 1024 * 1024
    async with visit(browser, demo) as page:
        await page.goto("/help/ticket")
        await page.fill("#number", demo.number())
        await page.check("[value=other]")
        await page.fill("#text", SAID["en"])
        await page.set_input_files("#photo", large)
        await page.wait_for_function(
            "() => document.getElementById('photo').files[0].size <= 2 * 1024 * 1024"
        )
        await press(page)
        await page.wait_for_url(TICKET)
        await expect(page.locator(".shot")).to_have_count(1)


async def test_a_photo_over_the_limit_is_refused_without_scripts(
    browser: Browser, demo: Demo
) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/help/ticket?lang=en")
        await page.fill("#number", demo.number())
        await page.check("[value=other]")
        await page.fill("#text", SAID["en"])
        await page.set_input_files("#photo", a_photo(size=(3000, 2200)))
        await press(page)
        await expect(page.locator("#photo-error")).to_contain_text("larger than 2 MB")
        await expect(page.locator("#text")).to_have_value(SAID["en"])

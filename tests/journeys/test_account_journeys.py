"""Looking after one's own line: signing in, history, receipt, language, signing out."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, SCRIPTS, Demo, fill, phone_or_desk, press, visit
from .signing import messages_to, password_for, sign_in


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_subscriber_looks_after_a_line(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    scheme = "light" if scripts else "dark"
    options = phone_or_desk(tag, scripts=scripts) | {"color_scheme": scheme}
    number, said = demo.number(tag), texts(tag)
    other = "ta" if tag != "ta" else "en"
    async with visit(browser, demo, **options) as page:
        await sign_in(browser, demo, page, number, tag)
        await expect(page.locator("h1")).to_have_text(number)
        await expect(page.locator(".state")).to_have_text(said.get("account.state.active"))

        await page.click(".own form .go")
        await expect(page.locator("#number")).to_have_value(number)
        assert "number" not in page.url
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_selector(".receipt")
        reference = await page.locator("dd code").inner_text()

        await page.goto("/account")
        await page.click("text=" + said.get("account.to.history"))
        await page.click("text=" + said.get("account.did.redemption"))
        await expect(page.locator("dd code")).to_have_text(reference)
        await expect(page.locator(".face")).to_contain_text(number)
        await expect(page.locator("[data-print]")).to_be_visible(visible=scripts)

        await page.goto("/account/settings")
        await page.check(f"[name=language][value={other}]")
        await press(page)
        await expect(page.locator(".saved")).to_have_text(
            texts(other).get("account.settings.saved")
        )
        await expect(page.locator("html")).to_have_attribute("lang", other)

        before = len(await messages_to(browser, demo, number, 2))
        await page.goto("/")
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_selector(".receipt")
        latest = (await messages_to(browser, demo, number, before + 1))[0]
        assert latest.tag == other

        await page.goto("/account/settings")
        await page.click("[name=everywhere]")
        await page.wait_for_url(re.compile(r".*/(\?lang=.*)?$"))
        await page.goto("/account")
        await expect(page).to_have_url(re.compile(r".*/account/sign-in"))


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something of a kind has the focus, which is to be seen."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = page.locator("*:focus")
        if await focused.count() and await focused.evaluate(f"one => one.matches({selector!r})"):
            outline = "one => getComputedStyle(one.closest('.row') || one).outlineStyle"
            assert await focused.evaluate(outline) != "none"
            return
    raise AssertionError(f"{selector} cannot be reached with the keyboard")


async def test_everything_is_done_with_the_keyboard_alone(browser: Browser, demo: Demo) -> None:
    number = demo.number("ms")
    async with visit(browser, demo, viewport=DESK) as page:
        await page.goto("/account/sign-in?lang=ms")
        await tab_to(page, "#number")
        await page.keyboard.type(number)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#otp")
        await tab_to(page, "#otp")
        await page.keyboard.type(await password_for(browser, demo, number))
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".own")
        await tab_to(page, ".leads a[href^='/account/settings']")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[name=language]")
        await tab_to(page, "[name=language]")
        await page.keyboard.press("ArrowDown")
        await tab_to(page, "[name=reminds]")
        await page.keyboard.press("Space")
        await tab_to(page, "form .go")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".saved")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        await expect(page.locator("[name=reminds]")).not_to_be_checked()
        await page.goto("/account")
        await tab_to(page, "form .quiet")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#topup")
        await page.goto("/account")
        await expect(page).to_have_url(re.compile(r".*/account/sign-in"))


async def test_a_wrong_password_is_said_and_another_try_signs_in(
    browser: Browser, demo: Demo
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/account/sign-in?lang=en")
        await page.fill("#number", number)
        await press(page)
        code = await password_for(browser, demo, number)
        await page.fill("#otp", f"{(int(code) + 1) % 10**6:06d}")
        await press(page)
        await expect(page.locator(".summary")).to_be_visible()
        await page.fill("#otp", code)
        await press(page)
        await page.wait_for_selector(".own")


async def test_a_receipt_prints_by_itself(browser: Browser, demo: Demo) -> None:
    number = demo.number()
    async with visit(browser, demo) as page:
        await page.goto("/?lang=en")
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_selector(".receipt")
        await sign_in(browser, demo, page, number, "en")
        await page.goto("/account/receipts/1?lang=en")
        await page.emulate_media(media="print")
        for hidden in (".demo", ".languages", ".buttons", "footer", ".after"):
            await expect(page.locator(hidden).first).to_be_hidden()
        await expect(page.locator(".receipt dl")).to_be_visible()

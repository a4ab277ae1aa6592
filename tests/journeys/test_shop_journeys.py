"""A shopkeeper sells a card on a phone, which is then redeemed; a reload, read back, undone."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Page, expect

from .conftest import PHONE, SCRIPTS, Demo, fill, press, visit

RESULT = re.compile(r".*/topup/result/[a-z2-7]{26}$")


async def sign_in(page: Page, demo: Demo) -> None:
    """Sign in as the demo's first seller, without a mouse on anything but the button."""
    seller = demo.sellers[0]
    await page.goto("/shop")
    await page.get_by_label("Registered number").fill(seller["number"])
    await page.get_by_label("PIN, six digits").fill(seller["pin"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Float available")).to_be_visible()


@SCRIPTS
async def test_a_card_is_sold_and_then_redeemed(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    card = next(demo.cards)
    async with visit(browser, demo, java_script_enabled=scripts, viewport=PHONE) as page:
        await sign_in(page, demo)
        await page.get_by_role("main").get_by_role("link", name="Sell a card").click()
        await page.get_by_label("Serial number").fill(card["serial"])
        await page.get_by_role("button", name="Go on").click()
        await expect(page.locator("h1")).to_have_text(card["serial"])
        await page.get_by_role("button", name="Sell for").click()
        await expect(page.get_by_text("Card sold")).to_be_visible()
        await expect(page.get_by_role("button", name="Undo this sale")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

        await page.goto("/")
        await fill(page, demo.number(), card["code"])
        await press(page)
        await page.wait_for_url(RESULT)

        await page.goto("/shop/sales")
        await expect(page.get_by_text("Sold, used").first).to_be_visible()


@SCRIPTS
async def test_a_reload_is_read_back_and_undone(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=scripts, viewport=PHONE) as page:
        await sign_in(page, demo)
        await page.get_by_role("main").get_by_role("link", name="Reload a number").click()
        await page.get_by_label("The customer's number").fill(number)
        await page.get_by_text("RM10", exact=True).click()
        await page.get_by_role("button", name="Go on").click()
        await expect(page.locator("h1")).to_have_text(number)
        await page.get_by_role("button", name="Reload RM10.00").click()
        await page.get_by_role("button", name="Undo this sale").click()
        await expect(page.get_by_text("Sale undone")).to_be_visible()

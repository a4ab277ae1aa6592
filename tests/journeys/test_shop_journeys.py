"""A shopkeeper sells a card on a phone, and the customer redeems it; a reload, read back."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Browser, expect

from .conftest import PHONE, SCRIPTS, Demo, visit


@SCRIPTS
async def test_a_card_is_sold_and_then_redeemed(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    card: dict[str, Any] = next(demo.cards)
    seller = demo.sellers[0]
    async with visit(browser, demo, scripts=scripts, viewport=PHONE) as page:
        await page.goto(f"{demo.url}/shop")
        await page.get_by_label("Registered number").fill(seller["number"])
        await page.get_by_label("PIN, six digits").fill(seller["pin"])
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("main").get_by_role("link", name="Sell a card").click()
        await page.get_by_label("Serial number").fill(card["serial"])
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(card["serial"])
        await page.get_by_role("button", name="Sell for").click()
        await expect(page.get_by_text("Card sold")).to_be_visible()
        await expect(page.get_by_role("button", name="Undo this sale")).to_be_visible()

        await page.goto(demo.url)
        await page.get_by_label("Mobile number").fill(demo.number())
        if scripts:
            await page.get_by_text("recharge code", exact=False).first.click()
        await page.locator("[name=amount][value=code]").check()
        await page.locator("#code").fill(card["code"])
        await page.get_by_role("button", name=re.compile("Top up")).click()
        await expect(page.get_by_text("Receipt", exact=True)).to_be_visible()

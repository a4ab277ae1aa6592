"""What a promotion adds is seen before paying, and had afterwards: with and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, PHONE, SCRIPTS, Demo, visit
from .test_paying_journeys import choose, end, pay

GIGABYTE = 2**30


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_a_gigabyte_is_promised_and_given(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    said = texts(tag)
    data, days = said.allowance("bytes", GIGABYTE), said.plural("portal.days", 7)
    options: dict[str, Any] = {
        "java_script_enabled": scripts,
        "viewport": PHONE if scripts else DESK,
    }
    async with visit(browser, demo, **options) as page:
        await page.goto(f"/?lang={tag}")
        tile = page.locator(".tile", has=page.locator("[value='30.00']"))
        await expect(tile).to_contain_text(said.get("promotions.plus", what=data, days=days))
        await choose(page, demo.number(tag))
        await expect(page.locator(".check")).to_contain_text(
            said.get("promotions.and", what=data, days=days)
        )
        await pay(page)
        await end(page, "webhook_first")
        row = page.locator("dl div", has_text=said.get("promotions.on_top"))
        await expect(row).to_contain_text(data)

"""A forgotten number and a lost phone in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tambah.i18n import LANGUAGES

from .conftest import DESK, PHONE, Demo, visit
from .test_looks import look

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no js"])


async def people(page: Page) -> list[dict[str, str]]:
    """Return the made-up people that the demo lays open."""
    await page.goto("/sandbox/codes?lang=en")
    rows = await page.locator("table").last.locator("tbody tr").all()
    return [
        dict(
            zip(
                ("number", "document", "name"),
                [await cell.inner_text() for cell in await row.locator("th, td").all()],
                strict=True,
            )
        )
        for row in rows
    ]


async def claim(page: Page, person: dict[str, str]) -> None:
    """Say who one is, and press the button."""
    await page.fill("#document", person["document"].lower())
    await page.check("[name=kind][value=name]")
    await page.fill("#fact", person["name"])
    await page.click("form .go")


async def codes(page: Page) -> list[str]:
    """Return the codes in the sandbox's inbox, the newest first."""
    await page.goto("/sandbox/sms?refresh=off")
    bodies = await page.locator(".bubble").all_inner_texts()
    return [
        found[1] for body in bodies if (found := re.search(r"(?<![0-9])([0-9]{6})(?![0-9])", body))
    ]


async def new_code(page: Page, before: list[str]) -> str:
    """Return the code that has come since."""
    for _ in range(50):
        if (now := await codes(page))[: len(now) - len(before)]:
            return now[0]
    raise AssertionError("no code came")


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_a_forgotten_number_is_seen(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    options: dict[str, Any] = {"viewport": PHONE if scripts else DESK}
    found: list[str] = []
    async with visit(browser, demo, java_script_enabled=scripts, **options) as page:
        known = await people(page)
        person = known[list(LANGUAGES).index(tag)]
        before = await codes(page)
        await page.goto(f"/account/forgotten?lang={tag}")
        await claim(page, person)
        await page.wait_for_selector("#otp")
        if scripts:
            found += await look(page, "code")
        code = await new_code(page, before)
        await page.goto(f"/account/forgotten/code?lang={tag}")
        await page.fill("#otp", code)
        await page.click("form .go")
        assert person["number"] in await page.inner_text("main")
        if scripts:
            found += await look(page, "numbers")
    assert found == []


async def test_a_lost_phone_is_barred_with_the_keyboard_alone(
    browser: Browser, demo: Demo
) -> None:
    async with visit(browser, demo) as page:
        person = (await people(page))[4]
        await page.goto("/account/lost?lang=en")
        await page.focus("#number")
        await page.keyboard.type(person["number"])
        await page.keyboard.press("Tab")
        await page.keyboard.type(person["document"])
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.type(person["name"])
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/account/lost/done*")
        for _ in range(50):
            await page.goto("/sandbox/sms?refresh=off")
            told = [text for text in await page.locator(".inbox li").all_inner_texts()]
            if any(person["number"] in text for text in told):
                break
        else:
            raise AssertionError("no SMS says that the line is barred")

"""A forgotten number and a lost phone in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tambah.i18n import LANGUAGES

from .conftest import DESK, PHONE, Demo, press, visit
from .signing import sign_in
from .test_looks import look

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no js"])


async def people(page: Page) -> list[dict[str, str]]:
    """Return the made-up people that the demo lays open."""
    await page.goto("/sandbox/codes?lang=en")
    states = {
        await row.locator("th").inner_text(): (await row.locator("td").first.inner_text()).lower()
        for row in await page.locator("table").first.locator("tbody tr").all()
    }
    rows = await page.locator("table").last.locator("tbody tr").all()
    found = [
        dict(
            zip(
                ("number", "document", "name"),
                [await cell.inner_text() for cell in await row.locator("th, td").all()],
                strict=True,
            )
        )
        for row in rows
    ]
    return [{**one, "state": states[one["number"]]} for one in found]


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
        now = await codes(page)  # a full inbox drops its oldest
        if now[:1] != before[:1]:
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


async def test_a_bar_is_lifted_by_who_is_signed_in_and_known(browser: Browser, demo: Demo) -> None:
    found: list[str] = []
    async with visit(browser, demo) as page:
        person = next(p for p in await people(page) if p["state"] == "grace period")
        await sign_in(browser, demo, page, person["number"], "en")
        await page.goto("/account/lost?lang=en")
        found += await look(page, "lost, signed in")
        await page.click("main form .go")
        await page.wait_for_selector(".why")
        await page.click("main .go")
        await page.wait_for_selector("#document")
        found += await look(page, "unbar")
        await claim(page, {**person, "document": "DEMO9999"})
        await page.wait_for_selector(".summary")
        await claim(page, person)
        await page.wait_for_selector(".own")
        assert "Bar" not in await page.inner_text(".own .state")
    assert found == []


async def test_an_expired_line_comes_back_without_javascript(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        person = next(p for p in await people(page) if p["state"] == "expired")
        await page.goto("/?lang=en")
        await page.fill("#number", person["number"])
        await page.check("[name=amount][value='30.00']")
        await press(page)
        await page.click(".summary a[href*=reactivate]")
        await page.fill("#number", person["number"])
        await claim(page, person)
        await page.wait_for_url("**/account/reactivate/done*")
        for _ in range(50):
            await page.goto("/?lang=en")
            await page.fill("#number", person["number"])
            await page.check("[name=amount][value='30.00']")
            await press(page)
            if await page.locator(".check").count():
                break
        assert "RM5.00" in await page.inner_text(".check")

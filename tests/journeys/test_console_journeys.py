"""The console as staff use it: in, find, look, out; four languages, by keyboard, on a phone."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from pyotp.totp import TOTP

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, PHONE, SCRIPTS, Demo, phone_or_desk, visit
from .test_account_journeys import tab_to
from .test_looks import look

_used: dict[str, int] = {}
"""The last step of each authenticator that was used: a code is good once."""


def staff(demo: Demo, name: str) -> dict[str, Any]:
    """Return somebody out of demo.json."""
    told = json.loads((Path(demo.environment["TAMBAH_DATA_DIR"]) / "demo.json").read_text())
    return next(one for one in told["staff"] if one["name"] == name)


async def code_of(somebody: dict[str, Any]) -> str:
    """Return the next code that was not used yet, waiting for it if need be."""
    name = somebody["name"]
    while True:
        step = int(datetime.now(UTC).timestamp()) // 30
        # The one after the present is good as well.
        for one in (step, step + 1):
            if one > _used.get(name, 0):
                _used[name] = one
                return TOTP(somebody["totp_secret"]).generate_otp(one)
        await asyncio.sleep(1)


async def enter(page: Page, somebody: dict[str, Any], tag: str) -> None:
    """Sign somebody in, from wherever the console sends them."""
    await page.goto(f"/console?lang={tag}")
    assert re.search(r"/console/sign-in\?lang=", page.url)
    await page.fill("#name", somebody["name"])
    await page.fill("#password", somebody["password"])
    await page.fill("#code", await code_of(somebody))
    await page.click("form .go")
    await page.wait_for_selector("#q")


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_care_finds_a_line_and_its_card(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    said, found = texts(tag), list[str]()
    scheme = "light" if scripts else "dark"
    async with visit(
        browser, demo, color_scheme=scheme, **phone_or_desk(tag, scripts=scripts)
    ) as page:

        async def glance(place: str) -> None:
            # Axe is a script itself.
            found.extend(await look(page, place) if scripts else [])

        await page.goto(f"/console/sign-in?lang={tag}")
        await glance("sign in")
        await page.click("form .go")
        await page.wait_for_selector(".summary")
        await glance("sign in, refused")
        await enter(page, staff(demo, "demo-care"), tag)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await glance("home")

        # A line with a history: the first that the demo tops up.
        line = next(one for one in demo.lines if one["language"] == tag)
        await page.fill("#q", f"0{line['msisdn'][2:]}")
        await page.click(".find .quiet")
        await expect(page).to_have_url(re.compile(rf"/console/lines/{line['msisdn']}"))
        await expect(page.locator(".lead")).to_contain_text(said.get("portal.state.active"))
        await expect(page.locator(".entries")).to_contain_text(said.get("account.did.reversal"))
        await expect(page.locator(".entries")).to_contain_text(
            said.get("console.action.reverse_top_up")
        )
        await glance("line")
        await page.click(".facts a")
        await page.wait_for_selector(".record .kind")
        await glance("sim")
        await page.click(".facts a")
        await page.wait_for_selector(".entries")

        await page.fill("#q", "0001-00000001")
        await page.press("#q", "Enter")
        await expect(page).to_have_url(re.compile("/console/vouchers/0001-00000001"))
        await glance("card")
        await page.fill("#q", "nonsense")
        await page.press("#q", "Enter")
        await expect(page.locator("h1")).to_have_text(said.get("console.nothing"))
        await glance("nothing")
        for place in ("tickets", "payments", "batches", "batches/1", "figures"):
            await page.goto(f"/console/{place}")
            await glance(place)
        await page.goto("/console/tickets")
        await page.click(".list td a")
        await page.wait_for_selector(".thread")
        await glance("ticket")

        await page.click(".site .plain")
        await expect(page).to_have_url(re.compile("/console/sign-in"))
        await page.goto("/console/lines/1")
        await expect(page).to_have_url(re.compile("/console/sign-in"))
    assert found == []


async def test_everything_is_done_with_the_keyboard_alone(browser: Browser, demo: Demo) -> None:
    somebody = staff(demo, "demo-finance")
    number = next(one["msisdn"] for one in demo.lines if one["state"] == "active")
    async with visit(browser, demo, viewport=DESK) as page:
        await page.goto("/console/sign-in?lang=en")
        for selector, typed in (
            ("#name", somebody["name"]),
            ("#password", somebody["password"]),
            ("#code", await code_of(somebody)),
        ):
            await tab_to(page, selector)
            await page.keyboard.type(typed)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#q")
        await page.keyboard.press("/")
        await expect(page.locator("#q")).to_be_focused()
        await page.keyboard.type(f"+{number}")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".entries")
        await page.keyboard.press("/")
        await page.keyboard.type("12/34")
        await expect(page.locator("#q")).to_have_value("12/34")
        await tab_to(page, ".find .quiet")


async def test_an_administrator_is_told_what_is_not_theirs(browser: Browser, demo: Demo) -> None:
    number = demo.lines[0]["msisdn"]
    async with visit(browser, demo, viewport=PHONE) as page:
        await enter(page, staff(demo, "demo-administrator"), "en")
        await page.goto(f"/console/lines/{number}")
        await expect(page.locator("main")).to_contain_text("permission_missing")
        assert await look(page, "forbidden") == []

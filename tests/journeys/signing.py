"""Signing in as people do it: a number, an SMS, the password out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from .conftest import Demo, visit

ONE_TIME = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")


@dataclass(frozen=True)
class Sms:
    """A message in the demo's inbox; `tag` is its language."""

    tag: str
    body: str


async def messages_to(browser: Browser, demo: Demo, number: str, at_least: int) -> list[Sms]:
    """Return the messages to a number, the latest first, once there are so many."""
    async with visit(browser, demo, java_script_enabled=False) as page:
        for _ in range(100):
            await page.goto("/sandbox/sms?refresh=off")
            found = page.locator(".inbox li", has=page.locator("b", has_text=number))
            if await found.count() >= at_least:
                bubbles = await found.locator(".bubble").all()
                return [
                    Sms(await one.get_attribute("lang") or "", await one.inner_text())
                    for one in bubbles
                ]
    raise AssertionError(f"{at_least} messages to {number} did not come")


async def password_for(browser: Browser, demo: Demo, number: str) -> str:
    """Return the latest one-time password that was sent to a number."""
    for at_least in range(1, 50):
        for sms in await messages_to(browser, demo, number, at_least):
            if found := ONE_TIME.search(sms.body):
                return found[0]
    raise AssertionError(f"no password came to {number}")


async def sign_in(browser: Browser, demo: Demo, page: Page, number: str, tag: str) -> None:
    """Sign in to a number, from its first page to the account."""
    await page.goto(f"/account/sign-in?lang={tag}")
    await page.fill("#number", number)
    await page.click("form .go")
    await page.wait_for_selector("#otp")
    await page.fill("#otp", await password_for(browser, demo, number))
    await page.click("form .go")
    await page.wait_for_selector(".own")

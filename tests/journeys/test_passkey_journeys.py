"""Passkeys in a real browser, with an authenticator of its own: made, shown, taken away."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, CDPSession, Page, Route, expect
from pyotp.totp import TOTP

from tambah.i18n import Texts, texts

from .conftest import DESK, PHONE, Demo, running_demo, visit
from .test_console_journeys import enter, staff
from .test_looks import look

PASSWORD = "four words in a row"
APP = "/console/account/authenticator"
ELSEWHERE = "http://localhost:9"
"""An address that browsers take for another site; nobody listens there."""


@pytest.fixture(scope="module")
def house() -> Iterator[Demo]:
    """Run a demo at a name: browsers make no passkeys for an address of numbers."""
    with running_demo("localhost") as demo:
        yield demo


def invite(house: Demo, name: str) -> str:
    """Invite somebody; return the path of the invitation."""
    command = [Path(sys.executable).with_name("tambah"), "staff", "add", name]
    done = subprocess.run(
        [*command, "--role", "care", "--reason", "joins customer care"],
        env=house.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"/console/invitation/[0-9a-f]+", done.stdout)
    assert found is not None, done.stdout
    return found[0]


@asynccontextmanager
async def with_key(page: Page) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """Give a page an authenticator that says yes by itself; lend what puts another in its place.

    Chromium has one at a time that is part of the machine.
    """
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable", {"enableUI": False})
    first = await plug_in(session, "internal")

    async def change() -> None:
        await session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": first})
        await plug_in(session, "usb")

    yield change


async def plug_in(session: CDPSession, transport: str) -> str:
    """Plug an authenticator in; return what the browser calls it."""
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": transport,
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return str(added["authenticatorId"])


async def sign_in(page: Page, name: str, at: str = "") -> None:
    """Sign in with a passkey, as far as the press of the button."""
    await page.goto(f"{at}/console/sign-in")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("[data-ask]")


async def connect_app(page: Page, said: Texts, found: list[str]) -> None:
    """Connect an authenticator app, put another in its place, and remove it again."""
    for place in ("connect the app", "change the app"):
        await page.goto("/console/account")
        await page.click(f"main a[href*='{APP}']")
        found.extend(await look(page, place))
        secret = (await page.inner_text(".key")).replace(" ", "")
        await page.fill("#code", "000000")
        await page.click("main form .go")
        await expect(page.locator("#summary")).to_be_visible()
        await page.fill("#code", TOTP(secret).now())
        await page.click("main form .go")
        await page.wait_for_url(re.compile("/console/account($|\\?)"))
        await expect(page.locator("main")).to_contain_text(said.get("access.authenticator.yes"))
    found.extend(await look(page, "account with an app"))
    # As after five minutes: a password is not enough here, the key is.
    await page.goto(f"/console/prove?{urlencode({'back': f'{APP}/remove', 'factor': 'yes'})}")
    found.extend(await look(page, "show a factor"))
    await page.fill("#proof", PASSWORD)
    await page.click("main form .go:not([data-ask])")
    await expect(page.locator("#summary")).to_be_visible()
    await page.click("[data-ask]")
    await page.wait_for_url(re.compile(f"{APP}/remove"))
    found.extend(await look(page, "remove the app"))
    await page.click("main form .go")
    await expect(page.locator("main")).to_contain_text(said.get("access.authenticator.no"))


@pytest.mark.parametrize(
    ("tag", "viewport", "scheme"),
    [
        ("en", PHONE, "light"),
        ("ms", DESK, "dark"),
        ("zh-Hans", PHONE, "dark"),
        ("ta", PHONE, "light"),
    ],
)
async def test_a_passkey_from_the_invitation_on(
    browser: Browser, house: Demo, tag: str, viewport: Any, scheme: Any
) -> None:
    said, found, name = texts(tag), list[str](), f"mina.{tag.lower()}"
    path = invite(house, name)
    async with (
        visit(browser, house, viewport=viewport, color_scheme=scheme) as page,
        with_key(page) as change,
    ):
        await page.goto(f"{path}?lang={tag}")
        found.extend(await look(page, "invitation"))
        await page.click("[data-ask]")
        await expect(page.locator("#password")).to_be_focused()
        await page.fill("#password", PASSWORD)
        await page.click("[data-ask]")
        await expect(page.locator(".recovery li")).to_have_count(8)

        await page.goto("/console/sign-in")
        found.extend(await look(page, "sign in"))
        await sign_in(page, name)
        await page.wait_for_selector("#q")
        await page.click(".site form a")
        await expect(page.locator("main")).to_contain_text(said.get("access.authenticator.no"))
        found.extend(await look(page, "account"))

        # The only one stays.
        await page.click(".leads .acts a")
        found.extend(await look(page, "remove"))
        await page.click("main form .go")
        await expect(page.locator(".summary")).to_contain_text(
            said.get("refusal.last_second_factor")
        )

        await connect_app(page, said, found)

        # Another authenticator, for this one has a passkey already.
        await change()
        await page.goto("/console/account/passkeys/new")
        found.extend(await look(page, "add"))
        await page.fill("#passkey_name", "blue security key")
        await page.click("[data-ask]")
        await page.wait_for_url(re.compile("/console/account($|\\?)"))
        await expect(page.locator(".leads > li")).to_have_count(2)

        await page.goto("/console/prove?back=/console/account")
        found.extend(await look(page, "prove"))
        await page.click("[data-ask]")
        await page.wait_for_url(re.compile("/console/account($|\\?)"))
        await expect(page.locator("main")).not_to_contain_text(said.get("access.none"))
    assert found == []


async def test_a_page_that_looks_like_ours_gets_nothing(browser: Browser, house: Demo) -> None:
    path = invite(house, "ben")
    context = await browser.new_context(base_url=house.url, viewport=DESK)
    page = await context.new_page()

    async def relay(route: Route) -> None:
        """Stand between somebody and the console, as a thief's page would."""
        address = route.request.url.replace(ELSEWHERE, house.url)
        told = {**route.request.headers, "origin": house.url}
        answer = await route.fetch(url=address, headers=told, max_redirects=0)
        await route.fulfill(response=answer)

    await context.route(f"{ELSEWHERE}/**", relay)
    async with with_key(page):
        await page.goto(path)
        await page.fill("#password", PASSWORD)
        await page.click("[data-ask]")
        await page.wait_for_selector(".recovery")

        await sign_in(page, "ben", ELSEWHERE)
        await expect(page.locator(".summary")).to_contain_text("Name, password or code")
        assert page.url.startswith(ELSEWHERE)
        await sign_in(page, "ben")
        await page.wait_for_selector("#q")

        # By the machine's number the browser itself will not: the passkey is for the name.
        await sign_in(page, "ben", house.url.replace("localhost", "127.0.0.1"))
        await expect(page.locator(".failed")).to_contain_text("No passkey was used")
    await context.close()


async def test_a_removed_passkey_opens_nothing(browser: Browser, house: Demo) -> None:
    somebody = staff(house, "demo-care")
    async with visit(browser, house, viewport=DESK) as page, with_key(page):
        await enter(page, somebody, "en")
        await page.goto("/console/account/passkeys/new")
        await page.fill("#passkey_name", "laptop")
        await page.click("[data-ask]")
        await page.wait_for_url("**/console/account")
        await page.click(".leads .acts a")
        await page.click("main form .go")
        await page.wait_for_url("**/console/account")
        await expect(page.locator("main")).to_contain_text("You have none.")
        await page.click(".site .plain")
        await page.goto("/console/sign-in")
        await page.fill("#name", somebody["name"])
        await page.fill("#password", somebody["password"])
        await page.click("[data-ask]")
        await expect(page.locator(".summary")).to_contain_text("Name, password or code")


async def test_without_scripts_the_page_says_what_works(browser: Browser, house: Demo) -> None:
    async with visit(browser, house, viewport=PHONE, java_script_enabled=False) as page:
        await page.goto("/console/sign-in?lang=en")
        await expect(page.locator("[data-without]")).to_be_visible()
        await expect(page.locator("[data-ask]")).to_be_hidden()
        await enter(page, staff(house, "demo-finance"), "en")

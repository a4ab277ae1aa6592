"""Single sign-on in a real browser: away to another site, back, in; and before money once more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.i18n import texts
from tests.console.provider import CLIENT, SECRET, Provider, running

from .conftest import DESK, PATIENCE_MS, PHONE, Demo, roomy_operator, running_demo
from .test_console_journeys import code_of, staff
from .test_looks import look


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Run a provider on this machine, by its number: to a browser that is another site."""
    with running() as provider:
        yield provider


@pytest.fixture(scope="module")
def house(provider: Provider) -> Iterator[Demo]:
    """Run a demo whose staff come from that provider."""
    operator = roomy_operator().replace(
        'issuer = ""', f'issuer = "{provider.issuer}"\nclient_id = "{CLIENT}"\nname = "Demo ID"'
    )
    with running_demo("localhost", operator, {"TAMBAH_SSO_CLIENT_SECRET": SECRET}) as demo:
        yield demo


async def go(page: Page) -> None:
    """Press the link that leads to the provider."""
    await page.click("a[href^='/console/sso/']")


@pytest.mark.parametrize(
    ("tag", "name", "viewport", "scheme"),
    [
        ("en", "demo-care", PHONE, "light"),
        ("ms", "demo-finance", DESK, "dark"),
        ("zh-Hans", "demo-warehouse", PHONE, "dark"),
        ("ta", "demo-auditor", PHONE, "light"),
    ],
)
async def test_somebody_comes_in_by_the_provider(
    browser: Browser,
    house: Demo,
    provider: Provider,
    tag: str,
    name: str,
    viewport: Any,
    scheme: Any,
) -> None:
    said, found = texts(tag), list[str]()
    email = f"{name}@kampungtel.example"
    provider.claims = {"sub": name, "email": email, "email_verified": True}
    context = await browser.new_context(base_url=house.url, viewport=viewport, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(f"/console/sign-in?lang={tag}")
    found.extend(await look(page, "sign in"))
    await go(page)
    await page.wait_for_url("**/console/sso/second")
    found.extend(await look(page, "second factor"))
    await page.fill("#code", await code_of(staff(house, name)))
    await page.click("form .go")
    await page.wait_for_selector("#q")

    await page.goto("/console/account")
    await expect(page.locator("main")).to_contain_text(said.get("access.sso.disconnect"))
    found.extend(await look(page, "account"))
    await page.goto("/console/prove?back=/console/account")
    found.extend(await look(page, "prove"))
    await go(page)
    await page.wait_for_url(re.compile("/console/account($|\\?)"))
    await page.click("main form .quiet")
    await expect(page.locator("main")).to_contain_text(said.get("access.sso.connect"))
    provider.claims["email_verified"] = False
    await go(page)
    await page.wait_for_url(re.compile("/console/account($|\\?)"))
    await expect(page.locator("main")).to_contain_text(said.get("access.sso.disconnect"))
    await context.close()
    assert found == []


async def test_a_provider_that_is_not_believed(
    browser: Browser, house: Demo, provider: Provider
) -> None:
    context = await browser.new_context(base_url=house.url, viewport=PHONE)
    page = await context.new_page()
    provider.claims = {"nonce": "another"}
    await page.goto("/console/sign-in?lang=en")
    await go(page)
    await expect(page.locator(".summary")).to_contain_text("did not let you in")
    await expect(page.locator("#password")).to_be_visible()
    await context.close()

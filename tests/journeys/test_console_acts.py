"""What takes two people, in a real browser: asked for by one, seen and approved by the other."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pyrage
from playwright.async_api import Browser, Page, expect

from tambah.i18n import texts

from .conftest import DESK, PHONE, Demo, visit
from .test_console_journeys import enter, staff
from .test_looks import look

PRINTER = pyrage.x25519.Identity.generate()


@asynccontextmanager
async def at_work(
    browser: Browser, demo: Demo, name: str, tag: str = "en", viewport: object = DESK
) -> AsyncGenerator[Page]:
    """Open the console as somebody of the demo."""
    async with visit(browser, demo, viewport=viewport) as page:
        await enter(page, staff(demo, name), tag)
        yield page


async def press(page: Page) -> None:
    """Press the page's own button."""
    await page.click("main form .go")


async def test_a_batch_lives_by_two_people(browser: Browser, demo: Demo) -> None:
    found = list[str]()
    async with (
        at_work(browser, demo, "demo-warehouse") as hers,
        at_work(browser, demo, "demo-warehouse-2", "ta", PHONE) as his,
    ):

        async def agree(path: str) -> None:
            """Have the other one look at a request and approve it."""
            await his.goto(f"{path}?lang=ta")
            found.extend(await look(his, "request"))
            await his.click("main form .go")
            await expect(his.locator("main form .go")).to_have_count(0)

        async def ask(path: str, **typed: str) -> str:
            """Ask for something; return the request's address."""
            await hers.goto(path)
            for name, value in (typed | {"reason": "December stock"}).items():
                await hers.fill(f"[name={name}]", value)
            await press(hers)
            await hers.wait_for_selector("input[name=token]", state="attached")
            found.extend(await look(hers, f"{path}, sure"))
            await press(hers)
            await hers.wait_for_url("**/console/requests/*")
            return hers.url.partition("?")[0]

        await hers.goto("/console/batches/new")
        await hers.check("[name=price] >> nth=0")
        await hers.fill("[name=quantity]", "12")
        await hers.fill("[name=recipient]", str(PRINTER.to_public()))
        await hers.fill("[name=reason]", "December stock")
        found.extend(await look(hers, "new batch"))
        await press(hers)
        await hers.wait_for_selector("input[name=token]", state="attached")
        await press(hers)
        await hers.wait_for_url("**/console/requests/*")
        request = hers.url.partition("?")[0]
        await agree(request)
        link = hers.locator('dd a[href*="/console/batches/"]')
        for _ in range(60):
            await hers.goto(request)
            if await link.count():
                break
            await hers.wait_for_timeout(500)
        batch = (await link.first.get_attribute("href") or "").partition("?")[0]

        await agree(await ask(f"{batch}/release"))
        request = await ask(f"{batch}/export")
        await agree(request)
        await hers.goto(request)
        async with hers.expect_download() as downloading:
            await hers.click("main form .go")
        file = await (await downloading.value).path()
        sealed = file.read_bytes()
        assert pyrage.decrypt(sealed, [PRINTER]).count(b"\n") >= 12
        await hers.fill("#sha256", hashlib.sha256(sealed).hexdigest())
        await hers.click('form[action*="received"] button')
        await expect(hers.locator("main")).to_contain_text(texts("en").get("requests.done"))
        await agree(await ask(f"{batch}/activate", first="1", last="3"))
        await hers.goto(f"{batch}/cards?state=active")
        await expect(hers.locator("tbody tr")).to_have_count(3)
    assert found == []


async def test_much_credit_is_asked_for_and_approved(browser: Browser, demo: Demo) -> None:
    said = texts("ms")
    line = "".join(one for one in demo.number() if one.isdecimal())
    async with (
        at_work(browser, demo, "demo-care-2", "ms", PHONE) as hers,
        at_work(browser, demo, "demo-finance-2", "en") as his,
    ):
        await hers.goto(f"/console/lines/{line}/credit")
        await hers.fill("[name=amount]", "25.00")
        await hers.fill("[name=reason]", "outage, ticket 7")
        assert await look(hers, "credit") == []
        await press(hers)
        await expect(hers.locator("main")).to_contain_text(said.get("acts.takes_two"))
        assert await look(hers, "credit, sure") == []
        await press(hers)
        await hers.wait_for_url("**/console/requests/*")
        await expect(hers.locator("main")).to_contain_text(said.get("requests.own"))

        await his.goto("/console?lang=en")
        await expect(his.locator(".site .badge")).to_contain_text("1")
        await his.goto("/console/requests")
        assert await look(his, "queue") == []
        await his.click(".leads a >> nth=0")
        await his.click("main form .go")
        await expect(his.locator("main")).to_contain_text(texts("en").get("requests.done"))
        await hers.reload()
        await expect(hers.locator("main")).to_contain_text(said.get("requests.done"))


async def test_the_auditor_reads_what_was_done_and_takes_the_ends_along(
    browser: Browser, demo: Demo
) -> None:
    async with at_work(browser, demo, "demo-auditor", "zh-Hans", PHONE) as page:
        await page.goto("/console/audit?who=demo")
        assert await look(page, "audit") == []
        await page.click("tbody tr a >> nth=0")
        assert await look(page, "audit, one") == []
        await page.goto("/console/audit")
        async with page.expect_download() as downloading:
            await page.click('form[action*="head"] button')
        assert (await downloading.value).suggested_filename.startswith("audit-head-")

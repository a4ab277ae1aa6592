"""Every page in every language, by day and by night: axe, and what axe does not see."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tambah.i18n import LANGUAGES

from .conftest import DESK, PHONE, Demo, fill, press, visit
from .signing import sign_in
from .test_paying_journeys import choose, end, pay
from .test_ticket_journeys import a_photo

PATHS = (
    "/",
    "/help",
    "/points",
    "/account/sign-in",
    "/account/forgotten",
    "/account/lost",
    "/account/lost/done",
    "/account/reactivate",
    "/account/reactivate/done",
    "/account/sim/help",
    "/offers",
    "/offers/first-top-up",
    "/offers/shops-open-longer",
    "/help/ticket",
    "/help/ticket/follow",
    "/sandbox/codes",
    "/sandbox/sms",
    "/sandbox/messages",
    "/nowhere",
)
AXE = {"resultTypes": ["violations"]}

# Text that runs out of the box of its block, into a field, or out of the page.
OVERRUN = """() => {
  const found = [];
  const boxes = [...document.querySelectorAll('input:not([type=hidden]), select, button, svg')]
    .filter((element) => element.checkVisibility() && !element.closest('.map'));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const holder = node.parentElement;
    if (!node.data.trim() || !holder.checkVisibility()) continue;
    if (holder.closest('.skip, .demo p span, select, .map')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    let block = holder;
    while (getComputedStyle(block).display === 'inline') block = block.parentElement;
    const outer = block.getBoundingClientRect();
    for (const line of range.getClientRects()) {
      if (line.right > outer.right + 1 || line.left < outer.left - 1 || line.right > innerWidth)
        found.push('out of its box: ' + node.data.trim());
      for (const box of boxes) {
        if (box.contains(node)) continue;
        const other = box.getBoundingClientRect();
        const across = Math.min(line.right, other.right) - Math.max(line.left, other.left);
        const down = Math.min(line.bottom, other.bottom) - Math.max(line.top, other.top);
        if (across > 1 && down > line.height / 3) found.push('over a field: ' + node.data.trim());
      }
    }
  }
  return found;
}"""

# Links and buttons that stand by themselves are 44 pixels high at least.
SMALL = """() => [...document.querySelectorAll(
    'a, button, select, input:not([type=radio], [type=checkbox]),' +
    'label:has([type=radio], [type=checkbox])')]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.matches('.skip, p a, .text a, .summary a'))
  .filter((element) => element.getBoundingClientRect().height < 44)
  .map((element) => element.outerHTML)"""


async def look(page: Page, place: str) -> list[str]:
    """Return what is wrong with the page as it stands, by day and by night."""
    # Half-faded text has half its contrast.
    await page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    found = [f"{place}: {text}" for text in await page.evaluate(OVERRUN)]
    found += [f"{place}: small: {text}" for text in await page.evaluate(SMALL)]
    wide = "document.documentElement.scrollWidth > innerWidth"
    found += [f"{place}: scrolls sideways"] if await page.evaluate(wide) else []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        result = await Axe().run(page, options=AXE)
        found += [
            f"{place}, {scheme}: {violation['id']}: {node['html']}"
            for violation in result.response["violations"]
            for node in violation["nodes"]
        ]
    return found


ZOOMED = {"200 %": {"width": 640, "height": 400}, "400 %": {"width": 320, "height": 256}}
"""What a window of 1280 pixels has left when it is zoomed in."""


async def look_zoomed(page: Page, place: str) -> list[str]:
    """Return what runs out of its box, or out of the page, when the page is zoomed in."""
    found: list[str] = []
    before = page.viewport_size
    for zoom, size in ZOOMED.items():
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        found += [f"{place}, {zoom}: {said}" for said in await page.evaluate(OVERRUN)]
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        found += [f"{place}, {zoom}: scrolls sideways"] if wide else []
    assert before is not None
    await page.set_viewport_size(before)
    return found


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        for path in PATHS:
            await page.goto(f"{path}?lang={tag}")
            found += await look(page, path)
            found += await look_zoomed(page, path)
        for query in ("q=Johor+Bahru", "q=nowhere", "open=yes&page=2"):
            await page.goto(f"/points?{query}&lang={tag}")
            found += await look(page, query)
        await page.click("#show-map")
        await page.wait_for_selector(".map[data-ready]")
        await page.focus(".map .pin")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".told")
        found += await look(page, "map")
        await page.goto(f"/?lang={tag}")
        await fill(page, "012", "1234")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "refused")
        await page.goto(f"/?lang={tag}")
        await fill(page, demo.number(tag), demo.code())
        await press(page)
        await page.wait_for_selector(".receipt")
        found += await look(page, "result")

    assert found == []


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_of_a_ticket_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    number = demo.number(tag)
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        await page.goto(f"/help/ticket?lang={tag}")
        await page.fill("#number", "012")
        await page.check("[name=category][value=damaged_card]")
        await page.fill("#serial", "1")
        await page.fill("#readable", "1")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "refused ticket")
        await page.fill("#number", number)
        await page.fill("#serial", "0001-00000001")
        await page.fill("#readable", "12345678901234??")
        await page.set_input_files("#photo", a_photo())
        await press(page)
        await page.wait_for_selector(".thread")
        found += await look(page, "ticket")
        await page.click("form.buttons .quiet")
        await page.wait_for_selector(".calm")
        found += await look(page, "closed ticket")
        await page.goto(f"/help/ticket/follow?lang={tag}")
        await page.fill("#reference", "nonsense")
        await page.fill("#number", number)
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "no such ticket")
        await sign_in(browser, demo, page, number, tag)
        await page.goto(f"/account/tickets?lang={tag}")
        found += await look(page, "my tickets")
    assert found == []


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_of_a_payment_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    number = demo.number(tag)
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        await page.goto(f"/?lang={tag}")
        await page.fill("#number", number)
        await page.wait_for_selector("#number-live.good")
        for choice in ("code", "own"):
            await page.check(f"[name=amount][value={choice}]")
            found += await look(page, choice)
        await page.fill("#own", "9999")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "refused amount")
        await page.check("[name=amount][value='30.00']")
        await press(page)
        await page.wait_for_selector(".check")
        found += await look(page, "check")
        for ending in ("never_answers", "cancelled", "paid_late", "webhook_first"):
            await page.goto(f"/?lang={tag}")
            await choose(page, number)
            await pay(page)
            found += await look(page, "sandbox")
            await end(page, ending)
            found += await look(page, ending)
            await page.reload()
            found += await look(page, f"{ending}, again")
        await page.goto(f"/?lang={tag}")
        await choose(page, number, method="bank")
        await page.click("#pay .go")
        await page.wait_for_selector(".transfer")
        found += await look(page, "bank")

    assert found == []


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_of_the_account_looks_right(
    browser: Browser, demo: Demo, tag: str
) -> None:
    found: list[str] = []
    number = demo.number(tag)
    viewport = PHONE if tag != "ms" else DESK
    async with visit(browser, demo, viewport=viewport) as page:
        await page.goto(f"/?lang={tag}")
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_selector(".receipt")
        await page.goto(f"/account/sign-in?lang={tag}")
        found += await look(page, "sign in")
        await page.fill("#number", "012")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "sign in, refused")
        await sign_in(browser, demo, page, number, tag)
        for path in (
            "/account",
            "/account/history",
            "/account/history?group=corrections",
            "/account/receipts/1",
            "/account/settings",
            "/account/sign-in/again",
        ):
            await page.set_viewport_size(viewport)
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={tag}")
            found += await look(page, path)
            found += await look_zoomed(page, path)
        await page.set_viewport_size(viewport)
        await page.goto(f"/account/settings?lang={tag}")
        await page.check("[name=low][value=below]")
        await page.fill("#below", "much")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "settings, refused")

    assert found == []


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_of_a_sim_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        await sign_in(browser, demo, page, demo.esim_number(tag), tag)
        await page.goto("/account/sim")
        found += await look(page, "sim")
        found += await look_zoomed(page, "sim")
        await page.click("main form .go")
        await page.wait_for_selector("#lpa")
        for steps in await page.locator("details").all():
            await steps.evaluate("element => element.open = true")
        found += await look(page, "code")
        found += await look_zoomed(page, "code")
        await page.goto("/account/sim")
        found += await look(page, "shown")

    assert found == []

"""Every page in every language, by day and by night: axe, and what axe does not see."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tambah.i18n import LANGUAGES

from .conftest import DESK, PHONE, Demo, fill, press, visit
from .signing import password_for, sign_in
from .test_paying_journeys import choose, end, pay
from .test_ticket_journeys import a_photo

PATHS = (
    "/",
    "/help",
    "/points",
    "/packages",
    "/packages?kind=calls",
    "/rates",
    "/rates?to=%2B44",
    "/rates?to=united",
    "/rates?to=Malaysia&from=world",
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
AXE: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    # By night nothing but the colours differ.
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}

# Text that runs out of the box of its block, into a field, or out of the page.
OVERRUN = """() => {
  const found = [];
  const boxes = [...document.querySelectorAll('input:not([type=hidden]), select, button, svg')]
    .filter((element) => element.checkVisibility() && !element.closest('.map'));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const holder = node.parentElement;
    if (!node.data.trim() || !holder.checkVisibility()) continue;
    if (holder.closest('.skip, .demo p span, select, .map, .list thead, .unseen')) continue;
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

# Words of a heading or a button that are broken in two.
BROKEN = r"""() => {
  const found = [];
  for (const holder of document.querySelectorAll('h1, h2, .go, .site a')) {
    const walk = document.createTreeWalker(holder, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      for (const word of node.data.matchAll(/[\p{Script=Latin}\p{Script=Tamil}\p{M}]+/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const lines = [...range.getClientRects()].map((line) => line.bottom);
        if (Math.max(...lines) - Math.min(...lines) > 8) found.push('broken: ' + word[0]);
      }
    }
  }
  return found;
}"""

# Links and buttons that stand by themselves are 44 pixels high at least. Rounded: where a map is
# sliding, what lies on it measures a few millionths of a pixel more or less.
SMALL = """() => [...document.querySelectorAll(
    'a, button, select, input:not([type=radio], [type=checkbox]),' +
    'label:has([type=radio], [type=checkbox])')]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.matches('.skip, p a, .text a, .summary a'))
  .filter((element) => Math.round(element.getBoundingClientRect().height) < 44)
  .map((element) => element.outerHTML)"""


ZOOMED = {"200 %": {"width": 640, "height": 400}, "400 %": {"width": 320, "height": 256}}
"""What a window of 1280 pixels has left when it is zoomed in."""


async def look(page: Page, place: str) -> list[str]:
    """Return what is wrong with the page as it stands: by day, by night and zoomed in."""
    # A click returns as soon as the next page begins: it may have no body yet.
    await page.wait_for_load_state()
    # Half-faded text has half its contrast.
    await page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    found = await look_for_overruns(page, place)
    found += [f"{place}: small: {text}" for text in await page.evaluate(SMALL)]
    for scheme, options in AXE.items():
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        result = await Axe().run(page, options=options)
        found += [
            f"{place}, {scheme}: {violation['id']}: {node['html']}"
            for violation in result.response["violations"]
            for node in violation["nodes"]
        ]
    before = page.viewport_size
    assert before is not None
    for zoom, size in ZOOMED.items():
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        found += await look_for_overruns(page, f"{place}, {zoom}")
    await page.set_viewport_size(before)
    return found


async def look_for_overruns(page: Page, place: str) -> list[str]:
    """Return what runs out of its box, out of the page or apart."""
    said = [*await page.evaluate(OVERRUN), *await page.evaluate(BROKEN)]
    found = [f"{place}: {text}" for text in said]
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, f"{place}: scrolls sideways"] if wide else found


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        for path in PATHS:
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={tag}")
            found += await look(page, path)
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
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
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
        await page.fill("#number", number)
        await press(page)
        await page.wait_for_selector("#otp")
        found += await look(page, "password")
        await page.fill("#otp", "1")
        await press(page)
        await page.wait_for_selector(".summary")
        found += await look(page, "password, refused")
        await page.fill("#otp", await password_for(browser, demo, number))
        await press(page)
        await page.wait_for_selector(".own")
        for path in (
            "/account",
            "/account/history",
            "/account/history?group=corrections",
            "/account/receipts/1",
            "/account/settings",
            "/account/sign-in/again",
        ):
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={tag}")
            found += await look(page, path)
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
        await page.click("main form .go")
        await page.wait_for_selector("#lpa")
        for steps in await page.locator("details").all():
            await steps.evaluate("element => element.open = true")
        found += await look(page, "code")
        await page.goto("/account/sim")
        found += await look(page, "shown")

    assert found == []


@pytest.mark.parametrize("state", ["pre_active", "grace", "expired", "barred", "suspended"])
async def test_the_account_looks_right_in_every_state(
    browser: Browser, demo: Demo, state: str
) -> None:
    found: list[str] = []
    async with visit(browser, demo) as page:
        await sign_in(browser, demo, page, demo.number_in(state), "en")
        for tag in LANGUAGES:
            for path in ("/account", "/account/history", "/account/unbar"):
                await page.goto(f"{path}?lang={tag}")
                found += await look(page, f"{path} {tag}")

    assert found == []

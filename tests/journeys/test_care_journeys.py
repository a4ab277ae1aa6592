"""A top-up is moved to the right number, and a promotion made and ended, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import httpx
from playwright.async_api import Browser, Page, expect

from tambah.i18n import texts

from .conftest import DESK, PHONE, Demo, visit
from .test_console_acts import at_work, press
from .test_looks import look


def api_key(demo: Demo) -> str:
    """Return the demo's API key out of demo.json."""
    told = json.loads((Path(demo.environment["TAMBAH_DATA_DIR"]) / "demo.json").read_text())
    return str(told["api_key"])


def digits(number: str) -> str:
    """Return a number's digits as the console's addresses have them."""
    return "6" + "".join(one for one in number if one.isdecimal())


async def top_up(demo: Demo, msisdn: str) -> int:
    """Top a line up with RM5 at a partner; return the top-up's number on that line."""
    headers = {"Authorization": f"Bearer {api_key(demo)}", "Idempotency-Key": str(uuid4())}
    wanted = {"amount": "5.00", "currency": "MYR", "reference": f"wrong-{uuid4().hex[:8]}"}
    async with httpx.AsyncClient(base_url=demo.url, headers=headers) as client:
        made = await client.post(f"/api/v1/lines/{msisdn}/topups", json=wanted)
        assert made.status_code == 201, made.text
        listed = await client.get(f"/api/v1/lines/{msisdn}/transfers?limit=50")
    items = listed.json()["items"]
    return next(one["topup_no"] for one in items if one["reference"] == wanted["reference"])


async def test_a_top_up_is_moved_to_the_right_number(browser: Browser, demo: Demo) -> None:
    said, found = texts("ta"), list[str]()
    wrong, right = demo.number("ta"), demo.number("ta")
    topup_no = await top_up(demo, digits(wrong))
    async with at_work(browser, demo, "demo-care", "ta", PHONE) as page:
        line = f"/console/lines/{digits(wrong)}"
        await page.goto(line)
        await page.click(f'a[href*="/topups/{topup_no}/move"]')
        await page.fill("[name=to_number]", right)
        await page.fill("[name=reason]", "typed a wrong number, ticket 9")
        found += await look(page, "move")
        await press(page)
        await expect(page.locator("main")).to_contain_text(said.get("acts.happens"))
        await expect(page.locator("main .facts")).to_contain_text("RM5.00")
        found += await look(page, "move, sure")
        await press(page)
        await page.wait_for_url(f"**{line}*")
        await expect(page.locator(".entries")).to_contain_text(said.get("account.did.moved_away"))
        await page.goto(f"/console/lines/{digits(right)}")
        await expect(page.locator(".entries")).to_contain_text(said.get("account.did.moved_here"))
        found += await look(page, "line")
    assert found == []


async def test_a_promotion_is_made_and_ended_by_two(browser: Browser, demo: Demo) -> None:
    said, found = texts("zh-Hans"), list[str]()
    async with (
        at_work(browser, demo, "demo-marketing", "zh-Hans", DESK) as hers,
        at_work(browser, demo, "demo-marketing-2", "ms", PHONE) as his,
    ):

        async def ask_and_agree(page: Page) -> None:
            """Ask for what stands there, and have the other one approve it."""
            await press(page)
            await page.wait_for_url("**/console/requests/*")
            await his.goto(page.url.partition("?")[0])
            found.extend(await look(his, "request"))
            await his.click("main form .go")
            await expect(his.locator("main form .go")).to_have_count(0)

        await hers.goto("/console/promotions")
        found += await look(hers, "promotions")
        await hers.click('a[href*="/console/promotions/new"]')
        # Far ahead: whoever else tops up in this demo gets what they did before.
        for name, typed in (
            ("promo_name", "journey"),
            ("promo_since", "2199-01-01"),
            ("promo_percent", "12.5"),
            ("promo_allowances", "1 GB 7"),
            ("reason", "a journey"),
        ):
            await hers.fill(f"[name={name}]", typed)
        await hers.check("[name=promo_sources][value=voucher]")
        await hers.check("[name=promo_sources][value=partner]")
        found += await look(hers, "draft")
        await press(hers)
        await expect(hers.locator(".facts")).to_contain_text("12.5 %")
        found += await look(hers, "draft, sure")
        await ask_and_agree(hers)

        await his.goto("/console/promotions?lang=ms")
        found += await look(his, "promotions, made")
        await his.click('a[href*="look?name=journey"]')
        found += await look(his, "look back")
        await hers.goto("/console/promotions")
        await expect(hers.locator("main")).to_contain_text(said.get("promotions.is.upcoming"))
        await hers.click('a[href*="end?name=journey"]')
        await hers.fill("[name=reason]", "the journey is over")
        found += await look(hers, "end")
        await ask_and_agree(hers)
        await hers.goto("/console/promotions")
        await expect(hers.locator("main")).to_contain_text(said.get("promotions.is.over"))
    assert found == []


async def test_a_package_is_made_sold_and_taken_off_sale_by_two(
    browser: Browser, demo: Demo
) -> None:
    found = list[str]()
    async with (
        at_work(browser, demo, "demo-marketing", "ta", PHONE) as hers,
        at_work(browser, demo, "demo-marketing-2", "en", DESK) as his,
        visit(browser, demo) as page,
    ):

        async def ask_and_agree() -> None:
            """Ask for what stands there, and have the other one approve it."""
            await press(hers)
            await hers.wait_for_url("**/console/requests/*")
            await his.goto(hers.url.partition("?")[0])
            found.extend(await look(his, "request"))
            await his.click("main form .go")
            await expect(his.locator("main form .go")).to_have_count(0)

        await hers.goto("/console/packages")
        found += await look(hers, "packages")
        await hers.click('a[href*="/console/packages/new"]:not([href*="code="])')
        for name, typed in (
            ("pack_code", "JOURNEY"),
            ("pack_name_en", "Journey data"),
            ("pack_name_ms", "Data perjalanan"),
            ("pack_name_zh_hans", "旅程数据"),
            ("pack_name_ta", "பயண டேட்டா"),
            ("pack_price", "3.50"),
            ("pack_allowances", "1 GB social, 30 minutes"),
            ("pack_days", "3"),
            ("reason", "a journey"),
        ):
            await hers.fill(f"[name={name}]", typed)
        found += await look(hers, "draft")
        await press(hers)
        await expect(hers.locator(".facts")).to_contain_text("RM3.50")
        found += await look(hers, "draft, sure")
        await ask_and_agree()

        async def is_sold(times: int) -> None:
            """See it in the shop window, or not, as soon as the server has noticed."""
            named = page.get_by_role("heading", name="Journey data")
            for _ in range(40):
                await page.goto("/packages?lang=en")
                if await named.count() == times:
                    return
                await page.wait_for_timeout(250)
            await expect(named).to_have_count(times)

        await is_sold(1)
        await hers.goto("/console/packages/withdraw?code=JOURNEY")
        await hers.fill("[name=reason]", "the journey is over")
        found += await look(hers, "withdrawal")
        await ask_and_agree()
        await is_sold(0)
    assert found == []

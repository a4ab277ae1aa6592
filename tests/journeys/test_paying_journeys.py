"""Paying for a top-up, as people do it: each way, each ending, pressed twice, with and without
scripts, in four languages, on a phone and on a desk.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import SCRIPTS, Demo, arrive, phone_or_desk, press, telling, visit, watch_addresses
from .test_topup_journeys import sms_count, weigh

CHECK = re.compile(r".*/topup(\?lang=[A-Za-z-]+)?$")
RESULT = re.compile(r".*/topup/result/[a-z2-7]{26,45}(\?lang=[A-Za-z-]+)?$")
SANDBOX = re.compile(r".*/sandbox/pay/sb_[a-z2-7]+(\?lang=[A-Za-z-]+)?$")
MOST_BYTES = 14 * 1024
LATE_MS = 45_000


async def choose(
    page: Page, number: str, *, amount: str = "30.00", method: str = "sandbox"
) -> None:
    """Type a number, choose an amount and a way to pay, and go on to the check page."""
    await page.fill("#number", number)
    await page.check(f"[name=amount][value='{amount}']")
    await page.check(f"[name=method][value={method}]")
    await press(page)
    await page.wait_for_selector(".check")


async def pay(page: Page) -> None:
    """Press the button that pays, and arrive at the sandbox."""
    await page.click("#pay .go")
    await page.wait_for_url(SANDBOX)


async def end(page: Page, ending: str) -> None:
    """Press one of the sandbox's buttons, and come back."""
    await page.click(f"[name=ending][value={ending}]")
    await page.wait_for_url(RESULT)


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_payment_credits_a_number_in_three_pages(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    number, said = demo.number(tag), texts(tag)
    async with visit(browser, demo, **phone_or_desk(tag, scripts=scripts)) as page:
        seen = watch_addresses(page)
        await page.goto(f"/?lang={tag}")
        await choose(page, number)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator("h1")).to_have_text(number)
        await expect(page.locator("#pay .go")).to_have_text(
            said.get("portal.check.pay", amount="RM30.00")
        )
        await pay(page)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await end(page, "webhook_first")
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator(".state")).to_contain_text(
            said.get("portal.pay.done_lead", amount="RM30.00")
        )
        await expect(page.locator("h1")).to_have_text("RM30.00")
        await expect(page.locator(".face")).to_contain_text(f"••• {number[-4:]}")
        assert number not in await page.content()

    assert len(seen) == 4
    assert telling(seen, number) == []
    assert await sms_count(browser, demo, number) == 1


@SCRIPTS
@pytest.mark.parametrize(
    ("ending", "first", "then"),
    [
        ("paid", "done", ""),
        ("paid_late", "pending", "done"),
        ("declined", "failed", ""),
        ("never_answers", "unknown", ""),
        ("webhook_first", "done", ""),
        ("webhook_twice", "done", ""),
        ("refund_fails", "done", ""),
        ("cancelled", "failed", ""),
    ],
)
async def test_every_ending_is_told_money_first(
    browser: Browser, demo: Demo, ending: str, first: str, then: str, scripts: bool
) -> None:
    number, said = demo.number(), texts("en")
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await choose(page, number)
        await pay(page)
        await end(page, ending)
        state = page.locator(".state")
        await expect(state).to_contain_text(
            said.get(f"portal.pay.{first}_lead", amount="RM30.00"), timeout=20_000
        )
        if then:
            # The page looks again by itself, with scripts and without.
            await expect(state).to_contain_text(
                said.get(f"portal.pay.{then}_lead", amount="RM30.00"), timeout=LATE_MS
            )

    expected = 1 if "done" in (first, then) else 0
    assert await sms_count_now(browser, demo, number, expected) == expected


async def sms_count_now(browser: Browser, demo: Demo, number: str, expected: int) -> int:
    """Return how many messages a number has; waits for one only where one is expected."""
    if expected:
        return await sms_count(browser, demo, number)
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/sandbox/sms?refresh=off")
        return await page.locator(".inbox b", has_text=number).count()


@SCRIPTS
async def test_bank_transfer_shows_its_reference_and_code(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await choose(page, demo.number(), method="bank")
        await page.click("#pay .go")
        await page.wait_for_url(RESULT)
        await expect(page.locator(".state")).to_have_text(texts("en").get("portal.pay.bank_lead"))
        reference = page.locator(".transfer code").first
        await expect(reference).to_have_text(re.compile(r"^[2-9A-Y]{5}-[2-9A-Y]{5}$"))
        await expect(page.locator(".qr svg")).to_be_visible()
        await expect(page.locator("[data-copy]")).to_be_visible(visible=scripts)


async def test_double_click_on_pay_is_one_payment(browser: Browser, demo: Demo) -> None:
    number = demo.number()
    async with visit(browser, demo) as page:
        await page.goto("/")
        await choose(page, number)
        await page.dblclick("#pay .go")
        await arrive(page, SANDBOX)
        await page.dblclick("[name=ending][value=webhook_twice]")
        await arrive(page, RESULT)
        await expect(page.locator("h1")).to_have_text("RM30.00")

    assert await sms_count(browser, demo, number) == 1


@SCRIPTS
async def test_back_and_pay_again_is_one_payment(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await choose(page, number)
        await pay(page)
        first = page.url
        await page.go_back()
        await page.wait_for_selector(".check")
        await pay(page)
        assert page.url == first
        await end(page, "webhook_first")
        result = page.url
        await page.go_back()
        await page.go_back()
        await page.wait_for_selector(".check")
        await page.click("#pay .go")
        await page.wait_for_url(RESULT)
        assert page.url.partition("?")[0] == result.partition("?")[0]
        await expect(page.locator("h1")).to_have_text("RM30.00")

    assert await sms_count(browser, demo, number) == 1


async def test_two_tabs_are_one_payment(browser: Browser, demo: Demo) -> None:
    number = demo.number()
    async with visit(browser, demo) as page:
        await page.goto("/")
        await choose(page, number)
        form = await page.locator("#pay").evaluate("form => [...new FormData(form)]")
        tab = await page.context.new_page()
        await tab.goto("/help")
        await send(tab, form)
        await tab.wait_for_url(SANDBOX)
        await pay(page)
        assert tab.url == page.url
        await end(tab, "webhook_first")
        await page.click("[name=ending][value=paid]")
        await page.wait_for_url(RESULT)
        assert tab.url == page.url
        await expect(page.locator("h1")).to_have_text("RM30.00")

    assert await sms_count(browser, demo, number) == 1


async def test_replayed_form_is_one_payment(browser: Browser, demo: Demo) -> None:
    number = demo.number()
    async with visit(browser, demo) as page:
        await page.goto("/")
        await choose(page, number)
        form = dict(await page.locator("#pay").evaluate("form => [...new FormData(form)]"))
        answers = [
            await page.request.post("/topup/pay", form=form, max_redirects=0) for _ in range(5)
        ]
        places = {answer.headers["location"] for answer in answers}
        assert len(places) == 1
        await page.goto(places.pop())
        await end(page, "webhook_first")
        again = await page.request.post("/topup/pay", form=form, max_redirects=0)
        assert again.headers["location"] == page.url.removeprefix(demo.url).partition("?")[0]

    assert await sms_count(browser, demo, number) == 1


async def send(page: Page, form: list[list[str]]) -> None:
    """Send a form's fields from another page, as a restored tab does."""
    await page.evaluate(
        """(fields) => {
          const form = document.createElement('form');
          form.method = 'post';
          form.action = '/topup/pay';
          for (const [name, value] of fields) {
            const input = document.createElement('input');
            input.type = 'hidden';
            input.name = name;
            input.value = value;
            form.append(input);
          }
          document.body.append(form);
          form.submit();
        }""",
        form,
    )


@SCRIPTS
async def test_change_and_language_keep_everything(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await page.fill("#number", number)
        await page.check("[name=amount][value=own]")
        await page.fill("#own", "RM 25")
        await page.check("[name=method][value=bank]")
        await page.click("nav button[lang=ta]")
        await page.wait_for_url("**/?lang=ta")
        await expect(page.locator("#own")).to_have_value("RM 25")
        await expect(page.locator("[name=method][value=bank]")).to_be_checked()
        await press(page)
        await page.wait_for_selector(".check")
        await page.click("nav button[lang=ms]")
        await expect(page.locator("html")).to_have_attribute("lang", "ms")
        await expect(page.locator("#pay .go")).to_have_text("Bayar RM25.00")
        await page.click("button[name=focus][value=method]")
        await expect(page.locator("[name=method][value=bank]")).to_be_focused()
        await expect(page.locator("#number")).to_have_value(number)
        await page.check("[name=method][value=sandbox]")
        await press(page)
        await expect(page.locator("#pay .go")).to_have_text("Bayar RM25.00")


@SCRIPTS
async def test_failed_payment_is_tried_again_with_everything_kept(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number = demo.number()
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await choose(page, number, amount="50.00")
        await pay(page)
        await end(page, "declined")
        again = page.locator("button[name=same]")
        await expect(again).to_be_visible(timeout=20_000)
        await again.click()
        await expect(page.locator("h1")).to_have_text(number)
        await pay(page)
        await end(page, "webhook_first")
        await expect(page.locator("h1")).to_have_text("RM50.00")

    assert await sms_count(browser, demo, number) == 1


async def test_open_payment_goes_on_to_pay(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/?lang=zh-Hans")
        await choose(page, demo.number())
        await pay(page)
        back = await page.locator("nav a").first.get_attribute("href")
        assert back is not None
        sandbox = page.url
        await page.goto(sandbox)
        await end(page, "webhook_first")
        await page.goto(sandbox)
        await expect(page.locator(".why")).to_have_text(
            texts("zh-Hans").get("portal.sandbox.over")
        )
        await page.click(".after a")
        await page.wait_for_url(RESULT)


@pytest.mark.parametrize("path", ["/", "check", "payment"])
async def test_paying_page_is_light(browser: Browser, demo: Demo, path: str) -> None:
    async with visit(browser, demo) as page:
        if path == "check":
            sizes: list[Any] = []
            await page.goto("/?lang=ta")
            page.on("requestfinished", lambda request: sizes.append(request))
            await choose(page, demo.number("ta"))
            answers = [await one.sizes() for one in sizes if not one.url.endswith(".js")]
            sent = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in answers)
        else:
            if path == "payment":
                await page.goto("/")
                await choose(page, demo.number())
                await pay(page)
                await end(page, "webhook_first")
                path = page.url.partition("?")[0].removeprefix(demo.url)
            sent = await weigh(page, f"{path}?lang=ta")
        assert 1_000 < sent < MOST_BYTES

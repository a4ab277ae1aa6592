"""Topping up with a recharge code, as people do it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tambah.domain.voucher import check_digit
from tambah.i18n import LANGUAGES, texts

from .conftest import SCRIPTS, Demo, arrive, fill, phone_or_desk, press, visit, watch_addresses

RESULT = re.compile(r".*/topup/result/[a-z2-7]{26}(\?lang=[A-Za-z-]+)?$")
MOST_BYTES = 14 * 1024


def unknown_code(number: int) -> str:
    """Return a code whose check digit is right and that no card bears."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


async def sms_count(browser: Browser, demo: Demo, number: str) -> int:
    """Return how many messages the inbox holds for a number, once there is one."""
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/sandbox/sms?refresh=off")
        for _ in range(50):
            if count := await page.locator(".inbox b", has_text=number).count():
                return count
            await page.reload()
    return 0


@SCRIPTS
@pytest.mark.parametrize("tag", LANGUAGES)
async def test_code_credits_a_number_in_two_pages(
    browser: Browser, demo: Demo, tag: str, scripts: bool
) -> None:
    number = demo.number(tag)
    async with visit(browser, demo, **phone_or_desk(tag, scripts=scripts)) as page:
        seen = watch_addresses(page)
        await page.goto(f"/?lang={tag}")
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_url(RESULT)

        said = texts(tag)
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await expect(page.locator(".state")).to_contain_text(said.get("portal.result.done"))
        await expect(page.locator("h1")).to_have_text(re.compile(r"RM\d+\.00"))
        await expect(page.locator(".face")).to_contain_text(f"••• {number[-4:]}")
        assert number not in await page.content()

    assert len(seen) == 2
    assert await sms_count(browser, demo, number) == 1


async def test_double_click_back_and_again_credit_once(browser: Browser, demo: Demo) -> None:
    number, code = demo.number(), demo.code()
    async with visit(browser, demo) as page:
        await page.goto("/")
        await fill(page, number, code)
        await page.dblclick("form .go")
        await arrive(page, RESULT)
        first = page.url
        await page.go_back()
        await fill(page, number, code)
        await press(page)
        await page.wait_for_url(RESULT)
        second = page.url
        await page.reload()
        third = page.url

    assert (second, third) == (first, first)
    assert await sms_count(browser, demo, number) == 1


async def test_return_key_tops_up(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/?lang=ms")
        await fill(page, demo.number(), demo.code())
        await page.press("#code", "Enter")
        await page.wait_for_url(RESULT)
        await expect(page.locator("html")).to_have_attribute("lang", "ms")


@SCRIPTS
async def test_refusal_is_said_in_plain_words_and_keeps_what_was_typed(
    browser: Browser, demo: Demo, scripts: bool
) -> None:
    number, wrong = demo.number(), unknown_code(111_111_111_111_111 + scripts)
    async with visit(browser, demo, java_script_enabled=scripts) as page:
        await page.goto("/")
        await fill(page, number, wrong)
        await press(page)
        await expect(page.locator(".summary h2")).to_have_text("No money has been taken.")
        await expect(page.locator(".summary")).to_be_focused()
        await expect(page.locator("#code-error")).to_contain_text("4 tries are left")
        await page.click(".summary a")
        await expect(page.locator("#code")).to_be_focused()

        await page.click("nav button[lang=ta]")
        await page.wait_for_url("**/?lang=ta")
        await expect(page.locator("#number")).to_have_value(number)
        await expect(page.locator("#code")).to_have_value(wrong)
        await expect(page.locator(".summary h2")).to_have_text(
            texts("ta").get("portal.home.untouched")
        )
        await fill(page, number, demo.code())
        await press(page)
        await page.wait_for_url(RESULT)
        await expect(page.locator("html")).to_have_attribute("lang", "ta")


async def test_form_is_checked_while_typing_and_no_code_is_sent(
    browser: Browser, demo: Demo
) -> None:
    number, said = demo.number(), texts("en").get("portal.home.number_good")
    async with visit(browser, demo) as page:
        await page.goto("/", wait_until="networkidle")
        asked: list[tuple[str, str | None]] = []
        page.on("request", lambda request: asked.append((request.url, request.post_data)))
        await page.locator("#number").press_sequentially(number)
        await expect(page.locator("#number-live")).to_have_text(f"✓ {said}")
        await page.check("[name=amount][value=code]")
        await page.locator("#code").press_sequentially("1111 2222")
        await expect(page.locator("#code-live")).to_have_text("8 / 16")
        await page.locator("#code").press_sequentially("3333 4445")
        await expect(page.locator("#code-live")).to_contain_text("wrong")
        await page.fill("#code", demo.code())
        await expect(page.locator("#code-live")).to_have_text("✓")

    digits = "".join(filter(str.isdigit, number))
    assert asked == [(f"{demo.url}/topup/number?lang=en", f"number={digits}")]


async def test_number_that_is_not_ours_is_told_while_typing(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        await page.goto("/?lang=ms")
        await page.fill("#number", "012-345 6789")
        await expect(page.locator("#number-live")).to_have_text(
            "Nombor ini bukan nombor prabayar kami. Sila semak nombor itu dan masukkan semula."
        )


async def test_demo_code_can_be_tried_with_one_tap(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        await page.goto("/sandbox/codes")
        code = await page.locator(".stubs code").first.inner_text()
        await page.locator(".stubs button").first.click()
        await expect(page.locator("[name=amount][value=code]")).to_be_checked()
        await expect(page.locator("#code")).to_have_value(code)
        await expect(page.locator("#number")).not_to_have_value("")


async def weigh(page: Page, path: str) -> int:
    """Return the bytes that came over the wire for a page and all it loads but its script."""
    answers: list[Any] = []
    page.on("requestfinished", lambda request: answers.append(request))
    await page.goto(path, wait_until="networkidle")
    sizes = [await answer.sizes() for answer in answers if not answer.url.endswith(".js")]
    return sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)


@pytest.mark.parametrize("path", ["/", "/help", "/help/ticket", "/points", "result"])
async def test_page_is_light(browser: Browser, demo: Demo, path: str) -> None:
    async with visit(browser, demo) as page:
        if path == "result":
            await page.goto("/")
            await fill(page, demo.number(), demo.code())
            await press(page)
            await page.wait_for_selector(".receipt")
            path = page.url.partition("?")[0].removeprefix(demo.url)
        assert 2_000 < await weigh(page, f"{path}?lang=ta") < MOST_BYTES

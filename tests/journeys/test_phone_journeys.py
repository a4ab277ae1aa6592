"""The phone on the screen: hotline and USSD, with and without JavaScript, by keyboard, looks."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.async_api import Browser, Page, Response, expect

from tambah.domain.voucher import fold_code
from tambah.i18n import LANGUAGES

from .conftest import DESK, PHONE, Demo, visit
from .test_looks import look

MOST_BYTES = 30 * 1024
SAID_SECONDS = 30_000  # the first draft of a prompt takes a while on a busy machine


async def call(page: Page, door: str, number: str, *, dialled: str = "") -> None:
    """Pick a line and call from it."""
    value = "6" + re.sub(r"\D", "", number)
    # Any line may call; the page lists one of each state and language.
    await page.eval_on_selector(
        "#line", "(select, value) => select.add(new Option(value, value))", value
    )
    await page.select_option("#line", value)
    await page.check(f"[name=door][value={door}]")
    if dialled:
        await page.fill("#dialled", dialled)
    await page.click(".dial .go")
    await page.wait_for_selector("#said p")


async def hears(page: Page, text: str) -> None:
    """Wait until the caption says something."""
    await expect(page.locator("#said")).to_contain_text(text, timeout=SAID_SECONDS)


async def gets_sms(page: Page, text: str) -> None:
    """Wait until a message is in the inbox, which is looked at anew after a while."""
    await expect(page.locator("#inbox li").first).to_contain_text(text, timeout=SAID_SECONDS)


async def test_the_hotline_by_keyboard(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=DESK) as page:
        number, code = demo.number(), fold_code(demo.code())
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto("/sandbox/phone")
        await call(page, "hotline", number)
        await hears(page, "For English, press 1")
        assert await page.evaluate("document.activeElement.value") == "1"
        await page.keyboard.press("1")
        await hears(page, "To top up, press 1")
        await page.keyboard.press("1")
        await hears(page, "16")
        await page.keyboard.type(code)
        await hears(page, "The code ends with")
        await page.keyboard.press("1")
        await hears(page, "ringgit")
        await gets_sms(page, "successful")
        assert [url for url in asked if code[:8] in url] == []
        assert "phone" in page.url
        assert await page.input_value("#keyed") == ""


async def test_a_key_cuts_the_prompt_short_and_silence_counts(
    browser: Browser, demo: Demo
) -> None:
    async with visit(browser, demo) as page:
        await page.goto("/sandbox/phone")
        await page.evaluate("HTMLMediaElement.prototype.play = () => Promise.resolve()")
        await call(page, "hotline", demo.number("ms"))
        audio = page.locator("audio")
        await expect(audio).to_be_visible()
        await page.evaluate(
            """() => {
              window.paused = 0;
              const pause = HTMLMediaElement.prototype.pause;
              HTMLMediaElement.prototype.pause = function () {
                window.paused += 1;
                pause.call(this);
              };
            }"""
        )
        await page.click(".key[value='2']")
        await hears(page, "tambah nilai, tekan 1")
        assert await page.evaluate("window.paused") > 0
        step = await page.input_value("[name=step]")
        await page.clock.install()
        await page.click("#counts")
        await page.click("#counts")
        await page.clock.run_for(60_000)
        await page.evaluate("document.querySelector('audio').dispatchEvent(new Event('ended'))")
        await page.clock.run_for(6_000)
        await expect(page.locator("[name=step]")).not_to_have_value(step)
        await hears(page, "Untuk dengar semula")


async def test_ussd_in_one_go_and_by_the_menu(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, viewport=DESK) as page:
        number, code = demo.number("ta"), fold_code(demo.code())
        await page.goto("/sandbox/phone")
        await call(page, "ussd", number, dialled=f"*123*{code}#")
        await hears(page, "+RM")
        await expect(page.locator("#keys")).to_be_hidden()
        await gets_sms(page, "RM")
        assert await page.input_value("#dialled") == "*123#"
        await call(page, "ussd", number)
        await hears(page, "1 டாப்-அப்")
        await page.fill("#keyed", "2")
        await page.keyboard.press("Enter")
        await hears(page, "மீதம் RM")
        await page.click("[value=hang_up]")
        await expect(page.locator("#keys")).to_be_hidden()


async def test_without_javascript(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo, java_script_enabled=False) as page:
        code = fold_code(demo.code())
        await page.goto("/sandbox/phone?lang=en")
        await page.click(".dial .go")
        await page.click(".key[value='1']")  # whatever the first page was: English, or to top up
        if await page.locator("#said", has_text="To top up, press 1").count():
            await page.click(".key[value='1']")
        for digit in code[:3]:
            await page.click(f".key[value='{digit}']")
        assert await page.input_value("#keyed") == code[:3]
        await page.fill("#keyed", code)
        await page.click("text=Send")
        assert "The code ends with" in await page.inner_text("#said")
        assert await page.get_attribute("audio", "src") is not None
        await page.click(".key[value='1']")
        assert "ringgit" in await page.inner_text("#said")
        assert code not in page.url
        await page.click("text=Say nothing")
        assert "The call has ended" in await page.inner_text("#state")
        await page.click("text=Look again")
        assert await page.locator("#inbox li").count() > 0


async def test_a_withheld_number_is_asked_for_its_language(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        await page.goto("/sandbox/phone")
        await page.select_option("#line", "withheld")
        await page.check("[name=door][value=ussd]")
        await page.click(".dial .go")
        await hears(page, "2 Bahasa Melayu")
        assert await page.eval_on_selector_all("#said p", "all => all.map(one => one.lang)") == (
            list(LANGUAGES)
        )


async def test_the_page_switches_its_language_within_a_call(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        await page.goto("/sandbox/phone")
        await call(page, "ussd", demo.number("ms"))
        said = await page.inner_text("#said")
        await page.click("text=简体中文")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        assert await page.inner_text("#said") == said


async def test_the_sound_is_the_prompt_and_the_page_is_light(browser: Browser, demo: Demo) -> None:
    async with visit(browser, demo) as page:
        sizes: list[int] = []

        async def weigh(answer: Response) -> None:
            kind = answer.headers.get("content-type", "")
            if kind.startswith(("text/html", "text/css", "text/javascript")):
                sizes.append(len(gzip.compress(await answer.body(), 6)))

        await page.goto("/sandbox/phone")
        await call(page, "hotline", demo.number("zh-Hans"))
        page.on("response", weigh)
        await page.goto("/sandbox/phone?lang=ta")
        await page.wait_for_load_state("networkidle")
        address = await page.get_attribute("audio", "src")
        assert address is not None
        sound = await page.request.get(address, timeout=SAID_SECONDS)

        assert sound.headers["content-type"] == "audio/wav"
        assert len(await sound.body()) > 16_000  # a second, at least
        assert 0 < sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_phone_looks_right(browser: Browser, demo: Demo, tag: str) -> None:
    found: list[str] = []
    async with visit(browser, demo, viewport=PHONE if tag != "ms" else DESK) as page:
        await page.goto(f"/sandbox/phone?lang={tag}")
        found += await look(page, "no call")
        for door in ("hotline", "ussd"):
            await call(page, door, demo.number(tag))
            found += await look(page, door)
            await page.click("[value=hang_up]")
            await expect(page.locator("#keys")).to_be_hidden()
            found += await look(page, f"{door} over")
    assert found == []

"""Finance in the console: what is owed, a close, the three-way screen, the journal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tambah.i18n import LANGUAGES, texts

from .conftest import DESK, PHONE, Demo, visit
from .test_console_journeys import enter, staff
from .test_looks import look


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_finance_closes_a_day_reconciles_and_takes_the_journal(
    browser: Browser, demo: Demo, tag: str, tmp_path: Path
) -> None:
    said, found = texts(tag), list[str]()
    scheme = "dark" if tag in ("ms", "ta") else "light"
    async with visit(browser, demo, color_scheme=scheme, viewport=PHONE) as page:

        async def glance(place: str) -> None:
            for size in (PHONE, DESK):
                await page.set_viewport_size(size)  # type: ignore[arg-type]
                found.extend(await look(page, f"{place}, {size['width']}"))

        await enter(page, staff(demo, "demo-finance"), tag)
        await page.click(f".site a:text-is('{said.get('console.to.finance')}')")
        await expect(page.locator("h1")).to_have_text(said.get("finance.standing"))
        await glance("standing")

        await page.click(".within a[href*=closes]")
        await glance("closes")
        # The first to come closes yesterday; others a month, or nothing is left to close.
        if await page.locator("#why").count():
            await page.fill("#why", "demo: the day is over")
            await page.click("form.narrow .go")
            await expect(page).to_have_url(re.compile(r"/console/finance/closes/\d{4}-\d\d"))
        else:
            await page.click(".figures a")
        await expect(page.locator(".kind")).to_have_text(said.get("finance.closed.one"))
        await glance("close")

        await page.click(".within a[href*=reconcile]")
        await expect(page.locator("#figure")).to_have_text(said.get("finance.unexplained"))
        today = await page.input_value("#to")
        await page.fill("#from", today)
        await page.click(".asked .quiet")
        await glance("reconcile")

        await page.click(".within a[href*=journal]")
        await glance("journal")
        await page.fill("#why", "demo: for the accounts")
        async with page.expect_download() as waiting:
            await page.click("form.narrow .go")
        taken = await waiting.value
        path = tmp_path / "journal.csv"
        await taken.save_as(path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbfday,kind,debit_code")
        assert re.fullmatch(r"journal-[\d-]+\.csv", taken.suggested_filename)
    assert found == []

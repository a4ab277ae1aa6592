"""Tariffs in the console: a file that was looked at, asked for, agreed to by another, in force."""

from __future__ import annotations

import httpx

from tambah.domain.rating import Service
from tambah.domain.staff import Role
from tambah.domain.tariff import Usage
from tambah.engine.tariffs import TariffSource
from tambah.i18n import LANGUAGES
from tambah.jobs.renewing import Renewal
from tambah.store.tariffs import list_sheets
from tests.portal.conftest import field, text_of

from .conftest import World

LIST, LOAD = "/console/tariffs", "/console/tariffs/load"
HEADER = "service,destination,price,class,name\n"
FIRST = f"{HEADER}voice,60,0.15,domestic,Malaysia\nvoice,86,0.12,idd-1,China\nsms,*,0.20,idd-1,\n"
SECOND = f"{HEADER}voice,60,0.10,domestic,Malaysia\nvoice,86,0.30,idd-1,China\nsms,*,0.20,idd-1,\n"


async def send(browser: httpx.AsyncClient, content: str, **fields: str) -> httpx.Response:
    """Choose a file and press a button."""
    files = {"file": ("rates.csv", content.encode(), "text/csv")}
    return await browser.post(f"{LOAD}?lang=en", data=fields, files=files)


async def ask(browser: httpx.AsyncClient, content: str) -> str:
    """Look at a file and ask for it; return the request's address."""
    seen = await send(browser, content, do="look")
    assert seen.status_code == 200, text_of(seen)
    wants = {"do": "ask", "why": "new prices", "seen": field(seen, "seen")}
    asked = await send(browser, content, **wants)
    assert asked.is_redirect, text_of(asked)
    return asked.headers["location"].partition("?")[0]


async def test_a_sheet_takes_two_who_see_the_difference(world: World) -> None:
    site = world.site
    renewal = Renewal(site.engine, [TariffSource(site.database, site.clock)])
    mina, omar = (
        await world.hire("mina", Role.MARKETING),
        await world.hire("omar", Role.MARKETING),
    )
    async with await world.enter(mina) as hers, await world.enter(omar) as his:
        for content in (FIRST, SECOND):
            request = await ask(hers, content)
            assert (await hers.post(f"{request}/approve", data={})).status_code == 403  # her own
            page = text_of(await his.get(f"{request}?lang=en"))
            agreed = await his.post(f"{request}/approve", data={})
            assert agreed.is_redirect, text_of(agreed)
            assert await renewal.look()
        assert "China" in page
        assert "RM0.12 → Calls · 86 · China: RM0.30 (60 seconds)" in page
        assert "Dearer 1" in page
        assert "Cheaper 1" in page
        book = site.engine.rules.tariffs
        usage = Usage(service=Service.VOICE, to="8613800138000")
        quote = book.quote("standard", usage, site.clock.now(), site.rules.validity.zone)
        assert (quote.rate.price_micros, quote.sheet_id) == (300_000, 2)
        listed = text_of(await hers.get(f"{LIST}?lang=en"))
        assert listed.index("sheet 2 In force") < listed.index("sheet 1 Replaced")
        for tag in LANGUAGES:
            assert (await his.get(f"{LIST}?lang={tag}")).status_code == 200
            assert (await his.get(f"{LIST}/2?lang={tag}")).status_code == 200
            assert (await his.get(f"{request}?lang={tag}")).status_code == 200
        shown = text_of(await his.get(f"{LIST}/2?lang=en"))
        assert "Calls · 86 · China 60 seconds RM0.12 RM0.30" in shown
        assert (await his.get(f"{LIST}/99")).status_code == 404
        assert (await his.get(f"{LIST}/0")).status_code == 404


async def test_what_was_not_looked_at_is_not_asked_for(world: World) -> None:
    async with await world.enter(await world.hire("mina", Role.MARKETING)) as browser:
        seen = field(await send(browser, FIRST, do="look"), "seen")
        other = await send(browser, SECOND, do="ask", why="prices", seen=seen)
        assert other.status_code == 409
        assert "another file" in text_of(other)
        nameless = await send(browser, FIRST, do="ask", seen=seen)
        assert nameless.status_code == 422
        assert await list_sheets(world.site.database) == []


async def test_what_is_wrong_with_a_file_is_told(world: World) -> None:
    async with await world.enter(await world.hire("mina", Role.MARKETING)) as browser:
        bad = text_of(await send(browser, f"{FIRST}fax,1,0.1,idd-1,\n", do="look"))
        assert "Line 5" in bad
        assert "Write voice, sms, mms or data." in bad
        assert (await send(browser, "nonsense", do="look")).status_code == 422
        assert (await send(browser, FIRST, do="look", since="2020-01-01")).status_code == 422
        assert (await send(browser, FIRST, do="look", since="soon")).status_code == 422
        assert (await send(browser, FIRST, do="look", tariff="<b>")).status_code == 422
        for tag in LANGUAGES:
            assert (await browser.get(f"{LOAD}?lang={tag}")).status_code == 200


async def test_everybody_reads_and_only_marketing_loads(world: World) -> None:
    async with await world.enter(await world.hire("nora", Role.NETWORK)) as browser:
        page = await browser.get(f"{LIST}?lang=en")
        assert page.status_code == 200
        assert LOAD not in page.text
        assert (await browser.get(LOAD)).status_code == 403

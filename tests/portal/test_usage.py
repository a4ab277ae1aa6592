"""What a subscriber used, as they read it, and nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from tambah.desks.charging import ChargingDesk, Wish
from tambah.domain.charging_commands import ChargeEvent
from tambah.domain.rating import Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import RECEIVED, TariffBook, build_sheet
from tambah.i18n import LANGUAGES
from tambah.web.site import Site
from tests.charging.nchf.conftest import ALICE, credit, make_rules, row
from tests.conftest import make_rules as usual_rules
from tests.engine.books import RM

from .conftest import client_of
from .signing import sign_in
from .test_account import entries

WHEN = datetime(2027, 3, 1, 6, 30, tzinfo=UTC)


@pytest.fixture
def rules() -> Rules:
    """Return rules under which calls are charged too: a quarter of a sen a second."""

    rules = make_rules(usual_rules())
    rows = (
        row(Service.VOICE, "60", 2_500),
        row(Service.VOICE, "=received", 10_000, origin="zone-1"),
        row(Service.SMS, "6", 150_000),
        row(Service.DATA, "", 100_000),
    )
    sheet = build_sheet(1, datetime(2020, 1, 1, tzinfo=UTC), rows)
    return replace(rules, tariffs=TariffBook(sheets={"standard": (sheet,)}))


@pytest.fixture
async def mine(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return Alice's browser, signed in."""
    async with client_of(site) as client:
        yield await sign_in(site, client)


async def use(site: Site, name: str, *wishes: Wish) -> None:
    """Charge something at once."""
    desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
    await desk.submit(
        ChargeEvent(
            peer="switch",
            session_id=name,
            request_no=1,
            msisdn=ALICE,
            asks=await desk.asks(list(wishes)),
        )
    )


async def test_what_was_used_is_told_newest_first(site: Site, mine: httpx.AsyncClient) -> None:
    assert "Nothing has been used yet." in (await mine.get("/account/usage")).text
    await credit(site, 10 * RM)
    await use(site, "1", Wish(1, Service.VOICE, "60111111111", wanted=180))
    await use(site, "2", Wish(1, Service.DATA, wanted=2 * 2**20))
    await use(site, "3", Wish(1, Service.VOICE, RECEIVED, "52501", wanted=60))
    await use(site, "4", Wish(1, Service.SMS, "60111111111", wanted=1))

    page = await mine.get("/account/usage")
    said = entries(page)
    assert len(said) == 4
    for told, wanted in zip(
        said,
        (
            ("SMS to 011-111 1111, 1 SMS", "RM0.15"),
            ("Call received (abroad), 1 minute", "RM0.60"),
            ("Data, 2 MB", "RM0.20"),
            ("Call to 011-111 1111, 3 minutes", "RM0.45"),
        ),
        strict=True,
    ):
        assert told.startswith(wanted[0])
        assert wanted[1] in told
    assert page.headers["cache-control"] == "no-store"


async def test_there_are_pages(site: Site, mine: httpx.AsyncClient) -> None:
    await credit(site, 10 * RM)
    for number in range(21):
        await use(site, str(number), Wish(1, Service.SMS, "60111111111", wanted=1))
    page = await mine.get("/account/usage")
    assert len(entries(page)) == 20
    (older,) = re.findall(r'href="(/account/usage\?after=[^"]+)" rel="next"', page.text)
    last = await mine.get(older)
    assert len(entries(last)) == 1
    assert 'rel="next"' not in last.text
    assert len(entries(await mine.get("/account/usage?after=nonsense"))) == 20


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_it_is_told_in_every_language(site: Site, mine: httpx.AsyncClient, tag: str) -> None:
    await credit(site, 10 * RM)
    await use(site, "1", Wish(1, Service.VOICE, "60111111111", wanted=180))
    page = await mine.get(f"/account/usage?lang={tag}")
    assert page.headers["content-language"] == tag
    assert "011-111 1111" in page.text
    assert "{" not in entries(page)[0]

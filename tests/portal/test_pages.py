"""Every page: its language, its headers, its weight, and errors in the reader's language."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import httpx
import pytest
from litestar import get

from tambah.domain.refusals import Refusal, every_refusal
from tambah.i18n import LANGUAGES
from tambah.portal.forms import number_pattern
from tambah.store.database import Database
from tambah.web.site import Site
from tambah.web.status import status_of
from tests.conftest import make_keys, make_rules

from .conftest import (
    CODES,
    NoDatabase,
    NoEngine,
    client_of,
    example,
    make_site,
    text_of,
    top_up,
)

OPEN_PAGES = ("/", "/help", "/nowhere", "/topup/result/" + "a" * 26)
SANDBOX_PAGES = ("/sandbox/codes", "/sandbox/sms", "/sandbox/messages")
MOST_BYTES = 14 * 1024


class Addresses(HTMLParser):
    """Collects what a page loads and links, its ids, and what a strict policy forbids."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []
        self.links: list[str] = []
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        loads = {"script": "src", "img": "src", "link": "href"}
        if tag in loads and given.get("rel") != "alternate":
            self.loaded.append(given[loads[tag]])
        if tag == "a":
            self.links.append(given["href"])
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" else []
        self.ids += [given["id"]] if "id" in given else []


async def test_sandbox_is_not_there_in_production(pages: httpx.AsyncClient) -> None:
    for path in SANDBOX_PAGES:
        assert (await pages.get(path)).status_code == 404
    assert "DEMO" not in (await pages.get("/")).text


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_page_stands_by_itself(demo_pages: httpx.AsyncClient, tag: str) -> None:
    for path in OPEN_PAGES + SANDBOX_PAGES:
        page = await demo_pages.get(f"{path}?lang={tag}")
        found = Addresses(page)

        assert page.text.startswith(f'<!doctype html>\n<html lang="{tag}">')
        assert all(name in page.text for name in LANGUAGES.values())
        assert [address for address in found.loaded if not address.startswith("/static/")] == []
        assert found.inline == []
        assert len(found.ids) == len(set(found.ids))
        addresses = ("/sandbox/codes", "/sandbox/sms", "/sandbox/phone")
        own = [f"{address}?lang={tag}" for address in addresses]
        assert found.links[:6] == ["#main", *own, "/docs", f"/?lang={tag}"]
        assert "{" not in text_of(page)


async def test_page_with_its_style_and_script_is_light(demo_pages: httpx.AsyncClient) -> None:
    for path in OPEN_PAGES + SANDBOX_PAGES:
        page = await demo_pages.get(f"{path}?lang=ta")
        sent = page.num_bytes_downloaded
        for address in Addresses(page).loaded:
            sent += (await demo_pages.get(address)).num_bytes_downloaded
        assert sent < MOST_BYTES


@pytest.mark.parametrize(
    ("query", "cookie", "header", "expected"),
    [
        ("?lang=ta", "ms", "zh-CN", "ta"),
        ("", "ms", "zh-CN", "ms"),
        ("", "", "zh-CN,en;q=0.5", "zh-Hans"),
        ("?lang=fr", "", "", "en"),
    ],
)
async def test_language_is_asked_for_chosen_or_read(
    empty_pages: httpx.AsyncClient, query: str, cookie: str, header: str, expected: str
) -> None:
    sent = {"accept-language": header} | ({"cookie": f"lang={cookie}"} if cookie else {})
    page = await empty_pages.get(f"/help{query}", headers=sent)

    assert page.headers["content-language"] == expected
    assert page.headers["vary"] == "accept-language, cookie, accept-encoding"


async def test_language_that_was_asked_for_is_remembered(empty_pages: httpx.AsyncClient) -> None:
    asked = await empty_pages.get("/help?lang=zh-CN")

    assert asked.headers["set-cookie"] == (
        "lang=zh-Hans; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax"
    )
    assert (await empty_pages.get("/help")).headers["content-language"] == "zh-Hans"
    assert "set-cookie" not in (await empty_pages.get("/help")).headers


async def test_language_cookie_is_secure_behind_https(empty_site: Site) -> None:
    async with client_of(replace(empty_site, public_url="https://testel.example")) as pages:
        asked = await pages.get("/help?lang=ta")

    assert "; Secure" in asked.headers["set-cookie"]
    assert asked.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nowhere", 404, "Halaman ini tidak wujud"),
        ("GET", "/topup/result/short", 404, "Halaman ini tidak wujud"),
        ("GET", "/static/none.css", 404, "Halaman ini tidak wujud"),
        ("DELETE", "/", 405, "Itu tidak boleh dilakukan di sini"),
    ],
)
async def test_error_page_is_in_the_readers_language(
    empty_pages: httpx.AsyncClient, method: str, path: str, status: int, said: str
) -> None:
    page = await empty_pages.request(method, path, headers={"accept-language": "ms"})

    assert page.status_code == status
    assert said in text_of(page)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"


RAISED: dict[str, Refusal] = {}
"""What the page of `raising` raises."""


@pytest.fixture(scope="module")
async def raising() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of one site with a page that raises what a test says."""

    @get("/raises")
    async def raises() -> None:
        raise RAISED["error"]

    site = make_site(NoEngine(), NoDatabase(), make_rules(), make_keys())
    async with client_of(site, raises) as pages:
        yield pages


@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.code)
async def test_error_page_is_drawn_for_every_refusal(
    raising: httpx.AsyncClient, empty_site: Site, refusal: type[Refusal]
) -> None:
    RAISED["error"] = example(refusal, empty_site.clock.now())

    drawn = [await raising.get(f"/raises?lang={tag}") for tag in LANGUAGES]

    assert {page.status_code for page in drawn} == {status_of(refusal)}
    assert [page.headers["content-language"] for page in drawn] == list(LANGUAGES)
    assert all("<h1>" in page.text for page in drawn)


async def test_bug_is_answered_with_a_reference(
    empty_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    @get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("a bug")

    async with client_of(empty_site, breaks) as pages:
        page = await pages.get("/breaks")

    incident = text_of(page).partition("Reference for customer care: ")[2].split()[0]
    assert page.status_code == 500
    assert f"incident={incident}" in capsys.readouterr().out


@pytest.mark.parametrize("length", [17_000, 300_000])
async def test_too_large_a_form_is_413(empty_pages: httpx.AsyncClient, length: int) -> None:
    page = await empty_pages.post("/topup", content=b"x" * length)

    assert page.status_code == 413
    assert "That was too much at once" in text_of(page)


@pytest.mark.parametrize(
    "body", [b"&" * 5000, b"number=%ff%fe&code=%00", b"\xff\xfe", b"=" * 100, b"a=1&" * 500]
)
async def test_any_form_is_answered(empty_pages: httpx.AsyncClient, body: bytes) -> None:
    page = await empty_pages.post("/topup", content=body)

    assert page.status_code in (400, 422)


async def test_head_is_answered(empty_pages: httpx.AsyncClient) -> None:
    page = await empty_pages.head("/")

    assert (page.status_code, page.content) == (200, b"")


async def test_static_files_are_kept_for_a_year(empty_pages: httpx.AsyncClient) -> None:
    for address in Addresses(await empty_pages.get("/")).loaded:
        plain = await empty_pages.get(address, headers={"accept-encoding": "identity"})
        compressed = await empty_pages.get(address, headers={"accept-encoding": "gzip"})
        assert re.fullmatch(r"/static/[a-z]+\.[0-9a-f]{10}\.[a-z]+", address)
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert compressed.headers["content-encoding"] == "gzip"
        assert plain.content == compressed.content


async def test_result_page_is_never_kept_and_says_no_balance(
    pages: httpx.AsyncClient, database: Database
) -> None:
    address = (await top_up(pages, CODES[0])).headers["location"]
    page = await pages.get(address)
    receipt = await database.fetch_value("SELECT receipt FROM topup")
    said = text_of(page)

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert f"Receipt reference {receipt}" in said
    assert "60123456789" not in page.text.replace("-", "").replace(" ", "")
    assert "12-345 6789" not in page.text


async def test_result_page_opens_in_the_language_it_was_made_in(site: Site) -> None:
    async with client_of(site) as pages:
        await pages.get("/?lang=ta")
        address = (await top_up(pages, CODES[0])).headers["location"]
    async with client_of(site) as another_device:
        page = await another_device.get(address, headers={"accept-language": "en"})
        switched = await another_device.get(address + "?lang=ms")

    assert page.headers["content-language"] == "ta"
    assert switched.headers["content-language"] == "ms"


async def test_result_page_of_a_reversed_top_up_says_so(
    pages: httpx.AsyncClient, database: Database, fresh: object
) -> None:
    address = (await top_up(pages, CODES[0])).headers["location"]
    await database.execute(
        "UPDATE topup SET reversed_at = $1", datetime(2027, 3, 1, 6, 30, tzinfo=UTC)
    )
    said = text_of(await pages.get(address))

    assert "Top-up reversed RM10.00 012-••• 6789" in said
    assert "reversed on 1 Mar 2027, 2:30 pm" in said
    assert "Active until" not in said


async def test_codes_page_shows_live_codes_and_numbers(demo_pages: httpx.AsyncClient) -> None:
    await top_up(demo_pages, CODES[0])
    said = text_of(await demo_pages.get("/sandbox/codes"))

    spelled = [" ".join(code[at : at + 4] for at in range(0, 16, 4)) for code in CODES]
    assert [one in said for one in spelled] == [False, True, True]
    assert "012-345 6789 active English" in said


async def test_sms_inbox_refreshes_until_it_is_told_not_to(demo_pages: httpx.AsyncClient) -> None:
    refreshing = await demo_pages.get("/sandbox/sms")
    still = await demo_pages.get("/sandbox/sms?refresh=off")

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in refreshing.text
    assert 'http-equiv="refresh"' not in still.text


@pytest.mark.parametrize(
    ("typed", "is_well_formed"),
    [
        ("0123456789", True),
        ("123456789", True),
        ("+60123456789", True),
        ("01123456789", True),
        ("0060123456789", True),
        ("012345678", False),
        ("0312345678", False),
        ("+6531234567", False),
        ("0123456789x", False),
    ],
)
def test_number_pattern_knows_well_formed_numbers(
    empty_site: Site, typed: str, is_well_formed: bool
) -> None:
    pattern = number_pattern(empty_site.rules.numbers)

    assert bool(re.search(pattern, typed)) == is_well_formed

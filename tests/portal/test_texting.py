"""Where no SMS can be sent, nothing that needs one is promised; and how texts are labelled."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import msgspec
import pytest

from tambah.domain.refusals import SmsUnavailable
from tambah.web.site import Site

from .conftest import TYPED_NUMBER, client_of, text_of


def silent(site: Site) -> Site:
    """Return a site without a gateway."""
    return replace(site, operator=msgspec.structs.replace(site.operator, gateways=()))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/sign-in", {"number": TYPED_NUMBER}),
        ("/account/forgotten", {"document": "900101015555", "kind": "born", "fact": "x"}),
        ("/account/reactivate", {"number": TYPED_NUMBER, "document": "900101015555"}),
    ],
)
async def test_nothing_is_promised_that_cannot_be_sent(
    site: Site, path: str, fields: dict[str, str]
) -> None:
    async with client_of(silent(site)) as client:
        refused = await client.post(path, data=fields)

    assert refused.status_code == 503
    assert "We cannot send SMS at the moment" in text_of(refused)
    assert await site.database.fetch_value("SELECT count(*) FROM outbox") == 0


async def test_the_page_says_so_before_a_number_is_typed(site: Site) -> None:
    async with client_of(silent(site)) as client:
        said = await client.get("/account/sign-in?lang=ms")
    async with client_of(site) as client:
        unsaid = await client.get("/account/sign-in?lang=ms")

    assert said.status_code == unsaid.status_code == 200
    assert "tidak dapat menghantar SMS" in text_of(said)
    assert "tidak dapat menghantar SMS" not in text_of(unsaid)


def test_a_demo_has_its_inbox(site: Site, demo_site: Site) -> None:
    silent(demo_site).require_texting()
    with pytest.raises(SmsUnavailable):
        silent(site).require_texting()


async def test_a_text_has_one_character_set(pages: httpx.AsyncClient) -> None:
    home = await pages.get("/")
    style = re.findall(r'href="(/[^"]+\.css)"', home.text)[0]

    for path in ("/", style, "/offers.atom", "/help"):
        kind = (await pages.get(path)).headers["content-type"]
        assert kind.count("charset=utf-8") == 1, kind

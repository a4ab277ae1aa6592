"""Offers and news: pages, the feed, previews, and what is for one line alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import httpx
import pytest
from litestar import Request
from PIL import Image

from tambah.domain.actor import Actor
from tambah.domain.article import Reader
from tambah.domain.line import LineState
from tambah.engine.publishing import publish_articles, read_articles, withdraw_article
from tambah.i18n import LANGUAGES
from tambah.portal.offers import NoticeBoard
from tambah.web.site import Site
from tests.engine.publishing.writing import article_toml, put

from .conftest import client_of, text_of
from .test_pages import MOST_BYTES, Addresses

ACTOR = Actor(who="cli:tester", why="testing")
ATOM = {"a": "http://www.w3.org/2005/Atom"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def publish(site: Site, folder: Path, *texts: str) -> None:
    articles = read_articles(put(folder, *texts), ("standard", "tourist"))
    await publish_articles(site.database, articles, ACTOR, site.clock.now())


@pytest.fixture
async def published(site: Site, tmp_path: Path) -> Site:
    """Return the site with an offer, a piece of news, and offers for some lines alone."""
    await publish(
        site,
        tmp_path,
        article_toml("sale"),
        article_toml("moved", "Moved & <b>grown</b>", kind='"news"', from_="2026-02-01"),
        article_toml("graceful", "Graceful", states='["grace"]'),
        article_toml("touring", "Touring", plans='["tourist"]'),
        article_toml("usual", "Usual", states='["active"]', plans='["standard"]'),
        article_toml("over", "Over", until="2026-01-02"),
        article_toml("coming", "Coming", from_="2999-01-01"),
    )
    return site


@pytest.fixture
async def pages(published: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the site's pages."""
    async with client_of(published) as client:
        yield client


@pytest.fixture
def as_active(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every visitor signed in with an active line on the standard plan."""

    async def reader(_board: NoticeBoard, _request: Any) -> Reader:
        return Reader(state=LineState.ACTIVE, plan="standard")

    monkeypatch.setattr(NoticeBoard, "reader", reader)


def linked(page: httpx.Response) -> list[str]:
    return re.findall(r'href="/offers/([a-z0-9-]+)(?:\?[^"]*)?"', page.text)


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_what_is_current_and_public_is_listed(pages: httpx.AsyncClient, tag: str) -> None:
    page = await pages.get(f"/offers?lang={tag}")

    assert linked(page) == ["sale", "moved"]
    assert f"Sale {tag} About Sale {tag}" in text_of(page)
    assert f"Moved & <b>grown</b> {tag}" in text_of(page)


async def test_nothing_to_show_is_said(site: Site) -> None:
    async with client_of(site) as pages:
        page = await pages.get("/offers")
    assert "There are no offers or news at present." in text_of(page)


async def test_an_article_is_drawn_in_the_readers_language(pages: httpx.AsyncClient) -> None:
    page = await pages.get("/offers/sale?lang=ta")

    assert "<h1>Sale ta</h1>" in page.text
    assert '<p>Body <strong>Sale</strong> ta, <a href="/?lang=ta">up</a>.</p>' in page.text
    assert "<title>Sale ta · Testel</title>" in page.text


@pytest.mark.parametrize(
    "slug", ["graceful", "touring", "usual", "over", "coming", "nothing", "a" * 500, "%00"]
)
async def test_what_is_not_shown_is_not_there(pages: httpx.AsyncClient, slug: str) -> None:
    assert (await pages.get(f"/offers/{slug}")).status_code == 404


async def test_a_withdrawn_article_is_not_there(published: Site, pages: httpx.AsyncClient) -> None:
    await withdraw_article(published.database, "sale", ACTOR, published.clock.now())

    assert (await pages.get("/offers/sale")).status_code == 404
    assert linked(await pages.get("/offers")) == ["moved"]


@pytest.mark.usefixtures("as_active")
async def test_an_article_for_some_is_shown_to_them_and_never_kept(
    pages: httpx.AsyncClient,
) -> None:
    listed = await pages.get("/offers")
    usual = await pages.get("/offers/usual")

    assert linked(listed) == ["sale", "usual", "moved"]
    assert text_of(listed).count("For your line") == 1
    assert [page.headers["cache-control"] for page in (listed, usual)] == ["no-store"] * 2
    assert (await pages.get("/offers/graceful")).status_code == 404
    assert linked(await pages.get("/")) == ["sale", "usual", "moved"]
    assert len(entries(await pages.get("/offers/feed.xml"))) == 2


async def test_who_is_signed_in_is_asked_of_the_session(published: Site) -> None:
    class Sessions:
        """Knows everybody as a tourist in grace."""

        async def find(self, _request: Any) -> Any:
            line = type("Line", (), {"plan": "tourist"})
            view = type("View", (), {"state": LineState.GRACE, "line": line})
            return type("SignedIn", (), {"view": view})

    board = NoticeBoard(None, Sessions())  # type: ignore[arg-type]
    reader = await board.reader(Request({"type": "http"}))  # type: ignore[typeddict-item]

    assert reader == Reader(state=LineState.GRACE, plan="tourist")


async def test_the_home_page_names_three_at_most(
    published: Site, pages: httpx.AsyncClient, tmp_path: Path
) -> None:
    more = [article_toml(f"more-{number}", from_="2026-01-02") for number in range(4)]
    await publish(published, tmp_path, *more)

    assert linked(await pages.get("/?lang=ms")) == ["more-0", "more-1", "more-2"]


def entries(feed: httpx.Response) -> list[Xml.Element]:
    return Xml.fromstring(feed.text).findall("a:entry", ATOM)


def said(element: Xml.Element, name: str) -> str:
    return element.findtext(f"a:{name}", "", ATOM)


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_feed_is_what_rfc_4287_asks_for(pages: httpx.AsyncClient, tag: str) -> None:
    response = await pages.get(f"/offers/feed.xml?lang={tag}")
    feed = Xml.fromstring(response.text)
    links = {link.get("rel"): link.get("href") for link in feed.findall("a:link", ATOM)}

    assert response.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert "set-cookie" not in response.headers
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == tag
    assert said(feed, "id") == links["self"]
    assert links == {
        "self": f"http://testel.example/offers/feed.xml?lang={tag}",
        "alternate": f"http://testel.example/offers?lang={tag}",
    }
    assert feed.findtext("a:author/a:name", "", ATOM) == "Testel"
    assert said(feed, "updated") == max(said(one, "updated") for one in entries(response))
    for entry in entries(response):
        names = [child.tag.partition("}")[2] for child in entry]
        assert sorted(names) == sorted(
            ["title", "id", "published", "updated", "link", "category", "summary", "content"]
        )
        assert said(entry, "id").startswith("urn:uuid:")
        assert RFC_3339.fullmatch(said(entry, "updated"))
        assert RFC_3339.fullmatch(said(entry, "published"))
    first = entries(response)[0]
    content = first.find("a:content", ATOM)
    assert content is not None
    assert (content.get("type"), said(first, "title")) == ("html", f"Sale {tag}")
    assert f'<a href="http://testel.example/?lang={tag}">up</a>' in (content.text or "")


async def test_ids_are_each_languages_own_and_outlive_a_rewriting(
    published: Site, pages: httpx.AsyncClient, tmp_path: Path
) -> None:
    before = {tag: entries(await pages.get(f"/offers/feed.xml?lang={tag}")) for tag in LANGUAGES}
    await publish(published, tmp_path, article_toml("sale", "Rewritten"))
    after = {tag: entries(await pages.get(f"/offers/feed.xml?lang={tag}")) for tag in LANGUAGES}

    ids = {tag: [said(one, "id") for one in found] for tag, found in before.items()}
    assert ids == {tag: [said(one, "id") for one in found] for tag, found in after.items()}
    assert len({one for found in ids.values() for one in found}) == 2 * len(LANGUAGES)
    assert said(after["en"][0], "title") == "Rewritten en"
    assert said(after["en"][0], "published") == said(before["en"][0], "published")


async def test_a_feed_that_did_not_change_is_not_sent_again(pages: httpx.AsyncClient) -> None:
    first = await pages.get("/offers/feed.xml")
    again = await pages.get("/offers/feed.xml", headers={"if-none-match": first.headers["etag"]})
    other = await pages.get(
        "/offers/feed.xml?lang=ta", headers={"if-none-match": first.headers["etag"]}
    )

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    assert first.headers["cache-control"] == "public, max-age=600"
    assert first.headers["content-encoding"] == "gzip"


async def test_an_empty_feed_is_a_feed(site: Site) -> None:
    async with client_of(site) as pages:
        feed = await pages.get("/offers/feed.xml")

    assert entries(feed) == []
    assert said(Xml.fromstring(feed.text), "updated") == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("path", ["/", "/help", "/offers", "/nowhere"])
async def test_every_page_names_the_feed_in_its_language(
    pages: httpx.AsyncClient, path: str
) -> None:
    page = await pages.get(f"{path}?lang=zh-Hans")

    assert re.search(
        r'<link rel="alternate" type="application/atom\+xml" title="[^"]+"'
        r' href="/offers/feed.xml\?lang=zh-Hans">',
        page.text,
    )


def previewed(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<meta property="og:([a-z:_]+)" content="([^"]*)">', page.text))


async def test_networks_are_told_what_a_page_is(published: Site) -> None:
    async with client_of(replace(published, public_url="https://testel.example/")) as pages:
        found = previewed(await pages.get("/offers/sale", headers={"accept-language": "ms"}))
        picture = await pages.get(found["image"].removeprefix("https://testel.example"))

    assert found | {"image": ""} == {
        "type": "article",
        "site_name": "Testel",
        "title": "Sale ms",
        "description": "About Sale ms",
        "url": "https://testel.example/offers/sale?lang=ms",
        "locale": "ms_MY",
        "locale:alternate": "ta_IN",
        "image": "",
        "image:width": "1200",
        "image:height": "630",
        "image:alt": "Testel",
    }
    assert picture.headers["content-type"] == "image/png"


async def test_the_picture_is_a_png_in_the_operators_colour(
    pages: httpx.AsyncClient, tmp_path: Path
) -> None:
    address = previewed(await pages.get("/"))["image"].removeprefix("http://testel.example")
    (tmp_path / "preview.png").write_bytes((await pages.get(address)).content)

    with Image.open(tmp_path / "preview.png") as picture:
        corner = picture.convert("RGB").getpixel((0, 0))
        assert (picture.format, picture.size, corner) == ("PNG", (1200, 630), (0x0B, 0x5D, 0x57))


@pytest.mark.parametrize("path", ["/", "/offers", "/offers/sale", "/help"])
async def test_pages_with_offers_are_light(pages: httpx.AsyncClient, path: str) -> None:
    page = await pages.get(f"{path}?lang=ta")
    sent = page.num_bytes_downloaded
    for address in Addresses(page).loaded:
        sent += (await pages.get(address)).num_bytes_downloaded

    assert sent < MOST_BYTES

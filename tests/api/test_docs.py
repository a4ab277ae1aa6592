"""The OpenAPI document and the page drawn from it."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser

import httpx
import msgspec
import pytest

from tambah.api.refusals import STATUS
from tambah.api.rest import Api, examples
from tambah.api.rest.routes import ROUTES
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys
from tambah.web.site import Sandbox

from .conftest import Answer, FakeDatabase, client_of, make_site


class Page(HTMLParser):
    """Collects what a page refers to, and its anchors."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag's id and address."""
        self.tags.add(tag)
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.links += [str(found[name]) for name in ("href", "src") if found.get(name)]
        assert "style" not in found
        assert not any(name.startswith("on") for name in found)


async def test_page_is_whole_small_and_from_here(fake: httpx.AsyncClient) -> None:
    response = await fake.get("/docs")
    page = Page(response.text)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in page.tags
    assert "style" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if not link.startswith(("#", "/"))} == set()
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(gzip.compress(response.content)) < 30_000
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("language", ["en", "ms", "zh-Hans", "ta"])
async def test_page_explains_every_code_in_the_readers_language(
    fake: httpx.AsyncClient, language: str
) -> None:
    response = await fake.get(f"/docs?lang={language}")
    page = Page(response.text)

    assert response.headers["content-language"] == language
    assert {refusal.code for refusal in STATUS} <= set(page.ids)
    assert response.text.count(f'<dd lang="{language}">') == len(STATUS)


async def test_page_goes_by_address_then_cookie_then_header(fake: httpx.AsyncClient) -> None:
    async def language(path: str, **headers: str) -> str:
        return (await fake.get(path, headers=headers)).headers["content-language"]

    both = {"cookie": "a=b; lang=ta", "accept-language": "ms"}
    assert await language("/docs?lang=zh-Hans", **both) == "zh-Hans"
    assert await language("/docs", **both) == "ta"
    assert await language("/docs", **{"accept-language": "ms"}) == "ms"
    assert await language("/docs", cookie="@=;;lang", **{"accept-language": "xx"}) == "en"


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.css", "/openapi.json"])
async def test_documents_are_compressed_and_not_sent_twice(
    fake: httpx.AsyncClient, path: str
) -> None:
    plain = await fake.get(path, headers={"accept-encoding": "identity"})
    small = await fake.get(path, headers={"accept-encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content
    unchanged = await fake.get(path, headers={"if-none-match": plain.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = await fake.head(path)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_demo_shows_its_key_and_nothing_else_does(
    fake: httpx.AsyncClient,
    fake_engine: Answer,
    fake_database: FakeDatabase,
    rules: Rules,
    keys: Keys,
) -> None:
    sandbox = Sandbox(api_key="tk_test_" + "s" * 32, codes=(), msisdn="60191230000")
    site = make_site(fake_engine, fake_database, rules, keys, sandbox)
    async with client_of(Api(site)) as demo:
        shown = (await demo.get("/docs")).text
    assert "tk_test_" + "s" * 32 in shown
    assert re.findall(r"tk_(?:test|live)_\w+", (await fake.get("/docs")).text) == []


def test_every_operation_has_examples_of_its_own_shapes() -> None:
    for route in ROUTES:
        answer = examples.ANSWERS[route.name]
        assert type(answer) is route.answer
        body = msgspec.json.encode(answer)
        assert msgspec.json.decode(body, type=route.answer) == answer
        if route.body is not None:
            assert type(examples.REQUESTS[route.name]) is route.body
            request = msgspec.json.encode(examples.REQUESTS[route.name])
            msgspec.json.decode(request, type=route.body)

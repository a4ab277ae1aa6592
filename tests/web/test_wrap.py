"""What surrounds the whole application."""

import gzip
from typing import Any

import httpx
import pytest

from tambah.domain.refusals import BodyTooLarge
from tambah.web.wrap import SECURITY_HEADERS, limit_body, wrap


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer 2,000 letters, or what the query names."""
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"2000")]
    if scope["query_string"] == b"own":
        headers.append((b"content-security-policy", b"default-src 'none'"))
    if scope["query_string"] == b"picture":
        headers[0] = (b"content-type", b"image/png")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a" * 2000})


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://t.example")


async def get(url: str, *, public_url: str = "", method: str = "GET") -> httpx.Response:
    async with client(wrap(application, public_url=public_url)) as asking:
        return await asking.request(method, url)


async def test_headers_are_set_on_every_answer() -> None:
    answer = await get("/")

    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "strict-transport-security" not in answer.headers


async def test_headers_of_the_answer_itself_come_first() -> None:
    answer = await get("/?own")

    assert answer.headers.get_list("content-security-policy") == ["default-src 'none'"]


async def test_hsts_is_set_behind_https() -> None:
    answer = await get("/", public_url="https://t.example")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_text_is_compressed() -> None:
    answer = await get("/")

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(b"a" * 2000, 6))
    assert answer.content == b"a" * 2000


@pytest.mark.parametrize(("url", "accepted"), [("/?picture", "gzip"), ("/", "identity")])
async def test_the_rest_is_not_compressed(url: str, accepted: str) -> None:
    async with client(wrap(application, public_url="")) as asking:
        answer = await asking.get(url, headers={"accept-encoding": accepted})

    assert "content-encoding" not in answer.headers
    assert answer.content == b"a" * 2000


async def test_head_is_answered_without_a_body() -> None:
    answer = await get("/", method="HEAD")

    assert (answer.status_code, answer.content) == (200, b"")


async def reader(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, as a handler does; answer how it went."""
    length, more = 0, True
    try:
        while more:
            message = await receive()
            length, more = length + len(message["body"]), message["more_body"]
        status = 200
    except BodyTooLarge:
        status = 413
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


@pytest.mark.parametrize(("length", "status"), [(0, 200), (100, 200), (101, 413), (5000, 413)])
async def test_body_is_taken_up_to_the_limit(length: int, status: int) -> None:
    async with client(limit_body(reader, most=100)) as asking:
        answer = await asking.post("/", content=b"x" * length)

    assert answer.status_code == status


async def test_body_over_the_limit_is_drained_within_reason() -> None:
    sent: list[int] = []

    async def receive() -> dict[str, Any]:
        sent.append(10)
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    async def ignore(_message: Any) -> None:
        return None

    await limit_body(reader, most=100, most_drained=500)({"type": "http"}, receive, ignore)

    assert sum(sent) == 500

"""What holds for every address: paths, methods, keys, bodies, request ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tambah.api.refusals import RETRY_SECONDS, STATUS, headers_of, problem_of
from tambah.api.rest import Api
from tambah.api.rest import callers as callers_module
from tambah.api.rest.callers import Callers
from tambah.api.rest.request import BODY_SECONDS, MOST_BODY_BYTES, ClientGone, read_body
from tambah.domain.refusals import (
    BodyMalformed,
    BodyTooLarge,
    KeyUnknown,
    TooManyTries,
    every_refusal,
)
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys

from .conftest import ALICE, KEY, Answer, FakeDatabase, client_of, make_site, problem, top_up

TOPUPS = f"/api/v1/lines/{ALICE}/topups"


def test_every_refusal_has_a_status() -> None:
    assert set(STATUS) == set(every_refusal())


def test_every_refusal_that_means_later_says_when() -> None:
    later = {refusal for refusal, status in STATUS.items() if status in (429, 503)}
    assert set(RETRY_SECONDS) == later


def test_every_refusal_makes_a_problem(rules: Rules) -> None:
    params: dict[str, Any] = {
        "least": "1.00",
        "most": "5.00",
        "cap": "9.00",
        "missing": "2.00",
        "field": "amount",
        "scope": "lines:read",
        "until": datetime(2027, 1, 1, tzinfo=UTC),
        "used_at": datetime(2027, 1, 1, tzinfo=UTC),
        "incident": "1f",
        "where": "line 12",
        "most_mb": 20,
        "most_digits": 4,
        "sold_at": datetime(2027, 1, 1, tzinfo=UTC),
        "minutes": 10,
        "hours": 24,
        "rate": "3.00",
        "period": "2026-12",
        "what": "batch 7",
        "serial": "0001-00000007",
        "dealer": "Kedai Demo",
    }
    states = {
        "batch_state_wrong": "locked",
        "voucher_state_wrong": "redeemed",
        "approval_over": "declined",
        "payment_not_refundable": "failed",
        "sim_not_usable": "assigned",
    }
    for refusal in every_refusal():
        extra = {"state": states[refusal.code]} if refusal.code in states else {}
        made = problem_of(refusal(**params, **extra), "en", rules.validity.zone)
        assert (made.code, made.status) == (refusal.code, STATUS[refusal])


def test_retry_after_counts_up_to_the_instant() -> None:
    until = datetime(2027, 1, 1, 0, 0, 10, 500, tzinfo=UTC)
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert headers_of(TooManyTries(until=until), now) == [(b"retry-after", b"11")]
    assert headers_of(TooManyTries(until=now), until) == [(b"retry-after", b"1")]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/lines/60123456789",
        "/api/v1/lines",
        "/api/v1/lines/",
        "/api/v1/lines//topups",
        "/api/v1/lines/60123456789/",
        "/api/v1/lines/60123456789/nothing",
        "/api/v1/lines/60123456789/topups/1",
        "/api/v1/lines/60123456789%2Ftopups/x",
        "/api/v1/people/1",
        "/docs/nothing",
    ],
)
async def test_unknown_paths_are_not_found(fake: httpx.AsyncClient, path: str) -> None:
    assert problem(await fake.get(path)) == (404, "page_not_found")


def test_owns_its_paths_only() -> None:
    mine = ["/api", "/api/", "/api/v1/lines/1", "/docs", "/docs/docs.css", "/openapi.json"]
    others = ["/", "/apiary", "/docsy", "/tmf-api/x", "/openapi.json/x", "/console"]
    assert [Api.owns(path) for path in mine + others] == [True] * 6 + [False] * 6


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", TOPUPS, "POST"),
        ("OPTIONS", TOPUPS, "POST"),
        ("PUT", TOPUPS, "POST"),
        ("POST", f"/api/v1/lines/{ALICE}", "GET"),
        ("DELETE", f"/api/v1/lines/{ALICE}", "GET"),
        ("OPTIONS", f"/api/v1/lines/{ALICE}", "GET"),
        ("POST", "/docs", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_other_methods_are_not_allowed(
    fake: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await fake.request(method, path)

    assert problem(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == allow
    assert "access-control-allow-origin" not in response.headers


async def test_head_is_refused_without_a_body(fake: httpx.AsyncClient) -> None:
    response = await fake.head(f"/api/v1/lines/{ALICE}")

    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.content == b""


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        KEY,
        "Bearer",
        "Bearer ",
        "Basic dGs6",
        "Bearer tk_test_wrong",
        "Bearer " + "x" * 5000,
        b"Bearer \xff\xfe",
    ],
)
async def test_a_key_is_needed(fake: httpx.AsyncClient, authorization: Any) -> None:
    del fake.headers["authorization"]
    headers = {} if authorization is None else {"authorization": authorization}
    response = await fake.post(TOPUPS, json=top_up(), headers=headers)

    assert problem(response) == (401, "key_unknown")
    assert response.headers["www-authenticate"] == 'Bearer realm="tambah"'


async def test_a_scope_is_needed(fake: httpx.AsyncClient, fake_database: FakeDatabase) -> None:
    for digest, row in fake_database.rows.items():
        fake_database.rows[digest] = (*row[:3], ["lines:read"])

    response = await fake.post(TOPUPS, json=top_up(), headers={"idempotency-key": "k"})

    assert problem(response) == (403, "scope_missing")
    assert response.json()["scope"] == "topups:write"
    assert response.headers["www-authenticate"] == (
        'Bearer realm="tambah", error="insufficient_scope", scope="topups:write"'
    )


async def test_a_key_is_remembered_for_two_seconds(
    keys: Keys, fake_database: FakeDatabase
) -> None:
    now = 100.0
    callers = Callers(fake_database, keys, lambda: now)  # type: ignore[arg-type]
    header = f"Bearer {KEY}".encode()
    await callers.authenticate(header)
    now = 101.9
    await callers.authenticate(header)
    assert fake_database.asked == 1

    fake_database.rows.clear()
    now = 102.0
    with pytest.raises(KeyUnknown):
        await callers.authenticate(header)
    assert fake_database.asked == 2


async def test_one_question_serves_all_who_wait_for_the_same_key(
    keys: Keys, fake_database: FakeDatabase
) -> None:
    callers = Callers(fake_database, keys)  # type: ignore[arg-type]
    header = f"Bearer {KEY}".encode()
    found = await asyncio.gather(*(callers.authenticate(header) for _ in range(50)))
    assert {caller.partner_id for caller in found} == {7}
    assert fake_database.asked == 1


async def test_made_up_keys_do_not_pile_up(
    keys: Keys, fake_database: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers_module, "MOST_REMEMBERED", 3)
    callers = Callers(fake_database, keys)  # type: ignore[arg-type]
    for number in range(10):
        with pytest.raises(KeyUnknown):
            await callers.authenticate(b"Bearer made-up-%d" % number)
    assert len(callers._known) <= 3
    assert KEY.encode() not in repr(callers._known).encode()


async def test_a_sane_request_id_is_echoed(fake: httpx.AsyncClient) -> None:
    response = await fake.get("/api", headers={"request-id": "till-7.a_B"})
    assert response.headers["request-id"] == "till-7.a_B"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 65, "<script>", b"\xff"])
async def test_another_request_id_is_minted(fake: httpx.AsyncClient, given: Any) -> None:
    headers = {} if given is None else {"request-id": given}
    first = await fake.get("/api", headers=headers)
    second = await fake.get("/api", headers=headers)
    minted = {first.headers["request-id"], second.headers["request-id"]}
    assert len(minted) == 2
    assert given not in minted


async def test_a_body_that_is_too_large_is_read_and_refused(
    fake: httpx.AsyncClient, fake_engine: Answer
) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 10_000

    response = await fake.post(TOPUPS, content=pieces(), headers={"idempotency-key": "k"})

    assert problem(response) == (413, "body_too_large")
    assert response.headers["connection"] == "close"
    assert sent == 100
    assert fake_engine.asked == []


async def test_a_body_of_the_limit_is_read(fake: httpx.AsyncClient) -> None:
    body = b'{"amount":"30.00","currency":"MYR","reference":"r"}'
    headers = {"idempotency-key": "k"}
    full = body.ljust(MOST_BODY_BYTES)
    assert (await fake.post(TOPUPS, content=full, headers=headers)).status_code == 201
    assert (await fake.post(TOPUPS, content=full + b" ", headers=headers)).status_code == 413


async def test_draining_ends_after_twenty_megabytes() -> None:
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    with pytest.raises(BodyTooLarge):
        await read_body(receive)
    assert asked == 21


@pytest.mark.parametrize(
    ("size", "refusal"), [(100, BodyMalformed), (MOST_BODY_BYTES, BodyTooLarge)]
)
async def test_a_body_that_does_not_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, size: int, refusal: type[Exception]
) -> None:
    assert BODY_SECONDS == 10
    monkeypatch.setattr("tambah.api.rest.request.BODY_SECONDS", 0.01)
    pieces = iter([size, 100])

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"x" * (piece or 0), "more_body": True}

    with pytest.raises(refusal):
        await read_body(receive)


async def test_nobody_is_answered_when_the_caller_hung_up(
    fake_engine: Answer, fake_database: FakeDatabase, rules: Rules, keys: Keys
) -> None:
    api = Api(make_site(fake_engine, fake_database, rules, keys))
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(_message: Any) -> None:
        raise AssertionError("nobody is there")

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": TOPUPS,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {KEY}".encode()), (b"idempotency-key", b"k")],
    }
    await api(scope, receive, send)
    assert fake_engine.asked == []
    with pytest.raises(ClientGone):
        await read_body(receive)


async def test_an_absent_key_is_asked_of_nobody(
    fake_engine: Answer, fake_database: FakeDatabase, rules: Rules, keys: Keys
) -> None:
    api = Api(make_site(fake_engine, fake_database, rules, keys))
    async with client_of(api, key=None) as client:
        await client.get(f"/api/v1/lines/{ALICE}")
    assert fake_database.asked == 0

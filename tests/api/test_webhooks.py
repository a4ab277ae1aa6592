"""What a payment provider is answered over HTTP: proved, stored, or told to come again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tambah.api.webhooks import MOST_BYTES, Webhooks
from tambah.domain.commands import NewsKind
from tambah.domain.rules import Rules
from tambah.engine.keys import Keys
from tambah.payments.desk import PaymentDesk
from tambah.store.database import Database
from tests.engine.books import add_line
from tests.payments.house import NUMBER, House, open_house

from .conftest import client_of, make_site

ADDRESS = "/webhooks/sandbox"


@pytest.fixture
async def house(database: Database, rules: Rules, keys: Keys) -> AsyncIterator[House]:
    """Return a desk with the sandbox and one line."""
    async with open_house(database, rules, keys) as house:
        await add_line(house.engine, database, NUMBER)
        yield house


@pytest.fixture
async def provider(house: House, rules: Rules) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client as a provider is one."""
    site = make_site(house.engine, house.database, rules, house.keys)
    async with client_of(Webhooks(replace(site, payments=house.desk))) as client:
        yield client


async def signed(house: House) -> tuple[dict[str, str], bytes]:
    """Return a webhook, headers and body, of a payment that was just opened."""
    row = await house.sandbox.view(house.ref_of(await house.open()))
    assert row is not None
    return house.sandbox.webhook(row, NewsKind.PAID)


async def events(house: House) -> int:
    """Return how many events are stored."""
    return await house.database.fetch_value("SELECT count(*) FROM payment_event")


async def test_a_proved_webhook_is_stored_and_answered(
    house: House, provider: httpx.AsyncClient
) -> None:
    headers, body = await signed(house)
    answers = [await provider.post(ADDRESS, headers=headers, content=body) for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"heard": 1})] * 2
    assert answers[0].headers["cache-control"] == "no-store"
    assert await events(house) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", ADDRESS, 400, "webhook_unsigned"),
        ("GET", ADDRESS, 405, "method_not_allowed"),
        ("POST", "/webhooks/stripe", 404, "page_not_found"),
        ("POST", "/webhooks/nobody", 404, "page_not_found"),
        ("POST", "/webhooks/", 404, "page_not_found"),
    ],
)
async def test_what_is_no_webhook_of_ours_is_a_problem_and_is_not_stored(
    house: House, provider: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    _, body = await signed(house)
    answer = await provider.request(method, path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await events(house) == 0


async def test_a_body_over_the_limit_is_refused(house: House, provider: httpx.AsyncClient) -> None:
    headers, body = await signed(house)
    answer = await provider.post(ADDRESS, headers=headers, content=body.ljust(MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert await events(house) == 0


async def test_a_signature_of_other_bytes_proves_nothing(
    house: House, provider: httpx.AsyncClient
) -> None:
    headers, body = await signed(house)
    answer = await provider.post(ADDRESS, headers=headers, content=body + b" ")
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_unsigned")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ConnectionError("away"), 503, "unavailable"), (ValueError("secret"), 500, "internal_error")],
)
async def test_a_webhook_that_is_not_stored_is_not_answered_200(
    provider: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    code: str,
) -> None:
    async def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(PaymentDesk, "hear", fail)
    answer = await provider.post(ADDRESS, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text
    assert ("Traceback" in capsys.readouterr().out) == (status == 500)

"""Signing in by one-time password: what it tells, whom it lets in, and when it stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tambah.config import SignInEntry
from tambah.domain.care_commands import AskSignIn
from tambah.domain.sign_in_rule import SignInRule
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.secret_params import open_params
from tambah.portal import signing_in
from tambah.web.site import Site

from .conftest import TYPED_NUMBER, client_of, text_of

NOBODY = "019-999 9999"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0.0)


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return somebody's browser."""
    async with client_of(site) as client:
        yield client


async def ask(visitor: httpx.AsyncClient, number: str = TYPED_NUMBER) -> httpx.Response:
    return await visitor.post("/account/sign-in", data={"number": number})


async def sent_codes(site: Site) -> list[str]:
    """Return the passwords that are on their way, the oldest first."""
    rows = await site.database.fetch(
        "SELECT sealed FROM outbox WHERE template = 'sign_in_code' ORDER BY number"
    )
    return [open_params(site.keys, row[0])["code"] for row in rows]


async def prove(visitor: httpx.AsyncClient, code: str) -> httpx.Response:
    return await visitor.post("/account/sign-in/code", data={"code": code})


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_who_has_the_phone_signs_in(site: Site, visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/account")).headers["location"] == "/account/sign-in"
    asked = await ask(visitor)
    assert (asked.status_code, asked.headers["location"]) == (303, "/account/sign-in/code")
    form = await visitor.get("/account/sign-in/code")
    assert 'autocomplete="one-time-code"' in form.text
    assert "012-345 6789" in text_of(form)
    [code] = await sent_codes(site)
    proved = await prove(visitor, f" {code[:3]} {code[3:]} ")
    assert (proved.status_code, proved.headers["location"]) == (303, "/account")
    page = await visitor.get("/account")
    assert page.status_code == 200
    assert "012-345 6789" in text_of(page)
    assert page.headers["cache-control"] == "no-store"


async def test_a_password_is_good_once_in_the_browser_that_asked(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor)
    [code] = await sent_codes(site)
    async with client_of(site) as stranger:
        await ask(stranger)
        assert (await prove(stranger, code)).status_code == 422
    assert (await prove(visitor, code)).status_code == 303
    await ask(visitor)
    assert (await prove(visitor, code)).status_code == 422


async def test_a_password_is_good_for_minutes(site: Site, visitor: httpx.AsyncClient) -> None:
    await ask(visitor)
    [code] = await sent_codes(site)
    later = Engine(
        site.database, rules=site.rules, keys=site.keys, clock=Clock(timedelta(minutes=5))
    )
    await later.start()
    async with client_of(replace(site, engine=later)) as client:
        client.cookies = visitor.cookies
        assert (await prove(client, code)).status_code == 422
    await later.stop()


async def test_a_new_password_does_not_reset_the_count(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    for _ in range(5):
        await ask(visitor)
        *_, code = await sent_codes(site)
        assert (await prove(visitor, other_than(code))).status_code == 422
    assert (await prove(visitor, code)).status_code == 422
    wrong, locked_until = await site.database.fetch_row(  # type: ignore[misc]
        "SELECT wrong, locked_until FROM sign_in"
    )
    assert wrong == 5
    assert locked_until is not None


async def test_passwords_for_one_number_have_a_limit(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    answers = [(await ask(visitor)).status_code for _ in range(8)]
    assert answers == [303] * 8
    assert len(await sent_codes(site)) == site.rules.signing_in.asks_hourly


async def test_a_source_has_budgets(site: Site) -> None:
    entry = SignInEntry(source_asks_hourly=2, source_wrong_hourly=2, all_wrong_hourly=3)
    small = replace(site, operator=replace_entry(site, entry))
    async with client_of(small) as client:
        assert [(await ask(client)).status_code for _ in range(3)] == [303, 303, 429]
        [first, _] = await sent_codes(site)
        answers = [(await prove(client, other_than(first))).status_code for _ in range(3)]
        assert answers == [422, 422, 429]


async def test_wrong_passwords_of_everybody_together_have_a_limit(site: Site) -> None:
    entry = SignInEntry(source_wrong_hourly=30, all_wrong_hourly=3)
    small = replace(site, operator=replace_entry(site, entry), trusted_proxies=("127.0.0.1",))
    answers: list[int] = []
    for place in range(5):
        async with client_of(small) as client:
            client.headers["x-forwarded-for"] = f"203.0.113.{place}"
            await ask(client, NOBODY)
            answers.append((await prove(client, "123456")).status_code)
    assert answers == [422, 422, 422, 429, 429]


def replace_entry(site: Site, entry: SignInEntry) -> Any:
    fields = {name: getattr(site.operator, name) for name in site.operator.__struct_fields__}
    return type(site.operator)(**{**fields, "sign_in": entry})


class Telltale:
    """An engine that notes when it is asked."""

    def __init__(self, events: list[str]) -> None:
        self.events = events

    async def submit(self, command: Any) -> Any:
        assert isinstance(command, AskSignIn)
        self.events.append("looked up")
        raise RuntimeError("never seen by anybody")


async def test_the_answer_is_written_before_the_number_is_looked_up(site: Site) -> None:
    events: list[str] = []
    watched = replace(site, engine=Telltale(events))  # type: ignore[arg-type]
    async with client_of(watched) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                events.append(message["type"])
                await send(message)

            await app(scope, receive, note)

        client._transport.app = noting  # type: ignore[attr-defined]
        known, unknown = await ask(client), await ask(client, NOBODY)
    assert events == ["http.response.start", "http.response.body", "looked up"] * 2
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


async def test_an_unknown_number_is_answered_like_a_wrong_password(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor)
    [code] = await sent_codes(site)
    wrong = await prove(visitor, other_than(code))
    await ask(visitor, NOBODY)
    unknown = await prove(visitor, code)
    assert wrong.status_code == unknown.status_code == 422
    assert text_of(wrong).replace("012-345 6789", "…") == text_of(unknown).replace(NOBODY, "…")


async def test_a_number_in_quarantine_is_nobodys(site: Site, visitor: httpx.AsyncClient) -> None:
    await site.database.execute(
        "UPDATE line SET active_until = now() - interval '200 days',"
        " grace_until = now() - interval '150 days', state = 5"
    )
    await ask(visitor)
    assert await sent_codes(site) == []


async def test_signing_out_everywhere_ends_every_session(site: Site) -> None:
    async with client_of(site) as phone, client_of(site) as desk:
        for browser in (phone, desk):
            await ask(browser)
            *_, code = await sent_codes(site)
            await prove(browser, code)
            assert (await browser.get("/account")).status_code == 200
        left = await phone.post("/account/sign-out", data={"everywhere": "yes"})
        assert left.status_code == 303
        assert (await desk.get("/account")).status_code == 303


async def test_a_session_ends_when_idle_and_at_the_latest(site: Site) -> None:
    async with client_of(site) as browser:
        await ask(browser)
        [code] = await sent_codes(site)
        await prove(browser, code)
        rule = SignInRule()
        for gone in (timedelta(minutes=rule.idle_minutes), timedelta(hours=rule.session_hours)):
            async with client_of(replace(site, clock=Clock(gone))) as later:
                later.cookies = browser.cookies
                assert (await later.get("/account")).status_code == 303


async def test_another_sites_form_is_refused(visitor: httpx.AsyncClient) -> None:
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://elsewhere.example"},
    ):
        answer = await visitor.post(
            "/account/sign-in", data={"number": TYPED_NUMBER}, headers=headers
        )
        assert answer.status_code == 422


async def test_a_fresh_password_leads_back_to_a_path_of_ours_alone(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor)
    [code] = await sent_codes(site)
    await prove(visitor, code)
    for to, wanted in (
        ("/account/esim", "/account/esim"),
        ("https://elsewhere.example", "/account"),
        ("//elsewhere.example", "/account"),
        ("/account//elsewhere.example", "/account"),
        ("/account/x\r\nset-cookie: session=theirs", "/account"),
    ):
        sent = await visitor.post("/account/sign-in/again", data={"to": to})
        assert sent.headers["location"] == "/account/sign-in/code"
        *_, code = await sent_codes(site)
        assert (await prove(visitor, code)).headers["location"] == wanted
        await site.database.execute("DELETE FROM sign_in")


async def test_nothing_of_a_password_is_in_the_database(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    await ask(visitor)
    [code] = await sent_codes(site)
    await prove(visitor, code)
    secret = visitor.cookies["session"].partition(".")[2]
    for table in ("outbox", "sign_in_code", "session", "look_up"):
        rows = await site.database.fetch(f"SELECT to_jsonb({table}) FROM {table}")  # type: ignore[arg-type]
        text = json.dumps([row[0] for row in rows])
        assert f'"{code}"' not in text
        assert secret not in text

"""Proving who one is once more: only when it is old, and the way back leads nowhere else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from litestar import Litestar, Router, get

from tambah.console.guard import Reach, guard_with, reaches
from tambah.console.own_access import ACCOUNT, NEW
from tambah.console.own_authenticator import AUTHENTICATOR
from tambah.console.pages import ConsolePages
from tambah.console.proving import FRESH, PROVE, require_fresh, safe_back
from tambah.console.sessions import Sessions
from tambah.domain.staff import Role
from tambah.web.errors import Elsewhere, ErrorAnswers
from tambah.web.pages import AnyRequest
from tests.portal.conftest import field, text_of

from .conftest import HOST, World


@get("/console/money", opt=reaches(Reach.STAFF))
async def move_money(request: AnyRequest) -> str:
    """Stand for what moves money."""
    require_fresh(request)
    return "moved"


def counter_of(world: World) -> httpx.AsyncClient:
    """Return a browser of an address that moves money, behind the console's guard."""
    answers = ErrorAnswers(ConsolePages(world.site))

    def send(request: AnyRequest, error: Any) -> Any:
        return answers.send_elsewhere(request, error)

    router = Router(
        path="/",
        route_handlers=[move_money],
        guards=[guard_with(Sessions(world.site))],
        exception_handlers={Elsewhere: send},
    )
    app = Litestar(route_handlers=[router], openapi_config=None, logging_config=None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST)


async def test_money_asks_for_a_proof_when_the_last_is_old(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser, counter_of(world) as counter:
        counter.cookies = browser.cookies
        assert (await counter.get("/console/money")).text == "moved"

        world.clock.ahead = FRESH
        sent = await counter.get("/console/money?of=7")
        assert sent.status_code == 303
        assert sent.headers["location"] == f"{PROVE}?back=%2Fconsole%2Fmoney%3Fof%3D7"

        page = await browser.get(sent.headers["location"])
        assert "Is it you?" in text_of(page)
        assert field(page, "back") == "/console/money?of=7"
        form = {"back": field(page, "back"), "proof": mina.password}
        back = await browser.post(PROVE, data=form)
        assert (back.status_code, back.headers["location"]) == (303, "/console/money?of=7")
        assert (await counter.get("/console/money")).text == "moved"

        world.clock.ahead = 2 * FRESH
        code = mina.code(world.clock.now())
        assert (await browser.post(PROVE, data=form | {"proof": code})).status_code == 303
        again = await browser.post(PROVE, data=form | {"proof": code})
        assert again.status_code == 422, "a code is good once"


async def test_a_wrong_proof_counts_and_changes_nothing(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser, counter_of(world) as counter:
        counter.cookies = browser.cookies
        world.clock.ahead = FRESH + timedelta(minutes=1)
        form = {"back": "/console/money", "proof": "wrong"}
        for _ in range(5):
            answer = await browser.post(PROVE, data=form)
            assert answer.status_code == 422
            assert "wrong tries" in text_of(answer)
            assert field(answer, "back") == "/console/money"
        locked = await browser.post(PROVE, data=form | {"proof": mina.password})
        assert locked.status_code == 422, "five wrong tries lock the account"
        assert (await counter.get("/console/money")).status_code == 303


OF_ONES_ACCOUNT = [AUTHENTICATOR, f"{AUTHENTICATOR}/remove", NEW, f"{ACCOUNT}/passkeys/1/remove"]


@pytest.mark.parametrize("path", OF_ONES_ACCOUNT)
async def test_a_password_alone_changes_nothing_of_an_account(world: World, path: str) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        world.clock.ahead = FRESH
        form = {"back": path, "proof": mina.password}
        assert (await browser.post(PROVE, data=form)).status_code == 303, "enough for money"

        for ask in (browser.get, browser.post):
            sent = await ask(path)
            assert (sent.status_code, sent.headers["location"]) == (303, asking(path))
        page = await browser.get(asking(path))
        assert "a password alone is not enough" in text_of(page)
        form |= {"back": field(page, "back"), "factor": field(page, "factor")}
        refused = await browser.post(PROVE, data=form)
        assert refused.status_code == 422, "a password is no code"
        assert (field(refused, "back"), field(refused, "factor")) == (path, "yes")
        assert (await browser.get(path)).status_code == 303

        form["proof"] = mina.code(world.clock.now())
        back = await browser.post(PROVE, data=form)
        assert (back.status_code, back.headers["location"]) == (303, path)
        assert (await browser.get(path)).status_code != 303


async def test_a_recovery_code_is_a_second_factor(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        world.clock.ahead = FRESH
        form = {"back": AUTHENTICATOR, "factor": "yes", "proof": mina.codes[0]}
        assert (await browser.post(PROVE, data=form)).status_code == 303
        assert (await browser.get(AUTHENTICATOR)).status_code == 200


async def test_a_session_from_before_it_was_noted_shows_one_first(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        await world.site.database.execute("UPDATE staff_session SET factor_at = NULL")
        sent = await browser.get(AUTHENTICATOR)
        assert (sent.status_code, sent.headers["location"]) == (303, asking(AUTHENTICATOR))


def asking(path: str) -> str:
    """Return the address that asks for a second factor, and leads back."""
    return f"{PROVE}?{urlencode({'back': path, 'factor': 'yes'})}"


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/console/payments/AB12C?state=paid&day=2026-01-02", None),
        ("/console", None),
        ("https://evil.example/console", "/console"),
        ("//evil.example/console", "/console"),
        ("/console/../topup", "/console"),
        ("/console//evil.example", "/console"),
        ("/console\\evil.example", "/console"),
        ("/consolevil", "/console"),
        ("/console/a\r\nlocation: x", "/console"),
        ("/console/" + "a" * 2000, "/console"),
        ("", "/console"),
    ],
)
def test_the_way_back_leads_to_the_console_alone(back: str, leads: str | None) -> None:
    assert safe_back(back) == (back if leads is None else leads)

"""The authenticator app on `/console/account`: another in its place, or none beside a passkey."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from tambah.console.own_access import ACCOUNT
from tambah.console.own_authenticator import AUTHENTICATOR
from tambah.console.proving import FRESH, PROVE
from tambah.domain.staff import Role
from tambah.engine.staff import totp_code
from tambah.i18n import LANGUAGES, texts
from tests.engine.staff.people import Person
from tests.portal.conftest import text_of

from .conftest import World, sign_in

REMOVE = f"{AUTHENTICATOR}/remove"


def offered(page: httpx.Response) -> str:
    """Return the secret that a page offers."""
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page.text)
    assert found is not None, page.status_code
    return found[1].replace(" ", "")


async def opens(world: World, person: Person, code: str) -> bool:
    """Say whether a code opens somebody's account."""
    async with world.browser() as door:
        return (await sign_in(door, person, code=code)).status_code == 303


async def rows(world: World) -> list[tuple[str, str]]:
    """Return who did what to authenticators."""
    found = await world.site.database.fetch(
        "SELECT who, action FROM audit WHERE action LIKE '%Authenticator' ORDER BY day, seq"
    )
    return [tuple(row) for row in found]


async def test_another_takes_its_place_once_it_is_shown_to_work(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser, await world.enter(mina) as elsewhere:
        page = await browser.get(AUTHENTICATOR)
        secret = offered(page)
        assert offered(await browser.get(AUTHENTICATOR)) == secret, "a reload shows the same"
        wrong = await browser.post(AUTHENTICATOR, data={"code": "000000"})
        assert (wrong.status_code, offered(wrong)) == (422, secret)
        assert await opens(world, mina, totp_code(mina.totp, world.clock.now()))

        code = totp_code(secret, world.clock.now())
        done = await browser.post(AUTHENTICATOR, data={"code": code})

        assert (done.status_code, done.headers["location"]) == (303, ACCOUNT)
        assert (await browser.get(ACCOUNT)).status_code == 200
        assert (await elsewhere.get(ACCOUNT)).is_redirect, "signed out everywhere else"
        assert not await opens(world, mina, code), "each code counts once"
        world.clock.ahead = timedelta(seconds=30)
        later = world.clock.now()
        assert not await opens(world, mina, totp_code(mina.totp, later))
        assert await opens(world, mina, totp_code(secret, later))
    assert await rows(world) == [("staff:mina", "ChangeAuthenticator")]
    dumped = await world.site.database.fetch("SELECT audit::text FROM audit")
    assert secret not in str(dumped)


async def test_what_was_taken_once_is_not_taken_again(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        first = offered(await browser.get(AUTHENTICATOR))
        held = dict(browser.cookies)
        form = {"code": totp_code(first, world.clock.now())}
        assert (await browser.post(AUTHENTICATOR, data=form)).is_redirect
        second = offered(await browser.get(AUTHENTICATOR))
        assert second != first
        code = totp_code(second, world.clock.now())
        assert (await browser.post(AUTHENTICATOR, data={"code": code})).is_redirect
        browser.cookies = httpx.Cookies(held)

        replayed = await browser.post(AUTHENTICATOR, data=form)

        assert "This page was open for too long" in text_of(replayed)
        world.clock.ahead = timedelta(seconds=30)
        assert await opens(world, mina, totp_code(second, world.clock.now()))
    assert len(await rows(world)) == 2


async def test_a_secret_of_somebody_else_is_of_no_use(world: World) -> None:
    mina, ravi = await world.hire("mina", Role.CARE), await world.hire("ravi", Role.CARE)
    async with await world.enter(mina) as hers, await world.enter(ravi) as his:
        secret = offered(await hers.get(AUTHENTICATOR))
        for name, value in hers.cookies.items():
            if name == "console_authenticator":
                his.cookies.set(name, value)

        refused = await his.post(
            AUTHENTICATOR, data={"code": totp_code(secret, world.clock.now())}
        )

        assert "This page was open for too long" in text_of(refused)
        assert offered(refused) != secret
    assert await rows(world) == []


async def test_it_takes_a_fresh_proof(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        world.clock.ahead = FRESH
        for method, path in (("GET", AUTHENTICATOR), ("POST", AUTHENTICATOR), ("GET", REMOVE)):
            answer = await browser.request(method, path)
            assert answer.headers["location"].startswith(PROVE)


async def test_without_a_passkey_it_stays(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        assert REMOVE not in (await browser.get(ACCOUNT)).text
        refused = await confirm_removal(browser)

        assert (refused.status_code, await rows(world)) == (409, [])
        assert "This is all that goes with your password" in text_of(refused)

        await world.site.database.execute("UPDATE staff SET passkeys = 1 WHERE name = 'mina'")
        assert (await confirm_removal(browser)).headers["location"] == ACCOUNT
        page = text_of(await browser.get(ACCOUNT))
        assert "No authenticator app is connected" in page
        assert "Connect an app" in page
        assert not await opens(world, mina, totp_code(mina.totp, world.clock.now()))

        secret = offered(await browser.get(AUTHENTICATOR))
        code = totp_code(secret, world.clock.now())
        assert (await browser.post(AUTHENTICATOR, data={"code": code})).is_redirect
        assert "An authenticator app is connected" in text_of(await browser.get(ACCOUNT))
    assert [action for _, action in await rows(world)] == [
        "RemoveAuthenticator",
        "ChangeAuthenticator",
    ]


async def confirm_removal(browser: httpx.AsyncClient) -> httpx.Response:
    """Press the button of the removal's page."""
    asked = await browser.get(REMOVE)
    token = re.search(r'name="token" value="([^"]+)"', asked.text)
    assert token is not None
    return await browser.post(REMOVE, data={"token": token[1]})


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_pages_speak_each_language(world: World, tag: str) -> None:
    said = texts(tag)
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get(f"{AUTHENTICATOR}?lang={tag}")
        removal = await browser.get(f"{REMOVE}?lang={tag}")

    assert said.get("access.authenticator.lead") in text_of(page)
    assert said.get("acts.remove_authenticator") in text_of(removal)

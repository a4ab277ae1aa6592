"""Passkeys on the console's pages: at the door, in an invitation, before money."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tambah.console import signing_in
from tambah.console.own_access import ACCOUNT, NEW
from tambah.console.proving import FRESH, PROVE
from tambah.domain.staff import Role
from tambah.engine.staff import invite
from tambah.i18n import LANGUAGES, texts
from tambah.web.site import Site
from tests.engine.staff.authenticator import Authenticator
from tests.engine.staff.people import ADMIN, PASSWORD, Person
from tests.portal.conftest import text_of

from .conftest import World, sign_in

ORIGIN = "https://testel.example"
SIGN_IN = "/console/sign-in"


@pytest.fixture
def site(world: World) -> Site:
    """Return the site at an address with a name, which browsers make passkeys for."""
    return replace(world.site, public_url=ORIGIN)


def browser_of(world: World, site: Site) -> httpx.AsyncClient:
    """Return a fresh browser that came by TLS."""
    browser = world.browser(site)
    browser.base_url = ORIGIN
    return browser


async def enter(world: World, site: Site, person: Person) -> httpx.AsyncClient:
    """Return a browser in which somebody is signed in, by one of their recovery codes."""
    async with browser_of(world, site) as door:
        answer = await sign_in(door, person, code=person.codes.pop())
    assert answer.status_code == 303
    browser = browser_of(world, site)
    browser.cookies = door.cookies
    return browser


async def add(browser: httpx.AsyncClient, key: Authenticator, name: str = "blue") -> Any:
    """Add a passkey as the page does it."""
    options = await browser.get(f"{NEW}/options")
    form = {"passkey_name": name, "passkey": key.create(options.text)}
    return await browser.post(NEW, data=form)


async def show(browser: httpx.AsyncClient, key: Authenticator, place: str = SIGN_IN) -> str:
    """Return what the page sends of a passkey."""
    return key.show((await browser.get(f"{place}/passkey")).text)


async def test_a_passkey_is_added_used_and_removed(world: World, site: Site) -> None:
    mina, key = await world.hire("mina", Role.CARE), Authenticator(ORIGIN)
    async with await enter(world, site, mina) as browser:
        assert "You have none." in text_of(await browser.get(ACCOUNT))
        assert (await add(browser, key, " blue  <key> ")).headers["location"] == ACCOUNT
        page = await browser.get(ACCOUNT)
        assert "blue <key>" in text_of(page)
        assert "Not used yet" in text_of(page)

        async with browser_of(world, site) as door:
            sent = await show(door, key)
            assert (await sign_in(door, mina, passkey=sent)).status_code == 303
            again = browser_of(world, site)
            assert (await sign_in(again, mina, passkey=sent)).status_code == 422, "good once"
            await again.aclose()
        page = await browser.get(ACCOUNT)
        assert "Last used" in text_of(page)

        removal = re.search(r"/console/account/passkeys/\d+/remove", page.text)
        assert removal is not None
        asked = await browser.get(removal[0])
        assert "blue <key>" in text_of(asked)
        token = re.search(r'name="token" value="([^"]+)"', asked.text)
        assert token is not None
        assert (await browser.post(removal[0])).status_code == 200, "asked once more"
        gone = await browser.post(removal[0], data={"token": token[1]})
        assert gone.headers["location"] == ACCOUNT
        assert (await browser.post(removal[0], data={"token": token[1]})).status_code == 404
        async with browser_of(world, site) as door:
            assert (await sign_in(door, mina, passkey=await show(door, key))).status_code == 422


async def test_whatever_is_wrong_about_a_passkey_is_answered_alike(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina, key = await world.hire("mina", Role.CARE), Authenticator(ORIGIN)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0)
    async with await enter(world, site, mina) as browser:
        await add(browser, key)
    stranger = Authenticator(ORIGIN, rp_id="testel.example")
    bodies = set[str]()
    async with browser_of(world, site) as door:
        tries = [
            {"passkey": await show(door, key), "password": "not the password"},
            {"passkey": await show(door, stranger)},
            {"passkey": "{}"},
            {"passkey": "x" * 14_000},
        ]
        for typed in tries:
            answer = await sign_in(door, mina, **typed)
            assert answer.status_code == 422
            bodies.add(answer.text)
        nobody = await sign_in(door, mina, name="nobody", passkey=await show(door, key))
        bodies.add(nobody.text.replace('value="nobody"', 'value="mina"'))

    assert len(bodies) == 1


async def test_wrong_passkeys_are_budgeted(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina = await world.hire("mina", Role.CARE)
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0)
    async with browser_of(world, site) as door:
        told = [
            (await sign_in(door, mina, name=f"nobody-{n}", passkey="{}")).status_code
            for n in range(31)
        ]

    assert told == [422] * 30 + [429]


async def test_money_asks_for_a_passkey_when_the_last_proof_is_old(
    world: World, site: Site
) -> None:
    mina, key = await world.hire("mina", Role.CARE), Authenticator(ORIGIN)
    async with await enter(world, site, mina) as browser:
        assert "passkeys.js" not in (await browser.get(PROVE)).text, "there is none to show"
        await add(browser, key)
        world.clock.ahead = FRESH + timedelta(minutes=1)
        sent_on = await browser.get(NEW)
        assert sent_on.headers["location"].startswith(PROVE)
        assert (await browser.get(f"{NEW}/options")).status_code == 303
        assert (await browser.post(NEW, data={"passkey": "{}"})).status_code == 303
        page = await browser.get(sent_on.headers["location"])
        assert "Show a passkey instead" in text_of(page)

        form = {"back": NEW, "passkey": await show(browser, key)}
        wrong = await browser.post(PROVE, data=form)
        assert wrong.status_code == 422, "asked for at the door, not before money"
        form = {"back": NEW, "passkey": await show(browser, key, PROVE)}
        proved = await browser.post(PROVE, data=form)
        assert (proved.status_code, proved.headers["location"]) == (303, NEW)
        assert (await browser.get(NEW)).status_code == 200


async def test_what_cannot_be_added_is_told_and_what_was_typed_stays(
    world: World, site: Site
) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await enter(world, site, mina) as browser:
        for form in ({}, {"passkey": "{}"}, {"passkey": "{}", "passkey_name": "red"}):
            answer = await browser.post(NEW, data=form)
            assert answer.status_code in (400, 422)
            assert "Nothing has been changed." in text_of(answer)
        assert 'value="red"' in answer.text
        elsewhere = Authenticator("https://evil.example")
        assert (await add(browser, elsewhere)).status_code == 422


async def test_an_invitation_is_accepted_with_a_passkey(world: World, site: Site) -> None:
    key = Authenticator(ORIGIN)
    path = await invite(site.database, site.keys, "mina", [Role.CARE], actor=ADMIN)
    mina = Person(name="mina", totp="")
    async with browser_of(world, site) as browser:
        assert "Accept with a passkey" in text_of(await browser.get(path))

        async def accept(password: str = PASSWORD) -> httpx.Response:
            options = (await browser.get(f"{path}/passkey")).text
            form = {"password": password, "passkey": key.create(options)}
            return await browser.post(path, data=form)

        assert "at least 12" in text_of(await accept("too short")).lower()
        key.origin = "https://evil.example"
        assert "could not be added" in text_of(await accept())
        key.origin = ORIGIN
        done = await accept()
        codes = re.findall(r"<li><code>([a-z2-7-]+)</code></li>", done.text)
        assert (done.status_code, len(codes)) == (200, 8)
        assert (await browser.get(f"{path}/passkey")).status_code == 404
        assert (await sign_in(browser, mina, passkey=await show(browser, key))).status_code == 303
        page = await browser.get(ACCOUNT)
        assert "No authenticator app is connected" in text_of(page)
        removal = re.search(r"/console/account/passkeys/\d+/remove", page.text)
        assert removal is not None
        token = re.search(r'name="token" value="([^"]+)"', (await browser.get(removal[0])).text)
        assert token is not None
        kept = await browser.post(removal[0], data={"token": token[1]})
        assert (kept.status_code, "Add another passkey or connect" in text_of(kept)) == (409, True)
        async with browser_of(world, site) as door:
            assert (await sign_in(door, mina, code=codes[0])).status_code == 303


async def test_another_ones_passkey_is_not_to_be_seen(world: World, site: Site) -> None:
    mina, ben = await world.hire("mina", Role.CARE), await world.hire("ben", Role.CARE)
    async with await enter(world, site, mina) as browser:
        await add(browser, Authenticator(ORIGIN))
        removal = re.search(
            r"/console/account/passkeys/\d+/remove", (await browser.get(ACCOUNT)).text
        )
    assert removal is not None
    async with await enter(world, site, ben) as other:
        assert (await other.get(removal[0])).status_code == 404
        assert (await other.post(removal[0])).status_code == 404


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_where_browsers_make_none_the_pages_say_so(world: World, tag: str) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as browser:
        for place in (ACCOUNT, NEW):
            page = await browser.get(f"{place}?lang={tag}")
            assert texts(tag).get("access.impossible") in text_of(page)
        assert "passkeys.js" not in (await browser.get(f"/console/prove?lang={tag}")).text
        assert (await browser.get("/console/prove/passkey")).status_code == 404
    async with world.browser() as door:
        assert "passkeys.js" not in (await door.get(SIGN_IN)).text


async def test_what_a_script_is_told_is_kept_nowhere(world: World, site: Site) -> None:
    async with browser_of(world, site) as door:
        answer = await door.get(f"{SIGN_IN}/passkey")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["allowCredentials"] == []
    assert answer.json()["userVerification"] == "required"
    assert answer.json()["rpId"] == "testel.example"

"""Whoever is signed in tops up their own line as its owner; every other number as a guest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tambah.store.database import Database
from tambah.web.site import Site
from tests.engine.books import add_line

from .conftest import ALICE, CODES, WRONG, client_of, field, text_of, top_up
from .signing import sign_in

BOB = 60199998888
BOB_TYPED = "019-999 8888"


@pytest.fixture
async def owner(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return the browser of Alice, signed in."""
    async with client_of(site) as browser:
        yield await sign_in(site, browser)


async def counts(database: Database, msisdn: int) -> tuple[int, int]:
    """Return an owner's and guests' wrong codes in a row."""
    row = await database.fetch_row(
        "SELECT own_wrong, guest_wrong FROM line WHERE msisdn = $1", msisdn
    )
    assert row is not None
    return row[0], row[1]


async def test_an_owners_wrong_codes_are_their_own(
    owner: httpx.AsyncClient, pages: httpx.AsyncClient, database: Database
) -> None:
    said = [text_of(await top_up(owner, wrong)) for wrong in WRONG[:2]]
    said += [text_of(await top_up(pages, WRONG[2]))]

    assert ["4 tries are left" in said[0], "3 tries are left" in said[1]] == [True, True]
    assert "4 tries are left" in said[2]
    assert await counts(database, ALICE) == (2, 1)


async def test_guests_lock_out_guests_and_not_the_owner(
    owner: httpx.AsyncClient, pages: httpx.AsyncClient, database: Database
) -> None:
    for wrong in WRONG[:5]:
        await top_up(pages, wrong)

    assert (await top_up(pages, CODES[0])).status_code == 429
    assert (await top_up(owner, CODES[0])).status_code == 303
    assert await counts(database, ALICE) == (0, 5)


async def test_an_owner_locks_out_the_owner_and_not_guests(
    owner: httpx.AsyncClient, pages: httpx.AsyncClient
) -> None:
    said = [text_of(await top_up(owner, wrong)) for wrong in WRONG[:5]]

    assert "No tries are left for now" in said[4]
    assert (await top_up(owner, CODES[0])).status_code == 429
    assert (await top_up(pages, CODES[0])).status_code == 303


async def test_an_owner_is_a_guest_of_every_other_number(
    site: Site, owner: httpx.AsyncClient, database: Database
) -> None:
    await add_line(site.engine, database, BOB)
    await top_up(owner, WRONG[0], number=BOB_TYPED)

    assert await counts(database, BOB) == (0, 1)
    assert await counts(database, ALICE) == (0, 0)


async def test_signed_out_the_owner_is_a_guest(
    site: Site, owner: httpx.AsyncClient, database: Database
) -> None:
    await database.execute("DELETE FROM session")
    await top_up(owner, WRONG[0])

    assert await counts(database, ALICE) == (0, 1)


async def test_a_press_as_guest_and_again_as_owner_is_one_top_up(
    site: Site, pages: httpx.AsyncClient, database: Database
) -> None:
    """Signing in between two presses of one form changes who asks, not what is asked."""
    first = await top_up(pages, CODES[0], token="")
    assert first.status_code == 422
    form = {
        "number": "0123456789",
        "code": CODES[0],
        "token": field(await pages.get("/"), "token"),
    }
    one = await pages.post("/topup", data=form)
    await sign_in(site, pages)
    two = await pages.post("/topup", data=form)

    assert (one.status_code, two.status_code) == (303, 303)
    assert one.headers["location"] == two.headers["location"]
    assert await database.fetch_value("SELECT count(*) FROM topup") == 1


async def test_an_owner_pays_no_look_for_their_own_number(
    owner: httpx.AsyncClient, database: Database
) -> None:
    looks = await database.fetch_value("SELECT count(*) FROM look_up")
    for wrong in WRONG[:6]:
        await top_up(owner, wrong)

    assert await database.fetch_value("SELECT count(*) FROM look_up") == looks

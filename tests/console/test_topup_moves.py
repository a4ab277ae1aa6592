"""A top-up that went to a wrong number is moved in the console; a press asks once."""

from __future__ import annotations

import pytest

from tambah.domain.staff import Role
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES, texts
from tests.conftest import RM
from tests.engine.books import add_line
from tests.portal.conftest import field, text_of

from .conftest import ALICE, World
from .test_acts import CREDIT, balance, confirm, reload

MOVE = f"/console/lines/{ALICE}/topups/1/move"
BOB = 60112345678
TYPED = {"to_number": "011-2345 678", "reason": "typed a wrong number, ticket 9"}


async def add_bob(world: World) -> None:
    """Bring the line along that the top-up was meant for."""
    await add_line(world.site.engine, world.site.database, BOB)


async def balance_of_bob(world: World) -> int:
    """Return the main credit of the line that the top-up was meant for."""
    return await world.site.database.fetch_value(
        "SELECT remaining_micros FROM bucket JOIN number ON owner_id = line_id"
        " WHERE msisdn = $1 AND bucket_id = 1",
        BOB,
    )


async def test_a_small_top_up_is_moved_by_one_person_once(world: World) -> None:
    await add_bob(world)
    await reload(world, 10 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        line = await browser.get(f"/console/lines/{ALICE}")
        assert MOVE in line.text
        seen = await browser.post(MOVE, data=TYPED)
        assert (await balance(world), await balance_of_bob(world)) == (10 * RM, 0)
        told = text_of(seen)
        assert "RM10.00 → RM0.00" in told
        assert "RM0.00 → RM10.00" in told
        sure = TYPED | {"token": field(seen, "token")}
        first = await browser.post(MOVE, data=sure)
        again = await browser.post(MOVE, data=sure)

        assert (first.status_code, again.status_code) == (303, 303)
        assert (await balance(world), await balance_of_bob(world)) == (0, 10 * RM)
        page = await browser.get(f"/console/lines/{BOB}")
        assert TYPED["reason"] in text_of(page)
        assert texts("en").get("account.did.moved_here") in text_of(page)
    assert (await verify(world.site.database)).findings == ()


async def test_a_large_one_is_asked_for_once_and_moved_when_another_agrees(world: World) -> None:
    await add_bob(world)
    await reload(world, 30 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        seen = await browser.post(MOVE, data=TYPED)
        sure = TYPED | {"token": field(seen, "token")}
        first = await browser.post(MOVE, data=sure)
        again = await browser.post(MOVE, data=sure)
        assert first.headers["location"].startswith("/console/requests/")
        assert first.headers["location"] == again.headers["location"]
        where = first.headers["location"]
    assert await balance(world) == 30 * RM
    async with await world.enter_as(Role.CARE) as browser:
        asked = await browser.get(where)
        assert "RM30.00 → RM0.00" in text_of(asked)
        await browser.post(f"{where}/approve", data={"answer": ""})

    assert (await balance(world), await balance_of_bob(world)) == (0, 30 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        assert "RM30.00" in text_of(await browser.get(where))


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"to_number": ""}, "field_missing"),
        ({"to_number": "x"}, "number_malformed"),
        ({"to_number": "019-876 5439"}, "number_unknown"),
        ({"to_number": f"+{ALICE}"}, "move_to_same_number"),
        ({"reason": " "}, "reason_missing"),
    ],
)
async def test_what_cannot_be_moved_is_refused_beside_what_was_typed(
    world: World, typed: dict[str, str], code: str
) -> None:
    await add_bob(world)
    await reload(world, 10 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        answer = await browser.post(MOVE, data=TYPED | typed)

        assert answer.status_code >= 400
        assert texts("en").wordings(f"refusal.{code}")[0].partition("{")[0] in text_of(answer)
        assert await balance(world) == 10 * RM


async def test_no_top_up_has_a_number_beyond_all(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        answer = await browser.get(f"/console/lines/{ALICE}/topups/9999999/move")
        assert answer.status_code == 404


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_page_is_whole_in_every_language(world: World, tag: str) -> None:
    await add_bob(world)
    await reload(world, 10 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        form = await browser.get(f"{MOVE}?lang={tag}")
        assert texts(tag).get("acts.hint.to_number") in text_of(form)
        seen = await browser.post(f"{MOVE}?lang={tag}", data=TYPED)
        assert texts(tag).get("console.fact.moved") in text_of(seen)


async def test_the_same_press_with_other_content_is_refused(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        typed = {"way": "more", "amount": "50", "reason": "call dropped"}
        seen = await browser.post(CREDIT, data=typed)
        sure = typed | {"token": field(seen, "token")}
        first = await browser.post(CREDIT, data=sure)
        other = await browser.post(CREDIT, data=sure | {"amount": "60"})
        afresh = await confirm(browser, CREDIT, **typed)

        assert (first.status_code, other.status_code) == (303, 422)
        assert afresh.headers["location"] != first.headers["location"]
    assert await world.site.database.fetch_value("SELECT count(*) FROM approval") == 2

"""Acts by hand in the console: what happens is said first, two people where it takes two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import FundPartner, RedeemVoucher, TopUp
from tambah.domain.guessing import Audience
from tambah.domain.staff import Role
from tambah.engine.verifying import verify
from tambah.i18n import LANGUAGES, texts
from tambah.store.staff import list_staff
from tests.conftest import RM
from tests.engine.books import add_partner
from tests.portal.conftest import field, text_of

from .conftest import ALICE, CODES, World

CREDIT = f"/console/lines/{ALICE}/credit"
REVERSE = f"/console/lines/{ALICE}/topups/1/reverse"
BARS = f"/console/lines/{ALICE}/bars"


async def confirm(browser: httpx.AsyncClient, path: str, **typed: str) -> httpx.Response:
    """Fill a form in, see what happens, and press the button that does it."""
    seen = await browser.post(path, data=typed)
    assert seen.status_code == 200, seen.text
    return await browser.post(path, data=typed | {"token": field(seen, "token")})


async def reload(world: World, amount_micros: int) -> None:
    """Top Alice up from a partner's float."""
    partner_id = await add_partner(world.site.database)
    admin = Actor(who="cli:test", why="float")
    await world.site.engine.submit(
        FundPartner(
            caller="test",
            request_key="fund",
            partner_id=partner_id,
            amount_micros=500 * RM,
            reference="B1",
            actor=admin,
        )
    )
    await world.site.engine.submit(
        TopUp(
            caller="test",
            request_key="reload",
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=amount_micros,
            reference="R1",
        )
    )


async def balance(world: World) -> int:
    """Return Alice's main credit."""
    return await world.site.database.fetch_value(
        "SELECT remaining_micros FROM bucket JOIN number ON owner_id = line_id"
        " WHERE msisdn = $1 AND bucket_id = 1",
        ALICE,
    )


async def test_a_little_credit_is_put_right_by_one_person_once(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        typed = {"way": "more", "amount": "RM5.00", "reason": "call dropped, ticket 7"}
        seen = await browser.post(CREDIT, data=typed)
        assert await balance(world) == 0
        assert "RM0.00 → RM5.00" in text_of(seen)
        sure = typed | {"token": field(seen, "token")}
        first = await browser.post(CREDIT, data=sure)
        again = await browser.post(CREDIT, data=sure)

        assert (first.status_code, again.status_code) == (303, 303)
        assert first.headers["location"] == f"/console/lines/{ALICE}"
        assert await balance(world) == 5 * RM
        page = await browser.get(f"/console/lines/{ALICE}")
        assert "call dropped, ticket 7" in text_of(page)


async def test_small_amounts_do_not_add_up_to_a_large_one(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        typed = {"way": "more", "amount": "8", "reason": "call dropped"}
        await confirm(browser, CREDIT, **typed)

        second = await confirm(browser, CREDIT, **typed)

        assert second.headers["location"].startswith("/console/requests/")
        assert await balance(world) == 8 * RM


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"amount": "x", "reason": "why"}, "amount_malformed"),
        ({"amount": "0", "reason": "why"}, "amount_malformed"),
        ({"amount": "1.00", "reason": " "}, "reason_missing"),
        ({"amount": "1.00", "reason": "why", "way": "less"}, "credit_too_low"),
        ({"amount": "1.00", "reason": "why", "token": "forged"}, "form_expired"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_changes(
    world: World, typed: dict[str, str], code: str
) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        answer = await browser.post(CREDIT, data=typed)

        assert answer.status_code >= 400
        assert 'role="alert"' in answer.text
        assert typed["amount"] in answer.text
        assert await balance(world) == 0
        assert texts("en").wordings(f"refusal.{code}")[0].partition("{")[0] in text_of(answer)


async def test_much_credit_takes_two(world: World) -> None:
    mina, ravi = await world.hire("mina", Role.CARE), await world.hire("ravi", Role.FINANCE)
    async with await world.enter(mina) as hers, await world.enter(ravi) as his:
        typed = {"way": "more", "amount": "50.00", "reason": "outage in Ipoh"}
        asked = await confirm(hers, CREDIT, **typed)
        request = asked.headers["location"]
        assert await balance(world) == 0
        assert "your own request" in text_of(await hers.get(request))
        own = await hers.post(f"{request}/approve", data={})
        assert own.status_code == 403
        assert await balance(world) == 0

        home = await his.get("/console")
        assert 'class="badge">1' in home.text
        page = await his.get(request)
        assert "RM0.00 → RM50.00" in text_of(page)
        agreed = await his.post(f"{request}/approve", data={"answer": "seen the outage"})

        assert agreed.headers["location"] == request
        assert await balance(world) == 50 * RM
        done = text_of(await hers.get(request))
        assert "done" in done
        assert "seen the outage" in done
        again = await his.post(f"{request}/approve", data={})
        assert again.status_code == 409
        assert await balance(world) == 50 * RM
    assert (await verify(world.site.database)).findings == ()


async def test_a_request_is_declined_with_a_reason_or_withdrawn(world: World) -> None:
    mina, ravi = await world.hire("mina", Role.CARE), await world.hire("ravi", Role.FINANCE)
    async with await world.enter(mina) as hers, await world.enter(ravi) as his:
        typed = {"way": "more", "amount": "50.00", "reason": "outage"}
        first = (await confirm(hers, CREDIT, **typed)).headers["location"]
        assert (await his.post(f"{first}/decline", data={})).status_code == 422
        assert (await his.post(f"{first}/decline", data={"answer": "no outage"})).is_redirect
        assert "no outage" in text_of(await hers.get(first))
        second = (await confirm(hers, CREDIT, **typed)).headers["location"]
        assert (await his.post(f"{second}/withdraw")).status_code == 403
        assert (await hers.post(f"{second}/withdraw")).is_redirect
        assert (await his.post(f"{second}/approve")).status_code == 409
    assert await balance(world) == 0


async def test_who_has_no_part_in_a_request_does_not_see_it(world: World) -> None:
    mina = await world.hire("mina", Role.CARE)
    async with await world.enter(mina) as hers:
        typed = {"way": "more", "amount": "50.00", "reason": "outage in Ipoh"}
        path = (await confirm(hers, CREDIT, **typed)).headers["location"]
    async with await world.enter_as(Role.MARKETING) as other:
        assert (await other.get(path)).status_code == 403
        assert "Ipoh" not in (await other.get("/console/requests")).text
    async with await world.enter_as(Role.AUDITOR) as auditor:
        assert (await auditor.get(path)).status_code == 200
        assert (await auditor.post(f"{path}/approve")).status_code == 403
        assert (await auditor.get("/console/requests/999")).status_code == 404


async def test_taking_a_top_up_back_says_first_what_is_spent(world: World) -> None:
    await reload(world, 30 * RM)
    async with await world.enter_as(Role.CARE) as browser:
        await confirm(browser, CREDIT, way="less", amount="10", reason="spent, for the test")
        seen = await browser.get(REVERSE)
        told = text_of(seen)
        assert "Taken back RM20.00" in told
        assert "Spent already RM10.00" in told
        assert "RM20.00 → RM0.00" in told
        typed = {"reason": "wrong number", "token": field(seen, "token")}
        asked = await browser.post(REVERSE, data=typed)
        assert asked.headers["location"].startswith("/console/requests/")


async def test_a_small_top_up_is_taken_back_by_one(world: World) -> None:
    await world.site.engine.submit(
        RedeemVoucher(
            caller="test",
            request_key="1",
            msisdn=ALICE,
            digits=CODES[0],
            audience=Audience.OWN,
        )
    )
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get(f"/console/lines/{ALICE}")
        assert f'href="{REVERSE}"' in page.text
        seen = await browser.get(REVERSE)
        typed = {"reason": "wrong number", "token": field(seen, "token")}
        assert (await browser.post(REVERSE, data=typed)).is_redirect
        assert await balance(world) == 0
        assert (await browser.get(REVERSE)).status_code == 409
    assert (await verify(world.site.database)).findings == ()


async def test_a_line_is_barred_and_the_bar_lifted(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        for way, told in (("bar", True), ("unbar", False)):
            form = await browser.get(BARS)
            typed = {"bar": way, "reason": "lost phone", "token": field(form, "token")}
            assert (await browser.post(BARS, data=typed)).is_redirect
            barred = await world.site.database.fetch_value("SELECT barred FROM line LIMIT 1")
            assert barred is told
        form = await browser.get(BARS)
        nothing = {"reason": "lost phone", "token": field(form, "token")}
        assert (await browser.post(BARS, data=nothing)).status_code == 422


async def test_money_moves_only_for_who_proved_lately_who_they_are(world: World) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        world.clock.ahead = timedelta(minutes=6)
        for answer in (await browser.get(CREDIT), await browser.post(CREDIT, data={})):
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/console/prove?back=")


async def test_somebody_is_invited_by_two_and_given_other_roles_by_two(world: World) -> None:
    ada, eve = (
        await world.hire("ada", Role.ADMINISTRATOR),
        await world.hire("eve", Role.ADMINISTRATOR),
    )
    async with await world.enter(ada) as hers, await world.enter(eve) as other:
        typed: dict[str, Any] = {"name": "amy", "role": ["care", "finance"], "reason": "joins"}
        seen = await hers.post("/console/staff/invite", data=typed)
        token = {"token": field(seen, "token")}
        asked = await hers.post("/console/staff/invite", data=typed | token)
        path = asked.headers["location"]
        await other.post(f"{path}/approve", data={})
        assert (await other.post(f"{path}/invitation")).status_code == 403
        shown = await hers.post(f"{path}/invitation")
        assert "/console/invitation/" in shown.text
        assert (await hers.post(f"{path}/invitation")).status_code == 409

        roles: dict[str, Any] = {"role": "auditor", "reason": "moves"}
        seen = await hers.post("/console/staff/amy/roles", data=roles)
        assert "Customer care" in text_of(seen)
        asked = await hers.post(
            "/console/staff/amy/roles", data=roles | {"token": field(seen, "token")}
        )
        await other.post(f"{asked.headers['location']}/approve", data={})
        found = {one.name: one for one in await list_staff(world.site.database)}
        assert found["amy"].roles == (Role.AUDITOR,)

        form = await hers.get("/console/staff/amy/disable")
        gone = {"reason": "left", "token": field(form, "token")}
        assert (await hers.post("/console/staff/amy/disable", data=gone)).is_redirect
        assert "kept out" in text_of(await hers.get("/console/staff"))


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_every_page_is_there_in_every_language(world: World, tag: str) -> None:
    await reload(world, 30 * RM)
    everything = await world.hire("mina", Role.CARE, Role.WAREHOUSE, Role.ADMINISTRATOR)
    async with await world.enter(everything) as browser:
        typed = {"way": "more", "amount": "50.00", "reason": "outage"}
        path = (await confirm(browser, CREDIT, **typed)).headers["location"]
        for one in (
            CREDIT,
            REVERSE,
            BARS,
            path,
            "/console/requests",
            "/console/staff",
            "/console/staff/invite",
            "/console/batches/new",
            "/console/batches/1/activate",
        ):
            page = await browser.get(one, params={"lang": tag})
            assert page.status_code == 200, one
            assert f'<html lang="{tag}">' in page.text

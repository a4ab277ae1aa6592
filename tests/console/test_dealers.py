"""Dealers in the console: the tree, a dealer's page, and what is done by one or by two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from tambah.console.facts import Wording
from tambah.console.request_facts import outcome_facts
from tambah.desks.deeds import means_of
from tambah.domain.approval import Approval
from tambah.domain.dealer import PaidAs
from tambah.domain.staff import Role
from tambah.engine.administer import KeyRequest, add_key
from tambah.engine.approving import carry_out
from tambah.engine.dealers import Terms, set_agreement
from tambah.i18n import texts
from tests.conftest import RM
from tests.engine.dealers.tree import STAFF, Tree, float_of, fund, plant, sell
from tests.portal.conftest import field, text_of

from .conftest import World

Pair = tuple[httpx.AsyncClient, httpx.AsyncClient]


@pytest.fixture
async def tree(world: World) -> Tree:
    """Return a small tree of dealers, floats empty."""
    return await plant(world.site.database)


@pytest.fixture
async def pair(world: World) -> Pair:
    """Return the browsers of two people of finance."""
    first, second = (
        await world.hire("demo-one", Role.FINANCE),
        await world.hire("demo-two", Role.FINANCE),
    )
    return await world.enter(first), await world.enter(second)


async def do(browser: httpx.AsyncClient, path: str, **typed: str) -> httpx.Response:
    """See what would happen, and press the button."""
    seen = await browser.post(path, data=typed)
    assert seen.status_code == 200, text_of(seen)
    assert "What happens" in text_of(seen)
    done = await browser.post(path, data=typed | {"token": field(seen, "token")})
    assert done.is_redirect, text_of(done)
    return done


async def trail(world: World, subject: str) -> list[tuple[str, str]]:
    """Return who did what to a subject, in order."""
    rows = await world.site.database.fetch(
        "SELECT who, action FROM audit WHERE subject = $1 ORDER BY day, seq", subject
    )
    return [(row[0], row[1]) for row in rows]


async def test_the_tree_is_listed_each_before_its_children(world: World, tree: Tree) -> None:
    await fund(world.site.engine, tree.shop, 50)
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get("/console/dealers")
        text = text_of(page)

        places = [page.text.index(f'href="/console/dealers/{one}"') for one in vars_of(tree)]
        assert places == sorted(places)
        assert 'class="down-3"' in page.text
        assert "RM50.00" in text
        assert f"draws on {tree.shop}" in text
        assert "/console/dealers/new" not in page.text

        below = text_of(await browser.get(f"/console/dealers?under={tree.shop}"))
        assert "Test terminal" in below
        assert "Test distributor" not in below
        assert "Test shop" in text_of(await browser.get("/console/dealers?called=SHOP"))
        assert "Nothing here" in text_of(await browser.get("/console/dealers?standing=suspended"))
        assert "Nothing here" in text_of(await browser.get("/console/dealers?under=x"))
        only = text_of(await browser.get("/console/dealers?dealer_kind=shop"))
        assert "Test shop" in only
        assert "Test terminal" not in only


def vars_of(tree: Tree) -> tuple[int, ...]:
    """Return the tree's dealers from the root down."""
    return tree.distributor, tree.dealer, tree.shop, tree.till


async def test_the_tree_is_a_file_under_the_same_filter(world: World, tree: Tree) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        answer = await browser.post(
            f"/console/dealers/export?under={tree.shop}", data={"as": "csv"}
        )

        lines = answer.content.decode("utf-8-sig").splitlines()
        assert len(lines) == 3
        assert lines[1].startswith(f"Test shop,{tree.shop},shop,{tree.dealer},")


@pytest.mark.parametrize("after", ["WyJhLmIiXQ", "WyIuIl0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ"])
async def test_a_place_that_is_none_is_the_beginning(world: World, tree: Tree, after: str) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        page = await browser.get(f"/console/dealers?after={after}")

        assert f'href="/console/dealers/{tree.distributor}"' in page.text


async def test_a_dealers_page_shows_all_that_is_known(world: World, tree: Tree) -> None:
    site = world.site
    await fund(site.engine, tree.shop, 50)
    await site.database.execute("UPDATE voucher SET state = 1, activated = false")
    await site.engine.submit(sell(tree.shop, 1, 1, "TILL-77"))
    wanted = KeyRequest(partner_id=tree.shop, label="till", scopes=("sales:write",))
    key = await add_key(site.database, site.keys, wanted, STAFF)
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.get(f"/console/dealers/{tree.shop}")

    text = text_of(answer)
    assert "RM40.30" in text
    assert "Sold today RM10.00" in text
    assert "3.00 %" in text
    assert "TILL-77" in text
    assert "0001-00000001" in text
    assert key[:14] in text
    assert key not in answer.text
    assert "Test terminal" in text
    assert f"Test dealer ({tree.dealer})" in text
    assert "added a dealer" in text
    for path in ("fund", "move-float", "agreement", "standing"):
        assert f'href="/console/dealers/{tree.shop}/{path}"' in answer.text


@pytest.mark.parametrize("number", ["1", "0", "999999999999999999999999"])
async def test_nobody_is_no_dealer(world: World, number: str) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        for path in ("", "/fund", "/move-float", "/agreement", "/standing"):
            answer = await browser.get(f"/console/dealers/{number}{path}")
            assert answer.status_code == 404


async def test_the_search_box_finds_a_dealer(world: World, tree: Tree) -> None:
    async with await world.enter_as(Role.CARE) as browser:
        for typed in (str(tree.shop), "test SHOP"):
            answer = await browser.post("/console/search", data={"q": typed})
            assert answer.headers["location"] == f"/console/dealers/{tree.shop}"
        for typed in ("Test", "99999", "9" * 30):
            assert (await browser.post("/console/search", data={"q": typed})).status_code == 404
        await world.site.database.execute("UPDATE partner SET name = 'Kedai Dua'")
        answer = await browser.post("/console/search", data={"q": "kedai dua"})
        assert answer.headers["location"] == "/console/dealers?called=kedai+dua"
    async with await world.enter_as(Role.MARKETING) as browser:
        answer = await browser.post("/console/search", data={"q": str(tree.shop)})
        assert answer.status_code == 404


async def test_a_dealer_is_added_by_one_without_credit_or_commission(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, _ = pair
    typed = {
        "called": "Kedai Contoh",
        "dealer_kind": "shop",
        "parent": str(tree.dealer),
        "draws_on": "yes",
        "least_sale": "5",
        "most_sale": "100",
        "most_day": "2000",
        "reason": "contract 88",
        "rate": "50",
        "credit_limit": "1000",
    }
    done = await do(hers, "/console/dealers/new", **typed)
    path = done.headers["location"]
    added = int(path.rpartition("/")[2])

    row = await world.site.database.fetch_row(
        "SELECT name, parent_id, charged, credit_limit_micros, least_micros, most_micros, "
        "daily_cap_micros FROM dealer JOIN partner USING (partner_id) WHERE partner_id = $1",
        added,
    )
    assert row is not None
    assert tuple(row) == (
        "Kedai Contoh",
        tree.dealer,
        [added, tree.dealer],
        0,
        5 * RM,
        100 * RM,
        2000 * RM,
    )
    agreements = "SELECT count(*) FROM dealer_agreement WHERE partner_id = $1"
    assert await world.site.database.fetch_value(agreements, added) == 0
    assert await trail(world, f"partner:{added}") == [("staff:demo-one", "AddDealer")]
    again = await hers.post("/console/dealers/new", data=typed)
    assert again.status_code == 409
    assert "earns no commission" in text_of(await hers.get(path))


@pytest.mark.parametrize(
    "wrong",
    [
        {"called": ""},
        {"called": "test DEALER"},
        {"dealer_kind": "king"},
        {"parent": "1"},
        {"parent": "x"},
        {"parent": "", "draws_on": "yes", "called": "Other"},
        {"least_sale": ""},
        {"most_sale": "0"},
        {"least_sale": "30", "most_sale": "20"},
        {"most_day": "a lot"},
        {"reason": ""},
    ],
)
async def test_what_is_no_dealer_is_not_added(
    world: World, tree: Tree, wrong: dict[str, str]
) -> None:
    typed = {
        "called": "Kedai Contoh",
        "dealer_kind": "shop",
        "parent": str(tree.distributor),
        "least_sale": "1",
        "most_sale": "500",
        "reason": "contract 88",
    }
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post("/console/dealers/new", data=typed | wrong)

        assert answer.status_code in (404, 409, 422)
        assert 'role="alert"' in answer.text
        assert await world.site.database.fetch_value("SELECT count(*) FROM dealer") == 4


async def test_an_agreement_is_changed_by_two_who_see_the_difference(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, his = pair
    typed = {"rate": "3.5 %", "paid_as": "transfer", "most_day": "5000", "reason": "renewed"}
    done = await do(hers, f"/console/dealers/{tree.shop}/agreement", **typed)
    path = done.headers["location"]

    page = text_of(await his.get(path))
    assert "3.00 % → 3.50 %" in page
    assert "as a margin: kept with each sale → paid later, into the float" in page
    assert "Most of one sale the dealer's own" in page
    assert "the dealer's own → RM5,000.00" in page
    assert (await hers.post(f"{path}/approve", data={})).status_code == 403
    count = "SELECT count(*) FROM dealer_agreement WHERE partner_id = $1"
    assert await world.site.database.fetch_value(count, tree.shop) == 1
    assert (await his.post(f"{path}/approve", data={})).is_redirect

    row = await world.site.database.fetch_row(
        "SELECT rate_bp, paid_as, most_day_micros FROM dealer_agreement "
        "WHERE partner_id = $1 ORDER BY effective_at DESC LIMIT 1",
        tree.shop,
    )
    assert row is not None
    assert tuple(row) == (350, PaidAs.TRANSFER, 5000 * RM)
    assert "In force from" in text_of(await his.get(path))
    assert (await trail(world, f"partner:{tree.shop}"))[-1] == ("staff:demo-one", "SetAgreement")
    form = await hers.get(f"/console/dealers/{tree.shop}/agreement")
    assert 'value="3.00"' in form.text  # the new terms are a minute ahead


async def test_an_agreement_is_dated_and_made_once_whoever_dies(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, his = pair
    site = world.site
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    for since in ("", day):
        typed = {"rate": "4", "paid_as": "margin", "since": since, "reason": "renewed"}
        done = await do(hers, f"/console/dealers/{tree.shop}/agreement", **typed)
        path = done.headers["location"]
        assert (await his.post(f"{path}/approve", data={})).is_redirect
        number = int(path.rpartition("/")[2])
        count = "SELECT count(*) FROM dealer_agreement WHERE partner_id = $1"
        made = await site.database.fetch_value(count, tree.shop)
        # As if who did it had died before it was written that it was done.
        await site.database.execute(
            "UPDATE approval SET state = 2, outcome = '{}', done_at = NULL WHERE approval_id = $1",
            number,
        )
        again = await carry_out(means_of(site), number)
        assert again is not None
        assert again.state.name == "DONE"
        assert "effective_at" in again.outcome
        assert await site.database.fetch_value(count, tree.shop) == made


async def test_what_the_tree_does_not_bear_fails_when_it_is_agreed_to(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, his = pair
    typed = {"rate": "4.5", "paid_as": "margin", "reason": "renewed"}
    done = await do(hers, f"/console/dealers/{tree.shop}/agreement", **typed)
    lower = Terms(rate_bp=400)
    await set_agreement(world.site.database, tree.dealer, lower, STAFF)
    path = done.headers["location"]

    await his.post(f"{path}/approve", data={})

    text = text_of(await his.get(path))
    assert "could not be done" in text
    assert "the limit is 4.00 percent" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": ""},
        {"rate": "-1"},
        {"rate": "101"},
        {"rate": "2.999"},
        {"rate": "5.01"},
        {"paid_as": "gold"},
        {"most_sale": "x"},
        {"since": "2020-01-01"},
        {"since": "9999-12-31"},
        {"since": "tomorrow"},
        {"reason": " "},
    ],
)
async def test_terms_that_cannot_be_are_not_asked_for(
    world: World, tree: Tree, wrong: dict[str, str]
) -> None:
    typed = {"rate": "4", "paid_as": "margin", "reason": "renewed"}
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post(f"/console/dealers/{tree.shop}/agreement", data=typed | wrong)

        assert answer.status_code in (409, 422)
        assert 'role="alert"' in answer.text
        assert await world.site.database.fetch_value("SELECT count(*) FROM approval") == 0


async def test_a_dealer_is_suspended_by_one_and_let_sell_again(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, his = pair
    suspended = "SELECT suspended FROM partner WHERE partner_id = $1"
    path = f"/console/dealers/{tree.shop}/standing"
    form = await hers.get(path)
    assert "sells → suspended" in text_of(form)
    assert "Whoever draws on this float" in text_of(form)
    assert (await hers.post(path, data={"token": field(form, "token")})).status_code == 422
    unsure = await hers.post(path, data={"reason": "till stolen", "to": "suspended"})
    assert await world.site.database.fetch_value(suspended, tree.shop) is False
    typed = {"reason": "till stolen", "to": "suspended", "token": field(unsure, "token")}
    for browser in (hers, hers):
        assert (await browser.post(path, data=typed)).is_redirect
    assert await world.site.database.fetch_value(suspended, tree.shop) is True
    assert "suspended" in text_of(await his.get("/console/dealers?standing=suspended"))

    form = await his.get(path)
    typed = {"reason": "till found", "token": field(form, "token")}
    assert (await his.post(path, data=typed)).status_code == 422
    assert (await his.post(path, data=typed | {"to": "selling"})).is_redirect
    assert await world.site.database.fetch_value(suspended, tree.shop) is False
    assert (await trail(world, f"partner:{tree.shop}"))[1:] == [
        ("staff:demo-one", "SuspendPartner"),
        ("staff:demo-two", "ResumePartner"),
    ]


async def test_who_proved_it_long_ago_proves_it_again(world: World, tree: Tree) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        world.clock.ahead += timedelta(minutes=6)
        here = f"/console/dealers/{tree.shop}"
        for path in ("fund", "move-float", "agreement", "standing"):
            for method in ("GET", "POST"):
                answer = await browser.request(method, f"{here}/{path}")
                assert answer.headers["location"].startswith("/console/prove")
        for path in ("/console/dealers/new", "/console/dealers/commission"):
            answer = await browser.post(path, data={})
            assert answer.headers["location"].startswith("/console/prove")
    assert await float_of(world.site.database, tree.shop) == 0


def test_who_was_left_out_of_a_run_is_named(world: World) -> None:
    outcome = {"dealers_paid": 1, "paid_micros": RM, "left_out": [[7, "Kedai Demo"]]}
    approval = cast(Approval, SimpleNamespace(outcome=outcome))

    told = outcome_facts(approval, Wording(world.site, texts("en")))

    assert [(one.word, one.value, one.path) for one in told] == [
        ("paid", "RM1.00", ""),
        ("paid_dealers", "1", ""),
        ("left_out", "Kedai Demo (7)", "/console/dealers/7"),
    ]

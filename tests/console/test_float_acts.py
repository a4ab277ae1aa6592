"""Floats and commission in the console: granted by two, moved by one up to a sum, paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from tambah.config import ConsoleEntry
from tambah.domain.dealer import PaidAs
from tambah.domain.staff import Role
from tambah.engine.verifying import verify
from tests.conftest import RM
from tests.engine.dealers.tree import Tree, float_of, fund, plant, sell
from tests.portal.conftest import field, text_of

from .conftest import World
from .test_dealers import Pair, do, trail


@pytest.fixture
async def tree(world: World) -> Tree:
    """Return a small tree of dealers, whose distributor has RM500."""
    tree = await plant(world.site.database, shop_paid_as=PaidAs.TRANSFER)
    await fund(world.site.engine, tree.distributor, 500)
    return tree


@pytest.fixture
async def pair(world: World) -> Pair:
    """Return the browsers of two people of finance."""
    first, second = (
        await world.hire("demo-one", Role.FINANCE),
        await world.hire("demo-two", Role.FINANCE),
    )
    return await world.enter(first), await world.enter(second)


async def test_float_is_granted_by_two(world: World, tree: Tree, pair: Pair) -> None:
    hers, his = pair
    path = f"/console/dealers/{tree.shop}/fund"
    typed = {"amount": "RM1,250.50", "reference": "IB-771", "reason": "paid in today"}
    done = await do(hers, path, **typed)
    request = done.headers["location"]

    assert "RM0.00 → RM1,250.50" in text_of(await his.get(request))
    assert (await hers.post(f"{request}/approve", data={})).status_code == 403
    assert await float_of(world.site.database, tree.shop) == 0
    for _ in range(2):
        await his.post(f"{request}/approve", data={})
    assert await float_of(world.site.database, tree.shop) == 1250_500_000
    assert (await trail(world, f"partner:{tree.shop}"))[-1] == ("staff:demo-one", "FundPartner")


@pytest.mark.parametrize(
    "wrong", [{"amount": ""}, {"amount": "-5"}, {"amount": "0"}, {"reference": ""}, {"reason": ""}]
)
async def test_what_is_no_grant_is_not_asked_for(
    world: World, tree: Tree, wrong: dict[str, str]
) -> None:
    typed = {"amount": "10", "reference": "IB-771", "reason": "paid in"} | wrong
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post(f"/console/dealers/{tree.shop}/fund", data=typed)

        assert answer.status_code == 422
        assert await world.site.database.fetch_value("SELECT count(*) FROM approval") == 0


def moving(to: int, amount: str) -> dict[str, str]:
    """Return what somebody types to move float."""
    return {"receiver": str(to), "amount": amount, "reference": "MF-42", "reason": "asked for"}


async def test_a_little_float_is_moved_by_one_and_only_once(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, _ = pair
    path = f"/console/dealers/{tree.distributor}/move-float"
    typed = moving(tree.dealer, "7")
    seen = await hers.post(path, data=typed)
    assert "RM500.00 → RM493.00" in text_of(seen)
    assert "takes two people" not in text_of(seen)
    assert await float_of(world.site.database, tree.dealer) == 0
    for _ in range(2):
        done = await hers.post(path, data=typed | {"token": field(seen, "token")})
        assert done.headers["location"] == f"/console/dealers/{tree.distributor}"

    assert await float_of(world.site.database, tree.distributor) == 493 * RM
    assert await float_of(world.site.database, tree.dealer) == 7 * RM
    last = (await trail(world, f"partner:{tree.distributor}"))[-1]
    assert last == ("staff:demo-one", "MoveFloat")
    # Pressed again when it is the last of the float, it is still what it was.
    all_of_it = moving(tree.distributor, "7")
    up = f"/console/dealers/{tree.dealer}/move-float"
    sure = await hers.post(up, data=all_of_it)
    for _ in range(2):
        done = await hers.post(up, data=all_of_it | {"token": field(sure, "token")})
        assert done.headers["location"] == f"/console/dealers/{tree.dealer}"
    assert await float_of(world.site.database, tree.dealer) == 0
    await fund(world.site.engine, tree.dealer, 7)
    # RM3 more is RM10 in the day: still what one may move alone.
    await do(hers, f"/console/dealers/{tree.dealer}/move-float", **moving(tree.distributor, "3"))
    assert await float_of(world.site.database, tree.dealer) == 4 * RM
    assert (await verify(world.site.database)).findings == ()


async def test_more_float_in_a_day_takes_two(world: World, tree: Tree, pair: Pair) -> None:
    hers, his = pair
    path = f"/console/dealers/{tree.distributor}/move-float"
    await do(hers, path, **moving(tree.dealer, "7"))
    seen = await hers.post(path, data=moving(tree.dealer, "4"))
    assert "takes two people" in text_of(seen)
    done = await do(hers, path, **moving(tree.dealer, "4"))
    request = done.headers["location"]
    assert request.startswith("/console/requests/")

    text = text_of(await his.get(request))
    assert "RM493.00 → RM489.00" in text
    assert "RM7.00 → RM11.00" in text
    assert (await hers.post(f"{request}/approve", data={})).status_code == 403
    await his.post(f"{request}/approve", data={})
    assert await float_of(world.site.database, tree.dealer) == 11 * RM
    assert "RM489.00" in text_of(await his.get(request))
    row = await world.site.database.fetch_row(
        "SELECT who, why FROM audit WHERE action = 'MoveFloat' ORDER BY day DESC, seq DESC LIMIT 1"
    )
    assert row is not None
    assert row["who"] == "staff:demo-one"
    assert "agreed by staff:demo-two" in row["why"]


async def test_float_goes_only_where_it_may(world: World, tree: Tree) -> None:
    path = f"/console/dealers/{tree.distributor}/move-float"
    async with await world.enter_as(Role.FINANCE) as browser:
        for typed, code in (
            (moving(tree.shop, "5"), "dealer_not_related"),
            (moving(tree.dealer, "501"), "float_too_low"),
            (moving(1, "5"), "dealer_unknown"),
            (moving(tree.dealer, "5") | {"receiver": ""}, "field_missing"),
            (moving(tree.dealer, "5") | {"reference": ""}, "field_malformed"),
            (moving(tree.dealer, ""), "field_missing"),
            (moving(tree.dealer, "5") | {"reason": ""}, "reason_missing"),
        ):
            answer = await browser.post(path, data=typed)
            assert answer.status_code in (404, 409, 422), code
            assert 'role="alert"' in answer.text
        await world.site.database.execute(
            "UPDATE partner SET suspended = true WHERE partner_id = $1", tree.dealer
        )
        answer = await browser.post(path, data=moving(tree.dealer, "5"))
        assert 'role="alert"' in answer.text
    assert await float_of(world.site.database, tree.distributor) == 500 * RM


async def test_commission_is_shown_before_it_is_paid_and_paid_once(
    world: World, tree: Tree, pair: Pair
) -> None:
    hers, his = pair
    site = world.site
    await fund(site.engine, tree.shop, 100)
    await site.database.execute("UPDATE voucher SET state = 1, activated = false")
    await site.engine.submit(sell(tree.shop, 1, 1, "TILL-1"))
    today = site.rules.validity.local_day(datetime.now(UTC)).isoformat()
    path = "/console/dealers/commission"
    typed = {"until_day": today, "reason": "November"}

    seen = await hers.post(path, data=typed)
    text = text_of(seen)
    assert f"Test shop ({tree.shop}): RM0.30" in text
    assert f"Test dealer ({tree.dealer}): RM0.20" in text
    assert f"Test distributor ({tree.distributor}): RM0.10" in text
    assert "RM0.60" in text
    assert await float_of(site.database, tree.shop) == 90 * RM
    only = text_of(await his.post(path, data=typed | {"dealer": str(tree.shop)}))
    assert "Test distributor" not in only
    for _ in range(2):
        done = await hers.post(path, data=typed | {"token": field(seen, "token")})
        assert done.headers["location"] == "/console/dealers"
    assert await float_of(site.database, tree.shop) == 90_300_000
    assert (await trail(world, f"partner:{tree.shop}"))[-1] == ("staff:demo-one", "PayCommission")
    page = text_of(await hers.get(f"/console/dealers/{tree.shop}"))
    assert "Commission paid out RM0.30" in page

    nothing = await his.post(path, data=typed)
    assert nothing.status_code in (409, 422)
    assert (await verify(site.database)).findings == ()


@pytest.mark.parametrize(
    "wrong",
    [{"until_day": ""}, {"until_day": "soon"}, {"dealer": "x"}, {"dealer": "1"}, {"reason": ""}],
)
async def test_what_is_no_payment_is_refused(
    world: World, tree: Tree, wrong: dict[str, str]
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    typed = {"until_day": yesterday, "reason": "November"}
    async with await world.enter_as(Role.FINANCE) as browser:
        answer = await browser.post("/console/dealers/commission", data=typed | wrong)

        assert answer.status_code in (404, 422)
        assert 'role="alert"' in answer.text


async def test_a_link_names_the_dealer_that_is_paid(world: World, tree: Tree) -> None:
    async with await world.enter_as(Role.FINANCE) as browser:
        page: httpx.Response = await browser.get(f"/console/dealers/commission?dealer={tree.shop}")

        assert f'value="{tree.shop}"' in page.text


async def test_commission_above_the_limit_takes_two(world: World, tree: Tree) -> None:
    entry = ConsoleEntry(alone_up_to="0.59")
    operator = msgspec.structs.replace(world.site.operator, console=entry)
    world.site = replace(world.site, operator=operator)
    first, second = (
        await world.hire("demo-one", Role.FINANCE),
        await world.hire("demo-two", Role.FINANCE),
    )
    hers, his = await world.enter(first), await world.enter(second)
    site = world.site
    await fund(site.engine, tree.shop, 100)
    await site.database.execute("UPDATE voucher SET state = 1, activated = false")
    await site.engine.submit(sell(tree.shop, 1, 1, "TILL-1"))
    today = site.rules.validity.local_day(datetime.now(UTC)).isoformat()
    path, typed = "/console/dealers/commission", {"until_day": today, "reason": "November"}

    seen = await hers.post(path, data=typed)
    assert "This takes two people" in text_of(seen)
    asked = await hers.post(path, data=typed | {"token": field(seen, "token")})
    request = asked.headers["location"]
    assert request.startswith("/console/requests/")
    assert await float_of(site.database, tree.shop) == 90 * RM
    shown = text_of(await his.get(request))
    for said in (f"Test shop ({tree.shop}): RM0.30", "RM0.60", "November"):
        assert said in shown
    assert (await hers.post(f"{request}/approve", data={})).status_code == 403
    await his.post(f"{request}/approve", data={})

    assert await float_of(site.database, tree.shop) == 90_300_000
    after = text_of(await hers.get(request))
    assert "RM0.60" in after
    # What one may do alone is still paid at once.
    await site.engine.submit(sell(tree.shop, 1, 2, "TILL-2"))
    only = typed | {"dealer": str(tree.shop)}
    page = await hers.post(path, data=only)
    assert "This takes two people" not in text_of(page)
    paid = await hers.post(path, data=only | {"token": field(page, "token")})
    assert paid.headers["location"] == f"/console/dealers/{tree.shop}"
    assert await float_of(site.database, tree.shop) == 80_600_000
    assert (await verify(site.database)).findings == ()

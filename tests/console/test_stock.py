"""Stock in the console: who holds which cards, how they moved, and moving them."""

from __future__ import annotations

import httpx
import pytest

from tambah.domain.staff import Role
from tests.engine.dealers.tree import Tree, fund, plant, sell
from tests.portal.conftest import field, text_of

from .conftest import World
from .test_dealers import do, trail

MOVE = "/console/stock/move"
CARDS = "0001-00000001..2"


@pytest.fixture
async def tree(world: World) -> Tree:
    """Return a small tree of dealers, and a batch on sale whose cards are not."""
    await world.site.database.execute("UPDATE voucher SET state = 1, activated = false")
    return await plant(world.site.database)


@pytest.fixture
async def browser(world: World) -> httpx.AsyncClient:
    """Return the browser of somebody of the warehouse."""
    return await world.enter(await world.hire("demo-van", Role.WAREHOUSE))


async def holdings(world: World) -> list[tuple[int, int, int]]:
    """Return who holds which cards."""
    rows = await world.site.database.fetch(
        "SELECT first, last, holder_id FROM stock_holding ORDER BY first"
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def ship(browser: httpx.AsyncClient, to: int, cards: str = CARDS) -> httpx.Response:
    """Ship cards out of the warehouse."""
    typed = {"cards": cards, "from_holder": "0", "to_holder": str(to), "document": "DO-881"}
    return await do(browser, f"{MOVE}/ship", **typed, reason="order of 3 December")


async def test_cards_are_shipped_once_it_was_seen_which(
    world: World, tree: Tree, browser: httpx.AsyncClient
) -> None:
    typed = {"cards": CARDS, "from_holder": "0", "to_holder": str(tree.shop), "reason": "order"}
    seen = await browser.post(f"{MOVE}/ship", data=typed)
    text = text_of(seen)
    assert "0001-00000001 … 0001-00000002" in text
    assert "Cards 2" in text
    assert "RM20.00" in text
    assert f"warehouse → Test shop ({tree.shop})" in text
    assert "From this move on" in text
    assert await holdings(world) == []
    sent = typed | {"token": field(seen, "token")}
    done = await browser.post(f"{MOVE}/ship", data=sent)
    assert done.headers["location"] == "/console/stock?batch=1"
    assert await holdings(world) == [(1, 2, tree.shop), (3, 3, 0)]
    # A second press finds nothing left to ship.
    assert (await browser.post(f"{MOVE}/ship", data=sent)).status_code == 409

    subject = "voucher:0001-00000001..0001-00000002"
    assert await trail(world, subject) == [("staff:demo-van", "ShipStock")]
    page = text_of(await browser.get(f"/console/dealers/{tree.shop}"))
    assert "2 unsold, 0 sold" in page


async def test_stock_is_listed_by_holder_with_what_is_sold(
    world: World, tree: Tree, browser: httpx.AsyncClient
) -> None:
    await ship(browser, tree.shop)
    await fund(world.site.engine, tree.shop, 50)
    await world.site.engine.submit(sell(tree.shop, 1, 2, "TILL-1"))
    answer = await browser.post(f"/console/stock/export?holder={tree.shop}", data={"as": "csv"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[1:] == [
        f"0001-00000001 … 0001-00000002,1,Test shop ({tree.shop}),2,1,1,10.00,20.00"
    ]
    assert "warehouse" in text_of(await browser.get("/console/stock?hands=warehouse&batch=1"))
    for nothing in ("batch=9", "holder=9", "hands=stolen", "batch=x"):
        assert "Nothing here" in text_of(await browser.get(f"/console/stock?{nothing}"))
    # Who only looks is offered no moves.
    async with await world.enter_as(Role.CARE) as looks:
        page = await looks.get("/console/stock")
        assert f"Test shop ({tree.shop})" in text_of(page)
        assert f"{MOVE}/" not in page.text


async def test_moves_are_listed_and_a_file(
    world: World, tree: Tree, browser: httpx.AsyncClient
) -> None:
    await ship(browser, tree.shop)
    typed = {"cards": "0001-00000002", "from_holder": str(tree.shop), "to_holder": "0"}
    await do(browser, f"{MOVE}/return", **typed, document="RN-12", reason="slow seller")

    assert await holdings(world) == [(1, 1, tree.shop), (2, 3, 0)]
    text = text_of(await browser.get("/console/stock/moves"))
    assert text.index("RN-12") < text.index("DO-881")
    only = text_of(await browser.get("/console/stock/moves?move=return&batch=1"))
    assert "slow seller" in only
    assert "DO-881" not in only
    assert "DO-881" in text_of(await browser.get(f"/console/stock/moves?holder={tree.shop}"))
    assert "Nothing here" in text_of(await browser.get("/console/stock/moves?until=2020-01-01"))
    answer = await browser.post("/console/stock/moves/export?move=ship", data={"as": "csv"})
    assert len(answer.content.decode("utf-8-sig").splitlines()) == 2


async def test_stolen_cards_are_locked_at_once_and_stay_so_when_found(
    world: World, tree: Tree, browser: httpx.AsyncClient
) -> None:
    await ship(browser, tree.shop)
    typed = {"cards": "0001-00000001", "from_holder": str(tree.shop)}
    seen = await browser.post(f"{MOVE}/stolen", data=typed | {"reason": "burglary"})
    assert "locked at once" in text_of(seen)
    assert f"Test shop ({tree.shop}) → stolen" in text_of(seen)
    await do(browser, f"{MOVE}/stolen", **typed, reason="burglary")
    locked = "SELECT count(*) FROM voucher WHERE state = 4"
    assert await world.site.database.fetch_value(locked) == 1
    assert "0001-00000001" in text_of(await browser.get("/console/stock?hands=stolen"))

    typed = {"cards": "0001-00000001", "to_holder": "0"}
    await do(browser, f"{MOVE}/found", **typed, reason="police had them")
    assert await world.site.database.fetch_value(locked) == 1
    assert await holdings(world) == [(1, 1, 0), (2, 2, tree.shop), (3, 3, 0)]
    recount = {"cards": "0001-00000002", "from_holder": str(tree.shop)}
    await do(browser, f"{MOVE}/recount", **recount, to_holder=str(tree.dealer), reason="counted")
    assert await holdings(world) == [(1, 1, 0), (2, 2, tree.dealer), (3, 3, 0)]


async def test_cards_go_only_where_they_may(
    world: World, tree: Tree, browser: httpx.AsyncClient
) -> None:
    await ship(browser, tree.shop)
    await fund(world.site.engine, tree.shop, 50)
    await world.site.engine.submit(sell(tree.shop, 1, 2, "TILL-1"))
    before = await holdings(world)
    good = {"cards": "0001-00000003", "from_holder": "0", "to_holder": str(tree.shop)}
    for wrong, words in (
        ({"cards": ""}, ""),
        ({"cards": "0001-3"}, "range"),
        ({"cards": "0001-00000003..9"}, "range"),
        ({"cards": "0001-00000003..1"}, "range"),
        ({"cards": "0001-00000001..3"}, "0001-00000002 is sold"),
        ({"cards": "0001-00000001"}, "0001-00000001 is not in that stock"),
        ({"cards": "0009-00000001"}, ""),
        ({"to_holder": "1"}, "no dealer"),
        ({"to_holder": ""}, ""),
        ({"from_holder": "x"}, ""),
        ({"from_holder": str(tree.distributor)}, "next to each other"),
        ({"reason": ""}, ""),
    ):
        answer = await browser.post(f"{MOVE}/ship", data=good | {"reason": "order"} | wrong)
        assert answer.status_code in (404, 409, 422), wrong
        assert 'role="alert"' in answer.text
        assert words in text_of(answer), wrong
    assert await holdings(world) == before
    assert (await browser.get(f"{MOVE}/burn")).status_code == 404

"""A batch's life in the console: made, released and handed out, each by two people."""

from __future__ import annotations

import hashlib

import httpx
import pyrage
import pytest

from tambah.desks.deeds import means_of
from tambah.domain.staff import Role
from tambah.engine.approving import carry_out_all
from tests.conftest import RM
from tests.portal.conftest import field, text_of

from .conftest import World

NEW = "/console/batches/new"
PRINTER = pyrage.x25519.Identity.generate()
TYPED = {
    "price": str(10 * RM),
    "quantity": "25",
    "recipient": str(PRINTER.to_public()),
    "reason": "December stock",
}


async def ask(browser: httpx.AsyncClient, path: str, **typed: str) -> str:
    """Ask for something, having seen what it is; return the request's path."""
    seen = await browser.post(path, data=typed)
    assert seen.status_code == 200, text_of(seen)
    asked = await browser.post(path, data=typed | {"token": field(seen, "token")})
    assert asked.is_redirect, text_of(asked)
    return asked.headers["location"]


@pytest.fixture
async def pair(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Return the browsers of two people of the warehouse."""
    first, second = (
        await world.hire("demo-one", Role.WAREHOUSE),
        await world.hire("demo-two", Role.WAREHOUSE),
    )
    return await world.enter(first), await world.enter(second)


async def make(world: World, pair: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> int:
    """Have a batch made by two people; return its number."""
    hers, his = pair
    path = await ask(hers, NEW, **TYPED)
    await his.post(f"{path}/approve", data={})
    assert "being carried out" in text_of(await hers.get(path))
    assert await carry_out_all(means_of(world.site)) == 1
    assert "RM250.00" in text_of(await hers.get(path))
    return await world.site.database.fetch_value("SELECT max(batch_id) FROM voucher_batch")


async def test_a_batch_is_made_released_and_activated(
    world: World, pair: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    hers, his = pair
    batch = await make(world, pair)
    database = world.site.database

    path = await ask(hers, f"/console/batches/{batch}/release", reason="cards are here")
    assert "generated → released" in text_of(await his.get(path))
    await his.post(f"{path}/approve", data={})
    typed = {"first": "1", "last": "10", "reason": "sold to a shop"}
    path = await ask(hers, f"/console/batches/{batch}/activate", **typed)
    await his.post(f"{path}/approve", data={})

    assert await database.fetch_value("SELECT max(state) FROM voucher_batch") == 3
    page = await hers.get(f"/console/batches/{batch}")
    assert f'href="/console/batches/{batch}/close"' in page.text
    assert f'href="/console/batches/{batch}/release"' not in page.text
    active = "SELECT count(*) FROM voucher WHERE state = 2 AND batch_id = $1"
    assert await database.fetch_value(active, batch) == 10


async def test_its_print_file_goes_to_who_asked_and_is_then_erased(
    world: World, pair: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    hers, his = pair
    batch = await make(world, pair)
    path = await ask(hers, f"/console/batches/{batch}/export", reason="to the printer")
    assert (await hers.post(f"{path}/file")).status_code == 409
    await his.post(f"{path}/approve", data={})

    assert (await his.post(f"{path}/file")).status_code == 403
    sent = await hers.post(f"{path}/file")
    assert sent.headers["content-disposition"] == f'attachment; filename="cards-{batch}.csv.age"'
    opened = pyrage.decrypt(sent.content, [PRINTER]).decode()
    assert f"{batch:04d}-00000025" in opened
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sent.content, [pyrage.x25519.Identity.generate()])

    wrong = await hers.post(f"{path}/received", data={"sha256": "00" * 32})
    assert "not that of the file" in wrong.text
    assert wrong.status_code == 422
    digest = hashlib.sha256(sent.content).hexdigest()
    assert (await hers.post(f"{path}/received", data={"sha256": digest})).is_redirect
    assert digest in text_of(await hers.get(path))
    assert (await hers.post(f"{path}/file")).status_code == 409
    left = "SELECT count(*) FROM voucher_print WHERE batch_id = $1"
    assert await world.site.database.fetch_value(left, batch) == 0
    rows = await world.site.database.fetch(
        "SELECT who, action FROM audit WHERE subject = $1 ORDER BY day, seq",
        f"voucher_batch:{batch}",
    )
    assert [tuple(row) for row in rows][-1] == ("staff:demo-one", "export_batch")


async def test_a_lock_is_put_on_by_one_and_an_end_by_two(
    world: World, pair: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    hers, his = pair
    state = "SELECT state FROM voucher_batch WHERE batch_id = 1"
    form = await hers.get("/console/batches/1/lock")
    typed = {"reason": "codes on a forum", "token": field(form, "token")}
    assert (await hers.post("/console/batches/1/lock", data=typed)).is_redirect
    assert await world.site.database.fetch_value(state) == 5
    path = await ask(hers, "/console/batches/1/void", reason="codes on a forum")
    assert await world.site.database.fetch_value(state) == 5
    await his.post(f"{path}/approve", data={})
    assert await world.site.database.fetch_value(state) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": ""},
        {"price": "1"},
        {"quantity": "0"},
        {"quantity": "a"},
        {"recipient": "age1nonsense"},
        {"redeem_until": "31/12/2030"},
        {"reason": ""},
    ],
)
async def test_what_cannot_be_made_is_not_asked_for(world: World, wrong: dict[str, str]) -> None:
    async with await world.enter_as(Role.WAREHOUSE) as browser:
        answer = await browser.post(NEW, data=TYPED | wrong)

        assert answer.status_code in (404, 422)
        assert 'role="alert"' in answer.text
        assert await world.site.database.fetch_value("SELECT count(*) FROM approval") == 0


async def test_a_range_beyond_the_batch_is_refused(world: World) -> None:
    async with await world.enter_as(Role.WAREHOUSE) as browser:
        typed = {"first": "2", "last": "4", "reason": "sold"}
        assert (await browser.post("/console/batches/1/activate", data=typed)).status_code == 422
        assert (await browser.get("/console/batches/99/activate")).status_code == 404
        assert (await browser.get("/console/batches/1/burn")).status_code == 404

"""A refund above what one person may send back is asked for, and carried out as it was agreed."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from tambah.config import ConsoleEntry
from tambah.desks.deeds import means_of
from tambah.domain.approval import ApprovalState
from tambah.domain.staff import Role
from tambah.engine.approving import carry_out
from tambah.store.approvals import read_approval
from tests.payments.house import House
from tests.portal.conftest import field, text_of

from .conftest import World
from .test_payments import RM, form_of, paid, reread, shop, spend

__all__ = ["shop"]


@pytest.fixture
def strict(world: World, shop: House) -> World:
    """Let one person send RM10 back in a day, as is the default."""
    operator = msgspec.structs.replace(world.site.operator, console=ConsoleEntry())
    world.site = dataclasses.replace(world.site, operator=operator)
    return world


async def ask(world: World, path: str) -> str:
    """Ask for a refund of everything, twice by the same press; return where the request is."""
    async with await world.enter_as(Role.FINANCE) as browser:
        ahead = await browser.get(path)
        assert "takes two people" in text_of(ahead)
        form = form_of(ahead)
        first = await browser.post(path, data=form)
        again = await browser.post(path, data=form)
        assert first.headers["location"] == again.headers["location"]
    return first.headers["location"]


async def test_a_large_refund_waits_for_another_and_is_then_sent(
    strict: World, shop: House
) -> None:
    view = await paid(shop)
    where = await ask(strict, f"/console/payments/{view.reference}/refund")
    assert (await reread(strict, view)).refunds == ()

    async with await strict.enter_as(Role.FINANCE) as browser:
        asked = text_of(await browser.get(where))
        assert "Goes back to the payer RM30.00" in asked
        await browser.post(f"{where}/approve", data={"answer": ""})
        assert "RM30.00" in text_of(await browser.get(where))

    refund = (await reread(strict, view)).refunds[0]
    assert (refund.amount_micros, refund.spent_micros) == (30 * RM, 0)
    assert refund.due_at is not None


async def test_what_was_agreed_is_sent_back_or_nothing(strict: World, shop: House) -> None:
    view = await paid(shop)
    where = await ask(strict, f"/console/payments/{view.reference}/refund")
    await spend(strict, 12 * RM)

    async with await strict.enter_as(Role.FINANCE) as browser:
        await browser.post(f"{where}/approve", data={"answer": ""})

    asked = await read_approval(strict.site.database, int(where.rpartition("/")[2]))
    assert asked is not None
    assert (asked.state, asked.outcome["refusal"]) == (ApprovalState.FAILED, "credit_spent")
    assert (await reread(strict, view)).refunds == ()


async def test_small_refunds_do_not_add_up_to_a_large_one(strict: World, shop: House) -> None:
    view = await paid(shop)
    path = f"/console/payments/{view.reference}/refund"
    async with await strict.enter_as(Role.FINANCE) as browser:
        part = await browser.get(f"{path}?amount=8")
        form = form_of(part, amount="8")
        for _ in range(2):
            done = await browser.post(path, data=form)
            assert done.headers["location"] == f"/console/payments/{view.reference}#refunds"
        more = await browser.get(f"{path}?amount=8")
        asked = await browser.post(path, data=form_of(more, amount="8"))
        assert asked.headers["location"].startswith("/console/requests/")
        assert field(more, "shown") == str(8 * RM)

    assert [one.amount_micros for one in (await reread(strict, view)).refunds] == [8 * RM]


async def test_a_request_that_was_carried_out_is_not_carried_out_again(
    strict: World, shop: House
) -> None:
    view = await paid(shop)
    where = await ask(strict, f"/console/payments/{view.reference}/refund")
    async with await strict.enter_as(Role.FINANCE) as browser:
        await browser.post(f"{where}/approve", data={"answer": ""})

    assert await carry_out(means_of(strict.site), int(where.rpartition("/")[2])) is None
    assert len((await reread(strict, view)).refunds) == 1

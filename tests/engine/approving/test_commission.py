"""Commission that takes two: exactly what was agreed to is paid, once, or nothing is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tambah.domain.approval import ApprovalState, Deed
from tambah.domain.dealer_commands import PayCommission
from tambah.domain.refusals import ApprovalOwn, NothingDue
from tambah.engine.approving import Means, agree, carry_out, file
from tambah.engine.approving.filing import actor_behind
from tambah.engine.approving.of_dealers import ask_commission, pay_asked_commission
from tambah.engine.verifying import verify
from tambah.store.approvals import Wanted, read_approval, take_up
from tambah.store.views.dealer_lists import owed_until
from tests.engine.books import add_cards
from tests.engine.dealers.tree import STAFF, Tree, float_of, fund, plant, sell, undo

from .test_approving import AS_MINA, MINA, NOW, RAVI, done, means

__all__ = ["means"]

CODES = [f"{n:016d}" for n in range(1, 5)]


@pytest.fixture
async def tree(means: Means) -> Tree:
    """Return a tree whose shop sold three cards of RM10; the dealer above it is owed RM0.60."""
    planted = await plant(means.database)
    await fund(means.engine, planted.shop, 100)
    await add_cards(means.database, means.keys, CODES, state=1)
    for number in (1, 2, 3):
        await means.engine.submit(sell(planted.shop, 1, number, f"slip {number}"))
    return planted


async def wanted(means: Means, only: int | None = None) -> Wanted:
    """Ask for everything that is owed up to now."""
    validity = means.rules.validity
    today = validity.local_day(datetime.now(UTC))
    before = validity.start_of(today + timedelta(days=1))
    return ask_commission(await owed_until(means.database, before, only), today, only)


def pay_now(means: Means, partner_id: int) -> PayCommission:
    """Pay one dealer at once, as one person may below the limit."""
    today = means.rules.validity.local_day(datetime.now(UTC))
    return PayCommission(
        caller="cli", request_key="now", partner_id=partner_id, until=today, actor=STAFF
    )


async def test_what_two_agree_on_is_paid_once(means: Means, tree: Tree) -> None:
    asked = await wanted(means)
    found = await done(means, asked)

    assert asked.params["sum_micros"] == 900_000
    dealers: Any = asked.params["dealers"]
    assert [(number, micros) for number, _, micros in dealers] == [
        (tree.distributor, 300_000),
        (tree.dealer, 600_000),
    ]
    assert found.state is ApprovalState.DONE
    assert found.outcome == {"dealers_paid": 2, "paid_micros": 900_000}
    again = await pay_asked_commission(means, found, tries=2)
    assert again == found.outcome, "who died after it was done finds it done"
    assert await float_of(means.database, tree.dealer) == 600_000
    with pytest.raises(NothingDue):
        await wanted(means)
    assert (await verify(means.database)).findings == ()


async def test_whoever_asks_does_not_agree(means: Means, tree: Tree) -> None:
    asked = await file(means.database, await wanted(means, tree.dealer), AS_MINA, NOW)

    with pytest.raises(ApprovalOwn):
        await agree(means.database, asked.approval_id, MINA, "", NOW)
    assert (asked.deed, asked.subject) == (Deed.PAY_COMMISSION, f"partner:{tree.dealer}")
    assert await float_of(means.database, tree.dealer) == 0


@pytest.mark.parametrize("change", ["paid", "undone", "sold"])
async def test_another_sum_than_was_agreed_to_pays_nobody(
    means: Means, tree: Tree, change: str
) -> None:
    asked = await file(means.database, await wanted(means), AS_MINA, NOW)
    if change == "paid":
        await means.engine.submit(pay_now(means, tree.dealer))
    elif change == "undone":
        await means.engine.submit(undo(tree.shop, "slip 2"))
    else:
        await means.engine.submit(sell(tree.shop, 1, 4, "slip 4"))
    before = [await float_of(means.database, one) for one in (tree.distributor, tree.shop)]
    await agree(means.database, asked.approval_id, RAVI, "", NOW)

    found = await carry_out(means, asked.approval_id)

    assert found is not None
    assert (found.state, found.outcome["refusal"]) == (ApprovalState.FAILED, "commission_changed")
    after = [await float_of(means.database, one) for one in (tree.distributor, tree.shop)]
    assert after == before
    assert (await verify(means.database)).findings == ()


async def test_what_broke_off_is_gone_on_with(means: Means, tree: Tree) -> None:
    asked = await file(means.database, await wanted(means), AS_MINA, NOW)
    await agree(means.database, asked.approval_id, RAVI, "", NOW)
    # One of the two was paid when the process died.
    assert await take_up(means.database, asked.approval_id, NOW - timedelta(hours=1)) == 1
    held = await read_approval(means.database, asked.approval_id)
    assert held is not None
    command = pay_now(means, tree.distributor)
    first = PayCommission(
        caller="approval",
        request_key=str(asked.approval_id),
        partner_id=tree.distributor,
        until=command.until,
        actor=actor_behind(held),
        amount_micros=300_000,
    )
    await means.engine.submit(first)

    found = await carry_out(means, asked.approval_id)

    assert found is not None
    assert found.outcome == {"dealers_paid": 2, "paid_micros": 900_000}
    assert await float_of(means.database, tree.distributor) == 300_000
    assert await float_of(means.database, tree.dealer) == 600_000
    assert (await verify(means.database)).findings == ()


async def test_who_was_paid_otherwise_in_between_is_named(means: Means, tree: Tree) -> None:
    asked = await file(means.database, await wanted(means), AS_MINA, NOW)
    await agree(means.database, asked.approval_id, RAVI, "", NOW)
    assert await take_up(means.database, asked.approval_id, NOW - timedelta(hours=1)) == 1
    await means.engine.submit(pay_now(means, tree.dealer))

    found = await carry_out(means, asked.approval_id)

    assert found is not None
    dealers: Any = asked.params["dealers"]
    name = dict((number, name) for number, name, _ in dealers)[tree.dealer]
    assert found.outcome == {
        "dealers_paid": 1,
        "paid_micros": 300_000,
        "left_out": [[tree.dealer, name]],
    }
    assert await float_of(means.database, tree.dealer) == 600_000

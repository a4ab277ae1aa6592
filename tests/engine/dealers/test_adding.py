"""One dealer added by many at one instant: it is planted once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tambah.domain.dealer import DealerKind
from tambah.domain.refusals import DealerExists
from tambah.engine.dealers import NewDealer, add_dealer, foresee_dealer
from tambah.engine.verifying import verify
from tambah.store.database import Database

from .tree import STAFF, plant


@pytest.mark.parametrize("is_root", [True, False])
async def test_the_same_dealer_at_one_instant_is_planted_once(
    database: Database, is_root: bool
) -> None:
    parent_id = None if is_root else (await plant(database)).distributor
    names = ["Kedai  Jaya", "KEDAI JAYA", "Kedai Jaya "] * 4

    async def add(name: str) -> int | str:
        new = NewDealer(name=name, kind=DealerKind.SHOP, parent_id=parent_id)
        try:
            return await add_dealer(database, new, STAFF)
        except DealerExists as refusal:
            return f"exists: {refusal.params['dealer']}"

    found = await asyncio.gather(*(add(name) for name in names))

    [planted] = [one for one in found if isinstance(one, int)]
    assert Counter(found) == {planted: 1, f"exists: {planted}": 11}
    count = "SELECT count(*) FROM partner WHERE name ILIKE 'kedai%'"
    assert await database.fetch_value(count) == 1
    assert (await verify(database)).findings == ()


async def test_of_one_name_there_may_be_many_under_others(database: Database) -> None:
    tree = await plant(database)
    under = [
        await add_dealer(
            database, NewDealer(name="Till 1", kind=DealerKind.TERMINAL, parent_id=one), STAFF
        )
        for one in (tree.shop, tree.dealer)
    ]

    assert len(set(under)) == 2


async def test_what_is_foreseen_is_not_there(database: Database) -> None:
    new = NewDealer(name="Kedai Jaya", kind=DealerKind.SHOP)
    await foresee_dealer(database, new)

    assert await database.fetch_value("SELECT count(*) FROM dealer") == 0
    added = await add_dealer(database, new, STAFF)
    with pytest.raises(DealerExists) as refused:
        await foresee_dealer(database, new)
    assert refused.value.params == {"dealer": added}

"""A short campaign in every test run; `make faults` is the long one."""

from __future__ import annotations

import secrets
from collections import Counter

from tests.faults.campaign import KINDS, plan, run, table

KILLS = 20


def test_a_plan_has_its_share_of_every_kind_and_is_drawn_by_its_seed() -> None:
    kills = plan(2 * sum(KINDS.values()), seed=1)

    assert Counter(kill.kind for kill in kills) == {kind: 2 * n for kind, n in KINDS.items()}
    assert kills == plan(len(kills), seed=1)
    assert kills != plan(len(kills), seed=2)


async def test_twenty_kills_under_load_lose_nothing_and_double_nothing() -> None:
    result = await run(KILLS, secrets.randbelow(1_000_000), print)

    told = f"seed {result.seed}\n{table(result)}"
    assert result.ledger.violations == [], told
    assert result.counts is not None
    assert (result.counts.lost, result.counts.doubled) == (0, 0), told
    assert result.counts.acknowledged > 100, told

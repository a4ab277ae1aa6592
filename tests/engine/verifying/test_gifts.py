"""What promotions gave is proved: with it the books agree, and nothing of it can be falsified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.balance import BucketKind
from tambah.domain.commands import AgeLine
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import Verdict, close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh

from .history import ALICE, BOB, RM, Counter, open_books, tamper

EVER = datetime(2020, 1, 1, tzinfo=UTC)
PROMOTIONS = (
    Promotion(
        name="bonus",
        since=EVER,
        group="bonus",
        bonus_micros=3 * RM,
        bonus_days=7,
        extra_days=2,
    ),
    Promotion(
        name="data",
        since=EVER,
        group="data",
        allowances=(
            Allowance(kind=BucketKind.BYTES, amount=2**30, days=7),
            Allowance(kind=BucketKind.SECONDS, amount=600, days=60),
        ),
    ),
    Promotion(
        name="more",
        since=EVER,
        group="more",
        allowances=(Allowance(kind=BucketKind.BYTES, amount=5, days=7),),
    ),
)


@pytest.fixture
def clock() -> Clock:
    """Return the engine's clock."""
    return Clock()


@pytest.fixture
async def counter(
    database: Database, rules: Rules, keys: Keys, clock: Clock
) -> AsyncIterator[Counter]:
    """Run an engine with promotions in force; return who gives it commands.

    Alice (1) redeems a card (1: credit, 2 tax, 3 its own bonus; 4 bonus, 5 bytes, 6 seconds of
    promotions), is topped up and has that reversed; Bob (2) is topped up.
    """
    engine = Engine(database, rules=replace(rules, promotions=PROMOTIONS), keys=keys, clock=clock)
    await engine.start()
    owners = await open_books(engine, database, keys)
    counter = Counter(engine, owners.shop)
    await counter.fund(200)
    await counter.redeem(ALICE, 1)
    await counter.top_up(BOB, 30)
    await counter.top_up(ALICE, 10)
    await counter.reverse(ALICE, 2)
    yield counter
    await engine.stop()


def named(verdict: Verdict) -> set[str]:
    """Return what a verdict names."""
    assert len(set(verdict.findings)) == verdict.total
    return {f"{f.kind} {f.subject}" for f in verdict.findings}


async def test_books_with_gifts_agree_in_each_unit(
    counter: Counter, database: Database, clock: Clock
) -> None:
    assert (await close_books(database)).verdict.findings == ()
    await counter.top_up(ALICE, 30)
    clock.offset += timedelta(days=10)
    await counter.engine.submit(AgeLine(msisdn=ALICE))

    since = await verify(database)
    full = await verify(database, full=True)

    assert since.findings == full.findings == ()
    assert sum(full.accounts.values()) == 0
    given = 2**30 + 5
    assert full.allowances == {
        "line_seconds": 1800,
        "line_bytes": given,
        "seconds_given": -1800,
        "bytes_given": -3 * given,
        "bytes_lapsed": 2 * given,
    }


DEEDS = {
    "a gift's amount": (
        "UPDATE topup_gift SET amount = amount + 1 WHERE line_id = 1 AND kind = 6 AND topup_no = 1"
        " AND promotion = 'data'",
        {"topup topup:1/1"},
    ),
    "a gift deleted": (
        "DELETE FROM topup_gift WHERE line_id = 2 AND topup_no = 1 AND kind = 4",
        {"topup topup:2/1"},
    ),
    "a gift of a top-up that is not there": (
        "INSERT INTO topup_gift SELECT 3, 1, 1, 'data', 4, 600, 2, NULL",
        {"topup transfer:3/1"},
    ),
    "a gift in another bucket": (
        "UPDATE topup_gift SET bucket_id = 99 WHERE line_id = 2 AND topup_no = 1 AND kind = 4",
        {"topup topup:2/1"},
    ),
    "a grant made smaller": (
        "UPDATE transfer SET amount_micros = 599, balance_micros = 599"
        " WHERE owner_id = 2 AND kind = 20 AND credit = 4",
        {"topup topup:2/1", "bucket bucket:2/5"},
    ),
    "seconds that became money": (
        "UPDATE transfer SET debit = 12, credit = 2 WHERE owner_id = 2 AND kind = 20"
        " AND credit = 4",
        {"topup topup:2/1", "bucket bucket:2/5"},
    ),
    "a gift called own bonus": (
        "UPDATE topup_gift SET kind = 4 WHERE line_id = 2 AND topup_no = 1 AND kind = 2",
        {"topup topup:2/1"},
    ),
    "days that the card did not promise": (
        "UPDATE topup_gift SET amount = 9 WHERE line_id = 1 AND topup_no = 1 AND kind = 0",
        {"voucher voucher:0001-00000001"},
    ),
    "an allowance made larger": (
        "UPDATE bucket SET remaining_micros = 601 WHERE owner_id = 2 AND kind = 4",
        {"bucket bucket:2/5"},
    ),
    "more taken back than was given": (
        "UPDATE topup_gift SET amount = 1 WHERE line_id = 1 AND topup_no = 2 AND kind = 4",
        {"topup topup:1/2", "reversal topup:1/2"},
    ),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_falsified_gifts_are_found(
    name: str, counter: Counter, database: Database, fresh: Fresh
) -> None:
    statement, found = DEEDS[name]
    await tamper(fresh.owner_dsn, statement)

    verdict = await verify(database)

    assert named(verdict) == found


async def test_a_finding_speaks_of_an_allowance_in_its_own_unit(
    counter: Counter, database: Database, fresh: Fresh
) -> None:
    await tamper(
        fresh.owner_dsn,
        "UPDATE bucket SET remaining_micros = 601 WHERE owner_id = 2 AND kind = 4",
    )

    (finding,) = (await verify(database)).findings

    assert finding.detail == "holds 601 seconds, its transfers make 600 seconds"

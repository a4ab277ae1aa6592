"""A top-up that was moved from line to line is proved on both; nothing of it can be changed."""

from __future__ import annotations

import pytest

from tambah.domain.care_commands import MoveTopUp
from tambah.domain.refusals import AlreadyReversed, TopUpWasMoved
from tambah.engine.engine import Engine
from tambah.engine.verifying import Verdict, close_books, verify
from tambah.store.database import Database
from tests.conftest import Fresh

from .history import ALICE, BOB, CAROL, STAFF, Counter, tamper


async def move(counter: Counter, msisdn: int, topup_no: int, to_msisdn: int) -> None:
    """Move a top-up to another number."""
    await counter.engine.submit(
        MoveTopUp(
            **counter.key(), msisdn=msisdn, topup_no=topup_no, to_msisdn=to_msisdn, actor=STAFF
        )
    )


@pytest.fixture
async def moved(counter: Counter) -> Counter:
    """Redeem a card on ALICE (1) and reload it (2); move both to BOB, the second in part."""
    await counter.fund(200)
    await counter.redeem(ALICE, 1)
    await counter.top_up(ALICE, 30)
    await move(counter, ALICE, 1, BOB)
    await counter.adjust(ALICE, -20_000_000)
    await move(counter, ALICE, 2, BOB)
    return counter


def named(verdict: Verdict) -> set[str]:
    """Return what a verdict names."""
    return {f"{f.kind} {f.subject}" for f in verdict.findings}


async def test_books_with_moves_agree_from_the_start_and_from_a_closing(
    moved: Counter, database: Database
) -> None:
    assert (await close_books(database)).verdict.findings == ()
    await moved.top_up(CAROL, 10)
    await move(moved, CAROL, 1, ALICE)

    since, full = await verify(database), await verify(database, full=True)

    assert since.findings == full.findings == ()
    assert full.accounts["transit"] == 0
    assert sum(full.accounts.values()) == 0


async def test_a_batch_that_moves_there_and_back_again_refuses_the_second(
    moved: Counter, engine: Engine
) -> None:
    with pytest.raises(AlreadyReversed):
        await move(moved, ALICE, 1, CAROL)
    with pytest.raises(TopUpWasMoved):
        await move(moved, BOB, 1, ALICE)


DEEDS = {
    "one side's amount": (
        "UPDATE transfer SET amount_micros = amount_micros + 1 WHERE owner_id = 2 AND kind = 28"
        " AND topup_no = 1",
        {"reversal transfer:1/", "reversal transfer:2/"},
    ),
    "one side's name": (
        "UPDATE transfer SET peer_seq = 99 WHERE owner_id = 1 AND kind = 28"
        " AND mends_topup_no = 1",
        {"reversal transfer:1/", "reversal transfer:2/"},
    ),
    "where it went": (
        "UPDATE topup SET moved_line_id = 3 WHERE line_id = 1 AND topup_no = 1",
        {"reversal topup:1/1", "reversal topup:2/1"},
    ),
    "that it went": (
        "UPDATE topup SET reversed_at = NULL WHERE line_id = 1 AND topup_no = 2",
        {"reversal topup:1/2", "reversal topup:2/2"},
    ),
    "where it came from": (
        "UPDATE topup SET source = 2 WHERE line_id = 2 AND topup_no = 1",
        {"topup topup:2/1", "reversal topup:1/1", "reversal topup:2/1"},
    ),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_a_falsified_move_is_found(
    name: str, moved: Counter, database: Database, fresh: Fresh
) -> None:
    statement, found = DEEDS[name]
    await tamper(fresh.owner_dsn, statement)

    told = named(await verify(database))

    for expected in found:
        assert any(one.startswith(expected) for one in told), (expected, told)

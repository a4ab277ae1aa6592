"""Moving stock: which states go where, what a range leaves, and no deadlock with redemption."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    RangeBeyondBatch,
    RangeMalformed,
    ReasonMissing,
)
from tambah.domain.rules import Rules
from tambah.domain.voucher import BATCH_MOVES, VOUCHER_MOVES, BatchState, VoucherState
from tambah.engine.keys import Keys
from tambah.engine.vouchers import SerialRange, change_batch, change_range, moving
from tambah.store.database import Database
from tambah.store.views import stock
from tests.engine.books import add_cards
from tests.engine.vouchers.making import NOW, STAFF, count_audit, make

BATCH_ACTIONS = [action for action in BATCH_MOVES if action != "finish"]
CODES = [f"{n:016d}" for n in range(10)]
ALL = SerialRange(batch_id=1, first=1, last=10)


async def set_state(database: Database, state: BatchState) -> None:
    """Put batch 1 into a state."""
    await database.execute("UPDATE voucher_batch SET state = $1 WHERE batch_id = 1", state)


async def set_card(database: Database, number: int, state: VoucherState) -> None:
    """Put a card of batch 1 into a state."""
    await database.execute(
        """
        UPDATE voucher
           SET state = $2::smallint,
               redeemed_line_id = CASE WHEN $2::smallint = 3 THEN 7 END,
               redeemed_at = CASE WHEN $2::smallint = 3 THEN now() END
         WHERE batch_id = 1 AND number = $1
        """,
        number,
        state,
    )


@pytest.mark.parametrize("action", BATCH_ACTIONS)
async def test_change_batch_goes_where_the_rules_say(
    database: Database, keys: Keys, action: str
) -> None:
    await add_cards(database, keys, CODES[:1])
    allowed, after = BATCH_MOVES[action]

    for state in BatchState:
        await set_state(database, state)
        if state in allowed:
            moved = await change_batch(database, 1, action, STAFF, NOW)  # type: ignore[arg-type]
            assert (moved.before, moved.after) == (state, after)
        else:
            with pytest.raises(BatchStateWrong):
                await change_batch(database, 1, action, STAFF, NOW)  # type: ignore[arg-type]
        batch = await stock.read_batch(database, 1)
        assert batch is not None
        assert batch.state is (after if state in allowed else state)

    assert await count_audit(database, f"{action}_batch") == len(allowed)


async def test_releasing_again_keeps_the_first_release(
    database: Database, keys: Keys, rules: Rules
) -> None:
    await make(database, keys, rules, 1)
    await change_batch(database, 1, "release", STAFF, NOW)
    await change_batch(database, 1, "lock", STAFF, NOW)
    await change_batch(database, 1, "release", STAFF, NOW + timedelta(days=1))

    batch = await stock.read_batch(database, 1)
    assert batch is not None
    assert batch.released_at == NOW


async def test_an_unknown_batch_or_no_reason_is_refused(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES)
    silent = Actor(who="aminah", why=" ")

    with pytest.raises(BatchUnknown):
        await change_batch(database, 2, "lock", STAFF, NOW)
    with pytest.raises(BatchUnknown):
        await change_range(database, SerialRange(batch_id=2, first=1, last=1), "lock", STAFF, NOW)
    with pytest.raises(ReasonMissing):
        await change_batch(database, 1, "lock", silent, NOW)
    with pytest.raises(ReasonMissing):
        await change_range(database, ALL, "lock", silent, NOW)


async def test_a_range_that_leaves_the_batch_is_refused(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES, state=1)

    for first, last in [(0, 5), (-1, -1), (5, 4), (1, 11), (11, 11)]:
        cards = SerialRange(batch_id=1, first=first, last=last)
        wanted = RangeBeyondBatch if last > 10 else RangeMalformed
        with pytest.raises(wanted) as refused:
            await change_range(database, cards, "activate", STAFF, NOW)
        assert refused.value.params == ({"serial": "0001-00000010"} if last > 10 else {})

    assert (await stock.count_batch(database, 1))[VoucherState.GENERATED] == 10


@pytest.mark.parametrize("action", list(VOUCHER_MOVES))
async def test_change_range_moves_the_cards_that_allow_it(
    database: Database, keys: Keys, action: str
) -> None:
    await add_cards(database, keys, CODES[:5], state=1)
    for number, state in enumerate(VoucherState, 1):
        await set_card(database, number, state)
    allowed, after = VOUCHER_MOVES[action]

    moved = await change_range(
        database,
        SerialRange(batch_id=1, first=1, last=5),
        action,  # type: ignore[arg-type]
        STAFF,
        NOW,
    )

    assert moved.changed == len(allowed)
    assert moved.unchanged == {state: 1 for state in VoucherState if state not in allowed}
    rows = await database.fetch("SELECT state, activated FROM voucher ORDER BY number")
    assert [VoucherState(row[0]) for row in rows] == [
        after if state in allowed else state for state in VoucherState
    ]
    if action == "activate":
        assert [row[1] for row in rows] == [state in allowed for state in VoucherState]
    assert await count_audit(database, f"{action}_vouchers") == 1


async def test_change_range_touches_nothing_outside(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES, state=1)

    await change_range(database, SerialRange(batch_id=1, first=4, last=6), "activate", STAFF, NOW)

    rows = await database.fetch("SELECT number FROM voucher WHERE state = 2 ORDER BY number")
    assert [row[0] for row in rows] == [4, 5, 6]


async def test_a_locked_card_is_lifted_by_activating(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES)

    locked = await change_range(database, ALL, "lock", STAFF, NOW)
    lifted = await change_range(database, ALL, "activate", STAFF, NOW)

    assert (locked.changed, lifted.changed) == (10, 10)
    assert (await stock.count_batch(database, 1))[VoucherState.ACTIVE] == 10


async def test_change_range_goes_in_chunks_and_may_be_repeated(
    database: Database, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "RANGE_CHUNK", 4)
    await add_cards(database, keys, CODES, state=1)
    seen: list[tuple[int, int]] = []

    def stop(done: int, of: int) -> None:
        seen.append((done, of))
        if len(seen) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await change_range(database, ALL, "activate", STAFF, NOW, stop)
    again = await change_range(database, ALL, "activate", STAFF, NOW)

    assert seen == [(4, 10), (8, 10)]
    assert (again.changed, again.unchanged) == (2, {VoucherState.ACTIVE: 8})
    assert await count_audit(database, "activate_vouchers") == 3
    rows = await database.fetch("SELECT subject, before, after FROM audit ORDER BY seq")
    assert [tuple(row) for row in rows] == [
        ("voucher:0001-00000001..0001-00000004", '{"generated":4}', '{"active":4}'),
        ("voucher:0001-00000005..0001-00000008", '{"generated":4}', '{"active":4}'),
        ("voucher:0001-00000009..0001-00000010", '{"generated":2}', '{"active":2}'),
    ]


async def test_change_range_refuses_batches_that_are_not_in_circulation(
    database: Database, keys: Keys
) -> None:
    await add_cards(database, keys, CODES, state=1)

    for state, action in [
        (BatchState.DRAFT, "activate"),
        (BatchState.DRAFT, "lock"),
        (BatchState.VOID, "void"),
        (BatchState.CLOSED, "activate"),
    ]:
        await set_state(database, state)
        with pytest.raises(BatchStateWrong) as refusal:
            await change_range(database, ALL, action, STAFF, NOW)  # type: ignore[arg-type]
        assert refusal.value.params == {"state": state.name.lower()}


async def test_cards_of_a_closed_batch_can_still_be_locked(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES)
    await set_state(database, BatchState.CLOSED)

    assert (await change_range(database, ALL, "lock", STAFF, NOW)).changed == 10


async def test_a_range_that_waited_for_a_redemption_sees_it(
    database: Database, keys: Keys
) -> None:
    await add_cards(database, keys, CODES)
    redeemer = await database.connect_writer()
    redeeming = redeemer.transaction()
    await redeeming.start()
    await redeemer.execute(
        """
        UPDATE voucher SET state = 3, redeemed_line_id = 7, redeemed_at = now()
         WHERE number = 5
        """
    )
    voiding = asyncio.create_task(change_range(database, ALL, "void", STAFF, NOW))
    while not await database.fetch_value(
        """
        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND pg_blocking_pids(pid) <> '{}')
        """
    ):
        pass
    await redeeming.commit()
    await redeemer.close()

    moved = await voiding

    assert (moved.changed, moved.unchanged) == (9, {VoucherState.REDEEMED: 1})


async def test_ranges_and_redemptions_never_wait_in_a_circle(
    database: Database, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "RETRYABLE", ())  # a deadlock would be hidden by trying again
    codes = [f"{n:016d}" for n in range(400)]
    await add_cards(database, keys, codes)
    whole = SerialRange(batch_id=1, first=1, last=400)
    digests = [keys.code_digest(code, 2) for code in codes]
    chance = random.Random(1)

    async def redeem() -> None:
        connection = await database.connect_writer()
        for _ in range(25):
            some = chance.sample(digests, 80)
            async with connection.transaction():
                await connection.execute(
                    """
                    SELECT digest FROM voucher WHERE digest = ANY($1::bytea[])
                     ORDER BY digest FOR NO KEY UPDATE
                    """,
                    some,
                )
                await connection.execute(
                    "UPDATE voucher SET activated = true WHERE digest = ANY($1::bytea[])", some
                )
        await connection.close()

    async def move() -> None:
        for _ in range(8):
            await change_range(database, whole, "lock", STAFF, NOW)
            await change_range(database, whole, "activate", STAFF, NOW)

    await asyncio.gather(redeem(), move(), redeem(), move())

    assert (await stock.count_batch(database, 1))[VoucherState.ACTIVE] == 400

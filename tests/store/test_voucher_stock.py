"""Stock in the database: cards stored and found, and what staff can look up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.numbering import NumberPlan
from tambah.domain.voucher import BatchState, VoucherState
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database, UniqueViolation
from tambah.store.ledger import voucher_stock
from tambah.store.ledger.voucher_stock import NewCards
from tambah.store.views import stock
from tambah.store.views.stock import NotUsable, why_not_usable
from tests.engine.books import add_cards, add_line

CODES = [f"{n:016d}" for n in range(6)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = NumberPlan()


async def test_find_stored_returns_what_is_there(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES)
    there = [keys.code_digest(code, 2) for code in CODES]

    async with database.read() as connection:
        found = await voucher_stock.find_stored(connection, [*there[:2], b"x" * 16])

    assert found == set(there[:2])


async def test_cards_are_added_to_drafts_only(database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, CODES, batch_state=6)
    cards = NewCards(batch_id=batch_id, first=7, state=VoucherState.GENERATED, digests=[b"y" * 16])

    async with database.read() as connection:
        assert not await voucher_stock.insert_cards(connection, cards)

    assert await stock.count_range(database, batch_id, 7, 7) == dict.fromkeys(VoucherState, 0)


async def test_a_digest_is_stored_once(database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, CODES, batch_state=1)
    cards = NewCards(
        batch_id=batch_id,
        first=7,
        state=VoucherState.GENERATED,
        digests=[keys.code_digest(CODES[0], 2)],
    )

    async with database.read() as connection:
        with pytest.raises(UniqueViolation):
            async with connection.transaction():
                await voucher_stock.insert_cards(connection, cards)

    assert await database.fetch_value("SELECT count(*) FROM voucher_serial") == 6


async def test_a_draft_is_finished_only_when_complete(database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, CODES, batch_state=1)
    await database.execute("UPDATE voucher_batch SET stored = 5")

    async with database.read() as connection:
        assert not await voucher_stock.finish_draft(connection, batch_id, {})
        await database.execute("UPDATE voucher_batch SET stored = 6")
        assert await voucher_stock.finish_draft(connection, batch_id, {})


async def test_batches_are_listed_newest_first_in_pages(database: Database, keys: Keys) -> None:
    for place in range(3):
        await add_cards(database, keys, CODES[place * 2 : place * 2 + 2])

    first = await stock.list_batches(database, limit=2)
    rest = await stock.list_batches(database, limit=2, below_batch_id=first[-1].batch_id)

    assert [batch.batch_id for batch in first + rest] == [3, 2, 1]
    assert first[0].last_serial == "0003-00000002"
    assert await stock.read_batch(database, 4) is None


async def test_count_range_tells_what_moving_it_would_meet(database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, CODES)
    await database.execute("UPDATE voucher SET state = 5 WHERE number = 2")

    counts = await stock.count_range(database, batch_id, 2, 4)

    assert counts == dict.fromkeys(VoucherState, 0) | {
        VoucherState.ACTIVE: 2,
        VoucherState.VOID: 1,
    }


async def test_read_card_masks_who_redeemed_it(
    database: Database, keys: Keys, engine: Engine
) -> None:
    line_id = await add_line(engine, database, 60123456789)
    batch_id = await add_cards(database, keys, CODES)
    await database.execute(
        """
        UPDATE voucher SET state = 3, redeemed_line_id = $1, redeemed_at = $2 WHERE number = 1
        """,
        line_id,
        NOW,
    )

    card = await stock.read_card(database, (batch_id, 1), PLAN, NOW)

    assert card is not None
    assert (card.serial, card.state) == ("0001-00000001", VoucherState.REDEEMED)
    assert (card.redeemed_by, card.redeemed_at) == ("012-••• 6789", NOW)
    assert card.not_usable is NotUsable.REDEEMED


async def test_read_card_of_a_usable_or_unknown_card(database: Database, keys: Keys) -> None:
    batch_id = await add_cards(database, keys, CODES)

    card = await stock.read_card(database, (batch_id, 6), PLAN, NOW)

    assert card is not None
    assert (card.not_usable, card.redeemed_by, card.price_micros) == (None, None, 10_000_000)
    assert await stock.read_card(database, (batch_id, 7), PLAN, NOW) is None
    assert await stock.read_card(database, (99, 1), PLAN, NOW) is None


LATER = NOW + timedelta(seconds=1)
ACTIVE, RELEASED = VoucherState.ACTIVE, BatchState.RELEASED


@pytest.mark.parametrize(
    ("state", "batch_state", "redeem_before", "reason"),
    [
        (ACTIVE, RELEASED, None, None),
        (ACTIVE, RELEASED, LATER, None),
        (ACTIVE, RELEASED, NOW, NotUsable.EXPIRED),
        (VoucherState.GENERATED, RELEASED, None, NotUsable.NOT_ACTIVATED),
        (VoucherState.GENERATED, RELEASED, NOW, NotUsable.EXPIRED),
        (VoucherState.LOCKED, RELEASED, None, NotUsable.LOCKED),
        (VoucherState.VOID, BatchState.CLOSED, NOW, NotUsable.VOID),
        (VoucherState.REDEEMED, BatchState.VOID, NOW, NotUsable.REDEEMED),
        (ACTIVE, BatchState.DRAFT, None, NotUsable.BATCH_DRAFT),
        (ACTIVE, BatchState.GENERATED, None, NotUsable.BATCH_NOT_RELEASED),
        (ACTIVE, BatchState.CLOSED, None, NotUsable.BATCH_CLOSED),
        (ACTIVE, BatchState.LOCKED, None, NotUsable.BATCH_LOCKED),
        (ACTIVE, BatchState.VOID, None, NotUsable.BATCH_VOID),
    ],
)
def test_why_not_usable_gives_the_first_reason(
    state: VoucherState,
    batch_state: BatchState,
    redeem_before: datetime | None,
    reason: NotUsable | None,
) -> None:
    assert why_not_usable(state, batch_state, redeem_before, NOW) is reason


async def test_exposure_counts_what_would_redeem_now(database: Database, keys: Keys) -> None:
    await add_cards(database, keys, CODES[:2])
    await add_cards(database, keys, CODES[2:3], state=1)
    await add_cards(database, keys, CODES[3:4], batch_state=4)
    expired = await add_cards(database, keys, CODES[4:5])
    await database.execute(
        "UPDATE voucher_batch SET redeem_before = $2 WHERE batch_id = $1", expired, NOW
    )
    await database.execute("INSERT INTO number (msisdn, line_id) VALUES (60123456789, 1)")

    exposure = await stock.read_exposure(database, NOW)

    assert (exposure.live_vouchers, exposure.lines) == (2, 1)

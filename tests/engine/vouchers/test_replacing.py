"""A lost card is replaced by another: both in one transaction, linked both ways, never twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    CardRedeemed,
    ReasonMissing,
    Refusal,
    SubstituteUnfit,
    VoucherStateWrong,
    VoucherUnknown,
)
from tambah.domain.rules import Rules
from tambah.domain.voucher import VoucherState
from tambah.engine.keys import Keys
from tambah.engine.vouchers import SerialRange, change_batch, change_range, replace_card
from tambah.store.database import Database
from tambah.store.views.stock import CardView, read_card
from tests.engine.vouchers.making import NOW, STAFF, count_audit, make

LOST, GIVEN = (1, 1), (2, 3)
CLERK = Actor(who="siti", why="lost by the customer, receipt shown")


@pytest.fixture
async def stock(database: Database, keys: Keys, rules: Rules) -> Database:
    """Make two released batches of RM30; cards 1 to 5 of the first are sold."""
    for batch_id in (1, 2):
        await make(database, keys, rules, 10)
        await change_batch(database, batch_id, "release", STAFF, NOW)
    await change_range(database, SerialRange(batch_id=1, first=1, last=5), "activate", STAFF, NOW)
    return database


async def card(database: Database, rules: Rules, serial: tuple[int, int]) -> CardView:
    """Return a card."""
    found = await read_card(database, serial, rules.numbers, NOW)
    assert found is not None
    return found


async def test_the_lost_card_is_void_and_the_other_active_and_each_names_the_other(
    stock: Database, rules: Rules
) -> None:
    done = await replace_card(stock, LOST, GIVEN, CLERK, NOW)

    assert (done.lost, done.given) == ("0001-00000001", "0002-00000003")
    lost, given = await card(stock, rules, LOST), await card(stock, rules, GIVEN)
    assert (lost.state, lost.replaced_by, lost.replaces) == (
        VoucherState.VOID,
        "0002-00000003",
        None,
    )
    assert (given.state, given.replaced_by, given.replaces) == (
        VoucherState.ACTIVE,
        None,
        "0001-00000001",
    )
    assert (given.activated, given.not_usable) == (True, None)


async def test_both_cards_have_a_row_in_the_audit_trail(stock: Database) -> None:
    await replace_card(stock, LOST, GIVEN, CLERK, NOW)

    rows = await stock.fetch(
        """
        SELECT action, subject, who, why, after::text FROM audit
         WHERE who = 'siti' ORDER BY action DESC
        """
    )
    told = [(row["action"], row["subject"]) for row in rows]
    assert told == [
        ("replace_voucher", "voucher:0001-00000001..0001-00000001"),
        ("activate_substitute", "voucher:0002-00000003..0002-00000003"),
    ]
    assert "0002-00000003" in rows[0]["after"]
    assert "0001-00000001" in rows[1]["after"]
    assert {row["why"] for row in rows} == {CLERK.why}


async def test_a_locked_card_is_replaced_as_well(stock: Database, rules: Rules) -> None:
    await change_range(stock, SerialRange(batch_id=1, first=1, last=1), "lock", STAFF, NOW)

    await replace_card(stock, LOST, GIVEN, CLERK, NOW)

    assert (await card(stock, rules, LOST)).state is VoucherState.VOID


async def test_a_redeemed_card_is_not_replaced_and_it_is_said_when_it_was(
    stock: Database, rules: Rules
) -> None:
    await stock.execute(
        """
        UPDATE voucher SET state = 3, redeemed_line_id = 7, redeemed_at = $1
         WHERE batch_id = 1 AND number = 1
        """,
        NOW,
    )

    with pytest.raises(CardRedeemed) as refused:
        await replace_card(stock, LOST, GIVEN, CLERK, NOW)
    assert refused.value.params == {"used_at": NOW}
    assert (await card(stock, rules, GIVEN)).state is VoucherState.GENERATED
    assert await count_audit(stock, "replace_voucher") == 0


@pytest.mark.parametrize(
    ("lost", "given", "refusal"),
    [
        ((1, 6), GIVEN, VoucherStateWrong),  # never sold
        (LOST, (1, 2), SubstituteUnfit),  # sold
        (LOST, LOST, SubstituteUnfit),
        ((1, 99), GIVEN, VoucherUnknown),
        (LOST, (2, 99), VoucherUnknown),
        (LOST, (9, 1), BatchUnknown),
    ],
)
async def test_what_cannot_be_replaced_or_given_is_refused(
    stock: Database, lost: Any, given: Any, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await replace_card(stock, lost, given, CLERK, NOW)
    assert await stock.fetch_value("SELECT count(*) FROM voucher_replacement") == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE voucher_batch SET price_micros = 10000000 WHERE batch_id = 2",
        "UPDATE voucher_batch SET credit_micros = credit_micros - 1 WHERE batch_id = 2",
        "UPDATE voucher_batch SET bonus_micros = bonus_micros - 1 WHERE batch_id = 2",
        "UPDATE voucher_batch SET valid_days = valid_days - 1 WHERE batch_id = 2",
        "UPDATE voucher_batch SET state = 2 WHERE batch_id = 2",
        "UPDATE voucher_batch SET redeem_before = '2026-03-01T04:00:00Z' WHERE batch_id = 2",
        "UPDATE voucher SET state = 4 WHERE batch_id = 2 AND number = 3",
        "UPDATE voucher SET state = 5 WHERE batch_id = 2 AND number = 3",
    ],
)
async def test_a_substitute_promises_no_less_and_redeems(stock: Database, change: Any) -> None:
    await stock.execute(change)

    with pytest.raises(SubstituteUnfit):
        await replace_card(stock, LOST, GIVEN, CLERK, NOW)


@pytest.mark.parametrize(("state", "named"), [(2, "generated"), (4, "closed"), (5, "locked")])
async def test_a_card_whose_batch_does_not_redeem_is_not_replaced(
    stock: Database, state: int, named: str
) -> None:
    await stock.execute("UPDATE voucher_batch SET state = $1 WHERE batch_id = 1", state)

    with pytest.raises(BatchStateWrong) as refused:
        await replace_card(stock, LOST, GIVEN, CLERK, NOW)
    assert refused.value.params == {"state": named}


async def test_a_card_that_has_expired_is_not_replaced(stock: Database) -> None:
    await stock.execute("UPDATE voucher_batch SET redeem_before = $1 WHERE batch_id = 1", NOW)

    with pytest.raises(VoucherStateWrong) as refused:
        await replace_card(stock, LOST, GIVEN, CLERK, NOW)
    assert refused.value.params == {"state": "expired"}
    await replace_card(stock, LOST, GIVEN, CLERK, NOW - timedelta(microseconds=1))


async def test_two_clerks_at_once_give_one_card_for_one_card(stock: Database) -> None:
    answers = await asyncio.gather(
        replace_card(stock, LOST, GIVEN, CLERK, NOW),
        replace_card(stock, LOST, (2, 4), CLERK, NOW),
        replace_card(stock, (1, 2), GIVEN, CLERK, NOW),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {type(one) for one in refused} <= {SubstituteUnfit, VoucherStateWrong}
    active = await stock.fetch_value("SELECT count(*) FROM voucher WHERE state = 2")
    assert (active, 1 <= len(refused) <= 2) == (5, True)


async def test_a_replacement_needs_a_reason(stock: Database) -> None:
    with pytest.raises(ReasonMissing):
        await replace_card(stock, LOST, GIVEN, Actor(who="siti", why=" "), NOW)

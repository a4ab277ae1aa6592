"""Selling cards and reloads through a tree of dealers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain import refusals as no
from tambah.domain.commands import RedeemVoucher, ReverseTopUp, TopUp
from tambah.domain.dealer_commands import CardSold, MoveFloat, PayCommission, SaleUndone
from tambah.domain.guessing import Audience
from tambah.domain.refusals import Refusal
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tests.engine.books import RM, add_cards, add_line
from tests.engine.test_engine import code

from .tree import STAFF, Tree, commissions, float_of, fund, plant, sell, undo

ALICE = 60123456789
NEW, MARGIN, TRANSFER = 1, 1, 2
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()


@pytest.fixture
async def tree(database: Database, engine: Engine) -> Tree:
    """Plant a tree whose shop has RM100 of float."""
    tree = await plant(database)
    await fund(engine, tree.shop, 100)
    return tree


@pytest.fixture
async def batch_id(database: Database, keys: Keys) -> int:
    """Add twelve cards of RM10 that were not sold yet."""
    return await add_cards(database, keys, [code(n) for n in range(1, 13)], state=NEW)


def reload(partner_id: int, key: str, ringgit: int = 10, msisdn: int = ALICE) -> TopUp:
    """Reload a line; the reference is the key."""
    return TopUp(
        caller=f"partner:{partner_id}",
        request_key=key,
        msisdn=msisdn,
        partner_id=partner_id,
        amount_micros=ringgit * RM,
        reference=key,
    )


def redeem(digits: str, key: str) -> RedeemVoucher:
    """Turn a code into credit."""
    return RedeemVoucher(
        caller="web", request_key=key, msisdn=ALICE, digits=digits, audience=Audience.GUEST
    )


async def refused(engine: Engine, command: object) -> Refusal:
    """Return the refusal that a command meets."""
    with pytest.raises(Refusal) as caught:
        await engine.submit(command)  # type: ignore[call-overload]
    return caught.value


async def test_a_card_is_worth_something_once_it_is_sold(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    await add_line(engine, database, ALICE)
    with pytest.raises(no.CodeNotUsable):
        await engine.submit(redeem(code(1), "too soon"))

    sold = await engine.submit(sell(tree.shop, batch_id, 1, "slip 1"))

    assert (sold.price_micros, sold.commission_micros) == (10 * RM, 300_000)
    assert sold.float_micros == await float_of(database, tree.shop) == 90_300_000
    # The shop's 3 % is its margin; the dealer's 2 % and the distributor's 1 % are owed.
    assert await commissions(database) == [
        (tree.distributor, 100_000, TRANSFER, False),
        (tree.dealer, 200_000, TRANSFER, False),
        (tree.shop, 300_000, MARGIN, True),
    ]
    credited = await engine.submit(redeem(code(1), "now"))
    assert credited.credited_micros == 10 * RM
    assert (await verify(database)).findings == ()


async def test_a_till_sells_on_its_shops_float_and_the_shop_keeps_its_margin(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    line_id = await add_line(engine, database, ALICE)

    await engine.submit(sell(tree.till, batch_id, 1, "slip 1"))
    await engine.submit(reload(tree.till, "slip 2"))

    assert await float_of(database, tree.till) == 0
    assert await float_of(database, tree.shop) == 80_600_000
    sold = await database.fetch(
        "SELECT partner_id, sold_micros FROM partner WHERE sold_micros > 0"
    )
    assert {tuple(row) for row in sold} == {(tree.till, 20 * RM), (tree.shop, 20 * RM)}
    sales = await database.fetch(
        "SELECT partner_id, payer_id, kind, reference, line_id FROM dealer_sale ORDER BY at"
    )
    assert [tuple(row) for row in sales] == [
        (tree.till, tree.shop, 1, "slip 1", None),
        (tree.till, tree.shop, 2, "slip 2", line_id),
    ]
    assert (await verify(database)).findings == ()


async def test_the_float_need_only_cover_what_is_left_after_the_margin(
    engine: Engine, database: Database, batch_id: int
) -> None:
    tree = await plant(database)
    await fund(engine, tree.shop, 29)
    for number in range(1, 3):
        await engine.submit(sell(tree.shop, batch_id, number, f"slip {number}"))

    # RM9.60 is left, and a card costs RM9.70.
    assert isinstance(
        await refused(engine, sell(tree.shop, batch_id, 3, "slip 3")), no.FloatTooLow
    )
    await fund(engine, tree.shop, 1)
    await engine.submit(sell(tree.shop, batch_id, 3, "slip 3"))
    assert await float_of(database, tree.shop) == 900_000


async def test_refusals_tell_what_became_of_the_card(
    engine: Engine, database: Database, keys: Keys, tree: Tree, batch_id: int
) -> None:
    sold = await engine.submit(sell(tree.shop, batch_id, 1, "slip 1"))

    again = await refused(engine, sell(tree.shop, batch_id, 1, "slip 2"))
    assert isinstance(again, no.CardSoldByYou)
    assert again.params == {"sold_at": sold.at}
    elsewhere = await refused(engine, sell(tree.till, batch_id, 1, "slip 3"))
    assert isinstance(elsewhere, no.CardSold)
    unknown = await refused(engine, sell(tree.shop, batch_id, 99, "slip 4"))
    assert isinstance(unknown, no.VoucherUnknown)
    reused = await refused(engine, sell(tree.shop, batch_id, 2, "slip 1"))
    assert isinstance(reused, no.IdempotencyKeyReused)
    other = sell(tree.shop, batch_id, 2, "slip 1")
    reference = await refused(engine, type(other)(**{**_fields(other), "request_key": "another"}))
    assert isinstance(reference, no.ReferenceUsed)
    # A repeat of the same request gets the same answer.
    assert await engine.submit(sell(tree.shop, batch_id, 1, "slip 1")) == sold
    unreleased = await add_cards(database, keys, [code(50)], state=NEW, batch_state=2)
    assert isinstance(
        await refused(engine, sell(tree.shop, unreleased, 1, "slip 5")), no.BatchNotReleased
    )
    locked = await add_cards(database, keys, [code(51)], state=4)
    assert isinstance(
        await refused(engine, sell(tree.shop, locked, 1, "slip 6")), no.CardNotForSale
    )


def _fields(command: object) -> dict[str, object]:
    return {name: getattr(command, name) for name in command.__dataclass_fields__}  # type: ignore[attr-defined]


async def test_an_undone_card_is_for_sale_again(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    await engine.submit(sell(tree.till, batch_id, 1, "slip 1"))

    undone = await engine.submit(undo(tree.till, "slip 1"))

    assert undone.float_micros == await float_of(database, tree.shop) == 100 * RM
    state = await database.fetch_value(
        "SELECT state FROM voucher WHERE batch_id = $1 AND number = 1", batch_id
    )
    assert state == NEW
    assert await database.fetch_value("SELECT max(sold_micros) FROM partner") == 0
    owed = await database.fetch_value("SELECT sum(amount_micros)::bigint FROM commission")
    assert owed == 0
    assert isinstance(await refused(engine, undo(tree.till, "slip 1", "again")), no.SaleUndone)
    sold = await engine.submit(sell(tree.shop, batch_id, 1, "slip 2"))
    assert sold.number == 1
    assert (await verify(database)).findings == ()


async def test_a_used_card_and_a_spent_reload_stay_sold(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    await add_line(engine, database, ALICE)
    await engine.submit(sell(tree.shop, batch_id, 1, "slip 1"))
    await engine.submit(redeem(code(1), "used"))

    assert isinstance(await refused(engine, undo(tree.shop, "slip 1")), no.SaleSpent)
    assert isinstance(await refused(engine, undo(tree.till, "slip 1")), no.SaleUnknown)


async def test_a_reload_is_undone_whole(engine: Engine, database: Database, tree: Tree) -> None:
    line_id = await add_line(engine, database, ALICE)
    await engine.submit(reload(tree.till, "slip 1", 30))

    undone = await engine.submit(undo(tree.till, "slip 1"))

    assert undone.msisdn == ALICE
    assert await float_of(database, tree.shop) == 100 * RM
    assert (
        await database.fetch_value(
            "SELECT sum(remaining_micros)::bigint FROM bucket WHERE owner_id = $1", line_id
        )
        == 0
    )
    assert (await verify(database)).findings == ()


async def test_staff_reverse_a_dealers_reload_to_the_float_that_paid(
    engine: Engine, database: Database, tree: Tree
) -> None:
    await add_line(engine, database, ALICE)
    await engine.submit(reload(tree.till, "slip 1"))

    await engine.submit(
        ReverseTopUp(caller="cli", request_key="r", msisdn=ALICE, topup_no=1, actor=STAFF)
    )

    assert await float_of(database, tree.shop) == 100 * RM
    assert await float_of(database, tree.till) == 0
    undone = await database.fetch_value("SELECT undone_at FROM dealer_sale")
    assert undone is not None
    assert (await verify(database)).findings == ()


async def test_a_sale_and_its_undoing_may_meet_in_one_batch(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    await add_line(engine, database, ALICE)
    futures = [
        engine.enqueue(sell(tree.till, batch_id, 1, "slip 1")),
        engine.enqueue(reload(tree.till, "slip 2")),
        engine.enqueue(undo(tree.till, "slip 1")),
        engine.enqueue(undo(tree.till, "slip 2")),
    ]

    answers = await asyncio.gather(*futures)

    assert isinstance(answers[0], CardSold)
    assert isinstance(answers[2], SaleUndone)
    assert isinstance(answers[3], SaleUndone)
    assert await float_of(database, tree.shop) == 100 * RM
    assert (await verify(database)).findings == ()


async def test_commission_is_paid_once_in_one_transfer(
    engine: Engine, database: Database, tree: Tree, batch_id: int
) -> None:
    for number in (1, 2, 3):
        await engine.submit(sell(tree.shop, batch_id, number, f"slip {number}"))
    await engine.submit(undo(tree.shop, "slip 2"))

    def pay(key: str) -> PayCommission:
        return PayCommission(
            caller="cli",
            request_key=key,
            partner_id=tree.dealer,
            until=TOMORROW,
            actor=STAFF,
        )

    paid = await engine.submit(pay("run"))

    assert paid.amount_micros == paid.float_micros == 400_000
    assert isinstance(await refused(engine, pay("another run")), no.NothingDue)
    assert await engine.submit(pay("run")) == paid
    # An undone sale that was paid already is taken off the next run.
    await engine.submit(undo(tree.shop, "slip 1"))
    assert isinstance(await refused(engine, pay("third run")), no.NothingDue)
    verdict = await verify(database)
    assert (verdict.findings, verdict.proved.sales) == ((), 3)


async def test_float_goes_to_a_child_and_back_and_nowhere_else(
    engine: Engine, database: Database, tree: Tree
) -> None:
    await fund(engine, tree.dealer, 50)

    def move(partner_id: int, to_partner_id: int, ringgit: int, key: str) -> MoveFloat:
        return MoveFloat(
            caller="cli",
            request_key=key,
            partner_id=partner_id,
            to_partner_id=to_partner_id,
            amount_micros=ringgit * RM,
        )

    moved = await engine.submit(move(tree.dealer, tree.shop, 20, "down"))
    assert moved.float_micros == 30 * RM
    await engine.submit(move(tree.shop, tree.dealer, 5, "up"))
    assert await float_of(database, tree.shop) == 115 * RM
    too_much = await refused(engine, move(tree.dealer, tree.shop, 36, "much"))
    assert isinstance(too_much, no.FloatTooLow)
    stranger = await refused(engine, move(tree.distributor, tree.shop, 1, "far"))
    assert isinstance(stranger, no.DealerNotRelated)
    assert (await verify(database)).findings == ()


async def test_a_hundred_tills_on_one_float_lose_and_double_nothing(
    engine: Engine, database: Database, keys: Keys
) -> None:
    """A float that pays for sixty cards pays for sixty, whoever asks and however often."""
    tree = await plant(database)
    await fund(engine, tree.shop, 582)
    tills = [tree.till]
    from tambah.domain.dealer import DealerKind

    from .tree import add

    tills += [
        await add(database, DealerKind.TERMINAL, tree.shop, 0, draws=True, name=f"Till {n}")
        for n in range(99)
    ]
    batch_id = await add_cards(database, keys, [code(n) for n in range(1, 101)], state=NEW)

    async def ask(place: int) -> object:
        command = sell(tills[place], batch_id, place + 1, f"slip {place}")
        first, again = await asyncio.gather(
            engine.submit(command), engine.submit(command), return_exceptions=True
        )
        assert first == again or isinstance(first, no.FloatTooLow)
        return again

    answers = await asyncio.gather(*(ask(place) for place in range(100)))

    sold = [answer for answer in answers if isinstance(answer, CardSold)]
    assert len(sold) == 60
    assert await float_of(database, tree.shop) == 0
    assert await database.fetch_value("SELECT count(*) FROM voucher WHERE state = 2") == 60
    assert await database.fetch_value("SELECT count(*) FROM dealer_sale") == 60
    assert (await verify(database)).findings == ()

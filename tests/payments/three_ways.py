"""A small operator of whom money comes in at every door, and hands that plant faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import asyncpg

from tambah.domain.actor import Actor
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.commands import AdjustCredit, FundPartner, RedeemVoucher, ReverseTopUp, TopUp
from tambah.domain.dealer import DealerKind
from tambah.domain.dealer_commands import SellCard, UndoSale
from tambah.domain.finance.three_way import ThreeWay
from tambah.domain.guessing import Audience
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId
from tambah.engine.dealers import NewDealer, add_dealer
from tambah.engine.vouchers.moving import SerialRange, change_range
from tambah.payments.names import read_payment_id
from tambah.payments.provider import Provider
from tambah.payments.reconcile import Question
from tambah.payments.three_ways import reconcile_books
from tests.engine.books import add_cards, add_partner
from tests.payments.test_reconcile import NUMBERS, RM, STRIPE, World
from tests.portal.conftest import code

STAFF = Actor(who="cli:anna", why="sold to a shop")
CODES = [code(600_000_000_000_000 + number * 7_919) for number in range(60)]


class Trade:
    """Cards of a batch (RM10 each), a partner that reloads, payments of `world`."""

    def __init__(self, world: World, owner_dsn: str) -> None:
        self.world = world
        self.owner_dsn = owner_dsn
        self.batch_id = 0
        self.partner_id = 0
        self.used = 0
        self.count = 0

    async def open(self) -> None:
        """Print sixty cards that are not sold, and fund a partner."""
        world = self.world
        self.batch_id = await add_cards(world.database, world.keys, CODES, state=1)
        await self.by_hand(
            "UPDATE voucher_batch SET born_active = false, created_at = $1", world.clock.now()
        )
        self.partner_id = await add_partner(world.database, 500 * RM)
        shop = NewDealer(kind=DealerKind.SHOP, partner_id=self.partner_id)
        await add_dealer(world.database, shop, STAFF)
        await world.engine.submit(
            FundPartner(
                caller="cli",
                request_key="fund",
                partner_id=self.partner_id,
                amount_micros=500 * RM,
                reference="cheque 1",
                actor=STAFF,
            )
        )

    async def sell(self, first: int, last: int) -> None:
        """Activate cards by range, as when they are invoiced."""
        world = self.world
        cards = SerialRange(batch_id=self.batch_id, first=first, last=last)
        await change_range(world.database, cards, "activate", STAFF, world.clock.now())

    async def void(self, first: int, last: int) -> None:
        """Void cards by range."""
        world = self.world
        cards = SerialRange(batch_id=self.batch_id, first=first, last=last)
        await change_range(world.database, cards, "void", STAFF, world.clock.now())

    async def reverse(self, number: int) -> None:
        """Take back what a card gave: the first top-up of the line that it was spent on."""
        await self.world.engine.submit(
            ReverseTopUp(
                caller="cli",
                request_key=f"reverse {number}",
                msisdn=NUMBERS[number % len(NUMBERS)],
                topup_no=1,
                actor=STAFF,
            )
        )

    async def move(self, number: int) -> None:
        """Move what a card gave, the first top-up of its line, to the next line."""
        await self.world.engine.submit(
            MoveTopUp(
                caller="cli",
                request_key=f"move {number}",
                msisdn=NUMBERS[number % len(NUMBERS)],
                topup_no=1,
                to_msisdn=NUMBERS[(number + 1) % len(NUMBERS)],
                actor=STAFF,
            )
        )

    async def redeem(self, number: int) -> None:
        """Redeem a card by its number in the batch."""
        world = self.world
        await world.engine.submit(
            RedeemVoucher(
                caller="web",
                request_key=f"card {number}",
                msisdn=NUMBERS[number % len(NUMBERS)],
                digits=CODES[number - 1],
                audience=Audience.GUEST,
                source=b"",
            )
        )

    async def reload(self, ringgit: int = 10) -> None:
        """Have the partner top somebody up."""
        self.count += 1
        await self.world.engine.submit(
            TopUp(
                caller="partner",
                request_key=f"till {self.count}",
                partner_id=self.partner_id,
                msisdn=NUMBERS[0],
                amount_micros=ringgit * RM,
                reference=f"till {self.count}",
            )
        )

    async def credit_by_hand(self, ringgit: int) -> None:
        """Give somebody credit without a sale."""
        await self.world.engine.submit(
            AdjustCredit(
                caller="cli",
                request_key=f"hand {ringgit}",
                msisdn=NUMBERS[3],
                amount_micros=ringgit * RM,
                actor=Actor(who="cli:anna", why="promised on the telephone"),
            )
        )

    async def steal(self, number: int) -> None:
        """Make a card usable that nobody sold, in the database."""
        await self.by_hand(
            "UPDATE voucher SET state = 2, activated = true WHERE number = $1", number
        )

    async def sell_by_dealer(self, number: int) -> str:
        """Have the dealer sell a card; return the sale's reference."""
        self.count += 1
        reference = f"sale {self.count}"
        await self.world.engine.submit(
            SellCard(
                caller="dealer",
                request_key=reference,
                partner_id=self.partner_id,
                batch_id=self.batch_id,
                number=number,
                reference=reference,
            )
        )
        return reference

    async def undo_sale(self, reference: str) -> None:
        """Have the dealer take its sale back."""
        await self.world.engine.submit(
            UndoSale(
                caller="dealer",
                request_key=f"undo {reference}",
                partner_id=self.partner_id,
                reference=reference,
            )
        )

    async def make_up_sale(self, number: int, ringgit: int, seq: int) -> None:
        """Write a sale of a card that never was into the database."""
        at: datetime = self.world.clock.now()
        await self.by_hand(
            """
            INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, request)
            VALUES ($1, $2, $3, 22, 3, 10, $4, '')
            """,
            self.partner_id,
            seq,
            at,
            ringgit * RM,
        )
        await self.by_hand(
            """
            INSERT INTO dealer_sale (partner_id, payer_id, payer_seq, at, kind, price_micros,
                                     batch_id, number)
            VALUES ($1, $1, $2, $3, 1, $4, $5, $6)
            """,
            self.partner_id,
            seq,
            at,
            ringgit * RM,
            self.batch_id,
            number,
        )

    async def by_hand(self, statement: str, *values: object) -> None:
        """Do something as the database's owner."""
        owner: Any = await asyncpg.connect(self.owner_dsn)
        await owner.execute(statement, *values)
        await owner.close()

    async def reconcile(
        self, first: date, last: date | None = None, *, configured: bool = True
    ) -> ThreeWay:
        """Put the three sides of some days beside each other."""
        world = self.world
        fake = cast(Provider, world.provider)
        return await reconcile_books(
            world.database,
            Question(
                span=Span(first=first, last=last or first),
                providers={STRIPE: fake} if configured else {},
                wanted=tuple(ProviderId),
                today=world.today,
                validity=world.rules.validity,
                read_id=lambda name: read_payment_id(world.keys, name),
            ),
        )


async def a_day(trade: Trade, day: date) -> None:
    """Let a day pass at every door; ten cards are sold and four of them used."""
    world = trade.world
    world.travel_to(day)
    first = trade.used + 1
    trade.used += 10
    await trade.sell(first, first + 9)
    world.travel_to(day, minutes=13 * 60)
    for number in range(first, first + 4):
        await trade.redeem(number)
    for amount in (5, 10, 30):
        await trade.reload(amount)
        await world.pay(amount=amount * RM)
    await world.refund(3 * RM)
    world.travel_to(day, minutes=24 * 60 + 3)
    late = await world.pay()
    world.provider.records[-1] = replace(late, day=day)


A_DAY = timedelta(days=1)

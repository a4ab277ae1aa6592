"""A small history that uses every kind of transfer, run through the real engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from tambah.domain.actor import Actor
from tambah.domain.commands import (
    AdjustCredit,
    AgeLine,
    BarLine,
    FundPartner,
    RedeemVoucher,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.guessing import Audience
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tests.engine.books import RM, add_cards, add_line, add_partner

ALICE, BOB, CAROL, DAVE = (60120000001 + n for n in range(4))
STAFF = Actor(who="aisyah", why="test")


@dataclass(frozen=True)
class Owners:
    """The owners of the history, by id."""

    alice: int
    bob: int
    carol: int
    dave: int
    shop: int


def code(number: int) -> str:
    """Return the number-th well-formed code."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


class Counter:
    """Keyed commands, each under a key of its own."""

    def __init__(self, engine: Engine, shop: int, start: int = 0) -> None:
        self.engine = engine
        self.shop = shop
        self.number = start

    def key(self) -> dict[str, Any]:
        """Return the next caller and key."""
        self.number += 1
        return {"caller": "test", "request_key": f"key {self.number}"}

    async def redeem(self, msisdn: int, number: int) -> None:
        """Redeem the number-th card."""
        await self.engine.submit(
            RedeemVoucher(**self.key(), msisdn=msisdn, digits=code(number), audience=Audience.OWN)
        )

    async def top_up(self, msisdn: int, ringgit: int) -> None:
        """Sell a reload through the shop."""
        key = self.key()
        await self.engine.submit(
            TopUp(
                **key,
                msisdn=msisdn,
                partner_id=self.shop,
                amount_micros=ringgit * RM,
                reference=f"till {self.number}",
            )
        )

    async def reverse(self, msisdn: int, topup_no: int) -> None:
        """Take a top-up back."""
        await self.engine.submit(
            ReverseTopUp(**self.key(), msisdn=msisdn, topup_no=topup_no, actor=STAFF)
        )

    async def adjust(self, msisdn: int, amount_micros: int) -> None:
        """Put credit right by hand."""
        await self.engine.submit(
            AdjustCredit(**self.key(), msisdn=msisdn, amount_micros=amount_micros, actor=STAFF)
        )

    async def fund(self, ringgit: int) -> None:
        """Add to the shop's float."""
        await self.engine.submit(
            FundPartner(
                **self.key(),
                partner_id=self.shop,
                amount_micros=ringgit * RM,
                reference="bank",
                actor=STAFF,
            )
        )

    async def bar(self, msisdn: int, *, barred: bool) -> None:
        """Bar a line or lift it."""
        await self.engine.submit(BarLine(**self.key(), msisdn=msisdn, barred=barred, actor=STAFF))


async def open_books(engine: Engine, database: Database, keys: Keys) -> Owners:
    """Bring four lines and a shop along, and a batch of cards with tax and bonus."""
    alice = await add_line(engine, database, ALICE, opening_micros=7 * RM)
    bob = await add_line(engine, database, BOB)
    carol = await add_line(engine, database, CAROL)
    dave = await add_line(engine, database, DAVE, opening_micros=3 * RM)
    shop = await add_partner(database, credit_limit_micros=100 * RM)
    await add_cards(database, keys, [code(n) for n in range(1, 21)])
    await database.execute(
        """
        UPDATE voucher_batch
           SET tax_micros = 600000, credit_micros = 9400000, bonus_micros = 1000000,
               bonus_days = 30
        """
    )
    return Owners(alice, bob, carol, dave, shop)


async def first_part(counter: Counter) -> None:
    """Use the cards and the float, adjust, reverse."""
    await counter.fund(200)
    await counter.redeem(ALICE, 1)
    await counter.top_up(ALICE, 10)
    await counter.top_up(ALICE, 30)
    await counter.redeem(BOB, 2)
    await counter.top_up(BOB, 30)
    await counter.top_up(CAROL, 50)
    await counter.adjust(BOB, -5 * RM)
    await counter.adjust(BOB, 2 * RM)
    await counter.redeem(BOB, 3)
    await counter.reverse(BOB, 1)
    await counter.reverse(BOB, 2)
    await counter.top_up(CAROL, 10)
    await counter.adjust(CAROL, -57 * RM)
    await counter.reverse(CAROL, 2)
    await counter.bar(CAROL, barred=True)
    await counter.bar(CAROL, barred=False)


async def second_part(counter: Counter, clock: Clock) -> None:
    """Let dave's line and the bonuses lapse, and sell on."""
    clock.offset += timedelta(days=45)
    await counter.engine.submit(AgeLine(msisdn=DAVE))
    await counter.engine.submit(AgeLine(msisdn=ALICE))
    clock.offset += timedelta(days=20)
    await counter.engine.submit(AgeLine(msisdn=DAVE))
    await counter.redeem(ALICE, 4)
    await counter.top_up(ALICE, 10)
    await counter.top_up(BOB, 30)
    await counter.fund(20)
    await counter.adjust(ALICE, RM)


async def tamper(dsn: str, *statements: str) -> None:
    """Change the books behind the product's back, as the database's owner."""
    owner: Any = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            done: str = await owner.execute(statement)
            assert not done.endswith(" 0"), f"changed nothing: {statement}"
    finally:
        await owner.close()

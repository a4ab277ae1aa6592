"""Reconciling on a real PostgreSQL: payments that the engine booked, a provider made up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, cast

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import (
    AdjustCredit,
    NewsKind,
    OpenPayment,
    PaymentNews,
    PaymentStands,
    RefundPayment,
)
from tambah.domain.differences import Difference, DifferenceKind
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.payments.names import payment_id, read_payment_id
from tambah.payments.provider import Provider, ProviderSilent, Settled, SettledKind
from tambah.payments.reconcile import Question, Reconciled, Side, reconcile
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import add_line

RM = 1_000_000
SEN = 10_000
DAY = timedelta(days=1)
STRIPE, BANK = ProviderId.STRIPE, ProviderId.BANK
NUMBERS = [60120000000 + n for n in range(40)]


@dataclass
class FakeProvider:
    """A provider that has records and nothing else. silent_from: it shows no day from then on."""

    records: list[Settled] = field(default_factory=list)
    silent_from: date | None = None
    asked: list[tuple[date, date]] = field(default_factory=list)

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        self.asked.append((first, last))
        if self.silent_from is not None and last >= self.silent_from:
            raise ProviderSilent
        for record in self.records:
            if first <= record.day <= last:
                yield record


class World:
    """An engine whose clock is moved by hand, and what a provider says of the same payments."""

    def __init__(self, engine: Engine, database: Database, rules: Rules, keys: Keys) -> None:
        self.engine = engine
        self.database = database
        self.rules = rules
        self.keys = keys
        self.clock = Clock()
        self.provider = FakeProvider()
        self.count = 0
        self.lines: list[int] = []

    @property
    def today(self) -> date:
        """Return the real present day, which every day here lies before."""
        return self.rules.validity.local_day(Clock().now())

    def travel_to(self, day: date, *, minutes: int = 12 * 60) -> None:
        """Set the clock to so many minutes after a local midnight."""
        midnight = self.rules.validity.start_of(day)
        self.clock.offset = midnight + timedelta(minutes=minutes) - Clock().now()

    @property
    def day(self) -> date:
        """Return the local day that it is here."""
        return self.rules.validity.local_day(self.clock.now())

    async def open(self, provider: ProviderId = STRIPE, amount: int = 10 * RM) -> PaymentStands:
        """Open a payment of one line after the other."""
        self.count += 1
        return await self.engine.submit(
            OpenPayment(
                caller="web",
                request_key=f"pay {self.count}",
                msisdn=NUMBERS[self.count % len(NUMBERS)],
                amount_micros=amount,
                provider=provider,
                method="card",
            )
        )

    async def tell(self, stands: PaymentStands, kind: NewsKind, **news: Any) -> PaymentStands:
        """Bring news of a payment."""
        return await self.engine.submit(
            PaymentNews(line_id=stands.line_id, payment_no=stands.payment_no, kind=kind, **news)
        )

    async def pay(self, provider: ProviderId = STRIPE, amount: int = 10 * RM) -> Settled:
        """Open a payment and have it paid; return the provider's record, which it has then."""
        stands = await self.open(provider, amount)
        name = f"pi_{self.count}"
        await self.tell(stands, NewsKind.PAID, amount_micros=amount, provider_ref=name)
        return self.settle(stands, amount, name)

    def settle(self, stands: PaymentStands, amount: int, name: str) -> Settled:
        """Have the provider settle a payment today; every other one it names as we named it."""
        ours = payment_id(self.keys, stands.line_id, stands.payment_no)
        record = Settled(
            record_id=f"txn_{name}",
            day=self.day,
            kind=SettledKind.PAYMENT,
            gross_micros=amount,
            provider_ref=name if self.count % 2 else None,
            payment_id=None if self.count % 2 else ours,
        )
        self.provider.records.append(record)
        return record

    async def refund(self, amount: int, *, is_told: bool = True) -> Settled:
        """Pay and send a part back; the provider has a record of both."""
        await self.pay()
        stands = await self.stands()
        name = f"re_{self.count}"
        if is_told:
            opened = await self.engine.submit(
                RefundPayment(
                    caller="cli",
                    request_key=name,
                    line_id=stands[0],
                    payment_no=stands[1],
                    amount_micros=amount,
                    actor=Actor(who="anna", why="asked for it"),
                )
            )
            await self.tell(
                opened,
                NewsKind.REFUNDED,
                amount_micros=amount,
                refund_no=opened.refund_no,
                refund_ref=name,
            )
        record = Settled(
            record_id=f"txn_{name}",
            day=self.day,
            kind=SettledKind.REFUND,
            gross_micros=-amount,
            refund_ref=name,
            payment_id=payment_id(self.keys, *stands),
        )
        self.provider.records.append(record)
        return record

    async def stands(self) -> tuple[int, int]:
        """Return line and number of the latest payment."""
        row = await self.database.fetch_row(
            "SELECT line_id, payment_no FROM payment ORDER BY created_at DESC, line_id LIMIT 1"
        )
        assert row is not None
        return row[0], row[1]

    async def reconcile(
        self,
        first: date,
        last: date,
        *,
        wanted: Sequence[ProviderId] = tuple(ProviderId),
        configured: ProviderId | None = STRIPE,
    ) -> Reconciled:
        """Reconcile days, with the fake in the place of a provider."""
        fake = cast(Provider, self.provider)
        return await reconcile(
            self.database,
            Question(
                span=Span(first=first, last=last),
                providers={configured: fake} if configured else {},
                wanted=tuple(wanted),
                today=self.today,
                validity=self.rules.validity,
                read_id=lambda name: read_payment_id(self.keys, name),
                by_hand=len(wanted) > 1,
            ),
        )


@pytest.fixture
async def world(database: Database, rules: Rules, keys: Keys) -> AsyncIterator[World]:
    """Run an engine with forty lines, a month and a half ago."""
    engine = Engine(database, rules=rules, keys=keys, clock=Clock())
    world = World(engine, database, rules, keys)
    engine = Engine(database, rules=rules, keys=keys, clock=world.clock)
    world.engine = engine
    world.travel_to(world.today - 45 * DAY)
    await engine.start()
    for number in NUMBERS:
        world.lines.append(await add_line(engine, database, number))
    yield world
    await engine.stop()


def in_short(found: Reconciled) -> list[tuple[object, ...]]:
    """Return what matters of each difference."""
    return [
        (d.day, d.kind.value, d.ledger_micros, d.provider_micros, d.count)
        for d in found.differences
    ]


async def test_a_month_with_seven_planted_faults_shows_these_and_nothing_else(
    world: World,
) -> None:
    first = world.today - 34 * DAY
    days = [first + n * DAY for n in range(30)]
    for n, day in enumerate(days):
        world.travel_to(day)
        for amount in (5, 10, 30, 50, 12, 10, 10, 30):
            await world.pay(amount=amount * RM)
        await world.refund(3 * RM)
        if n % 5 == 0:
            stands = await world.open()
            await world.tell(stands, NewsKind.FAILED, reason="declined")
        # Heard of just after midnight, settled before: the same payment all the same.
        world.travel_to(day + DAY, minutes=3)
        late = await world.pay()
        world.provider.records[-1] = replace(late, day=day)
    last = days[-1]
    assert (await world.reconcile(first, last)).is_clean()

    records = world.provider.records
    # 1: the webhook is late.
    world.travel_to(days[29], minutes=20 * 60)
    unheard = await world.open(amount=30 * RM)
    await world.tell(unheard, NewsKind.BEGUN, provider_ref="pi_unheard", pay_url="https://pay")
    world.settle(unheard, 30 * RM, "pi_unheard")
    # 2: a settlement file was loaded twice.
    doubled = [record for record in records if record.day == days[4]]
    records += doubled
    # 3: a refund at the provider's desk.
    await world.refund(2 * RM, is_told=False)
    # 4: a sen.
    place = next(n for n, r in enumerate(records) if r.day == days[12])
    records[place] = replace(records[place], gross_micros=records[place].gross_micros + SEN)
    # 5: a day is missing.
    gone = [record for record in records if record.day == days[16]]
    world.provider.records = [record for record in records if record.day != days[16]]
    # 6: a credit by hand.
    await world.engine.submit(
        AdjustCredit(
            caller="cli",
            request_key="by hand",
            msisdn=NUMBERS[3],
            amount_micros=30 * RM,
            actor=Actor(who="cli:anna", why="promised on the telephone"),
        )
    )
    # 7: the provider keeps a fee.
    place = next(n for n, r in enumerate(world.provider.records) if r.day == days[20])
    with_fee = replace(world.provider.records[place], fee_micros=RM)
    world.provider.records[place] = with_fee

    found = await world.reconcile(first, last)

    missing = sum(record.gross_micros for record in gone)
    twice = sum(record.gross_micros for record in doubled)
    rounded = 5 * RM
    assert in_short(found) == [
        (days[4], "double", 0, twice, len(doubled)),
        (days[12], "amount_differs", rounded, rounded + SEN, 1),
        (days[16], "day_missing", missing, 0, len(gone)),
        (days[20], "fee", 0, RM, 1),
        (days[29], "manual_credit", 30 * RM, 0, 1),
        (days[29], "missing_in_ledger", 0, 30 * RM, 1),
        (days[29], "refund_missing_in_ledger", 0, -2 * RM, 1),
    ]
    by_kind = {difference.kind: difference for difference in found.differences}
    by_hand = by_kind[DifferenceKind.MANUAL_CREDIT]
    assert by_hand.note == "line_main: cli:anna: promised on the telephone"
    assert by_hand.line_id == world.lines[3]
    assert by_kind[DifferenceKind.MISSING_IN_LEDGER].reference == unheard.reference
    assert not found.is_clean()
    assert not found.is_clean(frozenset({DifferenceKind.FEE}))
    assert found.is_clean(frozenset(by_kind))
    alone = await world.reconcile(first, last, wanted=[STRIPE])
    assert [d for d in found.differences if d is not by_hand] == list(alone.differences)


async def test_a_payment_booked_weeks_later_is_found_by_its_name(world: World) -> None:
    settled_on = world.day
    stands = await world.open()
    world.settle(stands, 10 * RM, "pi_late")
    assert [d.kind.value for d in (await world.reconcile(settled_on, settled_on)).differences] == [
        "missing_in_ledger"
    ]

    world.travel_to(settled_on + 20 * DAY)
    await world.tell(stands, NewsKind.PAID, amount_micros=10 * RM, provider_ref="pi_late")

    found = await world.reconcile(settled_on, settled_on)
    assert [d.kind.value for d in found.differences] == ["other_day"]
    assert found.is_clean()


async def test_disputes_match_with_their_winning(world: World) -> None:
    record = await world.pay()
    key = await world.stands()
    stands = PaymentNews(line_id=key[0], payment_no=key[1], kind=NewsKind.DISPUTED)
    taken = replace(record, record_id="dp", kind=SettledKind.DISPUTE, gross_micros=-10 * RM)
    await world.engine.submit(replace(stands, amount_micros=10 * RM))
    world.provider.records.append(taken)
    assert (await world.reconcile(world.day, world.day)).is_clean()

    await world.engine.submit(replace(stands, kind=NewsKind.DISPUTE_WON))

    found = await world.reconcile(world.day, world.day)
    assert in_short(found) == [(world.day, "dispute_differs", 10 * RM, 0, 1)]
    world.provider.records.append(replace(taken, record_id="dp2", gross_micros=10 * RM))
    assert (await world.reconcile(world.day, world.day)).is_clean()


async def test_a_provider_that_is_silent_is_said_and_not_taken_for_missing_days(
    world: World,
) -> None:
    await world.pay()
    world.provider.silent_from = world.day

    found = await world.reconcile(world.day, world.day)

    assert found.sides == (Side(provider=STRIPE, booked=1, problem="silent"),)
    assert (found.differences, found.is_clean()) == ((), False)


async def test_days_that_a_provider_does_not_show_yet_are_left_out(world: World) -> None:
    day = world.day
    await world.pay()
    world.provider.silent_from = day + DAY

    found = await world.reconcile(day, day)

    assert found.sides == (Side(provider=STRIPE, settled=1, booked=1, has_later=False),)
    assert found.is_clean()
    assert world.provider.asked == [(day - 3 * DAY, day), (day + DAY, day + 3 * DAY)]


async def test_no_provider_is_asked_about_days_to_come(world: World) -> None:
    await world.reconcile(world.today, world.today)

    assert world.provider.asked == [(world.today - 3 * DAY, world.today)]


async def test_bookings_of_a_provider_that_is_gone_are_said(world: World) -> None:
    await world.pay()

    found = await world.reconcile(world.day, world.day, configured=None)

    assert found.sides == (Side(provider=STRIPE, booked=1, problem="not_configured"),)
    assert not found.is_clean()


async def test_a_statement_that_was_read_days_later_is_no_news(world: World) -> None:
    booked_at_bank = world.day
    world.travel_to(booked_at_bank + 4 * DAY)
    record = await world.pay(BANK)
    world.provider.records[-1] = replace(record, day=booked_at_bank)

    for day in (booked_at_bank, world.day):
        found = await world.reconcile(day, day, configured=BANK)
        assert (in_short(found), found.is_clean()) == ([], True)


async def test_our_own_reference_is_a_name_too(world: World) -> None:
    stands = await world.open(BANK)
    await world.tell(stands, NewsKind.PAID, amount_micros=10 * RM, provider_ref="entry 7")
    world.settle(stands, 10 * RM, stands.reference)

    found = await world.reconcile(world.day, world.day, configured=BANK)

    assert (in_short(found), found.is_clean()) == ([], True)


async def test_a_name_of_another_provider_is_unknown(world: World) -> None:
    await world.pay(BANK)

    found = await world.reconcile(world.day, world.day, wanted=[STRIPE])

    assert [(d.kind.value, d.reference) for d in found.differences] == [
        ("missing_in_ledger", None)
    ]


async def test_a_hand_at_the_database_is_seen(world: World, fresh: Fresh) -> None:
    await world.pay()
    line_id, payment_no = await world.stands()
    at = world.clock.now()
    owner: Any = await asyncpg.connect(fresh.owner_dsn)
    for seq, kind, debit, credit, number in (
        (900, 12, 21, 24, None),  # into Stripe's clearing, of no payment
        (901, 13, 24, 22, payment_no),  # out of PayPal's, of a payment that was Stripe's
        (902, 7, 16, 24, None),  # into held money, of no payment
        (903, 15, 24, 26, payment_no),  # a fee: the product's own
        (904, 7, 1, 16, None),  # a debit by hand gives nothing away
    ):
        await owner.execute(
            """
            INSERT INTO transfer (owner_id, seq, at, kind, debit, credit, amount_micros, request,
                                  payment_no, reference)
            VALUES ($1, $2, $3, $4, $5, $6, 5000000, '', $7, 'by psql')
            """,
            line_id,
            seq,
            at,
            kind,
            debit,
            credit,
            number,
        )
    await owner.close()

    found = await world.reconcile(world.day, world.day, configured=STRIPE)

    assert [_hand(d) for d in found.differences] == [
        (None, "held", 5 * RM),
        (ProviderId.STRIPE, "clearing_stripe", 5 * RM),
        (ProviderId.PAYPAL, "clearing_paypal", -5 * RM),
    ]


def _hand(difference: Difference) -> tuple[ProviderId | None, str, int]:
    assert difference.kind is DifferenceKind.MANUAL_CREDIT
    assert difference.reference == "by psql"
    return difference.provider, difference.note, difference.ledger_micros

"""Statements of random histories: what was owed, what moved, what is owed."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tambah.domain.balance import BucketKind
from tambah.domain.commands import Command
from tambah.domain.finance.closing import Close, Counted, Period, PeriodKind, lines_of_day
from tambah.domain.finance.statement import (
    OWED,
    Earning,
    Liability,
    Movement,
    Owed,
    balances_after,
    state,
)
from tambah.domain.finance.three_way import CardFacts, Settled, reconcile_three_ways
from tambah.domain.ledger import CLEARING, OWN_ACCOUNT, Account, TransferKind, allowance_of
from tambah.domain.matching import Span
from tambah.domain.reconciling import ByHand, of_hand
from tambah.domain.refusals import Refusal
from tambah.domain.validity import ValidityPolicy
from tambah.domain.voucher import VoucherState
from tests.domain.histories import histories, history_rules
from tests.domain.memory_books import MemoryBooks
from tests.domain.world import KUALA_LUMPUR, START

from .sums import RM, add_up, movement

QUICK = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
DAY = START.astimezone(KUALA_LUMPUR).date()
MONEY = (BucketKind.MAIN, BucketKind.BONUS, BucketKind.FLOAT)


def live(history: list[tuple[int, Command]]) -> MemoryBooks:
    """Run a history on books in memory."""
    books, now = MemoryBooks(history_rules(ValidityPolicy.ADD)), START
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        with contextlib.suppress(Refusal):
            books.submit(command, now)
    return books


def held(books: MemoryBooks) -> dict[int, int]:
    """Return what all buckets kept in money hold, by account."""
    sums = Counter[int]({OWN_ACCOUNT[kind]: 0 for kind in MONEY})
    buckets = [b for account in books.lines.values() for b in account.buckets]
    buckets += [partner.float_bucket for partner in books.partners.values()]
    for bucket in buckets:
        if bucket.kind in MONEY:
            sums[OWN_ACCOUNT[bucket.kind]] += bucket.remaining_micros
    return dict(sums)


@given(history=histories(), cut=st.integers(0, 60))
@QUICK
def test_a_statement_ends_with_what_the_buckets_hold_and_the_next_begins_with_it(
    history: list[tuple[int, Command]], cut: int
) -> None:
    books = live(history)
    moved = add_up(books.transfers.values())
    until = DAY + timedelta(days=cut)
    first = state({}, [one for one in moved if one.day < until])
    second = state(first.closing, [one for one in moved if one.day >= until])
    whole = state({}, moved)

    assert {a: m for a, m in second.closing.items() if m} == {
        a: m for a, m in whole.closing.items() if m
    }
    assert sum(whole.closing.values()) == 0
    for account, micros in held(books).items():
        assert whole.closing.get(account, 0) == micros
    for liability, account in OWED.items():
        owed = second.owed[liability]
        assert owed.closing_micros == second.closing.get(account, 0)
        assert owed.opening_micros == first.closing.get(account, 0)
    for earning in Earning:
        assert first.earned[earning] + second.earned[earning] == whole.earned[earning]
    assert sum(whole.tax_by_day.values()) == whole.earned[Earning.TAX]
    assert first.transfers + second.transfers == sum(
        1 for t in books.transfers.values() if allowance_of(t.debit) is None
    )


@given(history=histories())
@QUICK
def test_days_closed_one_after_the_other_make_the_whole(
    history: list[tuple[int, Command]],
) -> None:
    books = live(history)
    moved = add_up(books.transfers.values())
    days = sorted({one.day for one in moved})
    before: Close | None = None
    opening: dict[int, int] = {}
    for day in days:
        counted = Counted(
            opening=opening,
            again=_of(moved, before.period.first) if before else (),
            moved=_of(moved, day),
            later=tuple(one for one in moved if one.day > day),
            held=held(books),
            cards_before=(),
            cards=(),
        )
        lines = lines_of_day(counted, before)
        period = Period(kind=PeriodKind.DAY, first=day)
        before = Close(
            seq=1, period=period, since=day, closed_at=START, who="", why="", lines=lines
        )
        statement = before.statement
        assert {a: m for a, m in statement.opening.items() if m} == {
            a: m for a, m in opening.items() if m
        }
        assert statement.closing == before.balances
        assert statement.earned == state(opening, counted.moved).earned
        opening = before.balances
    assert opening == balances_after({}, moved)


def _of(moved: list[Movement], day: object) -> tuple[Movement, ...]:
    return tuple(one for one in moved if one.day == day)


@given(history=histories())
@QUICK
def test_whatever_happens_only_credits_by_hand_are_unexplained(
    history: list[tuple[int, Command]],
) -> None:
    books = live(history)
    moved = add_up(books.transfers.values())
    used = [v for v in books.cards.values() if v.state is VoucherState.REDEEMED]
    gave = sum(v.batch.credit_micros + v.batch.tax_micros for v in used)
    price = sum(v.batch.price_micros for v in used)
    settled: list[Settled] = []
    for provider, account in CLEARING.items():
        net = sum(
            one.amount_micros * ((one.debit == account) - (one.credit == account)) for one in moved
        )
        settled.append(Settled(provider=provider, settled_micros=net, booked_micros=net))
    by_hand = [
        ByHand(day=DAY, provider=None, account="", amount_micros=t.amount_micros, line_id=1)
        for t in books.transfers.values()
        if t.kind is TransferKind.ADJUSTMENT and t.credit is Account.LINE_MAIN
    ]

    found = reconcile_three_ways(
        Span(first=DAY, last=DAY),
        moved,
        CardFacts(outside_micros=price, used_micros=price, kept_micros=price - gave),
        settled,
        of_hand(by_hand),
        today=DAY,
    )

    assert [item.amount_micros for item in found.items] == sorted(
        -one.amount_micros for one in by_hand
    )
    assert found.unexplained_micros == -sum(one.amount_micros for one in by_hand)


def test_a_statement_speaks_an_accountants_words() -> None:
    a, k = Account, TransferKind
    moved = [
        movement(DAY, k.FUNDING, a.FUNDING, a.FLOAT, 100),
        movement(DAY, k.CARD_SALE, a.FLOAT, a.CARDS_SOLD, 10),
        movement(DAY, k.COMMISSION, a.COMMISSIONS, a.FLOAT, 0.5),
        movement(DAY, k.REDEMPTION, a.CARDS_SOLD, a.LINE_MAIN, 9.4),
        movement(DAY, k.TAX, a.CARDS_SOLD, a.TAX, 0.6),
        movement(DAY, k.REVERSAL, a.TAX, a.CARDS_SOLD, 0.2),
        movement(DAY, k.BONUS, a.BONUS_GIVEN, a.LINE_BONUS, 2),
        movement(DAY, k.FORFEIT, a.LINE_BONUS, a.FORFEITED, 1),
        movement(DAY, k.FORFEIT, a.LINE_MAIN, a.FORFEITED, 3),
        movement(DAY, k.REACTIVATION, a.LINE_MAIN, a.REVENUE, 1),
        movement(DAY, k.PAYMENT, a.CLEARING_BANK, a.HELD, 5),
        movement(DAY, k.FEE, a.HELD, a.FEES_EARNED, 1),
        movement(DAY, k.USAGE, a.LINE_MAIN, a.USAGE_REVENUE, 2),
        movement(DAY, k.USAGE_REFUND, a.USAGE_REVENUE, a.LINE_MAIN, 1),
        movement(DAY, k.GRANT, a.BYTES_GIVEN, a.LINE_BYTES, 70),
    ]

    found = state({Account.HELD: 7 * RM, Account.LINE_BYTES: 5}, moved)

    assert found.owed[Liability.HELD] == Owed(
        opening_micros=7 * RM, added_micros=5 * RM, taken_micros=RM
    )
    assert found.owed[Liability.MAIN_CREDIT].closing_micros == round(4.4 * RM)
    assert {earning: micros / RM for earning, micros in found.earned.items()} == {
        Earning.USAGE: 1,
        Earning.CHARGES: 1,
        Earning.FEES: 1,
        Earning.FORFEITED: 3,
        Earning.BONUS_FORFEITED: 1,
        Earning.BONUS_GIVEN: 2,
        Earning.COMMISSIONS: 0.5,
        Earning.DISPUTES: 0,
        Earning.ADJUSTMENTS: 0,
        Earning.TAX: 0.4,
    }
    assert found.tax_by_day == {DAY: 400_000}
    assert (found.transfers, Account.LINE_BYTES in found.closing) == (14, False)

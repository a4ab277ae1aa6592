"""Proving the books from one snapshot, while traffic goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date
from typing import NamedTuple, TypeVar

from tambah.domain.balance import BucketKind
from tambah.domain.ledger import Account, TransferKind, allowance_of
from tambah.engine.verifying.bookings import BOOKING_NUMBERS
from tambah.engine.verifying.verdict import Finding, FindingKind, Proved, Verdict
from tambah.engine.verifying.wording import account_name, word, word_account, word_trail
from tambah.store.database import Connection, Database
from tambah.store.proofs import (
    accounts,
    card_stock,
    dealers,
    owners,
    packages,
    payments,
    sales,
    topups,
    trail,
    transfers,
    usage,
    vouchers,
)
from tambah.store.proofs.accounts import Counts, Sums
from tambah.store.proofs.odds import MOST_NAMED, Odd
from tambah.store.proofs.scope import Scope, read_scope, snapshot

_T = TypeVar("_T")

Progress = Callable[[str, int, int], None]
"""Told what is being proved, how many steps are done, and of how many."""


class Findings:
    """What was found so far: all of it counted, the first thousand of each problem named."""

    def __init__(self) -> None:
        self.named: list[Finding] = []
        self.total = 0
        self._one_by_one = Counter[FindingKind]()

    def add(self, found: Sequence[Odd]) -> None:
        """Take along what a query returned."""
        self.named.extend(word(odd) for odd in found)
        self.total += sum({odd.problem: odd.total for odd in found}.values())

    def add_one(self, finding: Finding) -> None:
        """Take along a finding, by name if there is room."""
        self.total += 1
        self._one_by_one[finding.kind] += 1
        if self._one_by_one[finding.kind] <= MOST_NAMED:
            self.named.append(finding)


class Proof(NamedTuple):
    """A verdict, and what a closing of the same snapshot has to write."""

    verdict: Verdict
    scope: Scope
    balances: dict[int, int]
    sums: Sums


async def verify(
    database: Database, *, full: bool = False, progress: Progress | None = None
) -> Verdict:
    """Prove the books, from the last closing on or (`full`) from the first transfer.

    Changes nothing and holds up nobody. From a closing on, it proves what came after it and that
    every bucket holds its closing balance and that; a transfer that was altered after it had been
    closed is found by a full verification alone.
    """
    connection = await database.connect()
    try:
        async with snapshot(connection):
            return (await prove(connection, full=full, progress=progress)).verdict
    finally:
        await connection.close()


async def prove(connection: Connection, *, full: bool, progress: Progress | None = None) -> Proof:
    """Prove the books as the connection's snapshot shows them."""
    started = time.monotonic()
    found = Findings()
    scope = await _step(progress, 0, read_scope(connection, full=full))
    steps: list[Callable[[], Awaitable[list[Odd]]]] = [
        lambda: transfers.prove_transfers(connection, scope, BOOKING_NUMBERS),
        lambda: sales.prove_sales(connection, scope),
        lambda: dealers.prove_dealer_sales(connection, scope),
        lambda: dealers.prove_commissions(connection, scope),
        lambda: dealers.prove_float_moves(connection, scope),
        lambda: card_stock.prove_stock(connection),
        lambda: topups.prove_topups(connection, scope),
        lambda: topups.prove_reversals(connection, scope),
        lambda: topups.prove_moves(connection, scope),
        lambda: packages.prove_packages(connection, scope),
        lambda: vouchers.prove_vouchers(connection, scope),
        lambda: payments.prove_payments(connection, scope),
        lambda: usage.prove_usage(connection, scope),
        lambda: usage.prove_holds(connection),
        lambda: owners.prove_owners(connection),
    ]
    for done, step in enumerate(steps, start=1):
        found.add(await _step(progress, done, step()))
    sums = await _step(progress, len(steps) + 1, accounts.sum_transfers(connection, scope))
    counts = await accounts.count_owners(connection)
    balances = await _step(
        progress, len(steps) + 2, _prove_accounts(connection, scope, sums, counts, found)
    )
    audit_rows = await _step(progress, len(steps) + 3, _prove_trail(connection, scope, found))
    if progress:
        progress(_STEPS[-1], len(_STEPS), len(_STEPS))
    verdict = Verdict(
        findings=tuple(found.named),
        total=found.total,
        proved=_proved(sums, counts, audit_rows),
        accounts=_named(balances, in_money=True),
        allowances=_named(balances, in_money=False),
        at=scope.at,
        closed_at=scope.closing.closed_at if scope.closing and not scope.is_full else None,
        seconds=time.monotonic() - started,
    )
    return Proof(verdict, scope, balances, sums)


_SALES = (TransferKind.SALE, TransferKind.CARD_SALE)
"""On a float: a top-up by a partner, a card by a dealer."""

_STEPS = (
    "what is new",
    "transfers and buckets",
    "sales on a float",
    "dealers' sales",
    "commissions",
    "float moved",
    "stock of cards",
    "top-ups",
    "reversals",
    "top-ups moved",
    "packages",
    "vouchers",
    "payments",
    "usage",
    "sessions under way",
    "lines and numbers",
    "accounts",
    "closings",
    "audit",
)


async def _step(progress: Progress | None, done: int, work: Awaitable[_T]) -> _T:
    if progress:
        progress(_STEPS[done], done, len(_STEPS))
    return await work


async def _prove_accounts(
    connection: Connection, scope: Scope, sums: Sums, counts: Counts, found: Findings
) -> dict[int, int]:
    """Return the trial balance; check transit, and the closing it stands on or beside."""
    balances = sums.accounts
    closed: dict[int, int] = {}
    if scope.closing is not None:
        day = scope.closing.closed_at.astimezone(UTC).date()
        closed = await accounts.read_account_closing(connection, day)
        _prove_closing_whole(scope, counts, closed, found)
    if scope.closing is not None and scope.is_full:
        found.add(await accounts.prove_closed_buckets(connection))
        then = (await accounts.sum_closed_transfers(connection)).accounts
        for account in sorted(closed.keys() | then.keys()):
            was, makes = closed.get(account, 0), then.get(account, 0)
            if was != makes:
                found.add_one(word_account(FindingKind.CLOSING, account, makes, was))
    if not scope.is_full:
        for account, balance_micros in closed.items():
            balances[account] = balances.get(account, 0) + balance_micros
    in_transit = balances.get(Account.TRANSIT, 0)
    if in_transit != 0:
        found.add_one(word_account(FindingKind.ACCOUNT, Account.TRANSIT, 0, in_transit))
    return balances


def _prove_closing_whole(
    scope: Scope, counts: Counts, closed: dict[int, int], found: Findings
) -> None:
    """See that no part of the closing was lost or added."""
    closing = scope.closing
    assert closing is not None, "there is a closing to look at"
    held = (counts.closed_owners, counts.closed_buckets)
    if held != (closing.owners, closing.buckets) or any(_by_unit(closed).values()):
        found.add_one(
            Finding(
                kind=FindingKind.CLOSING,
                subject=f"closing:{closing.closed_at.isoformat()}",
                detail=f"covers {held[0]} owners and {held[1]} buckets, was made of "
                f"{closing.owners} and {closing.buckets}; or its accounts do not balance",
            )
        )


def _by_unit(balances: dict[int, int]) -> Counter[BucketKind | None]:
    """Return what accounts of each unit add up to: money under None."""
    sums: Counter[BucketKind | None] = Counter()
    for account, balance in balances.items():
        sums[allowance_of(account)] += balance
    return sums


def _named(balances: dict[int, int], *, in_money: bool) -> dict[str, int]:
    """Return the balances of the accounts kept in money, or of the others, by name."""
    return {
        account_name(account): balances[account]
        for account in sorted(balances)
        if (allowance_of(account) is None) is in_money
    }


async def _prove_trail(connection: Connection, scope: Scope, found: Findings) -> int:
    """Follow the audit chains, in full or from the closing's day on; every day's end always."""
    closing = scope.closing
    from_day = date.min
    if closing is not None and not scope.is_full:
        from_day = closing.closed_at.astimezone(UTC).date()
    rows = 0
    async for odd in trail.walk_trail(connection, from_day):
        rows += 1
        if odd is not None:
            found.add_one(word_trail(odd))
    for odd in await trail.prove_heads(connection):
        found.add_one(word_trail(odd))
    return rows


def _proved(sums: Sums, counts: Counts, audit_rows: int) -> Proved:
    by_kind: dict[int, int] = {}
    for (kind, _, _), (count, _) in sums.by_booking.items():
        by_kind[kind] = by_kind.get(kind, 0) + count
    redeemed = by_kind.get(TransferKind.REDEMPTION, 0)
    return Proved(
        transfers=sum(by_kind.values()),
        owners=counts.owners,
        buckets=counts.buckets,
        topups=redeemed + by_kind.get(TransferKind.TOPUP, 0) + by_kind.get(TransferKind.CREDIT, 0),
        vouchers=redeemed,
        sales=sum(by_kind.get(kind, 0) for kind in _SALES),
        audit_rows=audit_rows,
    )

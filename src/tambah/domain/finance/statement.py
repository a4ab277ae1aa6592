"""The statement of a period: what was owed when it began, what moved, what is owed at its end.

Made of sums of transfers by local day and booking, never of single transfers. Opening and
movement make the closing of every account by construction; nothing is stated twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

from tambah.domain.ledger import Account, TransferKind, allowance_of
from tambah.domain.records import Record

Balances = Mapping[int, int]
"""Credits less debits by account, micro-ringgit: what is owed is positive."""


class Movement(Record, frozen=True, kw_only=True):
    """All transfers of one local day with one booking: how many, and how much (micro-ringgit)."""

    day: date
    kind: TransferKind
    debit: Account
    credit: Account
    count: int
    amount_micros: int


class Liability(StrEnum):
    """What is owed to others. CARDS_UNUSED is counted from the stock of cards, not from here."""

    MAIN_CREDIT = "main_credit"
    BONUS_CREDIT = "bonus_credit"
    FLOATS = "floats"
    HELD = "held"


OWED = {
    Liability.MAIN_CREDIT: Account.LINE_MAIN,
    Liability.BONUS_CREDIT: Account.LINE_BONUS,
    Liability.FLOATS: Account.FLOAT,
    Liability.HELD: Account.HELD,
}
"""The account that each liability stands on."""


class Earning(StrEnum):
    """What a period earned or cost. TAX is owed to the state, by the day that it fell due."""

    USAGE = "usage"
    CHARGES = "charges"
    FEES = "fees"
    FORFEITED = "forfeited"
    BONUS_FORFEITED = "bonus_forfeited"
    BONUS_GIVEN = "bonus_given"
    COMMISSIONS = "commissions"
    DISPUTES = "disputes"
    ADJUSTMENTS = "adjustments"
    TAX = "tax"


_EARNED = {
    Account.USAGE_REVENUE: Earning.USAGE,
    Account.REVENUE: Earning.CHARGES,
    Account.FEES_EARNED: Earning.FEES,
    Account.FORFEITED: Earning.FORFEITED,
    Account.BONUS_GIVEN: Earning.BONUS_GIVEN,
    Account.COMMISSIONS: Earning.COMMISSIONS,
    Account.DISPUTES: Earning.DISPUTES,
    Account.ADJUSTMENTS: Earning.ADJUSTMENTS,
    Account.TAX: Earning.TAX,
}
_COSTS = {Earning.BONUS_GIVEN, Earning.COMMISSIONS, Earning.DISPUTES, Earning.ADJUSTMENTS}


class Owed(Record, frozen=True, kw_only=True):
    """One liability over a period, micro-ringgit: opening + added - taken = closing."""

    opening_micros: int
    added_micros: int
    taken_micros: int

    @property
    def closing_micros(self) -> int:
        """Return what is owed at the end."""
        return self.opening_micros + self.added_micros - self.taken_micros


class Statement(Record, frozen=True, kw_only=True):
    """A period in an accountant's words, micro-ringgit.

    opening, closing: every account kept in money. earned: costs are positive too. tax_by_day: by
    the local day on which it was booked, taken back less given. transfers: how many.
    """

    opening: dict[int, int]
    closing: dict[int, int]
    owed: dict[Liability, Owed]
    earned: dict[Earning, int]
    tax_by_day: dict[date, int]
    transfers: int


def in_money(movements: Iterable[Movement]) -> list[Movement]:
    """Leave out what is kept in seconds, messages or bytes."""
    return [one for one in movements if allowance_of(one.debit) is None]


def state(opening: Balances, movements: Iterable[Movement]) -> Statement:
    """Return the statement of a period from the balances it opened with and what moved in it."""
    moved = in_money(movements)
    added, taken, tax = Counter[int](), Counter[int](), Counter[date]()
    earned: dict[Earning, int] = dict.fromkeys(Earning, 0)
    for one in moved:
        added[one.credit] += one.amount_micros
        taken[one.debit] += one.amount_micros
        tax[one.day] += one.amount_micros * (
            (one.credit == Account.TAX) - (one.debit == Account.TAX)
        )
        for account, sign in ((one.credit, 1), (one.debit, -1)):
            if account in _EARNED:
                earned[_earning(one, account)] += sign * one.amount_micros
    for cost in _COSTS:
        earned[cost] = -earned[cost]
    closing = balances_after(opening, moved)
    return Statement(
        opening={account: closing_of(opening, account) for account in closing},
        closing=closing,
        owed={
            liability: Owed(
                opening_micros=closing_of(opening, account),
                added_micros=added[account],
                taken_micros=taken[account],
            )
            for liability, account in OWED.items()
        },
        earned=earned,
        tax_by_day={day: micros for day, micros in sorted(tax.items()) if micros},
        transfers=sum(one.count for one in moved),
    )


def balances_after(opening: Balances, movements: Iterable[Movement]) -> dict[int, int]:
    """Return the balances of accounts kept in money after what moved, by account."""
    balances = Counter({a: micros for a, micros in opening.items() if allowance_of(a) is None})
    for one in in_money(movements):
        balances[one.debit] -= one.amount_micros
        balances[one.credit] += one.amount_micros
    return dict(sorted(balances.items()))


def closing_of(balances: Balances, account: int) -> int:
    """Return an account's balance, 0 for one that nothing ever moved on."""
    return balances.get(account, 0)


def _earning(one: Movement, account: int) -> Earning:
    """Say what an account earned; bonus that lapses was never anybody's money."""
    if account == Account.FORFEITED and Account.LINE_BONUS in (one.debit, one.credit):
        return Earning.BONUS_FORFEITED
    return _EARNED[Account(account)]

"""The ledger as an accounting system reads it: a journal of balanced lines, with its own codes."""

from collections.abc import Mapping
from datetime import date

from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import Account, TransferKind, allowance_of
from tambah.domain.money import ringgit

CODES: Mapping[Account, str] = {
    Account.CLEARING_SANDBOX: "1190",
    Account.CLEARING_STRIPE: "1110",
    Account.CLEARING_PAYPAL: "1120",
    Account.CLEARING_BANK: "1130",
    Account.FUNDING: "1200",
    Account.TRANSIT: "1900",
    Account.CARDS_SOLD: "2100",
    Account.LINE_MAIN: "2110",
    Account.LINE_BONUS: "2120",
    Account.FLOAT: "2130",
    Account.HELD: "2140",
    Account.TAX: "2200",
    Account.OPENING: "3100",
    Account.REVENUE: "4100",
    Account.USAGE_REVENUE: "4110",
    Account.FEES_EARNED: "4200",
    Account.PACKAGE_REVENUE: "4400",
    Account.FORFEITED: "4300",
    Account.COMMISSIONS: "5100",
    Account.BONUS_GIVEN: "5200",
    Account.DISPUTES: "5300",
    Account.ADJUSTMENTS: "5400",
}
"""Codes of every account kept in money, for those who have no chart of accounts of their own."""

HEADER = (
    "day",
    "kind",
    "debit_code",
    "debit_account",
    "credit_code",
    "credit_account",
    "amount",
    "transfers",
)
"""Columns of a journal of days; a journal of transfers has `TRANSFER_HEADER`."""

TRANSFER_HEADER = (*HEADER[:-1], "at", "transfer", "reference")


def journal_line(one: Movement, codes: Mapping[Account, str]) -> tuple[str, ...] | None:
    """Return a line of the journal of days, None for an allowance, which is no money.

    A line has one amount for its debit and its credit: a journal of lines cannot be unbalanced.
    """
    booked = booking_cells(one.day, one.kind, one.debit, one.credit, one.amount_micros, codes)
    return (*booked, str(one.count)) if booked else None


def booking_cells(
    day: date,
    kind: TransferKind,
    debit: Account,
    credit: Account,
    amount_micros: int,
    codes: Mapping[Account, str],
) -> tuple[str, ...] | None:
    """Return the cells that both journals share, None for an allowance."""
    if allowance_of(debit) is not None:
        return None
    return (
        day.isoformat(),
        kind.name.lower(),
        codes[debit],
        debit.name.lower(),
        codes[credit],
        credit.name.lower(),
        ringgit(amount_micros),
    )


def with_own_codes(own: Mapping[str, str]) -> dict[Account, str]:
    """Return the codes with the operator's own in place of ours, by account name.

    Raises ValueError naming an account that there is not, that is not money, or an empty code.
    """
    codes = dict(CODES)
    known = {account.name.lower(): account for account in CODES}
    for name, code in own.items():
        if name not in known or not code.strip():
            raise ValueError(f"no account of money, or no code for it: {name}")
        codes[known[name]] = code.strip()
    return codes

"""What each transfer is called in a subscriber's history, and to which group it belongs.

A transfer that is not here is not shown: what passes between the operator and a payment provider,
or between a partner's float and transit, is none of the subscriber's.
"""

from dataclasses import dataclass
from typing import NamedTuple

from tambah.domain.balance import ALLOWANCES
from tambah.domain.ledger import (
    CLEARING,
    GIVEN_BY,
    LAPSED_TO,
    OWN_ACCOUNT,
    USED_BY,
    Account,
    TransferKind,
    allowance_of,
)
from tambah.domain.payment import show_reference
from tambah.store.views.history import Entry

TOP_UPS, CHARGES, CORRECTIONS, LINE = "top_ups", "charges", "corrections", "line"
GROUPS = (TOP_UPS, CHARGES, CORRECTIONS, LINE)
"""What the history can be narrowed to; each has a text `account.history.<group>`."""


class Word(NamedTuple):
    """The text `account.did.<name>` that an entry is told with, and its group."""

    name: str
    group: str


_KINDS = TransferKind
_MAIN, _BONUS, _HELD = Account.LINE_MAIN, Account.LINE_BONUS, Account.HELD

WORDS: dict[tuple[TransferKind, Account, Account], Word] = {
    (_KINDS.REDEMPTION, Account.CARDS_SOLD, _MAIN): Word("redemption", TOP_UPS),
    (_KINDS.TOPUP, Account.TRANSIT, _MAIN): Word("topup", TOP_UPS),
    (_KINDS.CREDIT, _HELD, _MAIN): Word("credit", TOP_UPS),
    (_KINDS.BONUS, Account.BONUS_GIVEN, _BONUS): Word("bonus", TOP_UPS),
    (_KINDS.GRANT, Account.BONUS_GIVEN, _BONUS): Word("bonus", TOP_UPS),
    (_KINDS.OPENING, Account.OPENING, _MAIN): Word("opening", TOP_UPS),
    (_KINDS.TAX, Account.CARDS_SOLD, Account.TAX): Word("tax", CHARGES),
    (_KINDS.TAX, Account.TRANSIT, Account.TAX): Word("tax", CHARGES),
    (_KINDS.TAX, _HELD, Account.TAX): Word("tax", CHARGES),
    (_KINDS.FEE, _HELD, Account.FEES_EARNED): Word("fee", CHARGES),
    (_KINDS.REACTIVATION, _MAIN, Account.REVENUE): Word("reactivation", CHARGES),
    (_KINDS.FORFEIT, _MAIN, Account.FORFEITED): Word("forfeit", CHARGES),
    (_KINDS.FORFEIT, _BONUS, Account.FORFEITED): Word("bonus_forfeit", CHARGES),
    (_KINDS.ADJUSTMENT, Account.ADJUSTMENTS, _MAIN): Word("added", CORRECTIONS),
    (_KINDS.ADJUSTMENT, _MAIN, Account.ADJUSTMENTS): Word("taken_off", CORRECTIONS),
    (_KINDS.REVERSAL, _MAIN, Account.CARDS_SOLD): Word("reversal", CORRECTIONS),
    (_KINDS.REVERSAL, _MAIN, Account.TRANSIT): Word("reversal", CORRECTIONS),
    (_KINDS.REVERSAL, _MAIN, _HELD): Word("reversal", CORRECTIONS),
    (_KINDS.REVERSAL, _BONUS, Account.BONUS_GIVEN): Word("bonus_reversal", CORRECTIONS),
    (_KINDS.REVERSAL, Account.TAX, Account.CARDS_SOLD): Word("tax_back", CORRECTIONS),
    (_KINDS.REVERSAL, Account.TAX, Account.TRANSIT): Word("tax_back", CORRECTIONS),
    (_KINDS.REVERSAL, Account.TAX, _HELD): Word("tax_back", CORRECTIONS),
    (_KINDS.MOVE, _MAIN, Account.TRANSIT): Word("moved_away", CORRECTIONS),
    (_KINDS.MOVE, Account.TRANSIT, _MAIN): Word("moved_here", TOP_UPS),
    (_KINDS.TAKE_BACK, _MAIN, _HELD): Word("take_back", CORRECTIONS),
    (_KINDS.FEE, Account.FEES_EARNED, _HELD): Word("fee_back", CORRECTIONS),
    **{
        (_KINDS.GRANT, GIVEN_BY[kind], OWN_ACCOUNT[kind]): Word("allowance", TOP_UPS)
        for kind in ALLOWANCES
    },
    (_KINDS.PACKAGE, _MAIN, Account.PACKAGE_REVENUE): Word("package", CHARGES),
    (_KINDS.PACKAGE, _BONUS, Account.PACKAGE_REVENUE): Word("package_bonus", CHARGES),
    (_KINDS.REVERSAL, Account.PACKAGE_REVENUE, _MAIN): Word("package_back", CORRECTIONS),
    (_KINDS.REVERSAL, Account.PACKAGE_REVENUE, _BONUS): Word("package_bonus_back", CORRECTIONS),
    **{
        (_KINDS.PACKAGE, GIVEN_BY[kind], OWN_ACCOUNT[kind]): Word("package_allowance", TOP_UPS)
        for kind in ALLOWANCES
    },
    **{
        (_KINDS.LAPSE, OWN_ACCOUNT[kind], LAPSED_TO[kind]): Word("lapse", CHARGES)
        for kind in ALLOWANCES
    },
    **{
        (_KINDS.REVERSAL, OWN_ACCOUNT[kind], GIVEN_BY[kind]): Word("allowance_back", CORRECTIONS)
        for kind in ALLOWANCES
    },
    **{
        (_KINDS.USAGE, OWN_ACCOUNT[kind], used): Word("used", CHARGES)
        for kind, used in USED_BY.items()
    },
    **{
        (_KINDS.USAGE_REFUND, used, OWN_ACCOUNT[kind]): Word("used_back", CORRECTIONS)
        for kind, used in USED_BY.items()
    },
    **{
        (_KINDS.PAYMENT, clearing, _HELD): Word("payment", TOP_UPS)
        for clearing in CLEARING.values()
    },
    **{
        (_KINDS.REFUND, _HELD, clearing): Word("refund", CORRECTIONS)
        for clearing in CLEARING.values()
    },
}

NOBODYS_BUSINESS: frozenset[TransferKind] = frozenset(
    {
        TransferKind.FUNDING,
        TransferKind.SALE,
        TransferKind.DISPUTE,
        TransferKind.DISPUTE_WON,
        TransferKind.REFUND_RETURNED,
        TransferKind.CARD_SALE,
        TransferKind.COMMISSION,
        TransferKind.FLOAT_MOVE,
    }
)
"""Kinds of which nothing is shown: between the operator and others."""


def word_of(entry: Entry) -> str:
    """Return the name of the text that an entry is told with."""
    if entry.kind is None or entry.debit is None or entry.credit is None:
        return entry.stage.name.lower() if entry.stage else ""
    return WORDS[(entry.kind, entry.debit, entry.credit)].name


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An entry as pages tell it. word: text `account.did.<word>`; reference: to be quoted.

    unit: `seconds`, `messages` or `bytes` of an allowance, empty for money.
    """

    entry: Entry
    word: str
    reference: str
    unit: str


def show_entry(entry: Entry) -> Shown:
    """Return an entry with what it is told with."""
    payment = show_reference(entry.payment) if entry.payment else ""
    return Shown(
        entry=entry,
        word=word_of(entry),
        reference=payment or entry.receipt or "",
        unit=_unit(entry),
    )


def _unit(entry: Entry) -> str:
    kind = allowance_of(entry.debit) if entry.debit is not None else None
    return kind.name.lower() if kind is not None else ""

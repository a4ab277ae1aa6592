"""A line of a bank statement, whatever the format of the file it came in."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.refusals import StatementMalformed

LONGEST_TEXT = 4000
MOST_ENTRIES = 100_000
"""In one file."""
_LONGEST_REF = 64
_MOST = Decimal(10) ** 12
_NO_REF = frozenset({"", "NONREF", "NOREF", "NOTPROVIDED", "NOTAVAILABLE", "NA", "NULL"})


class Booking(StrEnum):
    """Whether the bank has moved the money."""

    BOOKED = "booked"
    PENDING = "pending"
    INFORMATION = "information"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a statement says of one movement.

    account: the statement's, folded to letters and digits. amount_micros: of `currency`, never
    negative. is_credit: money came in; is_reversal: it takes an earlier movement back. bank_ref:
    the bank's name for it. texts: all that may hold a reference, a line each. is_unclear: a batch
    whose parts do not add up, left as one entry.
    """

    account: str
    booked_on: date
    amount_micros: int
    currency: str
    is_credit: bool
    is_reversal: bool = False
    booking: Booking = Booking.BOOKED
    bank_ref: str | None = None
    texts: str = ""
    is_unclear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A file that was read. form: its format, `camt.053.001.08` or `mt940`."""

    form: str
    entries: tuple[Entry, ...]


def amount_micros(amount: Decimal, where: str) -> int:
    """Return an amount of any currency in its millionths. Raises StatementMalformed."""
    micros = amount * MICROS_PER_RINGGIT
    if not amount.is_finite() or not 0 <= amount < _MOST or micros != int(micros):
        raise StatementMalformed(where=where)
    return int(micros)


def join_texts(lines: list[str]) -> str:
    """Return texts as one, a line each, without doubles or control characters, cut to a length."""
    cleaned = (clean(line) for line in lines)
    return "\n".join(dict.fromkeys(line for line in cleaned if line))[:LONGEST_TEXT]


def bank_reference(*given: str | None) -> str | None:
    """Return the first of the bank's names for an entry that says anything."""
    for text in given:
        cleaned = clean(text or "").replace("\n", " ")[:_LONGEST_REF]
        if cleaned.replace(" ", "").replace("-", "").upper().strip("0") not in _NO_REF:
            return cleaned
    return None


def fold_account(text: str) -> str:
    """Return an account's letters and digits: banks write one account in several ways."""
    return "".join(letter for letter in text.upper() if letter.isascii() and letter.isalnum())


def clean(text: str) -> str:
    """Return a text without control characters (the database holds no NUL), lines kept apart."""
    lines = text.replace("\r", "\n").split("\n")
    kept = ("".join(c for c in line if unicodedata.category(c)[0] != "C") for line in lines)
    return "\n".join(line.strip() for line in kept if line.strip())

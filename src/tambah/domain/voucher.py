"""Recharge codes, serial numbers, and the states of a voucher and its batch.

A code is 16 keypad digits: 15 random ones and a check digit (Damm 2004, which catches every
single wrong key and every swap of neighbours). A card may show letters instead of digits; what
is typed or keyed is folded back to digits (ITU-T E.161) before anything else happens, so one code
works at every door.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum

from tambah.domain.records import Record
from tambah.domain.refusals import (
    BatchStateWrong,
    CodeMistyped,
    VoucherStateWrong,
    VoucherUnknown,
)

CODE_DIGITS = 16
RANDOM_DIGITS = CODE_DIGITS - 1
SERIAL_DIGITS = 8

_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
DAMM_TABLE: tuple[tuple[int, ...], ...] = tuple(tuple(map(int, row)) for row in _DAMM)

_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
# People's dashes, and the invisible marks that come along when a code is copied.
_SEPARATORS = re.compile(r"[\s\-‐-―−._·\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")

PRINT_LETTERS: dict[str, str] = {
    "2": "C",
    "3": "DF",
    "4": "H",
    "5": "JK",
    "6": "MN",
    "7": "PR",
    "8": "TV",
    "9": "WXY",
}
"""Letters a card may show for a digit: on that digit's key (E.161), none that looks like a digit
or like a letter of another key, and no vowels, so that no code spells a word."""


class VoucherState(IntEnum):
    """A voucher's life. It only moves forward, with two exceptions.

    `LOCKED` is lifted again. And a card whose sale is undone at once is GENERATED again: nobody
    used it, the buyer has the money back, and the shop must be able to sell the card in its hand.
    It stays marked as activated, so that the buyer who tries its code does not count as guessing.
    """

    GENERATED = 1
    ACTIVE = 2
    REDEEMED = 3
    LOCKED = 4
    VOID = 5


class BatchState(IntEnum):
    """A batch's life. Vouchers redeem only while their batch is `RELEASED`."""

    DRAFT = 1
    GENERATED = 2
    RELEASED = 3
    CLOSED = 4
    LOCKED = 5
    VOID = 6


BATCH_MOVES: dict[str, tuple[frozenset[BatchState], BatchState]] = {
    "finish": (frozenset({BatchState.DRAFT}), BatchState.GENERATED),
    "release": (frozenset({BatchState.GENERATED, BatchState.LOCKED}), BatchState.RELEASED),
    "close": (frozenset({BatchState.RELEASED}), BatchState.CLOSED),
    "lock": (frozenset({BatchState.GENERATED, BatchState.RELEASED}), BatchState.LOCKED),
    "void": (
        frozenset(
            {BatchState.DRAFT, BatchState.GENERATED, BatchState.RELEASED, BatchState.LOCKED}
        ),
        BatchState.VOID,
    ),
}
"""What staff may do to a batch: from which states, to which."""

VOUCHER_MOVES: dict[str, tuple[frozenset[VoucherState], VoucherState]] = {
    "activate": (frozenset({VoucherState.GENERATED, VoucherState.LOCKED}), VoucherState.ACTIVE),
    "lock": (frozenset({VoucherState.GENERATED, VoucherState.ACTIVE}), VoucherState.LOCKED),
    "void": (
        frozenset({VoucherState.GENERATED, VoucherState.ACTIVE, VoucherState.LOCKED}),
        VoucherState.VOID,
    ),
}
"""What staff may do to a range of vouchers: from which states, to which."""


class Batch(Record, frozen=True, kw_only=True):
    """A printing of vouchers that share their promise.

    The four numbers (micro-ringgit) and the days are fixed when the batch is made: a card sold
    before a tax or price changed keeps its promise.
    redeem_before: first instant at which its vouchers no longer redeem; None for never.
    """

    batch_id: int
    state: BatchState
    key_id: int
    price_micros: int
    tax_micros: int
    credit_micros: int
    bonus_micros: int
    valid_days: int
    bonus_days: int
    redeem_before: datetime | None = None


class Voucher(Record, frozen=True, kw_only=True):
    """One card: who it is (digest and serial), what became of it."""

    digest: bytes
    batch: Batch
    number: int
    state: VoucherState
    was_activated: bool
    redeemed_line_id: int | None = None
    redeemed_at: datetime | None = None


def move_batch(state: BatchState, action: str) -> BatchState:
    """Return the state after `action`, a key of BATCH_MOVES. Raises BatchStateWrong."""
    allowed, after = BATCH_MOVES[action]
    if state not in allowed:
        raise BatchStateWrong(state=state.name.lower())
    return after


def move_voucher(state: VoucherState, action: str) -> VoucherState:
    """Return the state after `action`, a key of VOUCHER_MOVES. Raises VoucherStateWrong."""
    allowed, after = VOUCHER_MOVES[action]
    if state not in allowed:
        raise VoucherStateWrong(state=state.name.lower())
    return after


def check_digit(digits: str) -> str:
    """Return the Damm check digit of a string of digits."""
    interim = 0
    for digit in digits:
        interim = DAMM_TABLE[interim][ord(digit) - 48]
    return chr(48 + interim)


def fold_code(typed: str) -> str:
    """Fold what was typed or keyed to 16 digits: case, spaces, dashes, full width, letters.

    Raises CodeMistyped when it is not 16 digits long or the check digit says so; then nobody
    needs to be asked and no try is counted.
    """
    digits = fold_unchecked(typed)
    if len(digits) != CODE_DIGITS or not digits.isascii() or not digits.isdigit():
        raise CodeMistyped
    if check_digit(digits) != "0":
        raise CodeMistyped
    return digits


def fold_unchecked(typed: str) -> str:
    """Fold what was typed as `fold_code` does, whatever comes of it."""
    text = unicodedata.normalize("NFKC", typed[:128]).upper()
    return _SEPARATORS.sub("", text).translate(_KEYPAD)


def letter_code(digits: str, choose: Callable[[str], str]) -> str:
    """Show some digits as letters of their keys; `choose` picks one of the characters given."""
    return "".join(choose(digit + PRINT_LETTERS.get(digit, "")) for digit in digits)


def group_code(code: str) -> str:
    """Write a code in fours, as cards and pages show it."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


def format_serial(batch_id: int, number: int) -> str:
    """Return the serial number on the card: batch, number in it; open to everyone."""
    return f"{batch_id:04d}-{number:0{SERIAL_DIGITS}d}"


def parse_serial(text: str) -> tuple[int, int]:
    """Read a serial number back to (batch, number). Raises VoucherUnknown."""
    match = re.fullmatch(r"\s*([0-9]{4,9})[-\s]?([0-9]{8})\s*", text)
    if not match:
        raise VoucherUnknown
    return int(match[1]), int(match[2])

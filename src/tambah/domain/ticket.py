"""Tickets: what subscribers have to say to customer care, and what is still to be answered."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from itertools import product

from tambah.domain.line import Language
from tambah.domain.payment import REFERENCE_ALPHABET, check_character
from tambah.domain.records import Record
from tambah.domain.refusals import CardDigitsMalformed
from tambah.domain.service_hours import ServiceHours
from tambah.domain.voucher import CODE_DIGITS, check_digit, fold_unchecked

MOST_UNREADABLE = 4
"""Digits of a damaged card that may be guessed: one in a thousand completions is then right."""
MOST_NOTES = 60
MOST_PHOTOS = 6
"""What a subscriber may add to one ticket."""

UNREADABLE = "?"
_MARKS = str.maketrans("_*", "??")
_STEM_LENGTH = 8


class Category(StrEnum):
    """What a ticket is about; each has its target time."""

    FAILED_TOPUP = "failed_topup"
    DAMAGED_CARD = "damaged_card"
    WRONG_CHARGE = "wrong_charge"
    SIM_OR_PHONE = "sim_or_phone"
    OTHER = "other"


class TicketState(IntEnum):
    """Where a ticket is: OPEN waits for us, WAITING for the subscriber. The numbers are stored."""

    OPEN = 1
    ANSWERED = 2
    WAITING = 3
    CLOSED = 4
    ERASED = 5


class Author(IntEnum):
    """Who wrote a note. STAFF_ONLY: staff, for staff. The numbers are stored."""

    SUBSCRIBER = 1
    STAFF = 2
    STAFF_ONLY = 3


class Ticket(Record, frozen=True, kw_only=True):
    """A ticket, but for what was written in it.

    reference: for people; see `show_ticket`. form: digest of the form that opened it, so that a
    form sent twice opens one ticket. number_digest, sealed: the number by its keyed digest, and
    what was told at the start, encrypted; None once erased. line_id: whose it was found to be.
    due_at: by when an answer is promised, None while none is owed.
    """

    reference: str
    form: bytes
    number_digest: bytes | None
    sealed: bytes | None
    line_id: int | None
    category: Category
    state: TicketState
    language: Language
    opened_at: datetime
    changed_at: datetime
    due_at: datetime | None
    note_seq: int = 0
    photo_seq: int = 0

    def is_overdue(self, now: datetime) -> bool:
        """Say whether an answer was promised for an instant that is over."""
        return self.due_at is not None and now >= self.due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRule:
    """What the operator promises. target_minutes: by category, of business hours."""

    hours: ServiceHours
    target_minutes: Mapping[Category, int]

    def due(self, category: Category, since: datetime) -> datetime:
        """Return by when an answer is promised to what was asked at an instant."""
        return self.hours.due(since, self.target_minutes[category])


def ticket_reference(digest: bytes) -> str:
    """Return nine characters that name a ticket: eight from a digest, one to check them."""
    number = int.from_bytes(digest[:8])
    letters: list[str] = []
    for _ in range(_STEM_LENGTH):
        number, place = divmod(number, len(REFERENCE_ALPHABET))
        letters.append(REFERENCE_ALPHABET[place])
    stem = "".join(letters)
    return stem + check_character(stem)


def fold_ticket(text: str) -> str | None:
    """Return the reference that somebody typed, None when it is none or mistyped.

    Case, spaces and dashes do not count; any one wrong character and any two swapped are noticed.
    """
    folded = "".join(text[:64].split()).replace("-", "").upper()
    if len(folded) != _STEM_LENGTH + 1 or set(folded) - set(REFERENCE_ALPHABET):
        return None
    return folded if check_character(folded[:-1]) == folded[-1] else None


def show_ticket(reference: str) -> str:
    """Return a reference as people read it: three groups of three. A payment's has two of five."""
    return "-".join(reference[at : at + 3] for at in range(0, len(reference), 3))


def fold_readable(typed: str) -> str:
    """Fold what can be read of a damaged card's code: 16 digits, `?` for each unreadable one.

    `_` and `*` are taken for `?`, and everything else as in a code. Raises CardDigitsMalformed,
    also for more unreadable digits than `MOST_UNREADABLE`.
    """
    typed = unicodedata.normalize("NFKC", typed[:128])
    digits = fold_unchecked(typed.translate(_MARKS))
    known = digits.replace(UNREADABLE, "")
    if len(digits) != CODE_DIGITS or not known.isascii() or not known.isdigit():
        raise CardDigitsMalformed(most_digits=MOST_UNREADABLE)
    if len(digits) - len(known) > MOST_UNREADABLE:
        raise CardDigitsMalformed(most_digits=MOST_UNREADABLE)
    return digits


def completions(readable: str) -> Iterator[str]:
    """Return every code that the readable digits may be of: those whose check digit is right."""
    unreadable = readable.count(UNREADABLE)
    pattern = readable.replace(UNREADABLE, "{}")
    for filling in product("0123456789", repeat=unreadable):
        digits = pattern.format(*filling)
        if check_digit(digits) == "0":
            yield digits

"""Who sells for a dealer by page or SMS: a registered number, a PIN, and the rules that guard it.

Wrong PINs are counted for the seller, from whichever door they come.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import pairwise

from tambah.domain.guessing import lock_minutes
from tambah.domain.line import Language
from tambah.domain.records import Record, replace
from tambah.domain.refusals import FieldMalformed, PinTooWeak

PIN_DIGITS = 6
MOST_NAME = 32
"""Characters: a seller's name stands on slips and in lists of sales."""
_LEAST_DISTINCT = 3


class SellerState(IntEnum):
    """Whether a seller may sell. Stored."""

    ACTIVE = 1
    DISABLED = 2


class Seller(Record, frozen=True, kw_only=True):
    """A person or a till that may sell for a dealer, but for the PIN.

    msisdn: registered, and not of need one of our lines. must_change: the PIN is still the one
    that was handed out. wrong: PINs in a row.
    """

    seller_id: int
    partner_id: int
    name: str
    msisdn: int
    language: Language
    state: SellerState
    created_at: datetime
    must_change: bool = True
    wrong: int = 0
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Say whether wrong PINs keep everybody out for now."""
        return self.locked_until is not None and now < self.locked_until

    def may_try(self, now: datetime) -> bool:
        """Say whether a PIN is looked at now."""
        return self.state is SellerState.ACTIVE and not self.is_locked(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerRule:
    """How the shops' doors are guarded.

    ladder: as in `GuessingRule`, for wrong PINs of one seller. session_hours: after which one
    signs in anew, whatever one did; idle_minutes: the same after doing nothing. pin_minutes: for
    how long after the PIN a sale is made without it; pin_above_micros: a dearer one never is.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    session_hours: int = 14
    idle_minutes: int = 120
    pin_minutes: int = 15
    pin_above_micros: int = 100_000_000

    def asks_pin(self, session: "SellerSession", price_micros: int, now: datetime) -> bool:
        """Say whether the PIN is to be given again for a sale."""
        is_long_ago = now - session.proved_at >= timedelta(minutes=self.pin_minutes)
        return price_micros > self.pin_above_micros or is_long_ago


class SellerSession(Record, frozen=True, kw_only=True):
    """A seller who signed in. proved_at: when the PIN was last given or a sale last made.

    seen_at: last asked for anything. digest: of the cookie's secret.
    """

    seller_id: int
    digest: bytes
    proved_at: datetime
    seen_at: datetime
    expires_at: datetime

    def holds(self, rule: SellerRule, now: datetime) -> bool:
        """Say whether it has not ended, by the clock or by doing nothing."""
        idle = timedelta(minutes=rule.idle_minutes)
        return now < self.expires_at and now - self.seen_at < idle


def fold_seller_name(text: str) -> str:
    """Return a seller's name as it is stored. Raises FieldMalformed."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise FieldMalformed(field="name")
    return name


def require_pin(pin: str, msisdn: int) -> None:
    """Refuse a PIN that is not six digits, or that anybody would try first.

    Of fewer than three different digits, counting up or down, or the end of the own number.
    Raises PinTooWeak.
    """
    is_pin = len(pin) == PIN_DIGITS and pin.isascii() and pin.isdigit()
    if not is_pin or len(set(pin)) < _LEAST_DISTINCT:
        raise PinTooWeak
    steps = {int(after) - int(before) for before, after in pairwise(pin)}
    if steps in ({1}, {-1}) or str(msisdn).endswith(pin):
        raise PinTooWeak


def count_wrong_pin(seller: Seller, rule: SellerRule, now: datetime) -> Seller:
    """Return the seller with one more wrong PIN, locked where the ladder says so."""
    wrong = seller.wrong + 1
    minutes = lock_minutes(wrong, rule.ladder)
    locked_until = now + timedelta(minutes=minutes) if minutes else None
    return replace(seller, wrong=wrong, locked_until=locked_until)


def forget_wrong_pins(seller: Seller) -> Seller:
    """Return the seller with nothing counted: the ladder counts in a row."""
    return replace(seller, wrong=0, locked_until=None)

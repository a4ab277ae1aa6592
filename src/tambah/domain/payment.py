"""A payment's life, from what is asked of the payer to where the money ended.

Money that was received stays received, is credited once, and what goes back is counted: the state
is read off the amounts. So news of a payment may come twice or late, and the end is the same.
"""

import hashlib
from datetime import datetime
from enum import IntEnum

from tambah.domain.gift import Promised
from tambah.domain.line import Language, LineState
from tambah.domain.records import Record


class ProviderId(IntEnum):
    """Who takes the money. The numbers are stored."""

    SANDBOX = 1
    STRIPE = 2
    PAYPAL = 3
    BANK = 4


class PaymentState(IntEnum):
    """Where a payment is. The numbers are stored.

    CREATED: written down, nobody asked yet. AWAITING: the payer is with the provider. UNKNOWN:
    asked, no answer: the provider may have the money. PAID: the money is here and not credited
    yet. CREDITED, FAILED, EXPIRED: as they say; what settles late still credits. REFUNDING: a
    refund is on its way. REFUNDED: all that was received went back. DISPUTED: the payer's bank
    took the money back and the dispute is open or lost.
    """

    CREATED = 1
    AWAITING = 2
    UNKNOWN = 3
    PAID = 4
    CREDITED = 5
    FAILED = 6
    EXPIRED = 7
    REFUNDING = 8
    REFUNDED = 9
    DISPUTED = 10


class RefundState(IntEnum):
    """Where a refund is.

    FAILED: the provider said no for good, or the money came back; a person must see to it.
    CANCELLED: a person did: it was sent again under another number, or is kept.
    """

    PENDING = 1
    DONE = 2
    FAILED = 3
    CANCELLED = 4


class Dispute(IntEnum):
    """Where a payment's last dispute is."""

    NONE = 0
    OPEN = 1
    WON = 2
    LOST = 3


UNSENT = frozenset({RefundState.PENDING, RefundState.FAILED})
"""Refunds whose money is still held."""

OPEN_STATES = frozenset({PaymentState.CREATED, PaymentState.AWAITING, PaymentState.UNKNOWN})
"""Nothing received yet, and still waited for."""

NEVER_PAID = frozenset({PaymentState.FAILED, PaymentState.EXPIRED})
"""Nothing received, and no longer waited for; what comes all the same is credited."""


class Payment(Record, frozen=True, kw_only=True):
    """One payment for a top-up of a line. Micro-ringgit; `payment_no` counts per line.

    price, tax, credit, bonus, valid_days, bonus_days: what was promised when it was opened;
    promised: by promotions, on top; line_state: of the line then, None in old rows. fee: charged
    on top of the price. reference: short, with a check character, for people and bank transfers.
    provider_ref, pay_url: the provider's name for it, and where it is paid while it is open.
    received, held (neither credited nor sent back), refunded, disputed: what became
    of the money; dispute_ref: the provider's name of the last dispute. reason: stable code of a
    failure, or why it was refunded. due_at: when to ask the provider again, None when nothing is
    to be asked.
    """

    line_id: int
    payment_no: int
    created_at: datetime
    provider: ProviderId
    method: str
    state: PaymentState
    price_micros: int
    tax_micros: int
    credit_micros: int
    bonus_micros: int
    fee_micros: int
    valid_days: int
    bonus_days: int
    reference: str
    language: Language | None
    page_token: bytes
    expires_at: datetime
    provider_ref: str | None = None
    pay_url: str | None = None
    received_micros: int = 0
    held_micros: int = 0
    refunded_micros: int = 0
    disputed_micros: int = 0
    dispute: Dispute = Dispute.NONE
    dispute_ref: str | None = None
    topup_no: int | None = None
    paid_at: datetime | None = None
    reason: str | None = None
    refund_seq: int = 0
    due_at: datetime | None = None
    line_state: LineState | None = None
    promised: tuple[Promised, ...] = ()

    @property
    def total_micros(self) -> int:
        """Return what the payer pays: price and fee."""
        return self.price_micros + self.fee_micros


class Refund(Record, frozen=True, kw_only=True):
    """Money on its way back to a payer. Micro-ringgit; `refund_no` counts per payment.

    provider_ref: the provider's name for it. spent: the part that the line had spent already, at
    the operator's cost. due_at: when to send it again, None when that is over. tries: how often
    it was sent.
    """

    line_id: int
    payment_no: int
    refund_no: int
    at: datetime
    amount_micros: int
    spent_micros: int
    state: RefundState
    reason: str
    provider_ref: str | None = None
    settled_at: datetime | None = None
    due_at: datetime | None = None


class PaymentAccount(Record, frozen=True, kw_only=True):
    """A payment with its refunds, by number."""

    payment: Payment
    refunds: tuple[Refund, ...] = ()


class PaymentRule(Record, frozen=True, kw_only=True):
    """Limits of paying for top-ups. Micro-ringgit.

    most: of one payment; line_daily, line_daily_count: all payments of a number in a local day.
    window_minutes: how long a payer has at a provider; bank_days: how long a bank transfer is
    waited for. refund_days: within how many days a refund is promised. fees: (method, micros).
    """

    least_micros: int = 1_000_000
    most_micros: int = 500_000_000
    line_daily_micros: int = 1_000_000_000
    line_daily_count: int = 20
    window_minutes: int = 60
    bank_days: int = 5
    refund_days: int = 14
    fees: tuple[tuple[str, int], ...] = ()

    def fee_micros(self, method: str) -> int:
        """Return what paying by a method costs the payer on top."""
        return dict(self.fees).get(method, 0)


REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXY"
_REFERENCE_LENGTH = 9
"""Without the check character. 31 letters and digits, a prime number: no 0, 1, I, O, Z."""


def reference_for(request: bytes, line_id: int, payment_no: int) -> str:
    """Return ten characters that name a payment: nine from a digest, one to check them.

    request: digest of caller and key, which are unique within a line only.
    """
    whole = request + line_id.to_bytes(8, "big") + payment_no.to_bytes(4, "big")
    number = int.from_bytes(hashlib.sha256(whole).digest()[:8])
    letters: list[str] = []
    for _ in range(_REFERENCE_LENGTH):
        number, place = divmod(number, len(REFERENCE_ALPHABET))
        letters.append(REFERENCE_ALPHABET[place])
    stem = "".join(letters)
    return stem + check_character(stem)


def fold_reference(text: str) -> str | None:
    """Return the reference that somebody typed, None when it is none or mistyped.

    Case, spaces and dashes do not count; any one wrong character and any two swapped are noticed.
    """
    folded = "".join(text.split()).replace("-", "").upper()
    if len(folded) != _REFERENCE_LENGTH + 1 or set(folded) - set(REFERENCE_ALPHABET):
        return None
    return folded if check_character(folded[:-1]) == folded[-1] else None


def show_reference(reference: str) -> str:
    """Return a reference as people read it: two groups of five."""
    return f"{reference[:5]}-{reference[5:]}"


def check_character(stem: str) -> str:
    """Return the character that makes the sum of place times value a multiple of 31.

    Places differ by less than 31, a prime, so no single error and no swap leaves the sum alone.
    """
    total = sum(
        place * REFERENCE_ALPHABET.index(letter) for place, letter in enumerate(stem, start=2)
    )
    return REFERENCE_ALPHABET[-total % len(REFERENCE_ALPHABET)]

"""In what the books and a payment provider may differ, and what a person does about it."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from tambah.domain.payment import ProviderId
from tambah.domain.records import Record


class DifferenceKind(StrEnum):
    """How the books and a provider differ.

    MISSING_IN_LEDGER: settled there, not booked here. MISSING_AT_PROVIDER: booked here, not
    settled there. DAY_MISSING: the same for all that was booked on a day of which the provider
    has no record at all. AMOUNT_DIFFERS: by a sen or more. DOUBLE: one record twice, or one
    payment settled twice. REFUND_…: as for payments. DISPUTE_DIFFERS: missing on one side, or
    another amount. FEE: what the provider kept. MANUAL_CREDIT: money moved by hand that no payment
    stands behind. OTHER_DAY: matched, more than a day apart; for information.
    """

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    DAY_MISSING = "day_missing"
    AMOUNT_DIFFERS = "amount_differs"
    DOUBLE = "double"
    REFUND_MISSING_IN_LEDGER = "refund_missing_in_ledger"
    REFUND_MISSING_AT_PROVIDER = "refund_missing_at_provider"
    DISPUTE_DIFFERS = "dispute_differs"
    FEE = "fee"
    MANUAL_CREDIT = "manual_credit"
    OTHER_DAY = "other_day"


ADVICE = {
    DifferenceKind.MISSING_IN_LEDGER: (
        "The provider has the money and the books do not: a webhook is late or lost. Look at the"
        " payment; if it stays like this for an hour, have the provider send the event again."
    ),
    DifferenceKind.MISSING_AT_PROVIDER: (
        "The books have money that the provider did not settle. Look for the payment at the"
        " provider; if it is not there, refund what was credited and ask how it came to be booked."
    ),
    DifferenceKind.DAY_MISSING: (
        "The provider has no record at all of this day. Ask it for the day's settlement, or read"
        " the missing file, and reconcile again."
    ),
    DifferenceKind.AMOUNT_DIFFERS: (
        "Both sides have it, with another amount. Ask the provider what was settled, and put the"
        " difference right at the side that is wrong."
    ),
    DifferenceKind.DOUBLE: (
        "It stands there more than once. If a settlement was read twice, leave one copy out; if"
        " the payer really paid twice, send one of the two back at the provider."
    ),
    DifferenceKind.REFUND_MISSING_IN_LEDGER: (
        "The provider sent money back and the books do not say so: a refund made at the"
        " provider's desk, or its webhook is lost. Look at the payment, and have the provider send"
        " the event again."
    ),
    DifferenceKind.REFUND_MISSING_AT_PROVIDER: (
        "The books say that money went back and the provider did not send it. Ask the provider;"
        " the payer may still be waiting for it."
    ),
    DifferenceKind.DISPUTE_DIFFERS: (
        "The two sides do not agree on a dispute. Look at it at the provider, and have it send its"
        " last event again."
    ),
    DifferenceKind.FEE: (
        "The provider kept this for itself. It is a cost that these books do not carry: book it in"
        " the accounts and compare it with the contract."
    ),
    DifferenceKind.MANUAL_CREDIT: (
        "It was moved by hand, and no payment stands behind it. If it stood in for a payment that"
        " has come since, take it back with `tambah lines adjust`; else leave it."
    ),
    DifferenceKind.OTHER_DAY: (
        "Booked more than a day from when it was settled; both sides agree. There is nothing to"
        " do unless it happens often."
    ),
}
"""What a person does about each kind of difference."""


class Difference(Record, frozen=True, kw_only=True):
    """One thing in which the books and a provider differ. Micro-ringgit, 0 for what is not there.

    day: the local day of the provider's record, of the booking where there is none. count: how
    many rows it is about; names are of the first of them. note: who did it by hand, and why.
    """

    kind: DifferenceKind
    day: date
    provider: ProviderId | None
    ledger_micros: int = 0
    provider_micros: int = 0
    count: int = 1
    reference: str | None = None
    provider_ref: str | None = None
    record_id: str | None = None
    line_id: int | None = None
    note: str = ""

    @property
    def advice(self) -> str:
        """Return what a person does about it."""
        return ADVICE[self.kind]

    @property
    def is_information(self) -> bool:
        """Say whether both sides agree all the same."""
        return self.kind is DifferenceKind.OTHER_DAY


def in_order(differences: Iterable[Difference]) -> list[Difference]:
    """Return differences by day, then provider, kind and names."""
    return sorted(
        differences,
        key=lambda d: (
            d.day,
            d.provider or 0,
            d.kind,
            d.reference or "",
            d.provider_ref or "",
            d.record_id or "",
        ),
    )

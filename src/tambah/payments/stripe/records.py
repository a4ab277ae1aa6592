"""What is read of Stripe's objects, and our words for it.

Only the fields that are used, so that the same reading serves every version of Stripe's interface:
a webhook comes in the version that its endpoint was made with, whatever the SDK speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tambah.domain.money import MICROS_PER_SEN
from tambah.payments.provider import (
    CURRENCY,
    RefundStage,
    RefundStanding,
    Settled,
    SettledKind,
    Stage,
    Standing,
)

Metadata = dict[str, str] | None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment intent: one payment, whatever was tried for it."""

    id: str
    status: str = ""
    metadata: Metadata = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A Checkout session: Stripe's page for one payment.

    amount_total: in the smallest unit. payment_method_types: what the page really offers.
    """

    id: str
    payment_status: str
    status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    url: str | None = None
    client_reference_id: str | None = None
    metadata: Metadata = None
    payment_intent: str | Intent | None = None
    payment_method_types: tuple[str, ...] = ()

    @property
    def payment_id(self) -> str | None:
        """Return our name of the payment, None for a session that is not ours."""
        return (self.metadata or {}).get("payment_id") or self.client_reference_id

    def standing(self) -> Standing:
        """Say how the payment stands. A failed try leaves the page open for another."""
        if self.payment_status != "unpaid":
            currency = (self.currency or "").upper()
            return Standing(
                stage=Stage.PAID,
                provider_ref=self.id,
                amount_micros=micros(self.amount_total or 0, currency),
                currency=currency,
            )
        if self.status == "expired":
            return Standing(stage=Stage.EXPIRED, provider_ref=self.id, reason="expired")
        if self.status == "open":
            return Standing(stage=Stage.OPEN, provider_ref=self.id)
        if self._was_declined():
            return Standing(stage=Stage.FAILED, provider_ref=self.id, reason="declined")
        return Standing(stage=Stage.PENDING, provider_ref=self.id)

    def _was_declined(self) -> bool:
        """Say whether what a complete session waited for came to nothing."""
        return isinstance(self.payment_intent, Intent) and self.payment_intent.status in (
            "requires_payment_method",
            "canceled",
        )


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money sent back, by us or by a person in Stripe's dashboard."""

    id: str
    amount: int
    currency: str
    status: str | None = None
    failure_reason: str | None = None
    metadata: Metadata = None
    payment_intent: str | Intent | None = None

    @property
    def refund_id(self) -> str | None:
        """Return our name of the refund, None for one made in the dashboard."""
        return (self.metadata or {}).get("refund_id")

    def standing(self) -> RefundStanding:
        """Say how the refund stands."""
        stage = _REFUND_STAGES.get(self.status or "", RefundStage.PENDING)
        return RefundStanding(
            stage=stage,
            provider_ref=self.id,
            reason=self.failure() if stage is RefundStage.FAILED else None,
        )

    def failure(self) -> str:
        """Return why the refund failed, in our words."""
        if self.status == "canceled":
            return "cancelled"
        return _REFUND_FAILURES.get(self.failure_reason or "", "refund_failed")


class Refunds(msgspec.Struct, frozen=True, kw_only=True):
    """A page of refunds."""

    data: tuple[Refund, ...]


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One try to take money that succeeded. It has the metadata of its payment intent."""

    id: str
    metadata: Metadata = None
    payment_intent: str | Intent | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's bank that wants the money back."""

    id: str
    amount: int
    currency: str
    status: str
    metadata: Metadata = None
    payment_intent: str | Intent | None = None


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A balance transaction. amount: gross, signed. source: what it is about, expanded."""

    id: str
    amount: int
    fee: int
    currency: str
    created: int
    type: str
    reporting_category: str = ""
    description: str | None = None
    source: str | dict[str, Any] | None = None

    def settled(self, zone: ZoneInfo, payment_id: str | None) -> Settled:
        """Return it as a settlement record of the local day on which it was made.

        What is not in ringgit has no amount here; its text says what it is.
        """
        currency = self.currency.upper()
        is_ringgit = currency == CURRENCY
        text = self.type if is_ringgit else f"{self.type} {self.amount} {currency}"
        return Settled(
            record_id=self.id,
            day=datetime.fromtimestamp(self.created, UTC).astimezone(zone).date(),
            kind=self._kind() if is_ringgit else SettledKind.OTHER,
            gross_micros=micros(self.amount, currency),
            fee_micros=micros(self.fee, currency),
            refund_ref=self._refund_ref(),
            payment_id=payment_id,
            text=text,
        )

    def _kind(self) -> SettledKind:
        by_type = _KINDS.get(self.type, SettledKind.OTHER)
        return _KINDS.get(self.reporting_category, by_type)

    def _refund_ref(self) -> str | None:
        if isinstance(self.source, dict) and self.source.get("object") == "refund":
            return str(self.source["id"])
        return None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What charges, refunds and disputes have in common: where the payment is named."""

    object: str
    metadata: Metadata = None
    payment_intent: str | Intent | None = None


class BalancePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of balance transactions."""

    data: tuple[BalanceLine, ...]
    has_more: bool


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about, as it was then."""

    object: dict[str, Any]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's body."""

    id: str
    type: str
    object: str = ""
    data: EventData | None = None


def micros(amount: int, currency: str) -> int:
    """Turn Stripe's smallest unit, sen, into micro-ringgit; 0 for any other currency."""
    return amount * MICROS_PER_SEN if currency == CURRENCY else 0


def sen(amount_micros: int) -> int | None:
    """Turn micro-ringgit into sen, None when they are not whole."""
    whole, rest = divmod(amount_micros, MICROS_PER_SEN)
    return None if rest else whole


def named_intent(found: str | Intent | None) -> str | None:
    """Return a payment intent's id, whether it came expanded or not."""
    return found.id if isinstance(found, Intent) else found


_REFUND_STAGES: Mapping[str, RefundStage] = {
    "succeeded": RefundStage.DONE,
    "failed": RefundStage.FAILED,
    "canceled": RefundStage.FAILED,
    "pending": RefundStage.PENDING,
    "requires_action": RefundStage.PENDING,
}

_REFUND_FAILURES: Mapping[str, str] = {
    "charge_for_pending_refund_disputed": "disputed",
    "declined": "declined",
    "expired_or_canceled_card": "account_closed",
    "insufficient_funds": "insufficient_funds",
    "lost_or_stolen_card": "account_closed",
    "merchant_request": "cancelled",
}

# By reporting category, which tells disputes from other adjustments, else by type.
_KINDS: Mapping[str, SettledKind] = {
    "charge": SettledKind.PAYMENT,
    "charge_failure": SettledKind.PAYMENT,
    "dispute": SettledKind.DISPUTE,
    "dispute_reversal": SettledKind.DISPUTE,
    "fee": SettledKind.FEE,
    "payment": SettledKind.PAYMENT,
    "payment_failure_refund": SettledKind.PAYMENT,
    "payment_refund": SettledKind.REFUND,
    "refund": SettledKind.REFUND,
    "refund_failure": SettledKind.REFUND,
    "stripe_fee": SettledKind.FEE,
    "tax": SettledKind.FEE,
    "tax_fee": SettledKind.FEE,
}

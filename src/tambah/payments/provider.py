"""The port: what Tambah asks of whoever takes the money. Hosted pages only, no card number here.

A provider never decides about money: it says what it knows, and the engine draws the
conclusions. Every call may be repeated with the same order and has the same effect.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from tambah.domain.commands import NewsKind
from tambah.domain.payment import ProviderId

CURRENCY = "MYR"
TIMEOUT_SECONDS = 10.0
"""How long one call to a provider may take."""


class ProviderSilent(Exception):
    """No answer, or one that leaves the outcome open (a time-out, a 5xx): ask again later."""


class ProviderRefuses(Exception):
    """A clear no: nothing was taken and asking again would not help.

    reason: a stable code of ours (`declined`, `cancelled`, `amount_too_low`, `refused`, …), never
    the provider's raw text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookForged(Exception):
    """The signature is missing or wrong, or the message is too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A payment as a provider is told of it.

    payment_id: our opaque name of it, the same for every call: use it for the provider's
    idempotency key and as the reference that its webhooks bring back. total_micros: whole sen.
    return_url: where the payer comes back to. reference: for people. tag: the payer's language.
    provider_ref: what `begin` gave, None before.
    """

    payment_id: str
    method: str
    total_micros: int
    reference: str
    description: str
    tag: str
    return_url: str
    expires_at: datetime
    provider_ref: str | None = None
    pay_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A provider is ready. pay_url: its page for the payer, None when there is none (bank)."""

    provider_ref: str
    pay_url: str | None


class Stage(StrEnum):
    """What a provider says of a payment that it was asked about."""

    OPEN = "open"
    """The payer has not finished."""
    PENDING = "pending"
    """The payer has; the money is on its way."""
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    MISSING = "missing"
    """The provider knows of no such payment: it was never begun there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A payment as its provider has it. amount_micros, currency: of what was paid, with PAID."""

    stage: Stage
    provider_ref: str | None = None
    amount_micros: int = 0
    currency: str = CURRENCY
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """A refund to be sent. refund_id: opaque, the same for every try: the idempotency key."""

    refund_id: str
    refund_no: int
    amount_micros: int
    provider_ref: str | None = None


class RefundStage(StrEnum):
    """What a provider says of a refund."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStanding:
    """A refund as its provider has it."""

    stage: RefundStage
    provider_ref: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that a webhook says, its signature proved; stored as it is.

    event_id: the provider's, unique. payment_id: ours, brought back; provider_ref: the
    provider's name for the payment; one of them is there. kind: None for an event that only means
    "look at this payment" (an approval to be captured) or nothing. dispute_ref: the provider's
    name for a dispute. needs_look: with no kind, have the provider asked; news of how paying
    ended is asked about in any case.
    """

    event_id: str
    event_type: str
    payment_id: str | None = None
    provider_ref: str | None = None
    kind: NewsKind | None = None
    amount_micros: int = 0
    currency: str = CURRENCY
    refund_ref: str | None = None
    refund_id: str | None = None
    dispute_ref: str | None = None
    reason: str | None = None
    needs_look: bool = False


class SettledKind(StrEnum):
    """What a settlement record is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FUNDING = "funding"
    FEE = "fee"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One record of a provider's settlement. Micro-ringgit: gross is signed, in is positive.

    record_id: the provider's own, unique within it. day: the local day it counts for.
    provider_ref: of the payment, refund_ref: of the refund, as webhooks name them.
    """

    record_id: str
    day: date
    kind: SettledKind
    gross_micros: int
    fee_micros: int = 0
    provider_ref: str | None = None
    refund_ref: str | None = None
    payment_id: str | None = None
    text: str = ""


class Provider(Protocol):
    """Somebody who takes money. Raises ProviderSilent or ProviderRefuses, nothing else."""

    provider_id: ClassVar[ProviderId]
    methods: Sequence[str]
    origins: Sequence[str]
    """Where its hosted pages are (`https://…`): forms of ours may lead there."""

    async def begin(self, order: Order) -> Begun:
        """Prepare the payment; a repeat gives the same."""
        ...

    async def look(self, order: Order) -> Standing:
        """Say how the payment stands, and finish what only waits for us (a capture)."""
        ...

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Send money back; a repeat sends nothing more and says how it stands."""
        ...

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Prove a webhook's signature and read it. Raises WebhookForged, ProviderSilent."""
        ...

    def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Yield the provider's own records of the local days `first` to `last`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The providers of one installation, by number."""

    by_id: Mapping[ProviderId, Provider] = field(default_factory=dict[ProviderId, Provider])

    def of_method(self, method: str) -> Provider | None:
        """Return who offers a method, None when nobody does."""
        return next((p for p in self.by_id.values() if method in p.methods), None)

    def methods(self) -> list[str]:
        """Return every method on offer, in the order of the providers."""
        return [method for provider in self.by_id.values() for method in provider.methods]

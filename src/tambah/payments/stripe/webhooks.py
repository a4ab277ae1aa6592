"""Stripe's webhooks: the signature proved by the official SDK, then the event in our words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import stripe
import structlog

from tambah.domain.commands import NewsKind
from tambah.payments.provider import Notice, ProviderSilent, RefundStage, WebhookForged
from tambah.payments.stripe.calls import StripeCalls
from tambah.payments.stripe.records import (
    Charge,
    Dispute,
    Event,
    Intent,
    Metadata,
    Refund,
    Session,
    micros,
    named_intent,
)

TOLERANCE_SECONDS = 300
"""How old a signature may be. Stripe signs anew whenever it sends an event again."""

_HEADER = "stripe-signature"

log: Any = structlog.get_logger(__name__)
Read = Callable[[Event, dict[str, Any]], Awaitable[list[Notice]]]


class WebhookReader:
    """Proves and reads webhooks. secrets: those of the endpoint, by spaces or commas."""

    def __init__(self, secrets: str, calls: StripeCalls) -> None:
        self._secrets = secrets.replace(",", " ").split()
        self._calls = calls
        self._readers: Mapping[str, Read] = {
            "checkout.session.completed": self._read_session,
            "checkout.session.async_payment_succeeded": self._read_session,
            "checkout.session.async_payment_failed": self._read_session,
            "checkout.session.expired": self._read_session,
            "payment_intent.succeeded": self._read_intent,
            "refund.created": self._read_refund,
            "refund.updated": self._read_refund,
            "refund.failed": self._read_refund,
            "charge.refund.updated": self._read_refund,
            "charge.refunded": self._read_charge,
            "charge.dispute.created": self._read_dispute,
            "charge.dispute.closed": self._read_dispute,
            "charge.dispute.funds_withdrawn": self._read_dispute,
            "charge.dispute.funds_reinstated": self._read_dispute,
        }

    async def read(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Return what a webhook says, nothing when it does not concern us.

        Raises WebhookForged, and ProviderSilent when it cannot be proved or understood just now:
        Stripe then sends it again.
        """
        self._prove(headers, body)
        try:
            event = msgspec.json.decode(body, type=Event)
            read = self._readers.get(event.type)
            if read is None or event.object != "event" or event.data is None:
                return []
            return await read(event, event.data.object)
        except msgspec.MsgspecError:
            # Proved, so it is Stripe's: a version of its interface that we do not know.
            log.error("stripe.event_unreadable", size=len(body))
            raise ProviderSilent("stripe: an event of another shape") from None

    def _prove(self, headers: Mapping[str, str], body: bytes) -> None:
        if not self._secrets:
            log.error("stripe.webhook_unproved", setting="TAMBAH_STRIPE_WEBHOOK_SECRET")
            raise ProviderSilent("stripe: no secret to prove webhooks with")
        header = next((v for k, v in headers.items() if k.lower() == _HEADER), None)
        if not any(_is_signed(body, header, secret) for secret in self._secrets):
            raise WebhookForged

    async def _read_session(self, event: Event, found: dict[str, Any]) -> list[Notice]:
        """Read what became of a page. That money came is asked for again before it counts."""
        session = msgspec.convert(found, Session)
        kind = _SESSION_NEWS.get(event.type)
        if kind is None and session.payment_status != "unpaid":
            kind = NewsKind.PAID
        standing = session.standing()
        return [
            Notice(
                event_id=event.id,
                event_type=event.type,
                payment_id=session.payment_id,
                provider_ref=session.id,
                kind=kind,
                amount_micros=standing.amount_micros if kind is NewsKind.PAID else 0,
                currency=(session.currency or "").upper(),
                reason=_SESSION_REASONS.get(event.type),
                needs_look=kind is None or kind is NewsKind.PAID,
            )
        ]

    async def _read_intent(self, event: Event, found: dict[str, Any]) -> list[Notice]:
        """Read that a payment succeeded: a reason to look, the page's own events say more."""
        payment_id = (msgspec.convert(found, Intent).metadata or {}).get("payment_id")
        if payment_id is None:
            return []
        return [
            Notice(
                event_id=event.id,
                event_type=event.type,
                payment_id=payment_id,
                needs_look=True,
            )
        ]

    async def _read_refund(self, event: Event, found: dict[str, Any]) -> list[Notice]:
        """Read how a refund stands, ours or one made in the dashboard."""
        refund = msgspec.convert(found, Refund)
        payment_id = await self._payment_id(refund.metadata, refund.payment_intent)
        return [] if payment_id is None else _refund_notices(event, refund, payment_id)

    async def _read_charge(self, event: Event, found: dict[str, Any]) -> list[Notice]:
        """Read that something was refunded: the charge holds a sum only, so each is asked for."""
        charge = msgspec.convert(found, Charge)
        intent_id = named_intent(charge.payment_intent)
        payment_id = await self._payment_id(charge.metadata, charge.payment_intent)
        if payment_id is None or intent_id is None:
            return []
        refunds = await self._calls.refunds_of(intent_id)
        return [n for refund in refunds for n in _refund_notices(event, refund, payment_id)]

    async def _read_dispute(self, event: Event, found: dict[str, Any]) -> list[Notice]:
        """Read where a dispute is. An inquiry moves no money and says nothing here."""
        dispute = msgspec.convert(found, Dispute)
        kind = _dispute_news(event.type, dispute.status)
        if kind is None:
            return []
        payment_id = await self._payment_id(dispute.metadata, dispute.payment_intent)
        if payment_id is None:
            return []
        currency = dispute.currency.upper()
        return [
            Notice(
                event_id=event.id,
                event_type=event.type,
                payment_id=payment_id,
                kind=kind,
                amount_micros=micros(dispute.amount, currency),
                currency=currency,
                dispute_ref=dispute.id,
            )
        ]

    async def _payment_id(self, metadata: Metadata, found: str | Intent | None) -> str | None:
        named = (metadata or {}).get("payment_id")
        return named or await payment_id_of(self._calls, found)


async def payment_id_of(calls: StripeCalls, found: str | Intent | None) -> str | None:
    """Return our name of the payment behind a payment intent, None when it is not ours."""
    intent = await calls.intent(found) if isinstance(found, str) else found
    return (intent.metadata or {}).get("payment_id") if intent else None


def _is_signed(body: bytes, header: str | None, secret: str) -> bool:
    signature: Any = stripe.WebhookSignature  # parts of it have no types
    try:
        return bool(signature.verify_header(body, header, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # The latter two: a body that is not UTF-8, a signature that is not ASCII.
        return False


def _refund_notices(event: Event, refund: Refund, payment_id: str) -> list[Notice]:
    """Return what a refund's state means; one on its way means nothing yet."""
    stage = refund.standing().stage
    if stage is RefundStage.PENDING:
        return []
    failed = stage is RefundStage.FAILED
    currency = refund.currency.upper()
    return [
        Notice(
            event_id=event.id,
            event_type=event.type,
            payment_id=payment_id,
            kind=NewsKind.REFUND_FAILED if failed else NewsKind.REFUNDED,
            amount_micros=micros(refund.amount, currency),
            currency=currency,
            refund_ref=refund.id,
            refund_id=refund.refund_id,
            reason=refund.failure() if failed else None,
        )
    ]


def _dispute_news(event_type: str, status: str) -> NewsKind | None:
    """Return what a dispute's event means for the money, None when it did not move."""
    if status.startswith("warning_") or status == "prevented":
        return None
    if event_type in ("charge.dispute.created", "charge.dispute.funds_withdrawn"):
        return NewsKind.DISPUTED
    # Closed, or the money came back: by the state, for one may come without the other.
    return {"won": NewsKind.DISPUTE_WON, "lost": NewsKind.DISPUTE_LOST}.get(status)


_SESSION_NEWS: Mapping[str, NewsKind] = {
    "checkout.session.async_payment_failed": NewsKind.FAILED,
    "checkout.session.expired": NewsKind.EXPIRED,
}

_SESSION_REASONS: Mapping[str, str] = {
    "checkout.session.async_payment_failed": "declined",
    "checkout.session.expired": "expired",
}

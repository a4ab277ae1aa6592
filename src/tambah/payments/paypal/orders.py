"""Orders as PayPal has them, and what they mean for a payment. Pure, but for a line of log."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import structlog

from tambah.payments.paypal.api import Answer
from tambah.payments.paypal.shapes import Capture, CheckoutOrder, Refund, money_of
from tambah.payments.provider import (
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Stage,
    Standing,
)

log = structlog.get_logger(__name__)

# PayPal has no Malay or Tamil page.
_LOCALES = {"en": "en-GB", "ms": "en-GB", "zh-Hans": "zh-CN", "ta": "en-GB"}
_DESCRIPTION_BYTES = 127
_VERDICTS = frozenset({400, 422})
_TAKEN = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_DECLINED = frozenset({"DECLINED", "FAILED", "DENIED"})
_UNFINISHED = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED"})
# The payer may choose another card or account on PayPal's page, by the same link.
_ANOTHER_WAY = frozenset(
    {
        "INSTRUMENT_DECLINED",
        "ORDER_NOT_APPROVED",
        "PAYER_ACTION_REQUIRED",
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    }
)
# Not in the published list of a capture's issues, and met all the same.
_GONE = frozenset({"ORDER_EXPIRED", "ORDER_VOIDED"})
_CAPTURE_REASONS = {
    "DOMESTIC_TRANSACTION_REQUIRED": "domestic_only",
    "DUPLICATE_INVOICE_ID": "paid_before",
    "TRANSACTION_LIMIT_EXCEEDED": "amount_too_high",
}
_BEGIN_REASONS = {
    "MAX_VALUE_EXCEEDED": "amount_too_high",
    "TRANSACTION_LIMIT_EXCEEDED": "amount_too_high",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "amount_too_low",
}
_REFUND_REASONS = {
    "CAPTURE_FULLY_REFUNDED": "already_refunded",
    "REFUND_AMOUNT_EXCEEDED": "already_refunded",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "insufficient_funds",
    "REFUND_TIME_LIMIT_EXCEEDED": "too_late",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "disputed",
    "TRANSACTION_DISPUTED": "disputed",
}


def order_body(order: Order) -> bytes:
    """Return the request that creates an order. Raises ProviderRefuses."""
    unit: dict[str, Any] = {
        "amount": money_of(order.total_micros),
        "custom_id": order.payment_id,
        "invoice_id": order.payment_id,
    }
    description = _cut(order.description, _DESCRIPTION_BYTES)
    if description:
        unit["description"] = description
    experience = {
        "return_url": order.return_url,
        "cancel_url": order.return_url,
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "locale": _LOCALES.get(order.tag, "en-GB"),
    }
    return msgspec.json.encode(
        {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": experience}},
        }
    )


def refund_body(order: Order, refund: RefundOrder) -> bytes:
    """Return the request that refunds a capture.

    invoice_id: the refund's own, for an account may insist that each is used once.
    """
    return msgspec.json.encode(
        {
            "amount": money_of(refund.amount_micros),
            "custom_id": order.payment_id,
            "invoice_id": refund.refund_id,
            "note_to_payer": _cut(order.reference, 255) or refund.refund_id,
        }
    )


def capture_key(order: Order, found: CheckoutOrder) -> str:
    """Return the request id of a capture, at most 108 characters: one for each approval.

    PayPal answers a repeated id with its first answer, a refusal too. So a payer who was refused
    and approved again by another card needs another id; the order's own instant makes it. That
    PayPal captures an order once, whatever the id, is its own rule.
    """
    approval = hashlib.sha256(found.update_time.encode()).hexdigest()[:12]
    return f"{order.payment_id}-capture-{approval}"


def awaits_capture(found: CheckoutOrder) -> bool:
    """Say whether the payer has agreed and the money waits for us to take it."""
    return found.status == "APPROVED" and not any(
        capture.status in _TAKEN or capture.status == "PENDING" for capture in found.captures
    )


def taken_capture(found: CheckoutOrder) -> Capture | None:
    """Return the capture that took the money, None when there is none."""
    return next((capture for capture in found.captures if capture.status in _TAKEN), None)


def standing_of(found: CheckoutOrder) -> Standing:
    """Return how a payment stands by its order. Raises ProviderSilent for what says nothing."""
    taken = taken_capture(found)
    if taken is not None:
        return Standing(
            stage=Stage.PAID,
            provider_ref=found.id,
            amount_micros=taken.amount.micros(),
            currency=taken.amount.currency_code,
        )
    pending = next((one for one in found.captures if one.status == "PENDING"), None)
    if pending is not None:
        _tell_of_hold(found, pending)
        return Standing(stage=Stage.PENDING, provider_ref=found.id)
    if found.status in _UNFINISHED:
        return Standing(stage=Stage.OPEN, provider_ref=found.id)
    if found.status == "VOIDED":
        return Standing(stage=Stage.EXPIRED, provider_ref=found.id)
    if any(capture.status in _DECLINED for capture in found.captures):
        return Standing(stage=Stage.FAILED, provider_ref=found.id, reason="declined")
    log.error("paypal order not understood", order=found.id, status=found.status)
    raise ProviderSilent("PayPal's order says nothing of the money")


def standing_of_refusal(provider_ref: str, answer: Answer) -> Standing:
    """Return what a refused capture means. Raises ProviderSilent where it means nothing yet."""
    issue = answer.issue
    log.warning("paypal capture refused", order=provider_ref, issue=issue)
    if answer.is_unknown or issue in _GONE:
        return Standing(stage=Stage.EXPIRED, provider_ref=provider_ref)
    if issue in _ANOTHER_WAY:
        return Standing(stage=Stage.OPEN, provider_ref=provider_ref, reason="declined")
    if issue == "ORDER_COMPLETION_IN_PROGRESS":
        return Standing(stage=Stage.PENDING, provider_ref=provider_ref)
    _require_verdict(answer)
    reason = _CAPTURE_REASONS.get(issue, "declined")
    return Standing(stage=Stage.FAILED, provider_ref=provider_ref, reason=reason)


def begin_refusal(answer: Answer) -> ProviderRefuses:
    """Return why an order was not created."""
    issue = answer.issue
    log.warning("paypal order refused", issue=issue, status=answer.status)
    return ProviderRefuses(_BEGIN_REASONS.get(issue, "refused"))


def sent_refund(found: CheckoutOrder, refund: RefundOrder) -> Refund | None:
    """Return a refund that PayPal has already, by our id of it."""
    return next((one for one in found.refunds if one.invoice_id == refund.refund_id), None)


def refund_standing(refund: Refund) -> RefundStanding:
    """Return how a refund stands. Raises ProviderSilent when PayPal does not say."""
    if refund.status == "COMPLETED":
        return RefundStanding(stage=RefundStage.DONE, provider_ref=refund.id)
    if refund.status == "PENDING":
        return RefundStanding(stage=RefundStage.PENDING, provider_ref=refund.id)
    if refund.status in {"FAILED", "CANCELLED"}:
        reason = "cancelled" if refund.status == "CANCELLED" else "refund_failed"
        return RefundStanding(stage=RefundStage.FAILED, provider_ref=refund.id, reason=reason)
    raise ProviderSilent("PayPal does not say how the refund stands")


def refund_refusal(refund: RefundOrder, answer: Answer) -> RefundStanding:
    """Return what a refused refund means. Raises ProviderSilent for "not yet"."""
    issue = answer.issue
    log.warning("paypal refund refused", refund_no=refund.refund_no, issue=issue)
    if issue == "PENDING_CAPTURE":
        raise ProviderSilent("PayPal is still taking the money that is to go back")
    _require_verdict(answer)
    reason = _REFUND_REASONS.get(issue, "refused")
    return RefundStanding(stage=RefundStage.FAILED, reason=reason)


def _require_verdict(answer: Answer) -> None:
    """Let only PayPal's judgement of a request count as a no. Raises ProviderSilent.

    What is left is ours to mend: an app without the permission, a wrong address. Until then
    nothing has been decided about the money.
    """
    if answer.status not in _VERDICTS and not answer.is_unknown:
        log.error("paypal will not be asked", status=answer.status, issue=answer.issue)
        raise ProviderSilent("PayPal does not let us ask")


def _tell_of_hold(found: CheckoutOrder, pending: Capture) -> None:
    """Log a hold that only the operator can end, in the account's settings at PayPal."""
    reason = pending.status_details.reason
    if reason in {"RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION", "UNILATERAL"}:
        log.warning("paypal waits for the operator to accept", order=found.id, reason=reason)


def _cut(text: str, most_bytes: int) -> str:
    """Return a text in one line, cut to so many bytes of UTF-8, which is how PayPal may count."""
    line = " ".join(text.split())
    return line.encode()[:most_bytes].decode(errors="ignore")

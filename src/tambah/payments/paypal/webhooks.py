"""PayPal's webhooks: proved by PayPal itself, then read into what they mean for a payment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog

from tambah.domain.commands import NewsKind
from tambah.payments.paypal.api import PayPalApi, path_of
from tambah.payments.paypal.shapes import (
    Capture,
    CheckoutOrder,
    Link,
    Money,
    PurchaseUnit,
    Refund,
    id_in_link,
)
from tambah.payments.provider import CURRENCY, Notice, ProviderSilent, WebhookForged

log = structlog.get_logger(__name__)

Shape = TypeVar("Shape")

# PayPal repeats an event for three days, and does not say whether the repeats are dated anew: so
# the event's own id, not its age, keeps a replay out, and age is only a bound on that.
OLDEST = timedelta(days=4)
NEWEST = timedelta(minutes=10)

_HEADERS = {
    "auth_algo": ("paypal-auth-algo", re.compile(r"[a-zA-Z0-9]{1,100}", re.ASCII)),
    "cert_url": ("paypal-cert-url", re.compile(r"https://[!-~]{1,492}", re.ASCII)),
    "transmission_id": ("paypal-transmission-id", re.compile(r"[!-~]{1,50}", re.ASCII)),
    "transmission_sig": ("paypal-transmission-sig", re.compile(r"[!-~]{1,500}", re.ASCII)),
    "transmission_time": ("paypal-transmission-time", re.compile(r"[0-9T:.Z+-]{20,64}", re.ASCII)),
}
_VERIFY = "/v1/notifications/verify-webhook-signature"
_CAPTURES = "/v2/payments/captures"

_ORDER_EVENTS = frozenset({"CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"})
_CAPTURE_EVENTS: Mapping[str, NewsKind | None] = {
    "PAYMENT.CAPTURE.COMPLETED": NewsKind.PAID,
    "PAYMENT.CAPTURE.PENDING": None,
    "PAYMENT.CAPTURE.DENIED": NewsKind.FAILED,
    "PAYMENT.CAPTURE.DECLINED": NewsKind.FAILED,
}
_REFUND_EVENTS = frozenset(
    {
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.REFUND.COMPLETED",
        "PAYMENT.REFUND.PENDING",
        "PAYMENT.REFUND.FAILED",
        "PAYMENT.REFUND.CANCELLED",
    }
)
_REFUND_KINDS: Mapping[str, NewsKind | None] = {
    "COMPLETED": NewsKind.REFUNDED,
    "PENDING": None,
    "FAILED": NewsKind.REFUND_FAILED,
    "CANCELLED": NewsKind.REFUND_FAILED,
}
# How a dispute can end. What is not here (`NONE`) a person must see to.
_OUTCOMES: Mapping[str, NewsKind] = {
    "RESOLVED_SELLER_FAVOUR": NewsKind.DISPUTE_WON,
    "CANCELED_BY_BUYER": NewsKind.DISPUTE_WON,
    "DENIED": NewsKind.DISPUTE_WON,
    "RESOLVED_WITH_PAYOUT": NewsKind.DISPUTE_WON,
    "RESOLVED_BUYER_FAVOUR": NewsKind.DISPUTE_LOST,
    "ACCEPTED": NewsKind.DISPUTE_LOST,
}


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    event_type: str
    resource: msgspec.Raw = msgspec.Raw(b"{}")


class _Verdict(msgspec.Struct, frozen=True, kw_only=True):
    verification_status: str = ""


class _Approval(msgspec.Struct, frozen=True, kw_only=True):
    order_id: str | None = None
    purchase_units: tuple[PurchaseUnit, ...] = ()


class _Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken back: the capture itself, or a refund-like record that links to it."""

    id: str = ""
    amount: Money = Money()
    links: tuple[Link, ...] = ()


class _DisputedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    seller_transaction_id: str = ""


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    outcome_code: str = ""


class _Dispute(msgspec.Struct, frozen=True, kw_only=True):
    dispute_id: str | None = None
    status: str = ""
    dispute_amount: Money = Money()
    dispute_outcome: _Outcome = _Outcome()
    disputed_transactions: tuple[_DisputedTransaction, ...] = ()


class WebhookReader:
    """Proves and reads webhooks. Raises WebhookForged, or ProviderSilent to be asked again."""

    def __init__(self, api: PayPalApi, *, webhook_id: str, now: Callable[[], datetime]) -> None:
        self._api = api
        self._webhook_id = webhook_id
        self._now = now

    async def read(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Return what a webhook says, its signature proved."""
        event = _read_event(body)
        proofs = _read_proofs(headers)
        self._require_recent(proofs["transmission_time"])
        await self._prove(proofs, body)
        return await self._notices(event)

    def _require_recent(self, sent_at: str) -> None:
        try:
            at = datetime.fromisoformat(sent_at)
            age = self._now() - at
        except (ValueError, TypeError):
            raise WebhookForged("the transmission time is none") from None
        if not -NEWEST <= age <= OLDEST:
            raise WebhookForged("the message is too old")

    async def _prove(self, proofs: Mapping[str, str], body: bytes) -> None:
        """Ask PayPal whether it sent this, the event's bytes as they came."""
        if not self._webhook_id:
            log.error("paypal webhooks cannot be proved", setting="TAMBAH_PAYPAL_WEBHOOK_ID")
            raise ProviderSilent("no webhook id is set")
        asked = msgspec.json.encode({**proofs, "webhook_id": self._webhook_id})
        # The event goes in as it is: writing it anew could change its bytes, which are signed.
        answer = await self._api.post(_VERIFY, asked[:-1] + b',"webhook_event":' + body + b"}")
        if answer.status == 400:
            raise WebhookForged("PayPal cannot read the signature")
        if not answer.is_yes:
            log.error(
                "paypal does not prove webhooks",
                setting="TAMBAH_PAYPAL_WEBHOOK_ID",
                issue=answer.issue,
            )
            raise ProviderSilent("PayPal does not prove the webhook")
        if answer.read(_Verdict).verification_status != "SUCCESS":
            # A wrong webhook id looks the same as a forger.
            log.warning("paypal webhook refused", check="TAMBAH_PAYPAL_WEBHOOK_ID")
            raise WebhookForged("the signature is wrong")

    async def _notices(self, event: _Event) -> list[Notice]:
        """Read a proved event; [] for one that says nothing of a payment of ours."""
        kind = event.event_type
        if kind in _ORDER_EVENTS or kind == "CHECKOUT.PAYMENT-APPROVAL.REVERSED":
            return _read_order_event(event)
        if kind in _CAPTURE_EVENTS:
            return _read_capture_event(event)
        if kind in _REFUND_EVENTS:
            return await self._read_refund_event(event)
        if kind == "PAYMENT.CAPTURE.REVERSED":
            return await self._read_reversal(event)
        if kind.startswith("CUSTOMER.DISPUTE."):
            return await self._read_dispute(event)
        return []

    async def _read_refund_event(self, event: _Event) -> list[Notice]:
        refund = _resource(event, Refund)
        payment_id, provider_ref = refund.custom_id, None
        if payment_id is None:
            capture = await self._find_capture(id_in_link(refund.links, "/payments/captures/"))
            if capture is None:
                return []
            payment_id, provider_ref = capture.payment_id, capture.order_id
        kind = _REFUND_KINDS.get(refund.status, _kind_by_name(event))
        notice = Notice(
            event_id=event.id,
            event_type=event.event_type,
            payment_id=payment_id,
            provider_ref=provider_ref,
            kind=kind,
            amount_micros=refund.amount.micros(),
            currency=refund.amount.currency_code or CURRENCY,
            refund_ref=refund.id or None,
            refund_id=refund.refund_id if refund.invoice_id != payment_id else None,
            reason="refund_failed" if kind is NewsKind.REFUND_FAILED else None,
        )
        return _ours([notice])

    async def _read_reversal(self, event: _Event) -> list[Notice]:
        """Read that PayPal or the payer's bank took the money back."""
        reversal = _resource(event, _Reversal)
        capture_id = id_in_link(reversal.links, "/payments/captures/") or reversal.id
        capture = await self._find_capture(capture_id)
        if capture is None:
            return []
        return _ours(
            [_dispute_notice(event, event.id, capture, NewsKind.DISPUTED, reversal.amount)]
        )

    async def _read_dispute(self, event: _Event) -> list[Notice]:
        """Read a dispute: each payment of ours in it is found by its capture, through the API."""
        dispute = _resource(event, _Dispute)
        kind = _dispute_kind(event, dispute)
        ids = [one.seller_transaction_id for one in dispute.disputed_transactions]
        notices: list[Notice] = []
        for place, capture_id in enumerate(ids):
            capture = await self._find_capture(capture_id)
            if capture is None:
                continue
            amount = dispute.dispute_amount if len(ids) == 1 else capture.amount
            # The port wants an event id for each notice; the first keeps PayPal's own.
            event_id = f"{event.id}:{place + 1}" if place else event.id
            named = dispute.dispute_id
            notices.append(_dispute_notice(event, event_id, capture, kind, amount, named))
        return _ours(notices)

    async def _find_capture(self, capture_id: str | None) -> Capture | None:
        """Return a capture of this account, None when it has none of that name."""
        if not capture_id:
            return None
        answer = await self._api.get(path_of(_CAPTURES, capture_id))
        if answer.is_unknown:
            return None
        if not answer.is_yes:
            log.warning("paypal shows no capture", capture=capture_id, issue=answer.issue)
            raise ProviderSilent("PayPal does not show the capture")
        return answer.read(Capture)


def _read_event(body: bytes) -> _Event:
    """Read the envelope: exactly one JSON object, so that it stays one inside another."""
    try:
        return msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WebhookForged("the body is no event") from None


def _read_proofs(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the signature is proved by, every part of a form that PayPal may have sent."""
    given = {name.lower(): value for name, value in headers.items()}
    proofs: dict[str, str] = {}
    for part, (name, form) in _HEADERS.items():
        value = given.get(name, "")
        if not form.fullmatch(value):
            raise WebhookForged(f"{name} is missing or malformed")
        proofs[part] = value
    if not _is_paypals(proofs["cert_url"]):
        raise WebhookForged("the certificate is not PayPal's")
    return proofs


def _is_paypals(cert_url: str) -> bool:
    """Say whether a certificate lies at PayPal: nobody else may name where trust comes from."""
    try:
        parts = urlsplit(cert_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_plain = parts.username is None and parts.password is None and port in (None, 443)
    return is_plain and (host == "paypal.com" or host.endswith(".paypal.com"))


def _read_order_event(event: _Event) -> list[Notice]:
    """Read that a payer approved, or that the approval lapsed: both mean "look"."""
    if event.event_type in _ORDER_EVENTS:
        order = _resource(event, CheckoutOrder)
        provider_ref, payment_id = order.id or None, order.payment_id
    else:
        approval = _resource(event, _Approval)
        provider_ref = approval.order_id
        payment_id = next((u.custom_id for u in approval.purchase_units if u.custom_id), None)
    return _ours(
        [
            Notice(
                event_id=event.id,
                event_type=event.event_type,
                payment_id=payment_id,
                provider_ref=provider_ref,
                needs_look=True,
            )
        ]
    )


def _read_capture_event(event: _Event) -> list[Notice]:
    """Read what became of a capture; never believed without a look, for it may be overtaken."""
    capture = _resource(event, Capture)
    kind = _CAPTURE_EVENTS[event.event_type]
    return _ours(
        [
            Notice(
                event_id=event.id,
                event_type=event.event_type,
                payment_id=capture.payment_id,
                provider_ref=capture.order_id,
                kind=kind,
                amount_micros=capture.amount.micros(),
                currency=capture.amount.currency_code or CURRENCY,
                reason="declined" if kind is NewsKind.FAILED else None,
                needs_look=True,
            )
        ]
    )


def _dispute_notice(
    event: _Event,
    event_id: str,
    capture: Capture,
    kind: NewsKind | None,
    amount: Money,
    dispute_ref: str | None = None,
) -> Notice:
    amount = amount if amount.value else capture.amount
    return Notice(
        event_id=event_id,
        event_type=event.event_type,
        payment_id=capture.payment_id,
        provider_ref=capture.order_id,
        kind=kind,
        amount_micros=abs(amount.micros()),
        currency=amount.currency_code,
        dispute_ref=dispute_ref,
        reason=None if kind else "dispute_unclear",
    )


def _dispute_kind(event: _Event, dispute: _Dispute) -> NewsKind | None:
    """Return what a dispute event says; None for an end that a person must read."""
    if event.event_type != "CUSTOMER.DISPUTE.RESOLVED" and dispute.status != "RESOLVED":
        return NewsKind.DISPUTED
    kind = _OUTCOMES.get(dispute.dispute_outcome.outcome_code)
    if kind is None:
        log.error("paypal dispute ended unclearly", event_id=event.id)
    return kind


def _kind_by_name(event: _Event) -> NewsKind | None:
    """Return what a refund event's name says, for a resource without a status."""
    ending = event.event_type.rsplit(".", 1)[1]
    return _REFUND_KINDS.get("COMPLETED" if ending == "REFUNDED" else ending)


def _ours(notices: list[Notice]) -> list[Notice]:
    """Leave out what names no payment: the account may be used for other things too."""
    return [one for one in notices if one.payment_id or one.provider_ref]


def _resource(event: _Event, shape: type[Shape]) -> Shape:
    """Return what an event is about. Raises ProviderSilent for a shape that we do not know."""
    try:
        return msgspec.json.decode(event.resource, type=shape)
    except msgspec.DecodeError:
        log.error("paypal event not understood", event_id=event.id, event_type=event.event_type)
        raise ProviderSilent("PayPal's event cannot be understood") from None

"""PayPal behind the port. The payment's name at PayPal is the order's id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import ClassVar

import structlog

from tambah.domain.payment import ProviderId
from tambah.payments.paypal.api import LIVE_URL, Credentials, PayPalApi, path_of
from tambah.payments.paypal.orders import (
    awaits_capture,
    begin_refusal,
    capture_key,
    order_body,
    refund_body,
    refund_refusal,
    refund_standing,
    sent_refund,
    standing_of,
    standing_of_refusal,
    taken_capture,
)
from tambah.payments.paypal.settlement import read_settled
from tambah.payments.paypal.shapes import CheckoutOrder, Refund
from tambah.payments.paypal.webhooks import WebhookReader
from tambah.payments.provider import (
    TIMEOUT_SECONDS,
    Begun,
    Notice,
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Settled,
    Stage,
    Standing,
)

log = structlog.get_logger(__name__)

_ORDERS = "/v2/checkout/orders"


def _now() -> datetime:
    return datetime.now(UTC)


class PayPalProvider:
    """Payments by PayPal account, in ringgit, between Malaysian accounts."""

    provider_id: ClassVar[ProviderId] = ProviderId.PAYPAL
    methods: Sequence[str] = ("paypal",)
    origins: Sequence[str] = ("https://www.paypal.com", "https://www.sandbox.paypal.com")

    def __init__(
        self,
        credentials: Credentials,
        *,
        webhook_id: str,
        zone: tzinfo,
        base_url: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make ready; nothing is asked of PayPal yet.

        webhook_id: PayPal's name for our webhook address. zone: whose days a settlement has.
        base_url: other than the live service. Raises ConfigError for one without https.
        """
        self._api = PayPalApi(
            credentials, base_url=base_url or LIVE_URL, timeout_seconds=timeout_seconds
        )
        self._webhooks = WebhookReader(self._api, webhook_id=webhook_id, now=now)
        self._zone = zone

    async def begin(self, order: Order) -> Begun:
        """Create the order; PayPal creates one for a payment, however often it is asked."""
        if order.provider_ref and order.pay_url:
            return Begun(provider_ref=order.provider_ref, pay_url=order.pay_url)
        async with self._api.patience():
            answer = await self._api.post(_ORDERS, order_body(order), request_id=order.payment_id)
        if not answer.is_yes:
            raise begin_refusal(answer)
        created = answer.read(CheckoutOrder)
        if not created.id or not created.pay_url:
            raise ProviderSilent("PayPal made an order without a page for the payer")
        return Begun(provider_ref=created.id, pay_url=created.pay_url)

    async def look(self, order: Order) -> Standing:
        """Say how the payment stands, and take the money of an order that the payer approved.

        An order whose name never reached us is MISSING: no payer was sent to it. One that PayPal
        no longer knows is EXPIRED. A declined card leaves it OPEN: the payer may choose another
        by the same link, until PayPal ends the order.
        """
        if order.provider_ref is None:
            return Standing(stage=Stage.MISSING)
        async with self._api.patience():
            found = await self._find(order)
            if found is None:
                return Standing(stage=Stage.EXPIRED, provider_ref=order.provider_ref)
            if awaits_capture(found):
                return await self._capture(order, found)
        return standing_of(found)

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Send money back, once for a refund's id, found again by it however late it is asked."""
        async with self._api.patience():
            known = await self._known_refund(refund)
            if known is not None:
                return refund_standing(known)
            found = await self._find(order)
            taken = taken_capture(found) if found is not None else None
            if found is None or taken is None:
                return RefundStanding(stage=RefundStage.FAILED, reason="nothing_to_refund")
            sent = sent_refund(found, refund)
            if sent is not None:
                return refund_standing(sent)
            answer = await self._api.post(
                path_of("/v2/payments/captures", taken.id, "refund"),
                refund_body(order, refund),
                request_id=refund.refund_id,
            )
        if not answer.is_yes:
            return refund_refusal(refund, answer)
        return refund_standing(answer.read(Refund))

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Have PayPal prove a webhook's signature, and read it; [] for what is not ours."""
        async with self._api.patience():
            return await self._webhooks.read(headers, body)

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Yield PayPal's own records of the local days, by its Transaction Search."""
        async for record in read_settled(self._api, first, last, self._zone):
            yield record

    async def close(self) -> None:
        """Let go of connections."""
        await self._api.close()

    async def _find(self, order: Order) -> CheckoutOrder | None:
        """Return the order, None when PayPal has none of that name.

        Raises ProviderRefuses when it is somebody else's: then nothing of it may be believed.
        """
        if order.provider_ref is None:
            return None
        answer = await self._api.get(path_of(_ORDERS, order.provider_ref))
        if answer.is_unknown:
            return None
        if not answer.is_yes:
            log.warning("paypal shows no order", order=order.provider_ref, issue=answer.issue)
            raise ProviderSilent("PayPal does not show the order")
        found = answer.read(CheckoutOrder)
        if found.id != order.provider_ref or found.payment_id != order.payment_id:
            log.error("paypal order is of another payment", order=order.provider_ref)
            raise ProviderRefuses("reference_differs")
        return found

    async def _capture(self, order: Order, approved: CheckoutOrder) -> Standing:
        """Take the money that the payer agreed to; what was taken before is only read."""
        answer = await self._api.post(
            path_of(_ORDERS, approved.id, "capture"),
            b"{}",
            request_id=capture_key(order, approved),
        )
        if answer.is_yes:
            captured = answer.read(CheckoutOrder)
            if captured.captures:
                return standing_of(captured)
        elif answer.issue != "ORDER_ALREADY_CAPTURED":
            return standing_of_refusal(approved.id, answer)
        again = await self._find(order)
        if again is None or awaits_capture(again):
            raise ProviderSilent("PayPal captured and does not show it yet")
        return standing_of(again)

    async def _known_refund(self, refund: RefundOrder) -> Refund | None:
        """Return a refund whose name at PayPal we have."""
        if refund.provider_ref is None:
            return None
        answer = await self._api.get(path_of("/v2/payments/refunds", refund.provider_ref))
        return answer.read(Refund) if answer.is_yes else None

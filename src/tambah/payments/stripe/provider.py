"""Stripe behind the port: hosted pages for card and FPX, refunds, webhooks, settlement records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import msgspec
import structlog
from stripe.params import BalanceTransactionListParams
from stripe.params.checkout import SessionCreateParams

from tambah.domain.payment import ProviderId
from tambah.payments.provider import (
    TIMEOUT_SECONDS,
    Begun,
    Notice,
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStanding,
    Settled,
    Stage,
    Standing,
)
from tambah.payments.stripe.calls import ExpiryRefused, StripeCalls
from tambah.payments.stripe.records import BalanceLine, Origin, Session, named_intent, sen
from tambah.payments.stripe.webhooks import WebhookReader, payment_id_of

METHODS: Mapping[str, Literal["card", "fpx"]] = {"card": "card", "fpx": "fpx"}
"""What can be offered through Stripe here, with Stripe's names."""

_LOCALES: Mapping[str, Literal["en", "ms", "zh"]] = {"en": "en", "ms": "ms", "zh-Hans": "zh"}
"""Languages of Stripe's page; for Tamil it has none, and asks the browser."""

_GRACE_SECONDS = 31 * 60
"""Added where too little time is left: a page of Stripe's stays open half an hour at least."""

_PAGE = 100
"""Balance transactions in one answer: Stripe's longest page."""

log: Any = structlog.get_logger(__name__)


class StripeProvider:
    """Takes card payments and FPX through Stripe Checkout.

    webhook_secrets: one or, while one is being replaced, more, by spaces or commas. zone: whose
    days settlement records count for. api_url: another address than Stripe's own, for tests.
    Raises ValueError for a method that Stripe does not serve here.
    """

    provider_id: ClassVar[ProviderId] = ProviderId.STRIPE
    origins: Sequence[str] = ("https://checkout.stripe.com",)
    methods: Sequence[str]

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secrets: str,
        methods: Sequence[str],
        zone: ZoneInfo,
        api_url: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        if unknown := set(methods) - set(METHODS):
            raise ValueError(f"not taken through Stripe: {', '.join(sorted(unknown))}")
        self.methods = tuple(methods)
        self._zone = zone
        self._calls = StripeCalls(
            secret_key=secret_key, api_url=api_url, timeout_seconds=timeout_seconds
        )
        self._webhooks = WebhookReader(webhook_secrets, self._calls)

    async def begin(self, order: Order) -> Begun:
        """Make Stripe's page for a payment; a repeat with the same order gives the same page.

        An order whose window is shorter than Stripe allows gets a page that stays open longer.
        Its key is another one, and safe: Stripe answers the first key with its page, if there is
        one, before it looks at the time.
        """
        try:
            session = await self._calls.create_session(
                self._page_for(order, grace_seconds=0), f"begin-{order.payment_id}"
            )
        except ExpiryRefused:
            session = await self._begin_late(order)
        if order.method not in session.payment_method_types:
            # Stripe leaves out what the account has not switched on, without a word.
            log.error("stripe.method_not_offered", method=order.method)
            raise ProviderRefuses("method_unavailable")
        if session.url is None:
            raise ProviderSilent("stripe: a page without an address")
        return Begun(provider_ref=session.id, pay_url=session.url)

    async def look(self, order: Order) -> Standing:
        """Say how a payment stands, by Stripe's own record of it."""
        session = await self._session_of(order)
        if session is None:
            return Standing(stage=Stage.MISSING, provider_ref=order.provider_ref)
        return session.standing()

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Send money back once, however often it is asked and however late.

        Stripe forgets idempotency keys after a day and repeats its first answer until then, so
        what was sent already is looked for first.
        """
        session = await self._session_of(order)
        intent_id = named_intent(session.payment_intent) if session else None
        if intent_id is None:
            raise ProviderRefuses("not_paid")
        for sent in await self._calls.refunds_of(intent_id):
            if sent.refund_id == refund.refund_id:
                return sent.standing()
        created = await self._calls.create_refund(
            {
                "payment_intent": intent_id,
                "amount": _whole_sen(refund.amount_micros),
                "metadata": {"refund_id": refund.refund_id, "payment_id": order.payment_id},
            },
            f"refund-{refund.refund_id}",
        )
        return created.standing()

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Prove a webhook's signature, not older than five minutes, and read it."""
        return await self._webhooks.read(headers, body)

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Yield the account's balance transactions made on the local days `first` to `last`."""
        params: BalanceTransactionListParams = {
            "created": {
                "gte": self._midnight(first),
                "lt": self._midnight(last + timedelta(days=1)),
            },
            "expand": ["data.source"],
            "limit": _PAGE,
        }
        names: dict[str, str | None] = {}
        while True:
            page = await self._calls.balance_page(params)
            for line in page.data:
                yield line.settled(self._zone, await self._payment_of(line, names))
            if not page.has_more or not page.data:
                return
            params["starting_after"] = page.data[-1].id

    async def close(self) -> None:
        """Let go of connections."""
        await self._calls.close()

    async def _begin_late(self, order: Order) -> Session:
        try:
            return await self._calls.create_session(
                self._page_for(order, grace_seconds=_GRACE_SECONDS),
                f"begin-late-{order.payment_id}",
            )
        except ExpiryRefused:
            raise ProviderRefuses("expired") from None

    def _page_for(self, order: Order, *, grace_seconds: int) -> SessionCreateParams:
        """Return what Stripe is asked for. The same order gives the same, to the letter."""
        if order.method not in self.methods:
            raise ProviderRefuses("method_unavailable")
        ours = {"payment_id": order.payment_id, "reference": order.reference}
        return {
            "mode": "payment",
            "allowed_payment_method_types": [METHODS[order.method]],
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "myr",
                        "unit_amount": _whole_sen(order.total_micros),
                        "product_data": {"name": order.description},
                    },
                }
            ],
            "client_reference_id": order.payment_id,
            "metadata": ours,
            # Charges take their metadata from here, and so do refunds and disputes find home.
            "payment_intent_data": {"metadata": ours, "description": order.reference},
            "locale": _LOCALES.get(order.tag, "auto"),
            "success_url": order.return_url,
            "cancel_url": order.return_url,
            "expires_at": int(order.expires_at.timestamp()) + grace_seconds,
            # An account's own setting might offer the payer another currency: ringgit only.
            "adaptive_pricing": {"enabled": False},
        }

    async def _session_of(self, order: Order) -> Session | None:
        """Return the order's page, None when it was never begun or is somebody else's."""
        if order.provider_ref is None:
            return None
        session = await self._calls.session(order.provider_ref)
        if session is not None and session.payment_id != order.payment_id:
            log.error("stripe.other_payment", session=session.id)
            return None
        return session

    async def _payment_of(self, line: BalanceLine, names: dict[str, str | None]) -> str | None:
        """Return our name of the payment that a balance transaction is about."""
        if not isinstance(line.source, dict):
            return None
        origin = msgspec.convert(line.source, Origin)
        intent_id = named_intent(origin.payment_intent)
        named = (origin.metadata or {}).get("payment_id")
        if named or intent_id is None:
            return named
        if intent_id not in names:
            names[intent_id] = await payment_id_of(self._calls, origin.payment_intent)
        return names[intent_id]

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self._zone).timestamp())


def _whole_sen(amount_micros: int) -> int:
    amount = sen(amount_micros)
    if amount is None:
        raise ProviderRefuses("amount_not_whole")
    return amount

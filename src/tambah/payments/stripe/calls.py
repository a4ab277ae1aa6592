"""Stripe's interface, by the official SDK: what is asked, and what a failure means to us.

The SDK's own retries are off: whoever asks decides, and a repeat carries the same idempotency key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar, NoReturn, TypeVar

import httpx2
import msgspec
import stripe
import structlog
from stripe.params import BalanceTransactionListParams, RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from tambah.payments.provider import ProviderRefuses, ProviderSilent
from tambah.payments.stripe.records import BalancePage, Intent, Refund, Refunds, Session

# Else the SDK leaves a file in the home folder and tells Stripe about this machine and how long
# calls took. It can only be switched off for the whole process.
stripe.enable_telemetry = False

# Its lines for debugging hold whole answers, and with them what payers typed at Stripe.
logging.getLogger("stripe").setLevel(logging.WARNING)

_MOST_REFUNDS = 100
"""Refunds of one payment that are looked through: Stripe's longest page."""

_REASONS: Mapping[str, str] = {
    "amount_too_large": "amount_too_high",
    "amount_too_small": "amount_too_low",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "disputed",
    "payment_intent_unexpected_state": "not_paid",
    "payment_method_unactivated": "method_unavailable",
    "refund_disputed_payment": "disputed",
    "resource_missing": "missing",
}
"""Our words for Stripe's error codes; any other is `refused`."""

_LATER = frozenset({"balance_insufficient", "insufficient_funds", "lock_timeout", "rate_limit"})
"""Error codes of requests that may be taken later as they are."""

log: Any = structlog.get_logger(__name__)
Answer = TypeVar("Answer", bound=msgspec.Struct)


class ExpiryRefused(Exception):
    """Stripe refuses the instant at which a page is to close: too near or too far away."""


class StripeCalls:
    """Calls to Stripe. Each raises ProviderSilent and ProviderRefuses, and takes limited time."""

    def __init__(self, *, secret_key: str, api_url: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._http = _Http(timeout_seconds)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_url.rstrip("/")} if api_url else None,
            max_network_retries=0,
            http_client=self._http,
        )

    async def create_session(self, params: SessionCreateParams, key: str) -> Session:
        """Make a page to pay at, or give the one made under this key again.

        Raises ExpiryRefused as well.
        """
        sessions = self._client.v1.checkout.sessions
        try:
            return await self._ask(
                sessions.create_async(params, {"idempotency_key": key}), Session
            )
        except ProviderRefuses as refusal:
            if refusal.reason == "expires_at":
                raise ExpiryRefused from None
            raise

    async def session(self, session_id: str) -> Session | None:
        """Return a page with its payment, None when Stripe knows of none."""
        asked = self._client.v1.checkout.sessions.retrieve_async(
            session_id, {"expand": ["payment_intent"]}
        )
        return await _or_none(self._ask(asked, Session))

    async def intent(self, intent_id: str) -> Intent | None:
        """Return a payment, None when Stripe knows of none."""
        return await _or_none(
            self._ask(self._client.v1.payment_intents.retrieve_async(intent_id), Intent)
        )

    async def refunds_of(self, intent_id: str) -> tuple[Refund, ...]:
        """Return a payment's refunds, whoever made them."""
        asked = self._client.v1.refunds.list_async(
            {"payment_intent": intent_id, "limit": _MOST_REFUNDS}
        )
        return (await self._ask(asked, Refunds)).data

    async def create_refund(self, params: RefundCreateParams, key: str) -> Refund:
        """Send money back, or give the refund made under this key again."""
        return await self._ask(
            self._client.v1.refunds.create_async(params, {"idempotency_key": key}), Refund
        )

    async def balance_page(self, params: BalanceTransactionListParams) -> BalancePage:
        """Return one page of the account's balance transactions, newest first."""
        return await self._ask(
            self._client.v1.balance_transactions.list_async(params), BalancePage
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close_async()

    async def _ask(self, call: Awaitable[Any], shape: type[Answer]) -> Answer:
        """Await a call for as long as it may take, and read its answer."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await call
            return msgspec.convert(answer.to_dict(), shape)
        except TimeoutError:
            raise ProviderSilent("stripe: no answer in time") from None
        except (msgspec.ValidationError, AttributeError):
            log.error("stripe.answer_unreadable", expected=shape.__name__)
            raise ProviderSilent("stripe: an answer of another shape") from None
        except stripe.StripeError as error:
            # Not chained: Stripe's texts and bodies stay out of logs and pages.
            failure = _failure_of(error)
        raise failure from None


async def _or_none(call: Awaitable[Answer]) -> Answer | None:
    try:
        return await call
    except ProviderRefuses as refusal:
        if refusal.reason == "missing":
            return None
        raise


def _failure_of(error: stripe.StripeError) -> ProviderSilent | ProviderRefuses:
    """Return what an error of the SDK means: a clear no, or nothing known."""
    facts = {"kind": type(error).__name__, "status": error.http_status, "code": error.code}
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        log.error("stripe.key_refused", setting="TAMBAH_STRIPE_SECRET_KEY", **facts)
        return ProviderSilent("stripe: the key is refused")
    if isinstance(error, stripe.CardError):
        return ProviderRefuses("declined")
    if isinstance(error, stripe.InvalidRequestError) and error.code not in _LATER:
        untyped: Any = error
        param = str(untyped.param or "")
        log.warning("stripe.request_refused", param=param, **facts)
        return ProviderRefuses(_reason_of(param, error.code or ""))
    log.warning("stripe.silent", **facts)
    return ProviderSilent("stripe: no usable answer")


def _reason_of(param: str, code: str) -> str:
    """Return our word for a refusal: by the parameter that is wrong, else by the code."""
    if param == "expires_at":
        return "expires_at"
    if param.startswith("allowed_payment_method_types"):
        return "method_unavailable"
    return _REASONS.get(code, "refused")


class _Http(stripe.HTTPClient):
    """The SDK's own way out, on the HTTP client that the rest of Tambah uses."""

    name: ClassVar[str] = "httpx2"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._client = httpx2.AsyncClient(timeout=timeout_seconds)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request; any failure to get an answer is the SDK's APIConnectionError."""
        try:
            answer = await self._client.request(
                method.upper(), url, headers=dict(headers), content=post_data or None
            )
        except httpx2.HTTPError as error:
            _raise_unconnected(error)
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def _raise_unconnected(error: httpx2.HTTPError) -> NoReturn:
    """Name the failure by its kind only: its text may hold an address."""
    raise stripe.APIConnectionError(type(error).__name__) from None

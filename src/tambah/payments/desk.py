"""The desk: opens payments, hears providers, asks them, sends refunds; the engine does the books.

Providers are called between the engine's transactions, never within one. Whatever is cut off in
the middle is taken up again by the poller: every step may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews, PaymentStands
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.money import ringgit
from tambah.domain.payment import (
    NEVER_PAID,
    OPEN_STATES,
    Payment,
    PaymentState,
    ProviderId,
    RefundState,
)
from tambah.domain.refusals import (
    Busy,
    PaymentMethodUnavailable,
    PaymentRefused,
    ProviderUnavailable,
    Refusal,
    Unavailable,
    WebhookUnsigned,
)
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.payments.names import payment_id, read_payment_id, read_refund_id, refund_id
from tambah.payments.provider import (
    CURRENCY,
    Notice,
    Order,
    Provider,
    ProviderRefuses,
    Providers,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    Stage,
    Standing,
    WebhookForged,
)
from tambah.store.database import Database
from tambah.store.payment_queue import (
    claim_payment,
    note_event,
    put_off_payment,
    put_off_refund,
)
from tambah.store.views.payments import PaymentView, find_named, read_payment

log = structlog.get_logger(__name__)

GLANCE_SECONDS = 3.0
GLANCE_LEASE = timedelta(seconds=5)
LATE = timedelta(minutes=10)
"""How long after its end a payment may still be open at a provider before we give it up."""

_PAUSES = (5, 10, 15, 30, 60, 120, 300, 600)
"""Seconds until a provider is asked again, by how often it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """Somebody wants to pay. token: of the form, so that sending it twice is one payment.

    tag: the payer's language. result_token: the address at which the result will stand.
    """

    token: str = field(repr=False)
    msisdn: int
    amount_micros: int
    method: str
    tag: str
    result_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A payment is open. pay_url: where the payer goes, None when the result page says all."""

    stands: PaymentStands
    pay_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What payers see: where they come back to, whose shop it is, which methods are offered."""

    public_url: str
    brand: str
    offered: tuple[str, ...] = ()


class PaymentDesk:
    """One installation's payments."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        *,
        keys: Keys,
        clock: Clock,
        providers: Providers,
        front: Front,
    ) -> None:
        self._engine = engine
        self._database = database
        self._keys = keys
        self._clock = clock
        self.providers = providers
        self._front = front

    def methods(self) -> list[str]:
        """Return the methods on offer: the operator's choice, as far as a provider takes it."""
        there = self.providers.methods()
        offered = self._front.offered
        return [m for m in offered if m in there] if offered else there

    def origins(self) -> list[str]:
        """Return where the providers' hosted pages are."""
        return [origin for one in self.providers.by_id.values() for origin in one.origins]

    async def open(self, request: OpenRequest) -> Opened:
        """Open a payment and have its provider prepare it; the same request is the same payment.

        Raises the refusals of `OpenPayment`, PaymentMethodUnavailable, ProviderUnavailable (the
        provider does not answer: it is safe to try again) and PaymentRefused.
        """
        provider = self.providers.of_method(request.method)
        if provider is None or request.method not in self.methods():
            raise PaymentMethodUnavailable
        parts = (request.token, str(request.msisdn), str(request.amount_micros), request.method)
        stands = await self._engine.submit(
            OpenPayment(
                caller="web",
                request_key=self._keys.digest("pay key", *parts).hex(),
                msisdn=request.msisdn,
                amount_micros=request.amount_micros,
                provider=provider.provider_id,
                method=request.method,
                page_token=self._keys.digest("page", request.result_token),
                language=LANGUAGE_BY_TAG[request.tag],
            )
        )
        view = await self._read(stands.line_id, stands.payment_no)
        if view.state in (PaymentState.CREATED, PaymentState.UNKNOWN):
            await self._begin(view, provider)
            view = await self._read(stands.line_id, stands.payment_no)
        return Opened(stands=stands, pay_url=view.payment.pay_url)

    async def glance(self, payment: Payment) -> None:
        """Ask the provider of an open payment, for a short while; never raises, never often."""
        if payment.state not in OPEN_STATES or payment.provider is ProviderId.BANK:
            return
        key = (payment.line_id, payment.payment_no)
        try:
            if await claim_payment(self._database, key, self._clock.now(), GLANCE_LEASE):
                async with asyncio.timeout(GLANCE_SECONDS):
                    await self.look(*key)
        except Exception as error:  # noqa: BLE001 - the page shows what is known; the poller asks on
            log.info("glance left to the poller", reason=type(error).__name__)

    async def look(self, line_id: int, payment_no: int, tries: int = 0) -> None:
        """Ask the provider how a payment stands and take the answer in."""
        view = await self._read(line_id, payment_no)
        provider = self.providers.by_id.get(view.provider)
        if view.state not in OPEN_STATES | NEVER_PAID or provider is None:
            return
        if view.payment.provider_ref is None and view.state in OPEN_STATES:
            await self._begin_late(view, provider)
        else:
            await self._ask(view, provider)
        await self._put_off(view, tries)

    async def hear(self, provider_id: ProviderId, headers: Mapping[str, str], body: bytes) -> int:
        """Take in a webhook; return how many things it said. Everything is durable afterwards.

        Raises WebhookUnsigned; Unavailable, Busy or ProviderUnavailable for the provider to send
        it again.
        """
        provider = self.providers.by_id.get(provider_id)
        if provider is None:
            raise WebhookUnsigned
        try:
            notices = await provider.read_webhook(headers, body)
        except WebhookForged as forged:
            raise WebhookUnsigned from forged
        except ProviderSilent as silent:
            raise ProviderUnavailable from silent
        for notice in notices:
            key = await self._find(provider_id, notice)
            verdict = await self._take(provider_id, key, notice)
            event = (notice.event_id, int(provider_id), notice.event_type, notice.provider_ref)
            await note_event(self._database, event, key, verdict, self._clock.now())
        return len(notices)

    async def send_refund(
        self, line_id: int, payment_no: int, refund_no: int, tries: int = 0
    ) -> RefundStage | None:
        """Have the provider send a refund; None when it does not answer, to be tried again."""
        view = await self._read(line_id, payment_no)
        refund = next((r for r in view.refunds if r.refund_no == refund_no), None)
        provider = self.providers.by_id.get(view.provider)
        if refund is None or refund.state is not RefundState.PENDING or provider is None:
            return None
        key = (line_id, payment_no, refund_no)
        order = RefundOrder(
            refund_id=refund_id(self._keys, *key),
            refund_no=refund_no,
            amount_micros=refund.amount_micros,
            provider_ref=refund.provider_ref,
        )
        stage, reason, ref = RefundStage.PENDING, None, None
        try:
            standing = await provider.refund(self._order(view.payment), order)
            stage, reason, ref = standing.stage, standing.reason, standing.provider_ref
        except ProviderRefuses as refused:
            stage, reason = RefundStage.FAILED, refused.reason
        except ProviderSilent:
            await put_off_refund(self._database, key, self._again(tries))
            return None
        if stage is RefundStage.PENDING:
            await put_off_refund(self._database, key, self._again(tries))
            return stage
        done = stage is RefundStage.DONE
        if not done:
            log.error("refund refused", reference=view.reference, reason=reason)
        await self._engine.submit(
            PaymentNews(
                line_id=line_id,
                payment_no=payment_no,
                kind=NewsKind.REFUNDED if done else NewsKind.REFUND_FAILED,
                amount_micros=refund.amount_micros,
                refund_no=refund_no,
                refund_ref=ref,
                reason=reason,
            )
        )
        return stage

    async def close(self) -> None:
        """Let go of the providers' connections."""
        for provider in self.providers.by_id.values():
            await provider.close()

    async def _begin(self, view: PaymentView, provider: Provider) -> None:
        """Have the provider prepare a payment. Raises ProviderUnavailable, PaymentRefused."""
        key = (view.line_id, view.payment_no)
        try:
            begun = await provider.begin(self._order(view.payment))
        except ProviderSilent as silent:
            await self._tell(key, NewsKind.UNKNOWN)
            raise ProviderUnavailable from silent
        except ProviderRefuses as refused:
            await self._tell(key, NewsKind.FAILED, reason=refused.reason)
            raise PaymentRefused from refused
        await self._engine.submit(
            PaymentNews(
                line_id=view.line_id,
                payment_no=view.payment_no,
                kind=NewsKind.BEGUN,
                provider_ref=begun.provider_ref,
                pay_url=begun.pay_url,
            )
        )

    async def _begin_late(self, view: PaymentView, provider: Provider) -> None:
        """Take up a payment whose begin nobody heard the end of, unless its time is over.

        Past its time no payer was ever sent to the provider: there is nothing to wait for.
        """
        if self._clock.now() >= view.expires_at:
            await self._tell((view.line_id, view.payment_no), NewsKind.EXPIRED)
            return
        try:
            await self._begin(view, provider)
        except (ProviderUnavailable, PaymentRefused) as refusal:
            log.info("payment not begun", reference=view.reference, code=refusal.code)

    async def _ask(self, view: PaymentView, provider: Provider) -> None:
        key = (view.line_id, view.payment_no)
        try:
            standing = await provider.look(self._order(view.payment))
        except ProviderSilent:
            await self._tell(key, NewsKind.UNKNOWN)
            return
        except ProviderRefuses as refused:
            log.warning("provider refuses to look", reference=view.reference, why=refused.reason)
            return
        if standing.stage in (Stage.OPEN, Stage.PENDING):
            await self._still_open(view, standing)
        else:
            await self._conclude(view, standing)

    async def _still_open(self, view: PaymentView, standing: Standing) -> None:
        if view.state is PaymentState.UNKNOWN and standing.stage is Stage.OPEN:
            await self._engine.submit(
                PaymentNews(
                    line_id=view.line_id,
                    payment_no=view.payment_no,
                    kind=NewsKind.BEGUN,
                    provider_ref=view.payment.provider_ref,
                    pay_url=view.payment.pay_url,
                )
            )
        if standing.stage is Stage.OPEN and self._clock.now() >= view.expires_at + LATE:
            await self._tell((view.line_id, view.payment_no), NewsKind.EXPIRED)

    async def _conclude(self, view: PaymentView, standing: Standing) -> None:
        key = (view.line_id, view.payment_no)
        match standing.stage:
            case Stage.PAID if standing.currency != CURRENCY:
                log.error("paid in another currency", reference=view.reference)
            case Stage.PAID:
                await self._paid(view, standing)
            case Stage.FAILED:
                await self._tell(key, NewsKind.FAILED, reason=standing.reason)
            case Stage.EXPIRED:
                await self._tell(key, NewsKind.EXPIRED)
            case _:
                if self._clock.now() >= view.expires_at + LATE:
                    await self._tell(key, NewsKind.EXPIRED)

    async def _paid(self, view: PaymentView, standing: Standing) -> None:
        news = PaymentNews(
            line_id=view.line_id,
            payment_no=view.payment_no,
            kind=NewsKind.PAID,
            amount_micros=standing.amount_micros,
            provider_ref=standing.provider_ref or view.payment.provider_ref,
        )
        try:
            await self._engine.submit(news)
        except (Busy, Unavailable):
            raise
        except Refusal as refusal:
            paid = ringgit(standing.amount_micros)
            log.error("payment not taken", reference=view.reference, code=refusal.code, paid=paid)

    async def _take(
        self, provider_id: ProviderId, key: tuple[int, int] | None, notice: Notice
    ) -> str:
        """Act on what a webhook says; return the verdict in a word."""
        if key is None:
            log.warning("webhook of an unknown payment", about=notice.event_type)
            return "unknown_payment"
        if notice.currency != CURRENCY:
            log.error("webhook in another currency", about=notice.event_type)
            return "currency_differs"
        if notice.needs_look and notice.kind in (None, NewsKind.PAID, NewsKind.FAILED):
            await self.look(*key)
            return "looked"
        if notice.kind is None:
            return "noted"
        refund = read_refund_id(self._keys, notice.refund_id) if notice.refund_id else None
        news = PaymentNews(
            line_id=key[0],
            payment_no=key[1],
            kind=notice.kind,
            amount_micros=notice.amount_micros,
            provider_ref=notice.provider_ref,
            refund_no=refund[2] if refund and refund[:2] == key else None,
            refund_ref=notice.refund_ref,
            reason=notice.reason,
        )
        try:
            stands = await self._engine.submit(news)
        except (Busy, Unavailable):
            raise
        except Refusal as refusal:
            log.error("webhook refused", about=notice.event_type, code=refusal.code)
            return refusal.code
        return stands.state.name.lower()

    async def _find(self, provider_id: ProviderId, notice: Notice) -> tuple[int, int] | None:
        """Return which payment a notice is about; none but one of this very provider."""
        key: tuple[int, int] | None = None
        if notice.payment_id:
            key = read_payment_id(self._keys, notice.payment_id)
        for ref in (notice.provider_ref, notice.refund_ref):
            if key is None and ref:
                named = await find_named(self._database, ref, provider_id)
                key = named[:2] if named else None
        if key is None:
            return None
        view = await read_payment(self._database, *key)
        return key if view is not None and view.provider is provider_id else None

    async def _tell(
        self, key: tuple[int, int], kind: NewsKind, *, reason: str | None = None
    ) -> None:
        await self._engine.submit(
            PaymentNews(line_id=key[0], payment_no=key[1], kind=kind, reason=reason)
        )

    async def _put_off(self, view: PaymentView, tries: int) -> None:
        due_at = self._again(tries)
        if view.provider is ProviderId.BANK:
            due_at = max(due_at, view.expires_at + LATE)
        await put_off_payment(self._database, (view.line_id, view.payment_no), due_at)

    def _again(self, tries: int) -> datetime:
        pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
        return self._clock.now() + timedelta(seconds=pause)

    def _order(self, payment: Payment) -> Order:
        named = payment_id(self._keys, payment.line_id, payment.payment_no)
        tag = payment.language.tag if payment.language else "en"
        return Order(
            payment_id=named,
            method=payment.method,
            total_micros=payment.total_micros,
            reference=payment.reference,
            description=f"{self._front.brand} RM{ringgit(payment.price_micros)}",
            tag=tag,
            return_url=f"{self._front.public_url}/topup/result/{named}?lang={tag}",
            expires_at=payment.expires_at,
            provider_ref=payment.provider_ref,
            pay_url=payment.pay_url,
        )

    async def _read(self, line_id: int, payment_no: int) -> PaymentView:
        view = await read_payment(self._database, line_id, payment_no)
        if view is None:
            raise LookupError("the payment that was just written is not there")
        return view

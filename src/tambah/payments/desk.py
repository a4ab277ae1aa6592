"""The desk: opens payments, hears providers, asks them, sends refunds; the engine does the books.

Providers are called between the engine's transactions, never within one. Whatever is cut off in
the middle is taken up again by the poller: every step may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec
import structlog

from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews, PaymentStands
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.money import ringgit
from tambah.domain.paying import ASK_LATE_AFTER
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
    InternalError,
    PaymentMethodUnavailable,
    PaymentRefused,
    PaymentUnknown,
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
from tambah.store.payment_inbox import (
    Done,
    Event,
    NewEvent,
    claim_events,
    finish_events,
    store_events,
)
from tambah.store.payment_queue import claim_payment, put_off_payment, put_off_refund
from tambah.store.views.payments import PaymentView, find_named, read_payment

log = structlog.get_logger(__name__)

GLANCE_SECONDS = 3.0
GLANCE_LEASE = timedelta(seconds=5)
LATE = timedelta(minutes=45)
"""How long after its end a payment may still be open at a provider before we give it up."""

ASKED_FOR = timedelta(days=1)
"""How long after its end a payment that came to nothing is still asked about."""

SILENT = "silent"
NOT_RECEIVED = "not_received"
_AGAIN = frozenset({SILENT, NOT_RECEIVED})
_OVER = frozenset({"credited", "refunding"})
CURRENCY_DIFFERS = "currency_differs"
"""Verdicts that are neither a payment's state nor a refusal's code."""

_GOES_BACK = frozenset(
    {
        NewsKind.REFUNDED,
        NewsKind.REFUND_FAILED,
        NewsKind.DISPUTED,
        NewsKind.DISPUTE_WON,
        NewsKind.DISPUTE_LOST,
    }
)
"""News that a look at the payment does not bring: taken in once the money is known to be here."""

EVENT_LEASE = timedelta(seconds=20)
MOST_TRIES = 60
"""How often an event is processed while the provider is silent, over some ten hours."""

LEAST_PAUSE, MOST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""Between two questions about a payment."""

_PAUSES = (5, 10, 15, 30, 60, 120, 300, 600)
"""Seconds until a refund is sent or an event processed again, by how often it was."""


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
        self.on_events: Callable[[], object] = _nothing

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

    async def look(self, line_id: int, payment_no: int) -> str:
        """Ask the provider how a payment stands and take the answer in.

        Returns in a word what came of it: the payment's state, SILENT, or what does not fit.
        """
        return await self._look(await self._read(line_id, payment_no))

    async def _look(self, view: PaymentView) -> str:
        provider = self.providers.by_id.get(view.provider)
        if view.state not in OPEN_STATES | NEVER_PAID or provider is None:
            return view.state.name.lower()
        if view.payment.provider_ref is None and view.state in OPEN_STATES:
            verdict = await self._begin_late(view, provider)
            view = await self._read(view.line_id, view.payment_no)
        else:
            verdict = view.state.name.lower()
        if view.payment.provider_ref is not None:
            verdict = await self._ask(view, provider)
        if verdict not in _OVER:
            await self._put_off(view)
        return verdict

    async def hear(self, provider_id: ProviderId, headers: Mapping[str, str], body: bytes) -> int:
        """Store what a webhook says, to be processed afterwards; return how many things that is.

        Raises WebhookUnsigned; ProviderUnavailable when the signature cannot be checked now.
        """
        provider = self.providers.by_id.get(provider_id)
        if provider is None:
            raise WebhookUnsigned
        try:
            notices = await provider.read_webhook(headers, body)
        except WebhookForged as forged:
            log.warning("webhook refused: not signed with our secret", provider=provider_id.name)
            raise WebhookUnsigned from forged
        except ProviderSilent as silent:
            raise ProviderUnavailable from silent
        events = [
            NewEvent(
                event_id=notice.event_id,
                provider=provider_id,
                event_type=notice.event_type,
                provider_ref=notice.provider_ref,
                notice=_encode(notice),
            )
            for notice in _apart(notices)
        ]
        if events:
            await store_events(self._database, events, self._clock.now())
            self.on_events()
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

    async def _begin_late(self, view: PaymentView, provider: Provider) -> str:
        """Take up a payment whose begin nobody heard the end of, unless its time is over.

        Past its time no payer was ever sent to the provider: there is nothing to wait for.
        """
        if self._clock.now() >= view.expires_at:
            return await self._tell((view.line_id, view.payment_no), NewsKind.EXPIRED)
        try:
            await self._begin(view, provider)
        except ProviderUnavailable:
            return SILENT
        except PaymentRefused as refusal:
            return refusal.code
        return "begun"

    async def _ask(self, view: PaymentView, provider: Provider) -> str:
        key = (view.line_id, view.payment_no)
        try:
            standing = await provider.look(self._order(view.payment))
        except ProviderSilent:
            await self._tell(key, NewsKind.UNKNOWN)
            return SILENT
        except ProviderRefuses as refused:
            log.warning("provider refuses to look", reference=view.reference, why=refused.reason)
            return refused.reason
        if standing.stage in (Stage.OPEN, Stage.PENDING):
            return await self._still_open(view, standing)
        return await self._conclude(view, standing)

    async def _still_open(self, view: PaymentView, standing: Standing) -> str:
        key = (view.line_id, view.payment_no)
        if standing.stage is Stage.OPEN and self._clock.now() >= view.expires_at + LATE:
            return await self._tell(key, NewsKind.EXPIRED)
        if view.state is PaymentState.UNKNOWN and standing.stage is Stage.OPEN:
            return await self._submit(
                PaymentNews(
                    line_id=view.line_id,
                    payment_no=view.payment_no,
                    kind=NewsKind.BEGUN,
                    provider_ref=view.payment.provider_ref,
                    pay_url=view.payment.pay_url,
                )
            )
        return view.state.name.lower()

    async def _conclude(self, view: PaymentView, standing: Standing) -> str:
        key = (view.line_id, view.payment_no)
        match standing.stage:
            case Stage.PAID if standing.currency != CURRENCY:
                log.error("paid in another currency", reference=view.reference)
                return CURRENCY_DIFFERS
            case Stage.PAID:
                return await self._submit(
                    PaymentNews(
                        line_id=view.line_id,
                        payment_no=view.payment_no,
                        kind=NewsKind.PAID,
                        amount_micros=standing.amount_micros,
                        provider_ref=standing.provider_ref or view.payment.provider_ref,
                    )
                )
            case Stage.FAILED:
                return await self._tell(key, NewsKind.FAILED, reason=standing.reason)
            case Stage.EXPIRED:
                return await self._tell(key, NewsKind.EXPIRED)
            case _:
                if self._clock.now() >= view.expires_at + LATE:
                    return await self._tell(key, NewsKind.EXPIRED)
                return "missing"

    async def work(self, limit: int = 100) -> int:
        """Process events that are due; return how many those were."""
        events = await claim_events(self._database, self._clock.now(), EVENT_LEASE, limit)
        if events:
            done = await asyncio.gather(*(self._process(event) for event in events))
            await finish_events(self._database, done)
        return len(events)

    async def _process(self, event: Event) -> Done:
        """Act on an event. Whatever goes wrong, it is tried again later, and its verdict says."""
        key: tuple[int, int] | None = None
        verdict, again = "failed", True
        try:
            notice = _decode(event.notice)
            key = await self._find(ProviderId(event.provider), notice)
            verdict = await self._take(ProviderId(event.provider), key, notice)
            again = verdict in _AGAIN
        except (Busy, Unavailable, InternalError) as refusal:
            verdict = refusal.code
        except Exception as bug:
            log.error("webhook not processed", about=event.event_type, exc_info=bug)
        if again and event.tries >= MOST_TRIES:
            log.error("webhook given up", about=event.event_type, verdict=verdict)
            again = False
        due_at = self._again(event.tries) if again else None
        return Done(event=event, verdict=verdict, payment=key, due_at=due_at)

    async def _take(
        self, provider_id: ProviderId, key: tuple[int, int] | None, notice: Notice
    ) -> str:
        """Act on what a webhook says; return the verdict in a word."""
        if key is None:
            log.warning("webhook of an unknown payment", about=notice.event_type)
            return PaymentUnknown.code
        if notice.currency != CURRENCY:
            log.error("webhook in another currency", about=notice.event_type)
            return CURRENCY_DIFFERS
        if notice.kind is None and not notice.needs_look:
            return "noted"
        if notice.kind is None or notice.kind not in _GOES_BACK:
            # Nothing is credited on a webhook's word: the provider is asked, and that is compared.
            return await self._look_because(provider_id, key)
        # What goes back has come: where that is not known yet, the provider is asked first.
        looked = await self._look_because(provider_id, key)
        if looked in (SILENT, PaymentUnknown.code):
            return looked
        if (await self._read(*key)).payment.received_micros == 0:
            return NOT_RECEIVED
        refund = read_refund_id(self._keys, notice.refund_id) if notice.refund_id else None
        news = PaymentNews(
            line_id=key[0],
            payment_no=key[1],
            kind=notice.kind,
            provider=provider_id,
            amount_micros=notice.amount_micros,
            provider_ref=notice.provider_ref,
            refund_no=refund[2] if refund and refund[:2] == key else None,
            refund_ref=notice.refund_ref,
            dispute_ref=notice.dispute_ref,
            reason=notice.reason,
        )
        return await self._submit(news)

    async def _look_because(self, provider_id: ProviderId, key: tuple[int, int]) -> str:
        view = await read_payment(self._database, *key)
        if view is None or view.provider is not provider_id:
            return PaymentUnknown.code
        return await self._look(view)

    async def _submit(self, news: PaymentNews) -> str:
        """Tell the engine; return the payment's state afterwards, or why it was refused."""
        try:
            stands = await self._engine.submit(news)
        except (Busy, Unavailable, InternalError):
            raise
        except Refusal as refusal:
            log.error("news of a payment refused", kind=news.kind, code=refusal.code)
            return refusal.code
        return stands.state.name.lower()

    async def _find(self, provider_id: ProviderId, notice: Notice) -> tuple[int, int] | None:
        """Return which payment a notice names, if any; the rules see whose it is."""
        key: tuple[int, int] | None = None
        if notice.payment_id:
            key = read_payment_id(self._keys, notice.payment_id)
        for ref in (notice.provider_ref, notice.refund_ref):
            if key is None and ref:
                named = await find_named(self._database, ref, provider_id)
                key = named[:2] if named else None
        return key

    async def _tell(
        self, key: tuple[int, int], kind: NewsKind, *, reason: str | None = None
    ) -> str:
        return await self._submit(
            PaymentNews(line_id=key[0], payment_no=key[1], kind=kind, reason=reason)
        )

    async def _put_off(self, view: PaymentView) -> None:
        """Say when to ask again: the older a payment, the more seldom; its payer is watching."""
        now = self._clock.now()
        pause = (now - view.created_at) / 6
        due_at: datetime | None = now + min(max(pause, LEAST_PAUSE), MOST_PAUSE)
        if view.state in NEVER_PAID:
            # Its page may outlive it, and its webhook be lost: asked for a day, every hour.
            due_at = None if now >= view.expires_at + ASKED_FOR else now + ASK_LATE_AFTER
        elif view.provider is ProviderId.BANK:
            due_at = max(now + MOST_PAUSE, view.expires_at + LATE)
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


def _nothing() -> None:
    """Stand in until somebody processes events here."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Notice).decode


def _apart(notices: Sequence[Notice]) -> list[Notice]:
    """Return the notices of one webhook under ids of their own."""
    return [
        replace(notice, event_id=f"{notice.event_id}/{place}") if place else notice
        for place, notice in enumerate(notices)
    ]

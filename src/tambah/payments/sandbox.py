"""A provider to try things with: its page has a button for every ending. In demos only."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from tambah.domain.commands import NewsKind
from tambah.domain.payment import ProviderId
from tambah.engine.clock import Clock
from tambah.engine.keys import Keys
from tambah.payments.provider import (
    Begun,
    Notice,
    Order,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Settled,
    SettledKind,
    Stage,
    Standing,
    WebhookForged,
)
from tambah.store.database import Database
from tambah.store.sandbox_payments import (
    SandboxRow,
    add_sandbox_payment,
    add_sandbox_refund,
    end_sandbox_payment,
    read_sandbox_payment,
    settled_sandbox,
)

LATE_SECONDS = 20
FRESH_SECONDS = 300
_SIGNATURE = "sandbox-signature"

SandboxPayment = SandboxRow
Deliver = Callable[[Mapping[str, str], bytes], Awaitable[object]]


class Ending(StrEnum):
    """How a payment may end: a button each.

    PAID_LATE: the money comes twenty seconds later and nobody says so. NEVER_ANSWERS: the
    provider falls silent. WEBHOOK_FIRST: it tells us before the payer is back; WEBHOOK_TWICE: it
    tells us twice at once. REFUND_FAILS: paid, and refused when it is to be sent back.
    """

    PAID = "paid"
    PAID_LATE = "paid_late"
    DECLINED = "declined"
    NEVER_ANSWERS = "never_answers"
    WEBHOOK_FIRST = "webhook_first"
    WEBHOOK_TWICE = "webhook_twice"
    REFUND_FAILS = "refund_fails"
    CANCELLED = "cancelled"


_STAGES = {
    Ending.DECLINED: "declined",
    Ending.CANCELLED: "cancelled",
    Ending.NEVER_ANSWERS: "silent",
}


class SandboxProvider:
    """The sandbox behind the port; `deliver` takes its webhooks."""

    provider_id: ClassVar[ProviderId] = ProviderId.SANDBOX
    methods: Sequence[str] = ("sandbox",)
    origins: Sequence[str] = ()

    def __init__(
        self, database: Database, keys: Keys, clock: Clock, public_url: str, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._zone = zone
        self._deliveries: set[asyncio.Task[object]] = set()
        self.deliver: Deliver | None = None

    async def begin(self, order: Order) -> Begun:
        """Prepare the payment's page."""
        provider_ref = f"sb_{order.payment_id[:24]}"
        await add_sandbox_payment(
            self._database,
            SandboxRow(
                provider_ref=provider_ref,
                payment_id=order.payment_id,
                created_at=self._clock.now(),
                total_micros=order.total_micros,
                return_url=order.return_url,
                reference=order.reference,
                stage="open",
                ending=None,
                paid_at=None,
                refunds_fail=False,
            ),
        )
        pay_url = f"{self._public_url}/sandbox/pay/{provider_ref}?lang={order.tag}"
        return Begun(provider_ref=provider_ref, pay_url=pay_url)

    async def look(self, order: Order) -> Standing:
        """Say how it stands."""
        row = await self.view(order.provider_ref or "")
        if row is None:
            return Standing(stage=Stage.MISSING)
        if row.stage == "silent":
            raise ProviderSilent
        if row.stage == "paid" and row.paid_at is not None:
            if row.paid_at > self._clock.now():
                return Standing(stage=Stage.PENDING, provider_ref=row.provider_ref)
            return Standing(
                stage=Stage.PAID, provider_ref=row.provider_ref, amount_micros=row.total_micros
            )
        if row.stage in ("declined", "cancelled"):
            return Standing(stage=Stage.FAILED, reason=row.stage)
        if self._clock.now() >= order.expires_at:
            return Standing(stage=Stage.EXPIRED)
        return Standing(stage=Stage.OPEN, provider_ref=row.provider_ref)

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Send money back, unless the ending said that this fails."""
        row = await self.view(order.provider_ref or "")
        if row is None or row.refunds_fail:
            return RefundStanding(stage=RefundStage.FAILED, reason="refused")
        now = self._clock.now()
        await add_sandbox_refund(
            self._database, refund.refund_id, row.provider_ref, refund.amount_micros, now
        )
        return RefundStanding(stage=RefundStage.DONE, provider_ref=refund.refund_id)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Prove and read a webhook of `press`."""
        stamp, _, signature = headers.get(_SIGNATURE, "").partition(",")
        fresh = stamp.isdigit() and abs(time.time() - int(stamp)) <= FRESH_SECONDS
        if not fresh or not hmac.compare_digest(signature, self._sign(stamp, body)):
            raise WebhookForged
        event = json.loads(body)
        return [
            Notice(
                event_id=event["id"],
                event_type=event["type"],
                payment_id=event["payment_id"],
                provider_ref=event["provider_ref"],
                kind=NewsKind(event["type"]),
                amount_micros=event["amount_micros"],
                currency=event["currency"],
                refund_ref=event.get("refund_ref"),
                reason=event.get("reason"),
            )
        ]

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Yield what the sandbox paid out and in."""
        begin = datetime.combine(first, datetime.min.time(), self._zone)
        end = datetime.combine(last + timedelta(days=1), datetime.min.time(), self._zone)
        for kind, ref, at, amount, refund in await settled_sandbox(self._database, begin, end):
            is_refund = kind == "refund"
            yield Settled(
                record_id=refund or ref,
                day=at.astimezone(self._zone).date(),
                kind=SettledKind.REFUND if is_refund else SettledKind.PAYMENT,
                gross_micros=-amount if is_refund else amount,
                provider_ref=ref,
                refund_ref=refund,
            )

    async def close(self) -> None:
        """Wait for webhooks that are on their way."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=2)

    async def view(self, provider_ref: str) -> SandboxPayment | None:
        """Return a payment for the sandbox's own page."""
        return await read_sandbox_payment(self._database, provider_ref)

    async def press(self, provider_ref: str, ending: Ending) -> str:
        """End a payment as its button says; return where the payer goes. A second press is moot.

        Raises LookupError for a payment that is none.
        """
        row = await self.view(provider_ref)
        if row is None:
            raise LookupError(provider_ref)
        stage = _STAGES.get(ending, "paid")
        paid_at = self._clock.now() if stage == "paid" else None
        if paid_at and ending is Ending.PAID_LATE:
            paid_at += timedelta(seconds=LATE_SECONDS)
        is_first = await end_sandbox_payment(
            self._database,
            provider_ref,
            stage=stage,
            ending=ending,
            paid_at=paid_at,
            refunds_fail=ending is Ending.REFUND_FAILS,
        )
        if is_first:
            await self._tell(row, ending)
        return row.return_url

    def webhook(
        self, row: SandboxPayment, kind: NewsKind, **more: object
    ) -> tuple[dict[str, str], bytes]:
        """Return a signed webhook, headers and body, as the sandbox sends it."""
        event = {
            "id": f"{row.provider_ref}-{kind}",
            "type": kind,
            "payment_id": row.payment_id,
            "provider_ref": row.provider_ref,
            "amount_micros": row.total_micros,
            "currency": "MYR",
            **more,
        }
        body = json.dumps(event).encode()
        stamp = str(int(time.time()))
        return {_SIGNATURE: f"{stamp},{self._sign(stamp, body)}"}, body

    async def _tell(self, row: SandboxPayment, ending: Ending) -> None:
        if self.deliver is None or ending in (Ending.PAID_LATE, Ending.NEVER_ANSWERS):
            return
        kind = NewsKind.FAILED if ending in _STAGES else NewsKind.PAID
        headers, body = self.webhook(row, kind, reason=_STAGES.get(ending))
        times = 2 if ending is Ending.WEBHOOK_TWICE else 1
        sent = [asyncio.ensure_future(self.deliver(headers, body)) for _ in range(times)]
        if ending is Ending.WEBHOOK_FIRST:
            await asyncio.gather(*sent)
            return
        for one in sent:
            self._deliveries.add(one)
            one.add_done_callback(self._deliveries.discard)

    def _sign(self, stamp: str, body: bytes) -> str:
        return self._keys.digest("sandbox webhook", stamp, body).hex()

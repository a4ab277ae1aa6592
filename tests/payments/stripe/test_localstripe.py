"""The official SDK against localstripe, somebody else's idea of Stripe, in its own process.

It knows payment intents, refunds and signed webhooks, but neither Checkout nor FPX: a page in
front of it stands for the former, the double (`double.py`) for both.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stripe

from tambah.payments.provider import (
    Notice,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    Stage,
    Standing,
    WebhookForged,
)
from tambah.payments.stripe.calls import StripeCalls
from tambah.payments.stripe.records import Intent
from tests.payments.stripe.conftest import ORDER, SECRET, order, provider_at
from tests.payments.stripe.double import KEY, serving

SESSION_ID = "cs_test_in_front"
_PICKLE = Path("/tmp/localstripe.pickle")  # where it always keeps its state
_START_SECONDS = 20


@pytest.fixture(scope="module")
def no_pickle_left() -> Iterator[None]:
    """Take away what localstripe leaves, unless it was there before."""
    was_there = _PICKLE.exists()
    yield
    if not was_there:
        _PICKLE.unlink(missing_ok=True)


@pytest.fixture(scope="module")
async def localstripe(no_pickle_left: None) -> AsyncIterator[str]:
    """Run localstripe on a free port; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        if b"Running on" not in line:
            pytest.skip("localstripe does not start here: it listens on IPv6")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
async def client(localstripe: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Return what asks localstripe without the SDK."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=localstripe, headers=headers) as client:
        yield client


@pytest.fixture
async def calls(localstripe: str) -> AsyncIterator[StripeCalls]:
    """Return our calls, to localstripe."""
    calls = StripeCalls(secret_key=KEY, api_url=localstripe, timeout_seconds=10)
    yield calls
    await calls.close()


class Front:
    """Answers for Checkout with one page, and hands everything else to localstripe."""

    def __init__(self, client: httpx2.AsyncClient, session: dict[str, Any]) -> None:
        self._client = client
        self._session = session

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        status, raw = 200, json.dumps(self._session).encode()
        if not scope["path"].startswith("/v1/checkout/sessions/"):
            kind = "application/x-www-form-urlencoded"
            answer = await self._client.request(
                scope["method"],
                f"{scope['path']}?{scope['query_string'].decode()}",
                content=body,
                headers={"Content-Type": kind} if body else {},
            )
            status, raw = answer.status_code, answer.content
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": raw})


async def _paid_intent(calls: StripeCalls, card: str = "pm_card_visa") -> Intent:
    """Pay with one of Stripe's test cards, through the official SDK."""
    asked = calls._client.v1.payment_intents.create_async(
        {
            "amount": 3000,
            "currency": "myr",
            "payment_method": card,
            "confirm": True,
            "metadata": {"payment_id": ORDER.payment_id},
        }
    )
    return await calls._ask(asked, Intent)


async def test_a_card_payment_is_found_paid_and_refunded_once(
    calls: StripeCalls, client: httpx2.AsyncClient
) -> None:
    intent = await _paid_intent(calls)
    assert intent.status == "succeeded"
    session = {
        "id": SESSION_ID,
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 3000,
        "currency": "myr",
        "client_reference_id": ORDER.payment_id,
        "payment_intent": (await client.get(f"/v1/payment_intents/{intent.id}")).json(),
    }
    asked = order(provider_ref=SESSION_ID)
    refund = RefundOrder(refund_id="r1", refund_no=1, amount_micros=12_340_000)
    async with serving(Front(client, session)) as address:
        provider = provider_at(address)
        assert await provider.look(asked) == Standing(
            stage=Stage.PAID,
            provider_ref=SESSION_ID,
            amount_micros=30_000_000,
            currency="MYR",
        )
        first = await provider.refund(asked, refund)
        assert first.stage is RefundStage.DONE
        assert await provider.refund(asked, refund) == first
        second = await provider.refund(asked, replace(refund, refund_id="r2", refund_no=2))
        await provider.close()

    listed = (await client.get("/v1/refunds", params={"payment_intent": intent.id})).json()
    assert sorted(
        (r["id"], r["amount"], r["metadata"]["refund_id"]) for r in listed["data"]
    ) == sorted([(first.provider_ref, 1234, "r1"), (second.provider_ref, 1234, "r2")])


async def test_a_declined_card_is_a_refusal(calls: StripeCalls) -> None:
    with pytest.raises(ProviderRefuses) as refusal:
        await _paid_intent(calls, "pm_card_chargeCustomerFail")
    assert refusal.value.reason == "declined"


async def test_a_refund_of_an_unknown_payment_is_a_refusal(calls: StripeCalls) -> None:
    with pytest.raises(ProviderRefuses):
        await calls.create_refund({"payment_intent": "pi_gone", "amount": 1}, "k")


async def test_a_key_of_another_kind_is_silence(localstripe: str) -> None:
    provider = provider_at(localstripe, secret_key="pk_test_no_secret_key")
    with pytest.raises(ProviderSilent):
        await provider.look(order(provider_ref=SESSION_ID))
    await provider.close()


async def test_a_stripe_without_checkout_is_silence(localstripe: str) -> None:
    provider = provider_at(localstripe)
    with pytest.raises(ProviderSilent):
        await provider.begin(ORDER)
    await provider.close()


async def test_a_webhook_that_localstripe_signed_is_believed(
    calls: StripeCalls, client: httpx2.AsyncClient
) -> None:
    arrived: asyncio.Future[tuple[dict[str, str], bytes]] = asyncio.Future()

    async def receiver(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        if not arrived.done():
            arrived.set_result(({k.decode(): v.decode() for k, v in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with serving(receiver) as address:
        await client.post(
            "/_config/webhooks/ours",
            json={"url": address, "secret": SECRET, "events": ["payment_intent.succeeded"]},
        )
        await _paid_intent(calls)
        headers, body = await asyncio.wait_for(arrived, 10)

    ours, theirs = provider_at(""), provider_at("", webhook_secrets="whsec_other")
    assert await ours.read_webhook(headers, body) == [
        Notice(
            event_id=json.loads(body)["id"],
            event_type="payment_intent.succeeded",
            payment_id=ORDER.payment_id,
            needs_look=True,
        )
    ]
    assert stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET)
    for provider, told in ((theirs, body), (ours, body.replace(b"3000", b"9000"))):
        with pytest.raises(WebhookForged):
            await provider.read_webhook(headers, told)
    await ours.close()
    await theirs.close()

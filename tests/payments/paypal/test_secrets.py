"""What is logged on the way, and what must not be."""

from __future__ import annotations

import base64
import logging
from dataclasses import replace

import pytest

from tambah.payments.paypal import Credentials, PayPalProvider
from tambah.payments.provider import Order, ProviderSilent, RefundOrder, WebhookForged
from tests.payments.paypal.conftest import ORDER, Maker
from tests.payments.paypal.double import CLIENT_ID, CLIENT_SECRET, Double


async def live_through_everything(make: Maker, double: Double, begun: Order) -> None:
    """Go through a payment's life with every sort of failure, all of it logged."""
    ref = str(begun.provider_ref)
    with pytest.raises(ProviderSilent):
        await make(secret=f"{CLIENT_SECRET}-wrong").begin(ORDER)
    paypal = make()
    for how in ["500", "drop", "401"]:
        double.break_next(f"/orders/{ref}", how, times=2 if how == "401" else 1)
        with pytest.raises(ProviderSilent):
            await paypal.look(begun)
    double.approve(ref)
    double.capture_issue = "INSTRUMENT_DECLINED"
    await paypal.look(begun)
    double.approve(ref)
    double.capture_issue = ""
    double.capture_status = "PENDING"
    await paypal.look(begun)
    double.settle(ref, "COMPLETED")
    double.refund_issue = "TRANSACTION_DISPUTED"
    await paypal.refund(begun, RefundOrder(refund_id="r1", refund_no=1, amount_micros=10_000))
    body = double.event("PAYMENT.CAPTURE.COMPLETED", double.capture_of(ref))
    await paypal.read_webhook(double.sign(body), body)
    with pytest.raises(WebhookForged):
        await paypal.read_webhook(double.sign(body), body + b" ")


async def test_no_secret_or_token_is_ever_logged(
    make: Maker,
    double: Double,
    begun: Order,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    await live_through_everything(make, double, begun)

    captured = capsys.readouterr()
    written = captured.out + captured.err + caplog.text
    assert "paypal silent" in written
    assert "paypal refuses the credentials" in written
    assert "TAMBAH_PAYPAL_CLIENT_SECRET" in written
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    secrets = [CLIENT_SECRET, basic, *double.tokens]
    assert [secret for secret in secrets if secret in written] == []


async def test_no_secret_shows_in_what_is_raised_or_printed(make: Maker, double: Double):
    credentials = Credentials(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    paypal: PayPalProvider = make(secret="wrong-secret")
    with pytest.raises(ProviderSilent) as silent:
        await paypal.begin(replace(ORDER, payment_id="p9"))
    shown = f"{credentials!r} {paypal!r} {vars(paypal)!r} {silent.value!r}"
    assert CLIENT_SECRET not in shown
    assert "wrong-secret" not in shown

"""Money on its way back through PayPal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tambah.payments.paypal import PayPalProvider
from tambah.payments.provider import (
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
)
from tests.payments.paypal.conftest import ORDER, Maker
from tests.payments.paypal.double import Double

ALL = RefundOrder(refund_id="r1.AQAAAAAAAAAq-1", refund_no=1, amount_micros=30_000_000)
PART = replace(ALL, amount_micros=10_500_000)


def the_refund(double: Double) -> str:
    (refund_id,) = double.refunds
    return refund_id


async def test_refund_in_full_is_done(paypal: PayPalProvider, double: Double, paid: Order):
    standing = await paypal.refund(paid, ALL)
    refund_id = the_refund(double)
    assert standing == RefundStanding(stage=RefundStage.DONE, provider_ref=refund_id)
    kept = double.refunds[refund_id]
    assert kept["amount"] == {"currency_code": "MYR", "value": "30.00"}
    assert (kept["custom_id"], kept["invoice_id"]) == (paid.payment_id, ALL.refund_id)


async def test_refund_again_sends_nothing_more(
    paypal: PayPalProvider, double: Double, paid: Order
):
    first = await paypal.refund(paid, PART)
    assert await paypal.refund(paid, PART) == first
    double.answered.clear()  # even when PayPal has forgotten the request id
    assert await paypal.refund(paid, PART) == first
    assert await paypal.refund(paid, replace(PART, provider_ref=first.provider_ref)) == first
    assert len(double.refunds) == 1


async def test_parts_are_refunded_until_nothing_is_left(
    paypal: PayPalProvider, double: Double, paid: Order
):
    second = replace(PART, refund_id="r1.second", refund_no=2, amount_micros=19_500_000)
    third = replace(PART, refund_id="r1.third", refund_no=3, amount_micros=10_000)
    assert (await paypal.refund(paid, PART)).stage is RefundStage.DONE
    assert (await paypal.refund(paid, second)).stage is RefundStage.DONE
    assert await paypal.refund(paid, third) == RefundStanding(
        stage=RefundStage.FAILED, reason="already_refunded"
    )
    assert sorted(one["amount"]["value"] for one in double.refunds.values()) == ["10.50", "19.50"]


@pytest.mark.parametrize("how", ["500 after", "drop after", "hang after"])
async def test_refund_sent_but_unanswered_is_found_again(
    make: Maker, double: Double, paid: Order, how: str
):
    double.break_next("/refund", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if "hang" in how else 5.0).refund(paid, ALL)
    double.answered.clear()
    standing = await make().refund(paid, ALL)
    assert standing == RefundStanding(stage=RefundStage.DONE, provider_ref=the_refund(double))


async def test_refund_in_progress_is_asked_again(make: Maker, double: Double, paid: Order):
    double.break_next("/refund", "409")
    with pytest.raises(ProviderSilent):
        await make().refund(paid, ALL)
    assert (await make().refund(paid, ALL)).stage is RefundStage.DONE


async def test_pending_refund_is_pending_until_it_is_not(
    paypal: PayPalProvider, double: Double, paid: Order
):
    double.refund_status = "PENDING"
    pending = await paypal.refund(paid, ALL)
    refund_id = the_refund(double)
    assert pending == RefundStanding(stage=RefundStage.PENDING, provider_ref=refund_id)

    for status, stage, reason in [
        ("COMPLETED", RefundStage.DONE, None),
        ("FAILED", RefundStage.FAILED, "refund_failed"),
        ("CANCELLED", RefundStage.FAILED, "cancelled"),
    ]:
        double.refunds[refund_id]["status"] = status
        expected = RefundStanding(stage=stage, provider_ref=refund_id, reason=reason)
        assert await paypal.refund(paid, ALL) == expected
        assert await paypal.refund(paid, replace(ALL, provider_ref=refund_id)) == expected


@pytest.mark.parametrize(
    ("issue", "reason"),
    [
        ("CAPTURE_FULLY_REFUNDED", "already_refunded"),
        ("REFUND_AMOUNT_EXCEEDED", "already_refunded"),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", "insufficient_funds"),
        ("REFUND_TIME_LIMIT_EXCEEDED", "too_late"),
        ("TRANSACTION_DISPUTED", "disputed"),
        ("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", "disputed"),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "refused"),
    ],
)
async def test_refused_refund_is_failed(
    paypal: PayPalProvider, double: Double, paid: Order, issue: str, reason: str
):
    double.refund_issue = issue
    failed = RefundStanding(stage=RefundStage.FAILED, reason=reason)
    assert await paypal.refund(paid, ALL) == failed
    assert await paypal.refund(paid, ALL) == failed


async def test_refund_of_money_still_on_its_way_waits(
    paypal: PayPalProvider, double: Double, paid: Order
):
    double.refund_issue = "PENDING_CAPTURE"
    with pytest.raises(ProviderSilent):
        await paypal.refund(paid, ALL)


@pytest.mark.parametrize("how", ["403", "404"])
async def test_refund_that_we_may_not_ask_for_is_not_decided(
    paypal: PayPalProvider, double: Double, paid: Order, how: str
):
    double.break_next("/refund", how)
    with pytest.raises(ProviderSilent):
        await paypal.refund(paid, ALL)


async def test_refund_of_what_was_never_paid_is_failed(
    paypal: PayPalProvider, double: Double, begun: Order
):
    nothing = RefundStanding(stage=RefundStage.FAILED, reason="nothing_to_refund")
    assert await paypal.refund(begun, ALL) == nothing
    assert await paypal.refund(ORDER, ALL) == nothing
    assert double.count("POST refund") == 0


async def test_refund_of_another_payments_order_is_refused(
    paypal: PayPalProvider, double: Double, paid: Order
):
    with pytest.raises(ProviderRefuses):
        await paypal.refund(replace(paid, payment_id="p1.somebody-elses"), ALL)
    assert double.refunds == {}

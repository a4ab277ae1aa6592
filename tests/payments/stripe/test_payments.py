"""Pages to pay at, how payments stand, refunds: the official SDK against the double."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tambah.domain.payment import ProviderId
from tambah.payments.provider import (
    Order,
    ProviderRefuses,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Stage,
    Standing,
)
from tambah.payments.stripe import StripeProvider
from tests.payments.stripe.conftest import ORDER, order, provider_at
from tests.payments.stripe.double import StripeDouble


async def begun(provider: StripeProvider, asked: Order = ORDER) -> Order:
    """Begin a payment; return the order as the desk has it afterwards."""
    page = await provider.begin(asked)
    return replace(asked, provider_ref=page.provider_ref, pay_url=page.pay_url)


async def paid(provider: StripeProvider, double: StripeDouble, asked: Order = ORDER) -> Order:
    """Begin a payment and pay it."""
    after = await begun(provider, asked)
    double.pay(str(after.provider_ref))
    return after


# begin


async def test_begin_asks_for_a_page_in_ringgit_that_names_the_payment(
    provider: StripeProvider, double: StripeDouble
) -> None:
    page = await provider.begin(ORDER)

    assert page.pay_url == f"https://checkout.stripe.com/c/pay/{page.provider_ref}"
    ours = {"payment_id": ORDER.payment_id, "reference": ORDER.reference}
    assert double.requests == [
        (
            "POST",
            "/v1/checkout/sessions",
            {
                "mode": "payment",
                "allowed_payment_method_types": ["card"],
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": "myr",
                            "unit_amount": 3000,
                            "product_data": {"name": "Top-up RM30.00"},
                        },
                    }
                ],
                "client_reference_id": ORDER.payment_id,
                "metadata": ours,
                "payment_intent_data": {"metadata": ours, "description": ORDER.reference},
                "locale": "en",
                "success_url": ORDER.return_url,
                "cancel_url": ORDER.return_url,
                "expires_at": int(ORDER.expires_at.timestamp()),
                "adaptive_pricing": {"enabled": False},
            },
        )
    ]


@pytest.mark.parametrize(
    ("tag", "locale"), [("en", "en"), ("ms", "ms"), ("zh-Hans", "zh"), ("ta", "auto")]
)
async def test_begin_asks_for_the_payers_language(
    provider: StripeProvider, double: StripeDouble, tag: str, locale: str
) -> None:
    await provider.begin(order(tag=tag))
    assert double.requests[0][2]["locale"] == locale


async def test_begin_asks_for_fpx(provider: StripeProvider, double: StripeDouble) -> None:
    await provider.begin(order(method="fpx", total_micros=1_000_000))
    assert double.requests[0][2]["allowed_payment_method_types"] == ["fpx"]


async def test_begin_again_gives_the_same_page(
    provider: StripeProvider, double: StripeDouble
) -> None:
    assert await provider.begin(ORDER) == await provider.begin(ORDER)
    assert list(double.objects) == ["cs_test_1"]


@pytest.mark.parametrize("minutes", [0, 5, 29])
async def test_begin_leaves_a_page_open_longer_when_too_little_time_is_left(
    provider: StripeProvider, double: StripeDouble, minutes: int
) -> None:
    soon = order(expires_at=datetime.now(UTC) + timedelta(minutes=minutes, seconds=5))
    page = await provider.begin(soon)
    assert await provider.begin(soon) == page
    session = double.objects[page.provider_ref]
    assert session["expires_at"] == int(soon.expires_at.timestamp()) + 31 * 60


async def test_begin_again_gives_the_same_page_when_time_ran_out_in_between(
    provider: StripeProvider, double: StripeDouble
) -> None:
    page = await provider.begin(ORDER)
    double.now += 45 * 60
    assert await provider.begin(ORDER) == page
    assert list(double.objects) == ["cs_test_1"]


@pytest.mark.parametrize("hours", [-2, 30])
async def test_begin_refuses_a_window_that_stripe_has_not(
    provider: StripeProvider, hours: int
) -> None:
    late = order(expires_at=datetime.now(UTC) + timedelta(hours=hours))
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.begin(late)
    assert refusal.value.reason == "expired"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"total_micros": 1_990_000}, "amount_too_low"),
        ({"method": "fpx", "total_micros": 990_000}, "amount_too_low"),
        ({"total_micros": 1_000_000_000_000}, "amount_too_high"),
        ({"total_micros": 10_005_000}, "amount_not_whole"),
        ({"method": "paypal"}, "method_unavailable"),
    ],
)
async def test_begin_refuses_with_a_reason_of_ours(
    provider: StripeProvider, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.begin(order(**changes))
    assert refusal.value.reason == reason


async def test_begin_refuses_a_method_that_the_account_has_not_switched_on(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.switched_on = {"card"}
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.begin(order(method="fpx"))
    assert refusal.value.reason == "method_unavailable"


def test_a_method_that_stripe_does_not_serve_here_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not taken through Stripe: paypal"):
        provider_at("", methods=("card", "paypal"))


async def test_the_provider_says_who_it_is() -> None:
    provider = provider_at("", methods=("fpx",))
    assert (provider.provider_id, tuple(provider.methods)) == (ProviderId.STRIPE, ("fpx",))
    await provider.close()


# look


async def test_look_finds_a_page_open_then_paid(
    provider: StripeProvider, double: StripeDouble
) -> None:
    asked = await begun(provider)
    ref = asked.provider_ref
    assert await provider.look(asked) == Standing(stage=Stage.OPEN, provider_ref=ref)
    double.fail_a_try(str(ref))
    assert await provider.look(asked) == Standing(stage=Stage.OPEN, provider_ref=ref)
    double.pay(str(ref))
    assert await provider.look(asked) == Standing(
        stage=Stage.PAID, provider_ref=ref, amount_micros=30_000_000, currency="MYR"
    )


@pytest.mark.parametrize(
    ("succeeds", "then"),
    [
        (True, {"stage": Stage.PAID, "amount_micros": 30_000_000}),
        (False, {"stage": Stage.FAILED, "reason": "declined"}),
    ],
)
async def test_look_finds_fpx_pending_until_it_settles(
    provider: StripeProvider, double: StripeDouble, succeeds: bool, then: dict[str, object]
) -> None:
    asked = await begun(provider, order(method="fpx"))
    ref = str(asked.provider_ref)
    double.pay_later(ref)
    assert await provider.look(asked) == Standing(stage=Stage.PENDING, provider_ref=ref)
    double.settle_late(ref, succeeds=succeeds)
    assert await provider.look(asked) == replace(
        Standing(stage=Stage.PAID, provider_ref=ref), **then
    )


async def test_look_finds_a_page_expired(provider: StripeProvider, double: StripeDouble) -> None:
    asked = await begun(provider)
    double.expire(str(asked.provider_ref))
    assert await provider.look(asked) == Standing(
        stage=Stage.EXPIRED, provider_ref=asked.provider_ref, reason="expired"
    )


async def test_look_tells_amount_and_currency_as_stripe_has_them(
    provider: StripeProvider, double: StripeDouble
) -> None:
    asked = await begun(provider)
    double.pay(str(asked.provider_ref), amount=2999)
    standing = await provider.look(asked)
    assert (standing.amount_micros, standing.currency) == (29_990_000, "MYR")

    other = await begun(provider, order(payment_id="p2"))
    double.pay(str(other.provider_ref), currency="jpy")
    standing = await provider.look(other)
    assert (standing.stage, standing.amount_micros, standing.currency) == (Stage.PAID, 0, "JPY")


async def test_look_finds_nothing_that_was_never_begun(provider: StripeProvider) -> None:
    assert await provider.look(ORDER) == Standing(stage=Stage.MISSING)
    gone = order(provider_ref="cs_test_gone")
    assert await provider.look(gone) == Standing(stage=Stage.MISSING, provider_ref="cs_test_gone")


async def test_look_does_not_take_another_payment_for_this_one(
    provider: StripeProvider, double: StripeDouble
) -> None:
    other = await paid(provider, double, order(payment_id="p2"))
    standing = await provider.look(order(provider_ref=other.provider_ref))
    assert standing == Standing(stage=Stage.MISSING, provider_ref=other.provider_ref)


# refund

REFUND = RefundOrder(refund_id="r1.AQAAAA", refund_no=1, amount_micros=12_340_000)


async def test_refund_sends_money_back_once_and_names_itself(
    provider: StripeProvider, double: StripeDouble
) -> None:
    asked = await paid(provider, double)
    standing = await provider.refund(asked, REFUND)

    intent = double.intent_of(str(asked.provider_ref))
    refund = double.objects[str(standing.provider_ref)]
    assert standing == RefundStanding(stage=RefundStage.DONE, provider_ref=refund["id"])
    assert (refund["amount"], refund["payment_intent"]) == (1234, intent["id"])
    assert refund["metadata"] == {"refund_id": "r1.AQAAAA", "payment_id": ORDER.payment_id}

    double.keys.clear()  # as Stripe's are after a day
    assert await provider.refund(asked, REFUND) == standing
    assert double.objects[intent["latest_charge"]]["amount_refunded"] == 1234


async def test_a_refund_that_was_sent_and_not_answered_is_found(
    provider: StripeProvider, double: StripeDouble
) -> None:
    asked = await paid(provider, double)
    double.faults.extend(["", "", "drops"])
    with pytest.raises(ProviderSilent):
        await provider.refund(asked, REFUND)
    standing = await provider.refund(asked, REFUND)
    assert standing.stage is RefundStage.DONE
    charge = double.objects[double.intent_of(str(asked.provider_ref))["latest_charge"]]
    assert charge["amount_refunded"] == 1234


@pytest.mark.parametrize(
    ("status", "why", "standing"),
    [
        ("succeeded", None, (RefundStage.DONE, None)),
        ("pending", None, (RefundStage.PENDING, None)),
        ("requires_action", None, (RefundStage.PENDING, None)),
        ("canceled", None, (RefundStage.FAILED, "cancelled")),
        ("failed", "expired_or_canceled_card", (RefundStage.FAILED, "account_closed")),
        ("failed", "lost_or_stolen_card", (RefundStage.FAILED, "account_closed")),
        ("failed", "declined", (RefundStage.FAILED, "declined")),
        ("failed", "insufficient_funds", (RefundStage.FAILED, "insufficient_funds")),
        ("failed", "unknown", (RefundStage.FAILED, "refund_failed")),
    ],
)
async def test_refund_asked_again_says_how_it_stands_now(
    provider: StripeProvider,
    double: StripeDouble,
    status: str,
    why: str | None,
    standing: tuple[RefundStage, str | None],
) -> None:
    double.refund_status = "pending"
    asked = await paid(provider, double)
    first = await provider.refund(asked, REFUND)
    assert first.stage is RefundStage.PENDING
    changes = {"status": status} | ({"failure_reason": why} if why else {})
    double.objects[str(first.provider_ref)].update(changes)
    now = await provider.refund(asked, REFUND)
    assert (now.stage, now.reason, now.provider_ref) == (*standing, first.provider_ref)


async def test_two_refunds_of_a_payment_are_two(
    provider: StripeProvider, double: StripeDouble
) -> None:
    asked = await paid(provider, double)
    await provider.refund(asked, REFUND)
    await provider.refund(asked, replace(REFUND, refund_id="r2.AQAAAA", refund_no=2))
    charge = double.objects[double.intent_of(str(asked.provider_ref))["latest_charge"]]
    assert charge["amount_refunded"] == 2468


@pytest.mark.parametrize(
    ("by_hand", "amount_micros", "reason"),
    [
        (3000, 1_000_000, "already_refunded"),
        (1, 30_000_000, "refused"),
        (1, 5, "amount_not_whole"),
    ],
)
async def test_refund_of_more_than_is_left_is_refused(
    provider: StripeProvider,
    double: StripeDouble,
    by_hand: int,
    amount_micros: int,
    reason: str,
) -> None:
    asked = await paid(provider, double)
    double.refund_by_hand(double.intent_of(str(asked.provider_ref))["id"], by_hand)
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.refund(asked, replace(REFUND, amount_micros=amount_micros))
    assert refusal.value.reason == reason


@pytest.mark.parametrize("provider_ref", [None, "cs_test_gone", "begun"])
async def test_refund_of_what_was_not_paid_is_refused(
    provider: StripeProvider, provider_ref: str | None
) -> None:
    asked = await begun(provider)
    if provider_ref != "begun":
        asked = replace(asked, provider_ref=provider_ref)
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.refund(asked, REFUND)
    assert refusal.value.reason == "not_paid"

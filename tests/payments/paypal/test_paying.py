"""A payment's way through PayPal, and every way off it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tambah.config import ConfigError
from tambah.domain.payment import ProviderId
from tambah.payments.paypal import PayPalProvider
from tambah.payments.paypal.api import Answer
from tambah.payments.paypal.orders import standing_of_refusal
from tambah.payments.provider import (
    Begun,
    Order,
    ProviderRefuses,
    ProviderSilent,
    Stage,
    Standing,
)
from tests.payments.paypal.conftest import ORDER, Maker
from tests.payments.paypal.double import Double

RM30 = 30_000_000


def ref(order: Order) -> str:
    assert order.provider_ref is not None
    return order.provider_ref


def paid_standing(order: Order) -> Standing:
    return Standing(
        stage=Stage.PAID, provider_ref=order.provider_ref, amount_micros=RM30, currency="MYR"
    )


def test_provider_offers_paypal():
    assert PayPalProvider.provider_id is ProviderId.PAYPAL
    assert tuple(PayPalProvider.methods) == ("paypal",)


async def test_begin_leads_to_a_page_of_its_origins(paypal: PayPalProvider):
    begun = await paypal.begin(ORDER)
    parts = urlsplit(str(begun.pay_url))
    assert f"{parts.scheme}://{parts.netloc}" in paypal.origins


async def test_payment_goes_from_order_to_money(paypal: PayPalProvider, double: Double):
    begun = await paypal.begin(ORDER)
    order = replace(ORDER, provider_ref=begun.provider_ref, pay_url=begun.pay_url)
    assert await paypal.look(order) == Standing(stage=Stage.OPEN, provider_ref=ref(order))

    double.approve(ref(order))

    assert await paypal.look(order) == paid_standing(order)
    assert await paypal.look(order) == paid_standing(order)
    assert double.count("POST capture") == 1


async def test_begin_asks_for_all_that_the_order_says(paypal: PayPalProvider, double: Double):
    begun = await paypal.begin(ORDER)
    kept = double.orders[begun.provider_ref]
    assert begun.pay_url == (
        f"https://www.sandbox.paypal.com/checkoutnow?token={begun.provider_ref}"
    )
    assert kept["intent"] == "CAPTURE"
    assert kept["purchase_units"] == [
        {
            "reference_id": "default",
            "amount": {"currency_code": "MYR", "value": "30.00"},
            "custom_id": ORDER.payment_id,
            "invoice_id": ORDER.payment_id,
            "description": "Tambah nilai RM30.00",
        }
    ]


async def test_begin_again_gives_the_same_order(paypal: PayPalProvider, double: Double):
    first = await paypal.begin(ORDER)
    assert await paypal.begin(ORDER) == first
    assert len(double.orders) == 1

    begun = replace(ORDER, provider_ref=first.provider_ref, pay_url=first.pay_url)
    assert await paypal.begin(begun) == first
    assert double.count("POST orders") == 2


@pytest.mark.parametrize(
    ("tag", "description"),
    [
        ("en", "Top-up"),
        ("zh-Hans", "充值" * 70),
        ("ta", "நிரப்புதல் " * 20),
        ("ms", "  \n "),
        ("xx", "x"),
    ],
)
async def test_begin_keeps_to_the_limits_in_every_language(
    paypal: PayPalProvider, double: Double, tag: str, description: str
):
    long = replace(ORDER, payment_id="p" * 60, tag=tag, description=description)
    begun = await paypal.begin(long)
    double.approve(begun.provider_ref)
    standing = await paypal.look(replace(long, provider_ref=begun.provider_ref))
    assert standing.stage is Stage.PAID


@pytest.mark.parametrize("total", [0, -10_000, 30_000_001])
async def test_begin_refuses_what_is_no_whole_sen(
    paypal: PayPalProvider, double: Double, total: int
):
    with pytest.raises(ProviderRefuses) as refused:
        await paypal.begin(replace(ORDER, total_micros=total))
    assert refused.value.reason == "amount_not_payable"
    assert double.calls == []


@pytest.mark.parametrize(
    ("issue", "reason"),
    [
        ("MAX_VALUE_EXCEEDED", "amount_too_high"),
        ("CANNOT_BE_ZERO_OR_NEGATIVE", "amount_too_low"),
        ("PAYEE_ACCOUNT_RESTRICTED", "refused"),
    ],
)
async def test_begin_passes_a_no_on(
    paypal: PayPalProvider, double: Double, issue: str, reason: str
):
    double.begin_issue = issue
    with pytest.raises(ProviderRefuses) as refused:
        await paypal.begin(ORDER)
    assert refused.value.reason == reason


FAULTS = ["500", "502", "503", "429", "408", "301", "drop", "hang"]


@pytest.mark.parametrize("how", [*FAULTS, "500 after", "drop after"])
async def test_begin_without_an_answer_is_silent_and_begins_once(
    make: Maker, double: Double, how: str
):
    double.break_next("/orders", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if how == "hang" else 5.0).begin(ORDER)
    begun = await make().begin(ORDER)
    assert list(double.orders) == [begun.provider_ref]


async def test_look_at_what_never_began_says_missing(paypal: PayPalProvider, double: Double):
    assert await paypal.look(ORDER) == Standing(stage=Stage.MISSING)
    assert double.calls == []


@pytest.mark.parametrize("how", FAULTS)
async def test_look_without_an_answer_is_silent(
    make: Maker, double: Double, begun: Order, how: str
):
    double.approve(ref(begun))
    double.break_next(f"/orders/{ref(begun)}", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if how == "hang" else 5.0).look(begun)
    assert double.count("POST capture") == 0


@pytest.mark.parametrize("how", ["drop after", "500 after", "hang after"])
async def test_capture_taken_but_unanswered_is_found_again_without_another(
    make: Maker, double: Double, begun: Order, how: str
):
    double.approve(ref(begun))
    double.break_next("/capture", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if "hang" in how else 5.0).look(begun)
    assert len(double.captures) == 1

    assert await make().look(begun) == paid_standing(begun)
    assert len(double.captures) == 1
    assert double.count("POST capture") == 1


async def test_capture_that_never_arrived_is_sent_again(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.break_next("/capture", "drop")
    with pytest.raises(ProviderSilent):
        await paypal.look(begun)
    assert double.captures == {}

    assert await paypal.look(begun) == paid_standing(begun)
    assert len(double.captures) == 1


async def test_many_looks_at_once_capture_once(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    standings = await asyncio.gather(*(paypal.look(begun) for _ in range(20)))
    assert standings == [paid_standing(begun)] * 20
    assert len(double.captures) == 1


async def test_capture_that_was_overtaken_is_only_read(
    paypal: PayPalProvider, double: Double, begun: Order
):
    # Between our reading of the approved order and our capture, another process captured it.
    double.approve(ref(begun))
    double.overtaken = True
    assert await paypal.look(begun) == paid_standing(begun)
    assert len(double.captures) == 1


async def test_capture_that_paypal_does_not_show_yet_is_asked_again(
    make: Maker, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.capture_issue = "ORDER_ALREADY_CAPTURED"
    with pytest.raises(ProviderSilent):
        await make().look(begun)
    assert double.count("POST capture") == 1
    assert double.count(f"GET {ref(begun)}") == 2


async def test_declined_card_leaves_the_payment_open_for_another(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.capture_issue = "INSTRUMENT_DECLINED"
    still_open = Standing(stage=Stage.OPEN, provider_ref=ref(begun), reason="declined")
    assert await paypal.look(begun) == still_open
    assert await paypal.look(begun) == replace(still_open, reason=None)

    double.capture_issue = ""
    double.approve(ref(begun))
    assert await paypal.look(begun) == paid_standing(begun)
    assert len(double.captures) == 1


@pytest.mark.parametrize(
    ("issue", "stage", "reason"),
    [
        ("ORDER_NOT_APPROVED", Stage.OPEN, "declined"),
        ("PAYER_ACTION_REQUIRED", Stage.OPEN, "declined"),
        ("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", Stage.OPEN, "declined"),
        ("ORDER_COMPLETION_IN_PROGRESS", Stage.PENDING, None),
        ("PAYER_CANNOT_PAY", Stage.FAILED, "declined"),
        ("TRANSACTION_REFUSED", Stage.FAILED, "declined"),
        ("DOMESTIC_TRANSACTION_REQUIRED", Stage.FAILED, "domestic_only"),
        ("DUPLICATE_INVOICE_ID", Stage.FAILED, "paid_before"),
    ],
)
async def test_refused_capture_says_what_it_means(
    paypal: PayPalProvider,
    double: Double,
    begun: Order,
    issue: str,
    stage: Stage,
    reason: str | None,
):
    double.approve(ref(begun))
    double.capture_issue = issue
    expected = Standing(stage=stage, provider_ref=ref(begun), reason=reason)
    assert await paypal.look(begun) == expected
    assert double.captures == {}


@pytest.mark.parametrize("issue", ["ORDER_EXPIRED", "ORDER_VOIDED"])
def test_capture_of_an_order_that_ended_is_expired(issue: str):
    body = json.dumps({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]}).encode()
    refused = Answer(status=422, body=body)
    expired = Standing(stage=Stage.EXPIRED, provider_ref="5O1")
    assert standing_of_refusal("5O1", refused) == expired


async def test_forbidden_capture_is_asked_again(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.capture_issue = "PERMISSION_DENIED"
    with pytest.raises(ProviderSilent):
        await paypal.look(begun)


async def test_pending_capture_is_pending_until_it_is_not(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.capture_status = "PENDING"
    double.approve(ref(begun))
    pending = Standing(stage=Stage.PENDING, provider_ref=ref(begun))
    assert await paypal.look(begun) == pending
    assert await paypal.look(begun) == pending

    double.settle(ref(begun), "COMPLETED")
    assert await paypal.look(begun) == paid_standing(begun)
    assert double.count("POST capture") == 1


@pytest.mark.parametrize("status", ["DECLINED", "FAILED"])
async def test_pending_capture_that_fails_is_failed(
    paypal: PayPalProvider, double: Double, begun: Order, status: str
):
    double.capture_status = "PENDING"
    double.approve(ref(begun))
    await paypal.look(begun)
    double.settle(ref(begun), status)
    failed = Standing(stage=Stage.FAILED, provider_ref=ref(begun), reason="declined")
    assert await paypal.look(begun) == failed


@pytest.mark.parametrize("status", ["PARTIALLY_REFUNDED", "REFUNDED"])
async def test_refunded_payment_was_paid(
    paypal: PayPalProvider, double: Double, paid: Order, status: str
):
    double.settle(ref(paid), status)
    assert await paypal.look(paid) == paid_standing(paid)


async def test_lapsed_orders_are_expired(paypal: PayPalProvider, double: Double, begun: Order):
    expired = Standing(stage=Stage.EXPIRED, provider_ref=ref(begun))
    double.set_status(ref(begun), "VOIDED")
    assert await paypal.look(begun) == expired
    double.forget(ref(begun))
    assert await paypal.look(begun) == expired


async def test_order_that_lapses_before_the_capture_is_expired(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.capture_issue = "gone"
    assert await paypal.look(begun) == Standing(stage=Stage.EXPIRED, provider_ref=ref(begun))


@pytest.mark.parametrize("how", ["403", "404", "415"])
async def test_no_that_is_not_paypals_judgement_decides_nothing(
    paypal: PayPalProvider, double: Double, begun: Order, how: str
):
    double.approve(ref(begun))
    for path_end in [ref(begun), "/capture"]:
        double.break_next(path_end, how)
        with pytest.raises(ProviderSilent):
            await paypal.look(begun)
    assert await paypal.look(begun) == paid_standing(begun)


async def test_order_complete_without_a_capture_says_nothing(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.set_status(ref(begun), "COMPLETED")
    with pytest.raises(ProviderSilent):
        await paypal.look(begun)


async def test_another_currency_is_passed_on_without_an_amount(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.currency = "USD"
    double.approve(ref(begun))
    assert await paypal.look(begun) == Standing(
        stage=Stage.PAID, provider_ref=ref(begun), amount_micros=0, currency="USD"
    )


async def test_order_of_another_payment_is_never_captured(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    with pytest.raises(ProviderRefuses) as refused:
        await paypal.look(replace(begun, payment_id="p1.somebody-elses"))
    assert refused.value.reason == "reference_differs"
    assert double.captures == {}


async def test_amount_that_is_none_is_not_believed(
    paypal: PayPalProvider, double: Double, paid: Order
):
    for nonsense in ["", "1e3", "30,00", "٣٠.00", "30.0000001"]:
        double.capture_of(ref(paid))["amount"]["value"] = nonsense
        with pytest.raises(ProviderSilent):
            await paypal.look(paid)
    double.violations.clear()  # the double said it on purpose


# The token


async def test_token_is_fetched_once(paypal: PayPalProvider, double: Double):
    orders = [replace(ORDER, payment_id=f"p{number}") for number in range(10)]
    await asyncio.gather(*(paypal.begin(order) for order in orders))
    assert double.count("POST token") == 1


async def test_token_near_its_end_is_fetched_anew(paypal: PayPalProvider, double: Double):
    double.token_seconds = 60
    await paypal.begin(ORDER)
    await paypal.begin(ORDER)
    assert double.count("POST token") == 2


async def test_refused_token_is_replaced_and_the_call_repeated(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.approve(ref(begun))
    double.revoke_tokens()
    assert await paypal.look(begun) == paid_standing(begun)
    assert double.count("POST token") == 2


async def test_tokens_that_are_all_refused_are_silence(
    paypal: PayPalProvider, double: Double, begun: Order
):
    double.break_next(f"/orders/{ref(begun)}", "401", times=9)
    with pytest.raises(ProviderSilent):
        await paypal.look(begun)
    assert double.count(f"GET {ref(begun)}") == 2


async def test_wrong_secret_is_silence(make: Maker, double: Double):
    with pytest.raises(ProviderSilent):
        await make(secret="wrong").begin(ORDER)
    assert double.orders == {}


@pytest.mark.parametrize("how", ["500", "drop", "hang"])
async def test_token_without_an_answer_is_silence(make: Maker, double: Double, how: str):
    double.break_next("/token", how)
    with pytest.raises(ProviderSilent):
        await make(timeout_seconds=0.3 if how == "hang" else 5.0).begin(ORDER)
    assert isinstance(await make().begin(ORDER), Begun)


async def test_nobody_there_is_silence(make: Maker):
    with pytest.raises(ProviderSilent):
        await make(url="http://127.0.0.1:9").begin(ORDER)


@pytest.mark.parametrize(
    "url", ["http://api-m.paypal.com", "http://10.0.0.1", "ftp://127.0.0.1", "paypal", "https://"]
)
def test_secret_is_never_sent_in_the_clear(make: Maker, url: str):
    with pytest.raises(ConfigError, match="TAMBAH_PAYPAL_API_URL"):
        make(url=url)

"""A Stripe that hangs, fails, or loses its answers: silent, never a second payment."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from structlog.testing import capture_logs

from tambah.payments.provider import ProviderRefuses, ProviderSilent, RefundOrder, Stage
from tambah.payments.stripe import StripeProvider
from tests.payments.stripe.conftest import ORDER, order, provider_at
from tests.payments.stripe.double import StripeDouble

BEGUN = order(provider_ref="cs_test_1")
REFUND = RefundOrder(refund_id="r1", refund_no=1, amount_micros=10_000)


async def _settle(provider: StripeProvider) -> Any:
    return [one async for one in provider.settled(date(2026, 11, 1), date(2026, 11, 2))]


CALLS: dict[str, Callable[[StripeProvider], Awaitable[Any]]] = {
    "begin": lambda provider: provider.begin(ORDER),
    "look": lambda provider: provider.look(BEGUN),
    "refund": lambda provider: provider.refund(BEGUN, REFUND),
    "settled": _settle,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault", ["500", "502", "503", "409", "429", "garbage", "a page of a proxy"]
)
async def test_a_failing_stripe_is_silent(
    provider: StripeProvider, double: StripeDouble, call: str, fault: str
) -> None:
    double.faults.append(fault)
    with pytest.raises(ProviderSilent):
        await CALLS[call](provider)


@pytest.mark.parametrize("call", CALLS)
async def test_a_hanging_stripe_is_silent_in_time(
    address: str, double: StripeDouble, call: str
) -> None:
    provider = provider_at(address, timeout_seconds=0.05)
    double.faults.append("hangs")
    with pytest.raises(ProviderSilent):
        await CALLS[call](provider)
    await provider.close()


@pytest.mark.parametrize("call", CALLS)
async def test_nobody_at_the_address_is_silent(call: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    provider = provider_at(f"http://127.0.0.1:{port}/")
    with pytest.raises(ProviderSilent):
        await CALLS[call](provider)
    await provider.close()


async def test_a_page_made_and_its_answer_lost_is_the_page_of_the_next_try(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.faults.append("drops")
    with pytest.raises(ProviderSilent):
        await provider.begin(ORDER)
    page = await provider.begin(ORDER)
    assert [name for name in double.objects if name.startswith("cs_")] == [page.provider_ref]
    assert (await provider.look(order(provider_ref=page.provider_ref))).stage is Stage.OPEN


async def test_nothing_is_sent_twice_by_the_sdk_itself(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.faults.extend(["503", "503"])
    with pytest.raises(ProviderSilent):
        await provider.begin(ORDER)
    assert list(double.faults) == ["503"]


async def test_the_same_payment_with_another_content_is_silent_not_a_second_page(
    provider: StripeProvider, double: StripeDouble
) -> None:
    await provider.begin(ORDER)
    with pytest.raises(ProviderSilent):
        await provider.begin(order(total_micros=31_000_000))
    assert list(double.objects) == ["cs_test_1"]


async def test_a_declined_card_is_a_refusal(
    provider: StripeProvider, double: StripeDouble
) -> None:
    double.faults.append("402")
    with pytest.raises(ProviderRefuses) as refusal:
        await provider.begin(ORDER)
    assert refusal.value.reason == "declined"


@pytest.mark.parametrize(("status", "key"), [(None, "sk_test_wrong_and_secret"), ("403", None)])
async def test_a_key_that_is_refused_is_named_in_the_log_and_not_shown(
    address: str, double: StripeDouble, status: str | None, key: str | None
) -> None:
    provider = provider_at(address, **({"secret_key": key} if key else {}))
    if status:
        double.faults.append(status)
    with capture_logs() as logs, pytest.raises(ProviderSilent) as silence:
        await provider.begin(ORDER)
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("stripe.key_refused", "error")
    assert line["setting"] == "TAMBAH_STRIPE_SECRET_KEY"
    told = f"{logs} {silence.value!r} {silence.value.__cause__!r}"
    assert "sk_test" not in told
    assert silence.value.__suppress_context__
    await provider.close()


async def test_the_sdk_writes_nothing_of_a_payer_to_the_log(
    provider: StripeProvider, double: StripeDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await provider.begin(ORDER)
    double.faults.append("402")
    with pytest.raises(ProviderRefuses):
        await provider.look(BEGUN)
    assert [one for one in caplog.records if one.name == "stripe"] == []

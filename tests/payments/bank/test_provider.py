"""The bank as a provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from tambah.engine.clock import Clock
from tambah.payments.bank import BankProvider
from tambah.payments.provider import (
    Begun,
    Order,
    Provider,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Stage,
    WebhookForged,
)
from tambah.store.database import Database

from .made import OTHERS

NO_DATABASE = cast("Database", None)
ORDER = Order(
    payment_id="p",
    method="bank",
    total_micros=30_000_000,
    reference=OTHERS[0],
    description="d",
    tag="en",
    return_url="https://example.test/",
    expires_at=datetime.now(UTC),
)


@pytest.fixture
def provider() -> Provider:
    return BankProvider(NO_DATABASE, Clock(), bank_days=5)


async def test_nobody_is_called_to_begin(provider: Provider) -> None:
    assert await provider.begin(ORDER) == Begun(provider_ref=OTHERS[0], pay_url=None)
    assert list(provider.methods) == ["bank"]


@pytest.mark.parametrize(("days", "stage"), [(0, Stage.OPEN), (4, Stage.OPEN), (6, Stage.EXPIRED)])
async def test_statements_are_waited_for_after_the_payer_s_time(days: int, stage: Stage) -> None:
    provider = BankProvider(NO_DATABASE, Clock(timedelta(days=days)), bank_days=5)

    standing = await provider.look(ORDER)

    assert (standing.stage, standing.provider_ref) == (stage, OTHERS[0])


async def test_refund_waits_for_a_person(provider: Provider) -> None:
    refund = RefundOrder(refund_id="r", refund_no=2, amount_micros=1)

    assert await provider.refund(ORDER, refund) == RefundStanding(
        stage=RefundStage.PENDING, provider_ref=f"{OTHERS[0]}-2"
    )


async def test_any_webhook_is_forged(provider: Provider) -> None:
    with pytest.raises(WebhookForged):
        await provider.read_webhook({}, b"{}")


async def test_closing_does_nothing(provider: Provider) -> None:
    await provider.close()

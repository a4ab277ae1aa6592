"""Stripe's provider, talking to a double of Stripe over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tambah.payments.provider import Order
from tambah.payments.stripe import StripeProvider
from tests.payments.stripe.double import KEY, Door, StripeDouble, serving

SECRET = "whsec_of_the_endpoint"
KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
ORDER = Order(
    payment_id="p1.AQAAAAAAAAAqAAAAAw-8nq2mZ0kq1Yd3c5e7f9h1j3k5",
    method="card",
    total_micros=30_000_000,
    reference="7QK4M2XW9P",
    description="Top-up RM30.00",
    tag="en",
    return_url="https://topup.example.com/en/r/abcdef",
    expires_at=datetime.now(UTC) + timedelta(hours=1),
)


def order(**changes: Any) -> Order:
    """Return the usual order, with changes."""
    return replace(ORDER, **changes)


def provider_at(address: str, **changes: Any) -> StripeProvider:
    """Return a provider that takes an address for Stripe's."""
    options: dict[str, Any] = {
        "secret_key": KEY,
        "webhook_secrets": SECRET,
        "methods": ("card", "fpx"),
        "zone": KUALA_LUMPUR,
        "api_url": address,
        **changes,
    }
    return StripeProvider(**options)


@pytest.fixture(scope="session")
async def door() -> AsyncIterator[tuple[Door, str]]:
    """Serve doubles of Stripe, one after the other; give the address."""
    door = Door(StripeDouble())
    async with serving(door) as address:
        yield door, address


@pytest.fixture
def double(door: tuple[Door, str]) -> Iterator[StripeDouble]:
    """Return Stripe, as nobody has asked it anything."""
    door[0].double = double = StripeDouble()
    yield double
    double.released.set()
    assert double.broken == []


@pytest.fixture
def address(door: tuple[Door, str], double: StripeDouble) -> str:
    """Return where the double is."""
    return door[1]


@pytest.fixture
async def provider(address: str) -> AsyncIterator[StripeProvider]:
    """Return a provider that asks the double."""
    provider = provider_at(address)
    yield provider
    await provider.close()

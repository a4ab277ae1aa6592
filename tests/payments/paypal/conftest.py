"""The double on a free port of this machine, in a thread, and a provider that speaks with it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uvicorn

from tambah.payments.paypal import Credentials, PayPalProvider
from tambah.payments.provider import Order
from tests.payments.paypal.double import CLIENT_ID, CLIENT_SECRET, NOW, WEBHOOK_ID, Double

KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
ORDER = Order(
    payment_id="p1.AQAAAAAAAAAqAAAAAw-8nq2mZ0kq1Yd3c5e7f9h1j3k5",
    method="paypal",
    total_micros=30_000_000,
    reference="7QK4M-2XW9P",
    description="Tambah nilai RM30.00",
    tag="ms",
    return_url="https://topup.example.com/topup/result/abc",
    expires_at=NOW + timedelta(hours=1),
)


class _Door:
    """Lets every test have a double of its own behind one address."""

    double: Double

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.double(scope, receive, send)


@dataclass(frozen=True)
class Address:
    """Where the double is, and how its connections are cut."""

    url: str
    door: _Door
    drop_connections: Callable[[], None]


@pytest.fixture(scope="session")
def address() -> Iterator[Address]:
    """Serve HTTP for the whole run."""
    door = _Door()
    config = uvicorn.Config(
        door, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    def drop_connections() -> None:
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # pyright: ignore

    # The protocol is named because asyncio sends small answers at once only for one that says TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield Address(f"http://127.0.0.1:{port}", door, drop_connections)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def double(address: Address) -> Iterator[Double]:
    """Return a fresh PayPal; whatever broke the specifications fails the test."""
    double = Double(drop_connections=address.drop_connections)
    address.door.double = double
    yield double
    assert double.violations == []


Maker = Callable[..., PayPalProvider]


@pytest.fixture
async def make(
    address: Address, double: Double, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Maker]:
    """Return a maker of providers, which are closed in the end."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made: list[PayPalProvider] = []

    def make(
        *,
        secret: str = CLIENT_SECRET,
        webhook_id: str = WEBHOOK_ID,
        timeout_seconds: float = 5.0,
        now: datetime = NOW,
        url: str = address.url,
    ) -> PayPalProvider:
        provider = PayPalProvider(
            Credentials(client_id=CLIENT_ID, client_secret=secret),
            webhook_id=webhook_id,
            zone=KUALA_LUMPUR,
            base_url=url,
            timeout_seconds=timeout_seconds,
            now=lambda: now,
        )
        made.append(provider)
        return provider

    yield make
    for provider in made:
        await provider.close()


@pytest.fixture
def paypal(make: Maker) -> PayPalProvider:
    """Return a provider."""
    return make()


@pytest.fixture
async def begun(paypal: PayPalProvider) -> Order:
    """Return a payment whose payer stands before PayPal's page."""
    answer = await paypal.begin(ORDER)
    return replace(ORDER, provider_ref=answer.provider_ref, pay_url=answer.pay_url)


@pytest.fixture
async def paid(paypal: PayPalProvider, double: Double, begun: Order) -> Order:
    """Return a payment that was approved and captured."""
    double.approve(str(begun.provider_ref))
    await paypal.look(begun)
    return begun

"""A line, payments by bank transfer for it, and a desk on a real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from tambah.domain.commands import NewsKind, OpenPayment, PaymentNews, PaymentStands
from tambah.domain.payment import ProviderId
from tambah.engine.engine import Engine
from tambah.payments.bank import BankDesk
from tambah.store.database import Database
from tests.conftest import KUALA_LUMPUR
from tests.engine.books import add_line

from .made import ACCOUNT

RM = 1_000_000
MSISDN = 60123456789
_keys = count(1)

Pay = Callable[..., Awaitable[PaymentStands]]


@pytest.fixture
async def pay(engine: Engine, database: Database) -> Pay:
    """Return what opens a payment and has it begun."""
    await add_line(engine, database, MSISDN)

    async def open_one(
        price: int = 30, *, provider: ProviderId = ProviderId.BANK, msisdn: int = MSISDN
    ) -> PaymentStands:
        opened = await engine.submit(
            OpenPayment(
                caller="portal",
                request_key=f"pay {next(_keys)}",
                msisdn=msisdn,
                amount_micros=price * RM,
                provider=provider,
                method="bank" if provider is ProviderId.BANK else "card",
            )
        )
        begun = PaymentNews(
            line_id=opened.line_id,
            payment_no=opened.payment_no,
            kind=NewsKind.BEGUN,
            provider_ref=opened.reference,
        )
        return await engine.submit(begun)

    return open_one


@pytest.fixture
def desk(engine: Engine, database: Database) -> BankDesk:
    """Return a desk that tells the real engine."""
    return BankDesk(database, engine.submit, zone=KUALA_LUMPUR, account_number=ACCOUNT)

"""The payment providers, for commands that speak with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tambah.cli.desk import Desk
from tambah.engine.engine import Engine
from tambah.payments.build import Ground, build_desk
from tambah.payments.desk import PaymentDesk


@asynccontextmanager
async def payment_desk(desk: Desk, engine: Engine) -> AsyncGenerator[PaymentDesk | None]:
    """Lend the payment desk, None where nobody takes money. Raises ConfigError."""
    settings = desk.base.settings
    counter = build_desk(
        Ground(
            settings=settings,
            operator=desk.operator,
            rules=desk.rules,
            engine=engine,
            database=desk.database,
            keys=desk.keys,
            clock=desk.clock,
            # No payer is sent anywhere from here; any address does.
            public_url=settings.public_url or f"http://{settings.listen}",
            is_demo=desk.is_demo,
        )
    )
    try:
        yield counter
    finally:
        if counter is not None:
            await counter.close()

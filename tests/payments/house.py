"""A desk with the sandbox on real books, for tests of payments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.payments.desk import Front, Opened, OpenRequest, PaymentDesk
from tambah.payments.provider import Provider, Providers
from tambah.payments.sandbox import Ending, SandboxProvider
from tambah.store.database import Database
from tambah.store.views.payments import PaymentView, read_payment

RM = 1_000_000
NUMBER = 60123456789


@dataclass
class House:
    """What a test of payments works with."""

    engine: Engine
    database: Database
    keys: Keys
    clock: Clock
    desk: PaymentDesk
    sandbox: SandboxProvider

    async def open(self, token: str = "form 1", rm: int = 30, number: int = NUMBER) -> Opened:
        """Open a payment by the sandbox, as the check page does."""
        return await self.desk.open(
            OpenRequest(
                token=token,
                msisdn=number,
                amount_micros=rm * RM,
                method="sandbox",
                tag="en",
                result_token=f"result of {token}",
            )
        )

    async def press(self, opened: Opened, ending: Ending) -> str:
        """Press a button of the sandbox's page, and have what it tells us processed."""
        address = await self.sandbox.press(self.ref_of(opened), ending)
        await self.sandbox.close()
        await self.work()
        return address

    async def work(self) -> None:
        """Process the inbox until nothing is due."""
        while await self.desk.work():
            pass

    @staticmethod
    def ref_of(opened: Opened) -> str:
        """Return the sandbox's name for a payment."""
        assert opened.pay_url is not None
        return opened.pay_url.rpartition("/")[2].partition("?")[0]

    async def view(self, opened: Opened) -> PaymentView:
        """Return a payment as it stands."""
        view = await read_payment(self.database, opened.stands.line_id, opened.stands.payment_no)
        assert view is not None
        return view

    async def balance(self, opened: Opened) -> int:
        """Return the line's main credit."""
        return await self.database.fetch_value(
            "SELECT remaining_micros FROM bucket WHERE owner_id = $1 AND bucket_id = 1",
            opened.stands.line_id,
        )

    async def messages(self) -> list[str]:
        """Return the templates of all messages, in order."""
        rows = await self.database.fetch("SELECT template FROM outbox ORDER BY line_id, number")
        return [row[0] for row in rows]


@asynccontextmanager
async def open_house(
    database: Database, rules: Rules, keys: Keys, *others: Provider
) -> AsyncIterator[House]:
    """Run an engine and a desk with the sandbox and other providers."""
    clock = Clock()
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    url = "http://shop.test"
    sandbox = SandboxProvider(database, keys, clock, url, rules.validity.zone)
    by_id = {p.provider_id: p for p in (*others, sandbox)}
    desk = PaymentDesk(
        engine,
        database,
        keys=keys,
        clock=clock,
        providers=Providers(by_id=by_id),
        front=Front(public_url=url, brand="KampungTel"),
    )
    sandbox.deliver = lambda headers, body: desk.hear(sandbox.provider_id, headers, body)
    try:
        yield House(engine, database, keys, clock, desk, sandbox)
    finally:
        await desk.close()
        await engine.stop()

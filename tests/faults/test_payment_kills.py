"""kill -9 between every two steps of a payment: whole again by itself, once, told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tambah.app import read_rules
from tambah.config import Settings
from tambah.domain.actor import Actor
from tambah.domain.commands import RefundPayment
from tambah.domain.payment import PaymentState
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.verifying import verify
from tests.faults.dying import POINTS
from tests.faults.house import House
from tests.faults.wire import LOST, Wire

WHOLE_AGAIN_SECONDS = 60
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_SHORT = (
    "begun there, not recorded here",
    "told, not credited",
    "credited, subscriber not told",
    "sent back there, not recorded here",
)
_CHOSEN = list(POINTS) if os.environ.get("KILLS") == "all" else list(_SHORT)
"""`make faults` kills at every step, a test run at those where most can go wrong."""

_REFUNDS = [point for point in _CHOSEN if "refund" in point or "sent back" in point]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Lend a demo's folder to all tests of this file: seeding one takes longest."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-paying-"))
    asyncio.run(tell_everybody(House(folder / "data", folder / "server.log")))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Payer:
    """Somebody with a browser: fills in the form, presses the buttons, again after a failure."""

    house: House
    number: str
    fields: dict[str, str] | None = None
    pay_path: str = ""

    async def pay(self) -> None:
        """Go from the form to the sandbox's page, and pay there. Raises one of LOST."""
        wire = Wire(self.house.port)
        try:
            await self._pay(wire)
        finally:
            wire.drop()

    async def _pay(self, wire: Wire) -> None:
        if self.fields is None:
            page = await wire.ask("GET", "/?lang=en")
            typed = dict(_HIDDEN.findall(page.body.decode()))
            typed |= {"number": self.number, "amount": "30.00", "method": "sandbox"}
            check = await wire.post_form("/topup", typed)
            assert check.status == 200, check.body
            self.fields = dict(_HIDDEN.findall(check.body.decode()))
        if not self.pay_path:
            sent = await wire.post_form("/topup/pay", self.fields)
            assert sent.status == 303, sent.body
            self.pay_path = sent.headers["location"]
        if self.pay_path.startswith("/sandbox/"):
            paid = await wire.post_form(self.pay_path, {"ending": "webhook_first"})
            assert paid.status == 303, paid.body


@pytest.mark.parametrize("point", [point for point in _CHOSEN if point not in _REFUNDS])
async def test_a_payment_cut_off_is_whole_again(folder: Path, point: str) -> None:
    house = House(folder / "data", folder / "server.log", dying_at=point)
    house.start()
    await house.wait_ready()
    payer = Payer(house, await spare_number(house))
    with contextlib.suppress(*LOST):
        await payer.pay()
    await wait_dead(house)
    house.dying_at = ""
    house.start()
    try:
        await house.wait_ready()
        again = asyncio.get_running_loop().time()
        if not payer.pay_path.startswith("/sandbox/"):
            await payer.pay()  # the payer had got nowhere, and presses Pay once more
        await whole(house, payer.number, PaymentState.CREDITED, again)
        await told_once(house, payer.number, ["credited_with_bonus"], again)
    finally:
        house.stop()


@pytest.mark.parametrize("point", _REFUNDS)
async def test_a_refund_cut_off_is_whole_again(folder: Path, point: str) -> None:
    house = House(folder / "data", folder / "server.log", dying_at=point)
    house.start()
    await house.wait_ready()
    payer = Payer(house, await spare_number(house))
    await payer.pay()
    await send_back(house, payer.number)
    await wait_dead(house)
    house.dying_at = ""
    house.start()
    try:
        await house.wait_ready()
        again = asyncio.get_running_loop().time()
        await whole(house, payer.number, PaymentState.REFUNDED, again)
        told = ["credited_with_bonus", "payment_refunding", "payment_refunded"]
        await told_once(house, payer.number, told, again)
        async with house.looked_into() as connection:
            sent = "SELECT count(*) FROM sandbox_refund JOIN sandbox_payment USING (provider_ref)"
            sent += " JOIN payment USING (reference) JOIN number USING (line_id)"
            sent += " WHERE number.msisdn = $1"
            assert await connection.fetchval(sent, int(payer.number)) == 1
    finally:
        house.stop()


async def spare_number(house: House) -> str:
    """Return an active line of the demo that nobody has paid for yet."""
    async with house.looked_into() as connection:
        rows = await connection.fetch(
            """
            SELECT msisdn FROM line
             WHERE state = 2 AND payment_seq = 0 AND NOT barred AND NOT suspended
               AND message_seq = 0 AND active_until > now() + interval '1 day' LIMIT 50
            """
        )
    return str(secrets.choice(rows)[0])


async def send_back(house: House, number: str) -> None:
    """Open a refund beside the server, as the command line does."""
    _, rules = read_rules(Settings(), demo=True)
    async with house.database() as database:
        engine = Engine(database, rules=rules, keys=house.keys(), clock=Clock())
        await engine.start()
        line_id = await database.fetch_value(
            "SELECT line_id FROM number WHERE msisdn = $1", int(number)
        )
        await engine.submit(
            RefundPayment(
                caller="cli",
                request_key="undo",
                line_id=line_id,
                payment_no=1,
                actor=Actor(who="faults", why="to be killed"),
            )
        )
        await engine.stop()


async def wait_dead(house: House) -> None:
    """Wait until the server is gone."""
    deadline = time.monotonic() + 30
    while house.is_alive():
        assert time.monotonic() < deadline, "it never died"
        await asyncio.sleep(0.02)


async def whole(house: House, number: str, state: PaymentState, since: float) -> None:
    """Wait until the line's one payment is as it should be, and the books with it."""
    query = """
        SELECT payment.state, received_micros, refunded_micros, held_micros,
               (SELECT count(*) FROM topup WHERE topup.line_id = line.line_id
                   AND topup.payment_no IS NOT NULL)
          FROM payment JOIN line USING (line_id) WHERE line.msisdn = $1
    """
    async with house.looked_into() as connection:
        while True:
            rows = await connection.fetch(query, int(number))
            assert len(rows) <= 1, "one payment"
            if rows and rows[0][0] == state:
                break
            assert asyncio.get_running_loop().time() - since < WHOLE_AGAIN_SECONDS, rows
            await asyncio.sleep(0.1)
    refunded = 30_000_000 if state is PaymentState.REFUNDED else 0
    assert tuple(rows[0])[1:] == (30_000_000, refunded, 0, 1)
    async with house.database() as database:
        assert (await verify(database, full=True)).findings == ()


async def tell_everybody(house: House) -> None:
    """Run a new demo until its own messages have gone out: the next is the payment's."""
    house.start()
    try:
        await house.wait_ready()
        async with house.looked_into() as connection:
            began = time.monotonic()
            while await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 1"):
                assert time.monotonic() - began < WHOLE_AGAIN_SECONDS
                await asyncio.sleep(0.1)
    finally:
        house.stop()


async def told_once(house: House, number: str, templates: list[str], since: float) -> None:
    """Wait until the messages have gone out, each queued once."""
    query = "SELECT template, state FROM outbox WHERE msisdn = $1 ORDER BY number"
    async with house.looked_into() as connection:
        while True:
            rows: list[Any] = await connection.fetch(query, int(number))
            ours = [row for row in rows if row[0] in templates]
            if [row[0] for row in ours] == templates and {row[1] for row in ours} == {2}:
                return
            assert asyncio.get_running_loop().time() - since < WHOLE_AGAIN_SECONDS, rows
            await asyncio.sleep(0.1)

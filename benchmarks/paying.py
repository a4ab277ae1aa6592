"""Payments that wait for their webhook, and the webhooks that say they were paid."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from tambah.config import read_operator
from tambah.domain.commands import NewsKind
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.operator import operator_rules
from tambah.payments.desk import Front, OpenRequest, PaymentDesk
from tambah.payments.provider import Providers
from tambah.payments.sandbox import SandboxProvider
from tambah.store.database import Database

from .engine_runs import OPERATOR
from .ground import FIRST_NUMBER, Ground

AT_ONCE = 200
URL = "http://127.0.0.1"


def sandbox_desk(
    engine: Engine, database: Database, keys: Keys, zone: ZoneInfo
) -> tuple[PaymentDesk, SandboxProvider]:
    """Return a desk at which the sandbox takes the money."""
    clock = Clock()
    sandbox = SandboxProvider(database, keys, clock, URL, zone)
    desk = PaymentDesk(
        engine,
        database,
        keys=keys,
        clock=clock,
        providers=Providers(by_id={sandbox.provider_id: sandbox}),
        front=Front(public_url=URL, brand="Benchmark"),
    )
    return desk, sandbox


async def open_payments(ground: Ground, first: int, count: int) -> list[str]:
    """Open payments, each on a line of its own; return the signed webhooks that settle them.

    Each as a line of text: signature, a blank, body.
    """
    database = Database(ground.dsn)
    await database.open(readers=4)
    rules = operator_rules(read_operator(OPERATOR))
    engine = Engine(database, rules=rules, keys=ground.keys, clock=Clock())
    await engine.start()
    desk, sandbox = sandbox_desk(engine, database, ground.keys, rules.validity.zone)
    webhooks: list[str] = []

    async def one(place: int) -> None:
        opened = await desk.open(
            OpenRequest(
                token=f"bench {place}",
                msisdn=FIRST_NUMBER + place % ground.lines,
                amount_micros=10_000_000,
                method="sandbox",
                tag="en",
                result_token=f"bench {place}",
            )
        )
        assert opened.pay_url is not None
        ref = opened.pay_url.rpartition("/")[2].partition("?")[0]
        row = await sandbox.view(ref)
        assert row is not None
        headers, body = sandbox.webhook(row, NewsKind.PAID)
        webhooks.append(f"{headers['sandbox-signature']} {body.decode()}")

    for start in range(first, first + count, AT_ONCE):
        await asyncio.gather(*(one(place) for place in range(start, start + AT_ONCE)))
    await database.execute(
        "UPDATE sandbox_payment SET stage = 'paid', ending = 'paid', paid_at = now()"
        " WHERE stage = 'open'"
    )
    await engine.stop()
    await database.close()
    return webhooks


async def credited_payments(ground: Ground, *, drained: bool = False) -> int:
    """Return how many payments are credited; `drained`: once the inbox has nothing left."""
    connection = await ground.owner()
    try:
        queued = "SELECT count(*) FROM payment_event WHERE state = 1"
        while drained and await connection.fetchval(queued):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return await connection.fetchval("SELECT count(*) FROM payment WHERE state = 5")
    finally:
        await connection.close()

"""SMS a second through an SMSC of somebody else's making (npm's `smpp`)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import unpack_from
from typing import Any
from zoneinfo import ZoneInfo

from aiosmpplib.protocol import PhoneNumber
from aiosmpplib.state import NPI, TON

from tambah.channels.gateway import Sms
from tambah.channels.notifier import AT_ONCE, Notifier
from tambah.channels.sms.coding import encode_sms
from tambah.channels.sms.pdu import Envelope, make_bind, make_submit
from tambah.channels.sms.receipts import ReceiptBook
from tambah.channels.sms.smpp import SmppGateway
from tambah.config import Brand, GatewayEntry
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.store.database import Database

from .ground import Ground

ROOT = Path(__file__).parents[1]
WINDOW = AT_ONCE
MESSAGES = 8_000
PASSWORD = "hush"
BODY = "RM0.00 KampungTel: Top-up RM10.00. Balance RM12.34 until 31 Dec 2026. Ref 2345678923"


@dataclass
class Smsc:
    """The process. It keeps nothing, and sends receipts only where they are asked for."""

    process: subprocess.Popen[str]
    port: int

    @classmethod
    def start(cls, folder: Path, *, receipts: bool) -> Smsc:
        """Start it on a free port."""
        done = subprocess.run(
            [ROOT / "tools" / "setup-smsc"], capture_output=True, text=True, check=True
        )
        node, modules = done.stdout.split()
        options = {"quiet": True, "receipts": receipts, "again": True, "password": PASSWORD}
        process = subprocess.Popen(
            [
                node,
                ROOT / "tests" / "channels" / "smsc" / "smsc.js",
                folder / f"smsc-{receipts}.jsonl",
                json.dumps(options),
            ],
            env={**os.environ, "SMSC_MODULES": modules},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return cls(process, json.loads(process.stdout.readline())["port"])

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def _gateway(smsc: Smsc, book: Any, clock: Clock) -> SmppGateway:
    entry = GatewayEntry(
        name="bench",
        kind="smpp",
        host="127.0.0.1",
        port=smsc.port,
        system_id="tambah",
        source="KampungTel",
        window=WINDOW,
    )
    return SmppGateway(
        entry, PASSWORD, receipts=book, on_inbound=lambda _: asyncio.sleep(0), clock=clock
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def submit(smsc: Smsc) -> float:
    """Return messages a second that the gateway hands over, as many at a time as the notifier."""
    gateway = _gateway(smsc, None, Clock())
    running = asyncio.create_task(gateway.run())
    numbers = iter(range(MESSAGES))

    async def hand_over_some() -> None:
        for number in numbers:
            await gateway.hand_over(
                Sms(
                    line_id=number,
                    number=number,
                    at=datetime.now(UTC),
                    msisdn=60_120_000_000 + number,
                    language=Language.EN,
                    body=BODY,
                )
            )

    began = time.monotonic()
    await asyncio.gather(*(hand_over_some() for _ in range(AT_ONCE)))
    rate = MESSAGES / (time.monotonic() - began)
    await _end(running)
    return rate


async def bare(smsc: Smsc) -> float:
    """Return the same of PDUs built beforehand on a bare socket, as many unanswered at a time."""
    encoded = encode_sms(BODY, 0)
    pdus = [
        make_submit(
            Envelope(
                source=PhoneNumber("KampungTel", TON.ALPHANUMERIC, NPI.UNKNOWN),
                msisdn=60_120_000_000 + number,
                data_coding=encoded.data_coding,
                esm_class=encoded.esm_class,
            ),
            encoded.parts[0],
        )(number + 2)
        for number in range(MESSAGES)
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
    writer.write(make_bind("tambah", PASSWORD, "")(1))
    await reader.readexactly(unpack_from("!I", await reader.readexactly(4))[0] - 4)
    began, waiting = time.monotonic(), iter(pdus)
    for pdu in [next(waiting) for _ in range(WINDOW)]:
        writer.write(pdu)
    for _ in range(MESSAGES):
        length = unpack_from("!I", await reader.readexactly(4))[0]
        await reader.readexactly(length - 4)
        pdu = next(waiting, None)
        if pdu is not None:
            writer.write(pdu)
    rate = MESSAGES / (time.monotonic() - began)
    writer.close()
    return rate


async def outbox(ground: Ground, smsc: Smsc) -> float:
    """Return messages a second from the outbox to the last receipt's being written."""
    await ground.do("TRUNCATE outbox, sms_ref")
    await ground.do(
        """
        INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                            attempts, due_at)
        SELECT line_id, 1, now(), 'low_credit', '{"balance_micros": 1230000}', 1,
               60120000000 + line_id, 1, 0, now()
          FROM generate_series(1, $1::bigint) AS line_id
        """,
        MESSAGES,
    )
    await ground.do("VACUUM ANALYZE outbox")
    database, clock = Database(ground.dsn), Clock()
    await database.open(readers=2)
    book = ReceiptBook(database, clock)
    gateway = _gateway(smsc, book, clock)
    notifier = Notifier(
        database,
        Brand(name="KampungTel"),
        gateway,
        ZoneInfo("Asia/Kuala_Lumpur"),
        clock,
        keys=ground.keys,
    )
    running = asyncio.create_task(gateway.run())
    began = time.monotonic()
    telling = asyncio.create_task(notifier.run())
    while await database.fetch_value("SELECT count(*) FROM outbox WHERE state <> 3"):
        if time.monotonic() - began > timedelta(minutes=3).total_seconds():
            raise RuntimeError("messages are stuck")
        await asyncio.sleep(0.02)
    rate = MESSAGES / (time.monotonic() - began)
    notifier.stop()
    await telling
    await _end(running)
    await book.close()
    await database.close()
    return rate

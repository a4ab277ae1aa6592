"""Credit control over Diameter: begin, go on, end, so many sessions at once."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

from diameter.message import MessageHeader

from tambah.app import read_rules
from tambah.charging.diameter.avps import group, make, write
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    CC_TOTAL_OCTETS,
    DESTINATION_REALM,
    HOST_IP_ADDRESS,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    ORIGIN_HOST,
    ORIGIN_REALM,
    PRODUCT_NAME,
    RATING_GROUP,
    REQUESTED_SERVICE_UNIT,
    RESULT_CODE,
    SERVICE_CONTEXT_ID,
    SESSION_ID,
    SUBSCRIPTION_ID,
    SUBSCRIPTION_ID_DATA,
    SUBSCRIPTION_ID_TYPE,
    USED_SERVICE_UNIT,
    VENDOR_ID,
)
from tambah.config import Settings
from tambah.domain.charging_commands import Ask, ReleaseUnits, ReserveUnits, UpdateUnits
from tambah.domain.charging_rule import MEGABYTE
from tambah.domain.rating import Service
from tambah.domain.tariff import Usage
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import Database

from .diameter_server import LINKS, REALM, with_tariff
from .engine_runs import OPERATOR
from .ground import FIRST_LINE, FIRST_NUMBER, LINES, PEPPER, Ground
from .http_runs import Load

UPDATES = 3
_SUCCESS = make(RESULT_CODE, 2001).as_bytes()
_sessions = count(time.time_ns())


async def give_credit(ground: Ground) -> None:
    """Give every line credit, straight in the tables."""
    await ground.do(
        "UPDATE bucket SET remaining_micros = 1000000000 WHERE bucket_id = 1"
        f" AND owner_id BETWEEN {FIRST_LINE} AND {FIRST_LINE + LINES - 1}"
    )


class Charging:
    """The charging process on the ground's database. alone: without its engine."""

    def __init__(self, ground: Ground, *, alone: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        more = ["alone"] if alone else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.diameter_server", str(self.port), *more],
            cwd=Path(__file__).parents[1],
            env={
                **os.environ,
                "TAMBAH_DATABASE_URL": ground.dsn,
                "TAMBAH_PEPPER": PEPPER,
                "TAMBAH_OPERATOR_FILE": str(OPERATOR),
                "TAMBAH_DATA_DIR": str(ground.folder / "charging"),
            },
            stdout=self._log,
            stderr=self._log,
        )
        self._wait()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _wait(self) -> None:
        for _ in range(300):
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        self._log.seek(0)
        raise RuntimeError(f"charging did not start: {self._log.read()[-2000:]!r}")


class _Gateway(asyncio.Protocol):
    """A connection of the load's: octets out, and who waits for which answer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.origin = b"".join(
            make(name, text.encode()).as_bytes()
            for name, text in ((ORIGIN_HOST, f"pgw{number}.bench"), (ORIGIN_REALM, REALM))
        )
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._unread = b""
        self._numbers = count(1)
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        self._unread += data
        while len(self._unread) >= 20:
            length = int.from_bytes(self._unread[1:4], "big")
            if len(self._unread) < length:
                return
            message, self._unread = self._unread[:length], self._unread[length:]
            self._waiting.pop(int.from_bytes(message[12:16], "big")).set_result(message)

    async def ask(self, command: int, application: int, avps: bytes) -> None:
        """Send a request, wait for its answer, which is a success."""
        number = next(self._numbers)
        header = b"".join(
            (
                b"\x01" + (20 + len(avps)).to_bytes(3, "big"),
                b"\xc0" + command.to_bytes(3, "big"),
                application.to_bytes(4, "big"),
                number.to_bytes(4, "big") * 2,
            )
        )
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._transport.write(header + avps)
        if _SUCCESS not in await answer:
            raise RuntimeError(f"refused: {answer.result()!r}")

    async def introduce(self) -> None:
        """Exchange capabilities."""
        capabilities = [
            make(HOST_IP_ADDRESS, "127.0.0.1"),
            make(VENDOR_ID, 0),
            make(PRODUCT_NAME, "bench"),
            make(AUTH_APPLICATION_ID, 4),
        ]
        written = write(MessageHeader(command_code=257), capabilities)[20:]
        await self.ask(257, 0, self.origin + written)

    def close(self) -> None:
        """Close it."""
        self._transport.abort()


_REQUEST = [make(RATING_GROUP, 1), group(REQUESTED_SERVICE_UNIT, make(CC_TOTAL_OCTETS, MEGABYTE))]
_USED = group(USED_SERVICE_UNIT, make(CC_TOTAL_OCTETS, MEGABYTE))
_BEGIN = group(MULTIPLE_SERVICES_CREDIT_CONTROL, *_REQUEST).as_bytes()
_GO_ON = group(MULTIPLE_SERVICES_CREDIT_CONTROL, *_REQUEST, _USED).as_bytes()
_END = group(MULTIPLE_SERVICES_CREDIT_CONTROL, _REQUEST[0], _USED).as_bytes()
_COMMON = b"".join(
    avp.as_bytes()
    for avp in (
        make(DESTINATION_REALM, REALM.encode()),
        make(AUTH_APPLICATION_ID, 4),
        make(SERVICE_CONTEXT_ID, "32251@3gpp.org"),
    )
)


def _steps() -> list[bytes]:
    """Return type, number and units of each request of a session."""
    steps = [(1, _BEGIN), *[(2, _GO_ON)] * UPDATES, (3, _END)]
    return [
        make(CC_REQUEST_TYPE, kind).as_bytes() + make(CC_REQUEST_NUMBER, number).as_bytes() + units
        for number, (kind, units) in enumerate(steps)
    ]


async def over_diameter(charging: Charging, at_once: int, seconds: float) -> Load:
    """Run so many sessions at once, one after the other; return requests a second."""
    loop = asyncio.get_running_loop()
    gateways = [
        (await loop.create_connection(lambda n=n: _Gateway(n), "127.0.0.1", charging.port))[1]
        for n in range(LINKS)
    ]
    for gateway in gateways:
        await gateway.introduce()
    steps = _steps()
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def sessions(place: int) -> None:
        gateway = gateways[place % LINKS]
        while time.perf_counter() < until:
            session = next(_sessions)
            number = f"{FIRST_NUMBER + session % LINES}"
            subscriber = group(
                SUBSCRIPTION_ID, make(SUBSCRIPTION_ID_TYPE, 0), make(SUBSCRIPTION_ID_DATA, number)
            )
            name = make(SESSION_ID, f"pgw{place % LINKS}.bench;{session}").as_bytes()
            start = name + gateway.origin + _COMMON + subscriber.as_bytes()
            for step in steps:
                began = time.perf_counter()
                await gateway.ask(272, 4, start + step)
                took.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(sessions(place) for place in range(at_once)))
    rate = len(took) / (time.perf_counter() - began)
    for gateway in gateways:
        gateway.close()
    marks = statistics.quantiles(took, n=100)
    return Load(rate=rate, p50_ms=marks[49], p99_ms=marks[98])


async def by_the_engine(ground: Ground, at_once: int, seconds: float) -> float:
    """Run the same sessions on an engine in this process; return commands a second."""
    settings = Settings(operator_file=str(OPERATOR))
    rules = with_tariff(read_rules(settings)[1])
    database = Database(ground.dsn)
    await database.open(readers=1)
    engine = Engine(database, rules=rules, keys=ground.keys, clock=Clock())
    await engine.start()
    usage, done = Usage(service=Service.DATA), 0
    until = time.perf_counter() + seconds

    async def sessions() -> None:
        nonlocal done
        while time.perf_counter() < until:
            session = next(_sessions)
            for number in range(UPDATES + 2):
                kind = (ReserveUnits, *[UpdateUnits] * UPDATES, ReleaseUnits)[number]
                ask = Ask(
                    rating_group=1,
                    usage=usage,
                    wanted=MEGABYTE,
                    used=MEGABYTE if number else 0,
                    more=kind is not ReleaseUnits,
                )
                command = kind(
                    peer="bench",
                    session_id=str(session),
                    request_no=number,
                    msisdn=FIRST_NUMBER + session % LINES,
                    asks=(ask,),
                )
                await engine.submit(command)
                done += 1

    began = time.perf_counter()
    await asyncio.gather(*(sessions() for _ in range(at_once)))
    rate = done / (time.perf_counter() - began)
    await engine.stop()
    await database.close()
    return rate

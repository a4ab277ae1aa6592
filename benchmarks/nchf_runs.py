"""The door of a 5G core, called over HTTP/2 by a client of its own in this process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import msgspec
import psutil
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from .charges import STEPS, VOLUME
from .console_runs import percentile
from .ground import FIRST_NUMBER, Ground

CONNECTIONS = 4
_PATH = "/nchf-convergedcharging/v3/chargingdata"


@dataclass(frozen=True)
class Charged:
    """What the client saw: requests a second, and latencies in milliseconds.

    cpu_ms: of the door's process, for a request.
    """

    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float


class Door:
    """A process that serves Nchf on the ground's database; `alone`: without an engine."""

    def __init__(self, ground: Ground, *, alone: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.ground = ground
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.nchf_server", str(self.port)]
            + (["alone"] if alone else []),
            env={**os.environ, "TAMBAH_DATABASE_URL": ground.dsn},
            stdout=self._log,
            stderr=self._log,
        )
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        self._log.seek(0)
        raise RuntimeError(f"the door did not open: {self._log.read()[-2000:]!r}")

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time that the process took so far."""
        spent = psutil.Process(self._process.pid).cpu_times()
        return spent.user + spent.system

    def stop(self) -> None:
        """Stop it, by its id, and wait for it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)
        self._log.close()


class Line(asyncio.Protocol):
    """One HTTP/2 connection with many requests on it at once."""

    def __init__(self) -> None:
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._waiting: dict[int, tuple[asyncio.Future[tuple[int, bytes]], list[Any]]] = {}

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._h2.initiate_connection()
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Take what came in."""
        for event in self._h2.receive_data(data):
            if isinstance(event, ResponseReceived):
                self._waiting[event.stream_id][1].append(dict(event.headers))
            elif isinstance(event, DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                future, told = self._waiting.pop(event.stream_id)
                headers = told[0]
                future.set_result((int(headers[b":status"]), headers.get(b"location", b"")))
            elif isinstance(event, StreamReset):
                future, _ = self._waiting.pop(event.stream_id)
                future.set_exception(RuntimeError("the door hung up"))
        self._transport.write(self._h2.data_to_send())

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Post; return status and location."""
        stream = self._h2.get_next_available_stream_id()
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[stream] = future, []
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "chf"),
            (":path", path),
            ("content-type", "application/json"),
        ]
        self._h2.send_headers(stream, headers)
        self._h2.send_data(stream, body, end_stream=True)
        self._transport.write(self._h2.data_to_send())
        return await future


async def charge(door: Door, sessions: int, seconds: float) -> Charged:
    """Have so many sessions at once begin, go on and end, one after the other."""
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(Line, "127.0.0.1", door.port))[1] for _ in range(CONNECTIONS)
    ]
    took: list[float] = []
    cpu_before = door.cpu_seconds
    stop = time.perf_counter() + seconds

    async def post(line: Line, path: str, body: bytes, wanted: int) -> bytes:
        began = time.perf_counter()
        status, location = await line.post(path, body)
        took.append(time.perf_counter() - began)
        if status != wanted:
            raise RuntimeError(f"{path} was answered {status}")
        return location

    async def use(place: int) -> None:
        draw, line = random.Random(time.time_ns() + place), lines[place % CONNECTIONS]
        while time.perf_counter() < stop:
            msisdn = FIRST_NUMBER + draw.randrange(door.ground.lines)
            name = draw.getrandbits(32)
            location = await post(line, _PATH, _request(msisdn, name, 1, 0), 201)
            there = location.decode().removeprefix("http://chf")
            for number in range(2, STEPS):
                body = _request(msisdn, name, number, VOLUME)
                await post(line, f"{there}/update", body, 200)
            body = _request(msisdn, name, STEPS, VOLUME)
            await post(line, f"{there}/release", body, 204)

    began = time.perf_counter()
    await asyncio.gather(*(use(place) for place in range(sessions)))
    spent = time.perf_counter() - began
    for line in lines:
        line._transport.close()
    return Charged(
        rate=len(took) / spent,
        cpu_ms=(door.cpu_seconds - cpu_before) * 1000 / len(took),
        p50_ms=statistics.median(took) * 1000,
        p99_ms=percentile(took, 99) * 1000,
    )


def _request(msisdn: int, name: int, number: int, used: int) -> bytes:
    usage: dict[str, Any] = {"ratingGroup": 1, "requestedUnit": {"totalVolume": VOLUME}}
    if used:
        usage["usedUnitContainer"] = [{"localSequenceNumber": number, "totalVolume": used}]
    return msgspec.json.encode(
        {
            "subscriberIdentifier": f"msisdn-{msisdn}",
            "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
            "invocationTimeStamp": "2027-03-01T06:30:00Z",
            "invocationSequenceNumber": number,
            "pDUSessionChargingInformation": {"chargingId": name},
            "multipleUnitUsage": [usage],
        }
    )

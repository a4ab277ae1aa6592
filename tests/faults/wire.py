"""A keep-alive HTTP client of a hundred lines: what is sent, and when, is ours to decide."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

LOST = (OSError, asyncio.IncompleteReadError, TimeoutError)
"""What is raised when nobody knows what became of a request."""

_MOST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """Return a problem document's code, empty for anything else."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return str(self.json()["code"])


class Wire:
    """One connection to a server on this machine, opened when needed and again after it broke.

    source: the loopback address to call from, for budgets that are counted by address.
    """

    def __init__(self, port: int, *, source: str = "127.0.0.1") -> None:
        self._port = port
        self._source = source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        patience: float = 30.0,
    ) -> Answer:
        """Send a request and return its answer. Raises one of LOST when there is none."""
        try:
            async with asyncio.timeout(patience):
                reader, writer = await self._connected()
                writer.write(_request(method, path, headers or {}, body))
                await writer.drain()
                return await self._read(reader)
        except BaseException:
            self.drop()
            raise

    async def send_and_leave(
        self, path: str, headers: Mapping[str, str], body: bytes, stay: float
    ) -> None:
        """Post something, wait `stay` seconds and hang up without having read the answer."""
        try:
            _, writer = await self._connected()
            writer.write(_request("POST", path, headers, body))
            await writer.drain()
            await asyncio.sleep(stay)
        finally:
            self.drop()

    async def post_json(
        self, path: str, headers: Mapping[str, str], content: object, *, patience: float = 30.0
    ) -> Answer:
        """Post a JSON document."""
        body = msgspec.json.encode(content)
        typed = {"content-type": "application/json", **headers}
        return await self.ask("POST", path, typed, body, patience=patience)

    async def post_form(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post a web form."""
        typed = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self.ask("POST", path, typed, urlencode(fields).encode())

    async def open(self) -> None:
        """Connect now, so that the next request only has to be sent."""
        await self._connected()

    def drop(self) -> None:
        """Hang up at once."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=_MOST_HEAD_BYTES, local_addr=(self._source, 0)
            )
        return self._streams

    async def _read(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = b""
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = await _read_chunks(reader)
        if headers.get("connection", "").lower() == "close":
            self.drop()
        return Answer(int(head[0].split(" ", 2)[1]), headers, body)


async def ask_once(port: int, path: str, *, patience: float = 5.0) -> Answer | None:
    """Get a page over a connection of its own; None when there is no answer."""
    wire = Wire(port)
    with contextlib.suppress(*LOST):
        try:
            return await wire.ask("GET", path, patience=patience)
        finally:
            wire.drop()
    return None


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(pieces)


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

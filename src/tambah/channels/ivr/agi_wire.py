"""The AGI protocol: what Asterisk says of a call, then commands of ours and its replies.

Lines hold what callers key, so none is ever logged or put into an error's text.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

LINE_BYTES = 4096
_HEADER_LINES = 100
_REPLY = re.compile(r"(\d{3})(?:[ -](?:result=(-?[^ ]*) ?)?(.*))?")
_DEAD = 511
_LENGTHY = 520
_SAFE = re.compile(r"[^\x00-\x1f\x7f\"\\]*")


class CallOver(Exception):
    """Nothing more can be said in this call: its caller hung up, or Asterisk is gone."""


class AgiBroken(CallOver):
    """The other end does not speak AGI, or does not answer in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What Asterisk answered. result: as it wrote it; "" where there was none."""

    code: int
    result: str
    rest: str

    @property
    def number(self) -> int:
        """The result as a number; -1, a failure, when it is none."""
        with suppress(ValueError):
            return int(self.result)
        return -1


async def read_header(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """Read what Asterisk says of a call, by names without their `agi_`. Raises CallOver."""
    header: dict[str, str] = {}
    for _ in range(_HEADER_LINES):
        line = await _read_line(reader)
        if not line:
            if header:
                return header
            break
        name, colon, value = line.partition(":")
        if not colon or not name.startswith("agi_"):
            break
        header[name.removeprefix("agi_")] = value.strip()
    raise AgiBroken("what came is no AGI header")


class AgiWire:
    """One call's connection. reply_seconds: patience beyond the time that a command takes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        reply_seconds: float = 10,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._reply_seconds = reply_seconds
        self._over: CallOver | None = None

    async def command(self, verb: str, *arguments: str, seconds: float = 0) -> Reply:
        """Have Asterisk do something that takes so many seconds at most; return its reply.

        Raises CallOver, from then on at once.
        """
        if self._over is not None:
            raise self._over
        try:
            async with asyncio.timeout(seconds + self._reply_seconds):
                self._writer.write(_encode(verb, arguments))
                await self._writer.drain()
                return await self._read_reply()
        except TimeoutError:
            self._over = AgiBroken("no reply in time")
        except CallOver as over:
            self._over = over
        except OSError:
            self._over = CallOver("the connection was lost")
        except asyncio.CancelledError:
            self._over = CallOver("the reply was not waited for")
            raise
        raise self._over

    async def _read_reply(self) -> Reply:
        line = await _read_line(self._reader)
        if line == "HANGUP":
            raise CallOver("the caller hung up")
        matched = _REPLY.fullmatch(line)
        if matched is None:
            raise AgiBroken("what came is no AGI reply")
        reply = Reply(int(matched[1]), matched[2] or "", matched[3] or "")
        if reply.code == _DEAD:
            raise CallOver("the caller hung up")
        if reply.code == _LENGTHY and line.startswith(f"{_LENGTHY}-"):
            await self._skip_usage()
        return reply

    async def _skip_usage(self) -> None:
        """Pass over the lines in which Asterisk explains a command."""
        for _ in range(_HEADER_LINES):
            if (await _read_line(self._reader)).startswith(f"{_LENGTHY} "):
                return
        raise AgiBroken("a reply does not end")


async def _read_line(reader: asyncio.StreamReader) -> str:
    """Return a line without its end. Raises CallOver, also for one that is too long."""
    try:
        line = await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, OSError) as error:
        raise CallOver("the connection was closed") from error
    except asyncio.LimitOverrunError as error:
        raise AgiBroken("a line is too long") from error
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _encode(verb: str, arguments: tuple[str, ...]) -> bytes:
    """Return a command's line. Raises ValueError for an argument that could be another's."""
    for argument in arguments:
        if not _SAFE.fullmatch(argument):
            raise ValueError("an AGI argument holds a quote, a backslash or a control character")
    quoted = " ".join([verb, *(f'"{argument}"' for argument in arguments)])
    return f"{quoted}\n".encode()

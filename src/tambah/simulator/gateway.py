"""A network element that speaks Diameter: connects, asks, answers what it is asked, comes back.

RFC 6733 as the one who connects, and RFC 8506 as a credit-control client: what was not answered
is sent again with the T bit, on a new connection where the old one was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from itertools import count

from diameter.message import MessageHeader
from diameter.message.avp import Avp

from tambah.charging.diameter.avps import HEADER_BYTES, Fields, make, read_avps, write
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CREDIT_CONTROL_APPLICATION,
    DISCONNECT_CAUSE,
    HOST_IP_ADDRESS,
    ORIGIN_HOST,
    ORIGIN_REALM,
    PRODUCT_NAME,
    RESULT_CODE,
    SESSION_ID,
    VENDOR_ID,
    Command,
    Result,
)

_ANSWER_SECONDS = 10.0
_PATIENCE_SECONDS = 60.0
_AGAIN_SECONDS = 0.2
_LIMITED_SUCCESS = 2002
_REQUEST, _REQUEST_AGAIN = 0xC0, 0xD0
_REBOOTING = 0


class GatewayRefused(Exception):
    """The server does not take this element: it is none of its peers."""


class GatewayLost(Exception):
    """The server is away, and did not come back."""


class Gateway:
    """An element of the network. where: the server's address and port; host, realm: its own.

    asked_anew: how many sessions the server asked to ask again, after a top-up.
    """

    def __init__(self, where: str, host: str, realm: str) -> None:
        self.host, self.realm = host, realm
        self.asked_anew = 0
        self._address, _, self._port = where.rpartition(":")
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Fields]] = {}
        self._numbers = count(int(time.time()) & 0xFFFF)

    def origin(self) -> list[Avp]:
        """Return who it is."""
        return [make(ORIGIN_HOST, self.host.encode()), make(ORIGIN_REALM, self.realm.encode())]

    async def open(self) -> None:
        """Connect. Raises GatewayRefused, GatewayLost."""
        await self._connected(time.monotonic() + _ANSWER_SECONDS)

    async def close(self) -> None:
        """Take leave and disconnect."""
        if self._writer is not None and self._reading is not None:
            leave = [*self.origin(), make(DISCONNECT_CAUSE, _REBOOTING)]
            with contextlib.suppress(OSError, TimeoutError):
                await self._ask_once(Command.DISCONNECT_PEER, 0, leave, 0x80)
        await self._part()

    async def ask(self, avps: Sequence[Avp]) -> tuple[Fields, int]:
        """Send a Credit-Control-Request until it is answered; return that, and how many were sent.

        Raises GatewayLost when the server stays away.
        """
        until, flags, sent = time.monotonic() + _PATIENCE_SECONDS, _REQUEST, 0
        while True:
            writer = await self._connected(until)
            sent += 1
            try:
                answer = await self._ask_once(
                    Command.CREDIT_CONTROL, CREDIT_CONTROL_APPLICATION, avps, flags
                )
            except (OSError, TimeoutError):
                if self._writer is writer:  # nobody has connected anew meanwhile
                    await self._part()
            else:
                if answer.number(RESULT_CODE) != Result.TOO_BUSY:
                    return answer, sent
                await asyncio.sleep(_AGAIN_SECONDS)
            if time.monotonic() > until:
                raise GatewayLost
            flags = _REQUEST_AGAIN

    async def _connected(self, until: float) -> asyncio.StreamWriter:
        """See to it that there is a connection, on which capabilities were exchanged."""
        async with self._connecting:
            while self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_connection(
                        self._address, int(self._port)
                    )
                    self._reading = asyncio.create_task(self._read_all(reader, self._writer))
                    await self._introduce()
                except (OSError, TimeoutError) as gone:
                    await self._part()
                    if time.monotonic() > until:
                        raise GatewayLost from gone
                    await asyncio.sleep(_AGAIN_SECONDS)
            return self._writer

    async def _introduce(self) -> None:
        capabilities = [
            *self.origin(),
            make(HOST_IP_ADDRESS, "127.0.0.1"),
            make(VENDOR_ID, 0),
            make(PRODUCT_NAME, "tambah simulate"),
            make(AUTH_APPLICATION_ID, CREDIT_CONTROL_APPLICATION),
        ]
        answer = await self._ask_once(Command.CAPABILITIES_EXCHANGE, 0, capabilities, 0x80)
        if answer.number(RESULT_CODE) != Result.SUCCESS:
            raise GatewayRefused

    async def _part(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._writer is not None:
            self._writer.close()
        self._reading = self._writer = None

    async def _ask_once(
        self, command: Command, application: int, avps: Sequence[Avp], flags: int
    ) -> Fields:
        if self._writer is None:
            raise ConnectionResetError
        number = next(self._numbers)
        header = MessageHeader(
            command_code=command,
            command_flags=flags,
            application_id=application,
            hop_by_hop_identifier=number,
            end_to_end_identifier=number,
        )
        waiting: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._writer.write(write(header, avps))
            return await asyncio.wait_for(waiting, _ANSWER_SECONDS)
        finally:
            self._waiting.pop(number, None)

    async def _read_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                start = await reader.readexactly(HEADER_BYTES)
                length = int.from_bytes(start[1:4], "big") - HEADER_BYTES
                fields = Fields(read_avps(await reader.readexactly(length)))
                self._take(MessageHeader.from_bytes(start), fields)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            if self._writer is writer:
                self._writer = None
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError())

    def _take(self, header: MessageHeader, fields: Fields) -> None:
        if not header.is_request:
            waiting = self._waiting.get(header.hop_by_hop_identifier)
            if waiting is not None and not waiting.done():
                waiting.set_result(fields)
            return
        if header.command_code == Command.RE_AUTH:
            # Its sessions ask in good time anyway: each is under way for moments only.
            self.asked_anew += 1
        result = _LIMITED_SUCCESS if header.command_code == Command.RE_AUTH else Result.SUCCESS
        session = fields.first(SESSION_ID)
        avps = [*([session] if session else []), make(RESULT_CODE, result), *self.origin()]
        header.is_request = False
        if self._writer is not None:
            self._writer.write(write(header, avps))

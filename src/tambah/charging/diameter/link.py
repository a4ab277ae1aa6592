"""A connection with a peer: RFC 6733's state machine as the one who is connected to.

Requests of applications are answered by the node, each in a task of its own, and their answers go
back by the connection that they came by.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import structlog
from diameter.message import MessageHeader
from diameter.message.avp import Avp

from tambah.charging.diameter.avps import (
    HEADER_BYTES,
    Faulty,
    Fields,
    make,
    read_avps,
    read_header,
    write,
)
from tambah.charging.diameter.names import (
    DISCONNECT_CAUSE,
    Command,
    Result,
)
from tambah.charging.diameter.peers import Peer

log = structlog.get_logger(__name__)

CER_SECONDS = 10.0
DPA_SECONDS = 5.0
_MOST_BYTES = 1 << 16
"""Of a message; credit control's have a few hundred to a few thousand."""
_MOST_UNREAD = 1 << 22
"""Octets that a peer may leave unread before it is let go."""
_SILENCES = 2
"""Watchdogs without an answer, after which a peer is gone (RFC 3539: suspect, then down)."""
_REBOOTING = 0


class Request(NamedTuple):
    """A request as it came. avps: in their order; broken: what is wrong with them, if anything."""

    header: MessageHeader
    fields: Fields
    broken: Faulty | None = None


class Keeper(Protocol):
    """What a connection asks of the node that keeps it."""

    def add(self, link: Link) -> None:
        """Count a connection in."""
        ...

    def remove(self, link: Link) -> None:
        """Count a connection out."""
        ...

    def introduce(self, request: Request, link: Link) -> tuple[bytes, Peer | None]:
        """Answer who says who it is."""
        ...

    def agree(self, request: Request) -> bytes:
        """Return an answer that says yes."""
        ...

    def refuse(self, request: Request, result: Result) -> bytes:
        """Return an answer that says no."""
        ...

    def origin(self, *, with_state: bool = False) -> list[Avp]:
        """Return who we are."""
        ...

    async def answer(self, request: Request, link: Link) -> bytes:
        """Answer a request of an application."""
        ...


class Link(asyncio.Protocol):
    """A connection. peer: who is at its other end, None until it has said so."""

    def __init__(self, node: Keeper, watchdog_seconds: float) -> None:
        self.node = node
        self.peer: Peer | None = None
        self.address = ""
        self.local_address = ""
        self._watchdog_seconds = watchdog_seconds
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._heard_at = 0.0
        self._silences = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, asyncio.Future[Fields]] = {}
        self._hop_by_hop = secrets.randbits(32)
        self._end_to_end = (int(time.time()) & 0xFFF) << 20 | secrets.randbits(20)
        self._leaving = False
        self._asking: asyncio.Task[None] | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What asyncio tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection; within a while it has to say who it is."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop has its own
        # One that went at once has no name any more.
        self.address = (transport.get_extra_info("peername") or ("",))[0]
        self.local_address = (transport.get_extra_info("sockname") or ("",))[0]
        self.node.add(self)
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        self._timer = loop.call_later(CER_SECONDS, self._introduce_or_go)

    def data_received(self, data: bytes) -> None:
        """Take what came; a message may come in parts."""
        self._heard_at = asyncio.get_running_loop().time()
        self._silences = 0
        self._unread += data
        place = 0
        while len(self._unread) - place >= HEADER_BYTES and not self._is_closing():
            length = int.from_bytes(self._unread[place + 1 : place + 4], "big")
            if self._unread[place] != 1 or not HEADER_BYTES <= length <= _MOST_BYTES:
                self.drop("no message of Diameter's")
                return
            if len(self._unread) - place < length:
                break
            self._take(self._unread[place : place + length])
            place += length
        self._unread = self._unread[place:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer; what is being answered for it is done to the end all the same."""
        if self._timer is not None:
            self._timer.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError())
        self.node.remove(self)
        if not self.closed.done():
            self.closed.set_result(None)

    # What the node does with it

    async def ask(
        self, command: Command, application: int, avps: Sequence[Avp], *, timeout_seconds: float
    ) -> Fields:
        """Send a request; return the answer's AVPs. Raises TimeoutError, ConnectionError."""
        self._hop_by_hop = (self._hop_by_hop + 1) & 0xFFFFFFFF
        self._end_to_end = (self._end_to_end + 1) & 0xFFFFFFFF
        header = MessageHeader(
            command_code=command,
            application_id=application,
            hop_by_hop_identifier=self._hop_by_hop,
            end_to_end_identifier=self._end_to_end,
        )
        header.is_request = True
        header.is_proxyable = application != 0
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[self._hop_by_hop] = answer
        hop_by_hop = self._hop_by_hop
        try:
            self.send(write(header, avps))
            return await asyncio.wait_for(answer, timeout_seconds)
        finally:
            del self._waiting[hop_by_hop]

    def send(self, message: bytes) -> None:
        """Send a message, if the peer is still there."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _MOST_UNREAD:
            self.drop("it does not read")
            return
        self._transport.write(message)

    def drop(self, why: str) -> None:
        """Close the connection at once."""
        log.warning("peer let go", peer=self.name, why=why)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection once what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    async def leave(self) -> None:
        """Answer what is being answered, tell the peer that we go, and go."""
        self._leaving = True
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self.peer is not None and not self._is_closing():
            avps = (*self.node.origin(), make(DISCONNECT_CAUSE, _REBOOTING))
            try:
                await self.ask(Command.DISCONNECT_PEER, 0, avps, timeout_seconds=DPA_SECONDS)
            except (TimeoutError, ConnectionError):
                log.info("peer did not say goodbye", peer=self.name)
        self.close()

    @property
    def name(self) -> str:
        """Return who is at the other end, for the log."""
        return self.peer.host if self.peer else self.address

    @property
    def is_open(self) -> bool:
        """Say whether requests can be sent by it."""
        return self.peer is not None and not self._leaving and not self._is_closing()

    # What messages do

    def _take(self, content: bytes) -> None:
        header = read_header(content)
        broken: Faulty | None = None
        avps: list[Avp] = []
        try:
            avps = read_avps(content[HEADER_BYTES:])
        except Faulty as faulty:
            broken = faulty
        if not header.is_request:
            self._take_answer(header, Fields(avps))
            return
        request = Request(header, Fields(avps), broken)
        if self.peer is None:
            self._introduce(request)
        elif header.is_error:
            self.send(self.node.refuse(request, Result.INVALID_HDR_BITS))
        elif header.application_id == 0:
            self._take_own(request)
        elif self._leaving:
            self.send(self.node.refuse(request, Result.TOO_BUSY))
        else:
            task = asyncio.create_task(self._answer(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take_answer(self, header: MessageHeader, fields: Fields) -> None:
        waiting = self._waiting.get(header.hop_by_hop_identifier)
        if waiting is not None and not waiting.done():
            waiting.set_result(fields)

    def _introduce(self, request: Request) -> None:
        if request.header.command_code != Command.CAPABILITIES_EXCHANGE:
            self.drop("it did not say who it is")
            return
        answer, peer = self.node.introduce(request, self)
        self.send(answer)
        if peer is None:
            self.close()
            return
        self.peer = peer
        self._restart_watchdog(self._watchdog_seconds)

    def _take_own(self, request: Request) -> None:
        """Answer a request of the protocol itself."""
        command = request.header.command_code
        if command == Command.CAPABILITIES_EXCHANGE:
            self.send(self.node.introduce(request, self)[0])
        elif command == Command.DEVICE_WATCHDOG:
            self.send(self.node.agree(request))
        elif command == Command.DISCONNECT_PEER:
            log.info("peer leaves", peer=self.name)
            self.send(self.node.agree(request))
            self._leaving = True
            self.close()
        else:
            self.send(self.node.refuse(request, Result.COMMAND_UNSUPPORTED))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self.node.answer(request, self)
        except Exception as bug:
            log.error("request failed", peer=self.name, exc_info=bug)
            answer = self.node.refuse(request, Result.UNABLE_TO_COMPLY)
        self.send(answer)

    # The clock

    def _introduce_or_go(self) -> None:
        if self.peer is None:
            self.drop("it did not say who it is")

    def _restart_watchdog(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._watch)

    def _watch(self) -> None:
        """Ask a silent peer whether it is there; let it go when it does not answer."""
        if self._is_closing():
            return
        loop = asyncio.get_running_loop()
        silent = loop.time() - self._heard_at
        if silent < self._watchdog_seconds:
            self._restart_watchdog(self._watchdog_seconds - silent)
            return
        if self._silences >= _SILENCES:
            self.drop("it is silent")
            return
        self._silences += 1
        self._asking = asyncio.create_task(self._ask_whether_there())
        self._restart_watchdog(self._watchdog_seconds)

    async def _ask_whether_there(self) -> None:
        try:
            await self.ask(
                Command.DEVICE_WATCHDOG,
                0,
                self.node.origin(with_state=True),
                timeout_seconds=self._watchdog_seconds,
            )
        except (TimeoutError, ConnectionError):
            log.info("peer is silent", peer=self.name)

    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

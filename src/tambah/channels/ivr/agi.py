"""A FastAGI server: Asterisk connects once for each call and does what it is told.

The dialplan learns how a call went on from the variable TAMBAH_NEXT: `person` to pass the caller
on, `busy` where there were too many calls at once, otherwise nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog

from tambah.channels.ivr.agi_channel import AgiChannel
from tambah.channels.ivr.agi_wire import LINE_BYTES, AgiBroken, AgiWire, CallOver, read_header

log = structlog.get_logger(__name__)

Network = IPv4Network | IPv6Network
RunCall = Callable[[AgiChannel], Awaitable[None]]

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
NEXT = "TAMBAH_NEXT"
_COMPLAINT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiLimits:
    """What a server puts up with.

    calls: at once, more are told to come later. The seconds: for a whole call, for its header,
    and for a reply beyond the time that its command takes.
    """

    calls: int = 300
    call_seconds: float = 900
    header_seconds: float = 5
    reply_seconds: float = 10


class AgiServer:
    """Takes calls from the addresses that may bring them.

    run_call: holds one; returning ends it. allow: whose connections are taken.
    """

    def __init__(
        self,
        run_call: RunCall,
        *,
        allow: Sequence[Network] = LOOPBACK,
        limits: AgiLimits = AgiLimits(),
    ) -> None:
        self._run_call = run_call
        self._allow = tuple(allow)
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._complains_at = 0.0
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one, any other is shared with processes of ours.

        Raises OSError.
        """
        self._server = await asyncio.start_server(
            self._accept, host, port, limit=LINE_BYTES, backlog=1024, reuse_port=port != 0
        )

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._server is not None, "only a started server listens"
        return self._server.sockets[0].getsockname()[1]

    @property
    def calls(self) -> int:
        """How many calls are held now."""
        return self._calls

    async def stop(self) -> None:
        """Listen no more and end every call; what was begun for one is finished first."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._may_call(writer):
                await self._hold(reader, writer)
        except AgiBroken as broken:
            log.warning("a call was broken off", reason=str(broken))
        except CallOver:
            pass
        except asyncio.CancelledError:
            log.info("a call was ended with the server")
        except Exception:
            # A bug ends its own call; Asterisk goes on with the dialplan, which hangs up.
            log.exception("a call met a bug")
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _may_call(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        address = ip_address(peer[0].partition("%")[0]) if peer else None
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address is not None and any(address in network for network in self._allow):
            return True
        log.warning("a call from an address that may bring none", address=str(address))
        return False

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold a call, unless there are too many."""
        wire = AgiWire(reader, writer, reply_seconds=self._limits.reply_seconds)
        is_busy = self._calls >= self._limits.calls
        self._calls += 1
        try:
            channel = AgiChannel(wire, await self._read_header(reader))
            if is_busy:
                self._complain()
                await channel.set_variable(NEXT, "busy")
            else:
                await self._run_within_limit(channel)
        finally:
            self._calls -= 1

    def _complain(self) -> None:
        """Log that there are too many calls, once a minute: there may be thousands of them."""
        now = asyncio.get_running_loop().time()
        if now >= self._complains_at:
            self._complains_at = now + _COMPLAINT_SECONDS
            log.warning("more calls than may be held", calls=self._limits.calls)

    async def _read_header(self, reader: asyncio.StreamReader) -> dict[str, str]:
        try:
            async with asyncio.timeout(self._limits.header_seconds):
                return dict(await read_header(reader))
        except TimeoutError:
            raise AgiBroken("no AGI header in time") from None

    async def _run_within_limit(self, channel: AgiChannel) -> None:
        limit = asyncio.timeout(self._limits.call_seconds)
        try:
            async with limit:
                await self._run_call(channel)
        except TimeoutError:
            if not limit.expired():
                raise
        if limit.expired():
            raise AgiBroken("it took too long")

"""Our Diameter node: who may connect, who is connected, and what is answered to all alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import structlog
from diameter.message import MessageHeader
from diameter.message.avp import Avp

from tambah.charging.diameter.avps import (
    Faulty,
    Fields,
    fields_of,
    group,
    make,
    number_of,
    write,
)
from tambah.charging.diameter.link import Link, Request
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CREDIT_CONTROL_APPLICATION,
    FAILED_AVP,
    HOST_IP_ADDRESS,
    INBAND_SECURITY_ID,
    ORIGIN_HOST,
    ORIGIN_REALM,
    ORIGIN_STATE_ID,
    PRODUCT_NAME,
    PROXY_INFO,
    RELAY_APPLICATION,
    RESULT_CODE,
    SESSION_ID,
    SUPPORTED_VENDOR_ID,
    TGPP,
    VENDOR_ID,
    VENDOR_SPECIFIC_APPLICATION_ID,
    Command,
    Result,
)
from tambah.charging.diameter.peers import Peer
from tambah.config import ANYBODY, DiameterEntry, read_place

log = structlog.get_logger(__name__)

Answering = Callable[[Request, Peer], Awaitable[bytes]]
_PROTOCOL_ERRORS = range(3000, 4000)
_NO_INBAND_SECURITY = 0


class Node:
    """The server: takes connections of the peers it knows, has their requests answered."""

    def __init__(self, entry: DiameterEntry, answering: Answering) -> None:
        self._entry = entry
        self._answering = answering
        self._peers = {one.host.lower(): Peer.of(one) for one in entry.peers}
        self._links: dict[str, Link] = {}
        self._all: set[Link] = set()
        self._behind: dict[str, str] = {}
        self._realms: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._state = make(ORIGIN_STATE_ID, int(time.time()))
        self._origin = [
            make(ORIGIN_HOST, entry.host.encode()),
            make(ORIGIN_REALM, entry.realm.encode()),
        ]

    async def start(self) -> str:
        """Listen; return where, as `127.0.0.1:3868`. Raises OSError."""
        host, port = read_place("diameter.listen", self._entry.listen)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Link(self, self._entry.watchdog_seconds), host, port, reuse_address=True
        )
        address: tuple[Any, ...] = self._server.sockets[0].getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{shown}:{address[1]}"

    async def stop(self) -> None:
        """Take nobody new, answer what was asked, part from everybody."""
        if self._server is not None:
            self._server.close()
        links = list(self._all)
        await asyncio.gather(*(link.leave() for link in links))
        await asyncio.gather(*(link.closed for link in links))

    @property
    def connected(self) -> dict[str, bool]:
        """Return the peers that may connect, and whether they are."""
        return {host: host in self._links for host in self._peers}

    @property
    def hosts(self) -> list[str]:
        """Return the network elements that can be asked something now."""
        up = set(self._links)
        by_relay = {host for relay in up for host in self._peers[relay].behind if host != ANYBODY}
        learnt = {host for host, relay in self._behind.items() if relay in up}
        return sorted(up | by_relay | learnt)

    def link_to(self, host: str) -> Link | None:
        """Return a connection by which a network element is reached, None for none."""
        relays = [self._behind.get(host, "")]
        relays += [peer.host for peer in self._peers.values() if host in peer.behind]
        for name in (host, *relays):
            link = self._links.get(name)
            if link is not None and link.is_open:
                return link
        return None

    def realm_of(self, host: str) -> str:
        """Return the realm of a network element: its own words, else that of what leads to it."""
        if host in self._realms:
            return self._realms[host]
        direct = self._peers.get(host)
        leading = (
            [direct] if direct else [one for one in self._peers.values() if host in one.behind]
        )
        return leading[0].realm if leading else self._entry.realm

    def heard_by(self, host: str, peer: Peer, realm: str) -> None:
        """Note by which relay a network element is heard, and what its realm is."""
        if host != peer.host and (self._behind.get(host), self._realms.get(host)) != (
            peer.host,
            realm,
        ):
            self._behind[host], self._realms[host] = peer.host, realm
            if len(self._behind) > _MOST_LEARNT:
                oldest = next(iter(self._behind))
                del self._behind[oldest], self._realms[oldest]

    # For connections

    def add(self, link: Link) -> None:
        """Count a connection in."""
        self._all.add(link)

    def remove(self, link: Link) -> None:
        """Count a connection out."""
        self._all.discard(link)
        if link.peer is not None and self._links.get(link.peer.host) is link:
            del self._links[link.peer.host]
            log.info("peer lost", peer=link.peer.host)

    def introduce(self, request: Request, link: Link) -> tuple[bytes, Peer | None]:
        """Answer a Capabilities-Exchange-Request; return who it is, None for nobody we take."""
        try:
            peer = self._recognise(request, link)
        except Faulty as faulty:
            log.warning("peer refused", address=link.address, result=faulty.result.name)
            return self.refuse(request, faulty.result, faulty.avp), None
        before = self._links.get(peer.host)
        if before is not None and before is not link:
            # It would not connect again if it still had the other one, whatever we think.
            before.drop("it connected anew")
        self._links[peer.host] = link
        if before is not link:
            log.info("peer connected", peer=peer.host, address=link.address)
        capabilities = (
            make(HOST_IP_ADDRESS, link.local_address),
            make(VENDOR_ID, 0),
            make(PRODUCT_NAME, "Tambah"),
            self._state,
            make(SUPPORTED_VENDOR_ID, TGPP),
            make(AUTH_APPLICATION_ID, CREDIT_CONTROL_APPLICATION),
        )
        return self.reply(request, Result.SUCCESS, capabilities), peer

    def agree(self, request: Request) -> bytes:
        """Answer a request of the protocol itself with success."""
        state: tuple[Avp, ...] = ()
        if request.header.command_code == Command.DEVICE_WATCHDOG:
            state = (self._state,)
        return self.reply(request, Result.SUCCESS, state)

    async def answer(self, request: Request, link: Link) -> bytes:
        """Answer a request of an application."""
        assert link.peer is not None
        return await self._answering(request, link.peer)

    def refuse(
        self,
        request: Request,
        result: Result,
        failed: Avp | None = None,
        *,
        also: Sequence[Avp] = (),
    ) -> bytes:
        """Return an answer that says no, and to what. also: what it says beside that."""
        of_what = [group(FAILED_AVP, failed)] if failed is not None else []
        return self.reply(request, result, [*also, *of_what])

    def reply(self, request: Request, result: Result, avps: Iterable[Avp] = ()) -> bytes:
        """Return an answer: the session, the result, who we are, then what there is to say."""
        header = MessageHeader(
            command_code=request.header.command_code,
            application_id=request.header.application_id,
            hop_by_hop_identifier=request.header.hop_by_hop_identifier,
            end_to_end_identifier=request.header.end_to_end_identifier,
        )
        header.is_proxyable = request.header.is_proxyable
        header.is_error = result in _PROTOCOL_ERRORS
        session = request.fields.first(SESSION_ID)
        return write(
            header,
            [
                *([session] if session is not None else []),
                make(RESULT_CODE, int(result)),
                *self.origin(),
                *avps,
                *request.fields.every(PROXY_INFO),
            ],
        )

    def origin(self, *, with_state: bool = False) -> list[Avp]:
        """Return who we are. with_state: and since when, for it tells that we began anew."""
        return [*self._origin, self._state] if with_state else self._origin

    def _recognise(self, request: Request, link: Link) -> Peer:
        if request.broken is not None:
            raise request.broken
        fields = request.fields
        peer = self._peers.get(fields.require_text(ORIGIN_HOST).lower())
        if peer is None or fields.require_text(ORIGIN_REALM).lower() != peer.realm:
            raise Faulty(Result.UNKNOWN_PEER)
        if not link.address or not peer.may_come_from(link.address):
            raise Faulty(Result.UNKNOWN_PEER)
        if link.peer is not None and link.peer is not peer:
            raise Faulty(Result.UNKNOWN_PEER)
        if not _applications(fields) & {CREDIT_CONTROL_APPLICATION, RELAY_APPLICATION}:
            raise Faulty(Result.NO_COMMON_APPLICATION)
        offered = [number_of(one) for one in fields.every(INBAND_SECURITY_ID)]
        if offered and _NO_INBAND_SECURITY not in offered:
            raise Faulty(Result.NO_COMMON_SECURITY)
        return peer


def _applications(fields: Fields) -> set[int]:
    """Return the applications that a peer has."""
    found = {number_of(one) for one in fields.every(AUTH_APPLICATION_ID)}
    for one in fields.every(VENDOR_SPECIFIC_APPLICATION_ID):
        number = fields_of(one).number(AUTH_APPLICATION_ID)
        found |= set() if number is None else {number}
    return found


_MOST_LEARNT = 10_000

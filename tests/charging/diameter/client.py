"""A network element in a test: connects, asks, is asked, remembers what went over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from diameter.message import MessageHeader
from diameter.message.avp import Avp

from tambah.charging.diameter.avps import Fields, fields_of, group, make, read_avps, write
from tambah.charging.diameter.names import (
    AUTH_APPLICATION_ID,
    CALLED_PARTY_ADDRESS,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    CC_TOTAL_OCTETS,
    DESTINATION_REALM,
    HOST_IP_ADDRESS,
    IMS_INFORMATION,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    ORIGIN_HOST,
    ORIGIN_REALM,
    PRODUCT_NAME,
    RATING_GROUP,
    REQUESTED_SERVICE_UNIT,
    RESULT_CODE,
    SERVICE_CONTEXT_ID,
    SERVICE_INFORMATION,
    SESSION_ID,
    SUBSCRIPTION_ID,
    SUBSCRIPTION_ID_DATA,
    SUBSCRIPTION_ID_TYPE,
    USED_SERVICE_UNIT,
    VENDOR_ID,
    Command,
    Name,
    RequestType,
)
from tests.charging.diameter.world import CORE, MSISDN, PGW, REALM

DATA, VOICE, SMS = "32251@3gpp.org", "32260@3gpp.org", "32274@3gpp.org"
_sessions = count(1)


class Message(NamedTuple):
    """A message as it was received."""

    header: MessageHeader
    fields: Fields

    @property
    def result(self) -> int | None:
        """Return its Result-Code."""
        return self.fields.number(RESULT_CODE)

    @property
    def services(self) -> list[Fields]:
        """Return its Multiple-Services-Credit-Control."""
        return [fields_of(one) for one in self.fields.every(MULTIPLE_SERVICES_CREDIT_CONTROL)]

    def under(self, *names: Name) -> Fields:
        """Return what is in groups within groups."""
        return self.fields.under(*names)


class Client:
    """A connected network element. asked: requests of the server's, in order."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str = PGW,
        realm: str = CORE,
    ) -> None:
        self.host, self.realm = host, realm
        self.asked: asyncio.Queue[Message] = asyncio.Queue()
        self.answers_with: dict[int, int] = {}
        self.wire: list[tuple[bool, bytes]] = []
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._numbers = count(1000)
        self._reading = asyncio.create_task(self._read_all())

    @classmethod
    async def to(cls, where: str, host: str = PGW, realm: str = CORE) -> Client:
        """Return a connection on which nothing was said yet."""
        address, _, port = where.rpartition(":")
        return cls(*await asyncio.open_connection(address, int(port)), host, realm)

    @classmethod
    async def introduced(cls, where: str, host: str = PGW, realm: str = CORE) -> Client:
        """Return a connection whose capabilities were exchanged."""
        client = await cls.to(where, host, realm)
        answer = await client.introduce()
        assert answer.result == 2001
        return client

    async def introduce(self, *more: Avp, application: int = 4) -> Message:
        """Exchange capabilities."""
        return await self.request(
            Command.CAPABILITIES_EXCHANGE,
            [
                *self.origin(),
                make(HOST_IP_ADDRESS, "127.0.0.1"),
                make(VENDOR_ID, 0),
                make(PRODUCT_NAME, "test"),
                make(AUTH_APPLICATION_ID, application),
                *more,
            ],
            application=0,
        )

    def origin(self) -> list[Avp]:
        """Return who it is."""
        return [make(ORIGIN_HOST, self.host.encode()), make(ORIGIN_REALM, self.realm.encode())]

    async def request(
        self,
        command: int,
        avps: Sequence[Avp],
        *,
        application: int = 4,
        flags: int = 0x80,
    ) -> Message:
        """Send a request; return its answer."""
        number = next(self._numbers)
        header = MessageHeader(
            command_code=command,
            command_flags=flags,
            application_id=application,
            hop_by_hop_identifier=number,
            end_to_end_identifier=number,
        )
        return await self.send(write(header, avps), number)

    async def send(self, content: bytes, number: int) -> Message:
        """Send octets; return the answer of that hop-by-hop number."""
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        self.wire.append((True, content))
        self._writer.write(content)
        return await asyncio.wait_for(waiting, 20)

    async def ask(self, *avps: Avp, flags: int = 0xC0) -> Message:
        """Send a Credit-Control-Request of exactly these AVPs."""
        return await self.request(Command.CREDIT_CONTROL, avps, flags=flags)

    async def ended(self) -> None:
        """Wait until the server has closed the connection."""
        await asyncio.wait_for(asyncio.wait({self._reading}), 20)

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        self._reading.cancel()
        await asyncio.wait({self._reading})

    async def _read_all(self) -> None:
        try:
            while True:
                start = await self._reader.readexactly(20)
                rest = await self._reader.readexactly(int.from_bytes(start[1:4], "big") - 20)
                self.wire.append((False, start + rest))
                self._take(Message(MessageHeader.from_bytes(start), Fields(read_avps(rest))))
        except (asyncio.IncompleteReadError, ConnectionError):
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError())

    def _take(self, message: Message) -> None:
        if not message.header.is_request:
            self._waiting.pop(message.header.hop_by_hop_identifier).set_result(message)
            return
        self.asked.put_nowait(message)
        result = self.answers_with.get(message.header.command_code, 2001)
        if result == 0:
            return
        header = message.header
        header.is_request = False
        session = message.fields.first(SESSION_ID)
        avps = [*([session] if session else []), make(RESULT_CODE, result), *self.origin()]
        self._writer.write(write(header, avps))


class Session(NamedTuple):
    """A session of a network element's, whose requests it sends one after the other."""

    client: Client
    context: str
    name: str
    msisdn: str = str(MSISDN)

    @classmethod
    def of(cls, client: Client, context: str, msisdn: str = str(MSISDN)) -> Session:
        """Return a session that nobody has heard of."""
        return cls(client, context, f"{client.host};{id(client)};{next(_sessions)}", msisdn)

    def avps(self, kind: RequestType, number: int, *more: Avp) -> list[Avp]:
        """Return a request's AVPs."""
        return [
            make(SESSION_ID, self.name),
            *self.client.origin(),
            make(DESTINATION_REALM, REALM.encode()),
            make(AUTH_APPLICATION_ID, 4),
            make(SERVICE_CONTEXT_ID, self.context),
            make(CC_REQUEST_TYPE, int(kind)),
            make(CC_REQUEST_NUMBER, number),
            subscription(0, self.msisdn),
            *more,
        ]

    async def ask(self, kind: RequestType, number: int, *more: Avp, flags: int = 0xC0) -> Message:
        """Send a request."""
        return await self.client.ask(*self.avps(kind, number, *more), flags=flags)


def subscription(kind: int, written: str) -> Avp:
    """Return a Subscription-Id."""
    return group(
        SUBSCRIPTION_ID, make(SUBSCRIPTION_ID_TYPE, kind), make(SUBSCRIPTION_ID_DATA, written)
    )


def service(
    rating_group: int | None,
    *,
    used: int | None = None,
    wanted: int | None = None,
    more: bool = True,
    unit: Name = CC_TOTAL_OCTETS,
    extra: Sequence[Avp] = (),
) -> Avp:
    """Return a Multiple-Services-Credit-Control."""
    asked = [make(unit, wanted)] if wanted is not None else []
    return group(
        MULTIPLE_SERVICES_CREDIT_CONTROL,
        group(REQUESTED_SERVICE_UNIT, *asked) if more else None,
        group(USED_SERVICE_UNIT, make(unit, used)) if used is not None else None,
        make(RATING_GROUP, rating_group) if rating_group is not None else None,
        *extra,
    )


def calls(uri: str, *more: Avp) -> Avp:
    """Return a Service-Information of a call to a URI."""
    return group(
        SERVICE_INFORMATION,
        group(IMS_INFORMATION, make(CALLED_PARTY_ADDRESS, uri), *more),
    )


def values(fields: Fields, *names: Name) -> list[Any]:
    """Return the numbers of AVPs, None for each that is absent."""
    return [fields.number(name) for name in names]

"""A telephone's keys on their way to the house: by AGI's socket, by webhooks, by USSD's requests.

What is said is noted where it is turned into sound or a screen: its message ids say more than its
words. Keys go the whole way, as Asterisk, a cloud or a gateway would bring them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx

from tambah.channels.attendant import Attendant, Door
from tambah.channels.ivr.agi import NEXT, AgiServer
from tambah.channels.ivr.agi_call import AgiCalls
from tambah.channels.ivr.voice_webhooks import VoiceGateway, VoiceWebhooks
from tambah.channels.sessions import Sessions
from tambah.channels.talk import Event, HungUp, Keys, Utterance, Value
from tambah.channels.ussd.gateway import PREFIX, UssdGateway
from tambah.channels.ussd.settings import UssdSettings
from tambah.i18n import screens
from tambah.web.site import Site
from tests.channels.fake_asterisk import HEADER
from tests.channels.fake_cloud import PUBLIC_URL, SECRET, FakeCloud

_names = count(1)
_NO_KEY, _HASH = "200 result=0", f"200 result={ord('#')}"
_SLICE_MILLISECONDS = 150
"""Asterisk is asked to wait this long at most while the house works; for people, longer."""


@dataclass(frozen=True)
class Heard:
    """What a door said. keys: message ids; params: of all of them."""

    keys: tuple[str, ...] = ()
    params: tuple[tuple[str, Value], ...] = ()
    is_over: bool = False
    to_person: bool = False

    @property
    def first(self) -> str:
        """Return the gist: the first message id; a credit is one, whatever is told with it."""
        key = self.keys[0] if self.keys else ""
        return "credited" if key.startswith(("credited", "reactivated")) else key

    @property
    def left(self) -> int | None:
        """Return how many tries are left, as was said."""
        value = dict(self.params).get("tries_count")
        return value if isinstance(value, int) else None


class Transport(Protocol):
    """How a telephone's keys reach the house, and what is said reaches the telephone."""

    async def open(self) -> Heard:
        """Begin a conversation."""
        ...

    async def send(self, event: Event, *, twice: bool = False) -> Heard:
        """Do something. twice: the gateway's request for it comes a second time."""
        ...

    async def drain(self) -> None:
        """Wait for what goes on behind answers that were given."""
        ...

    async def close(self) -> None:
        """Leave nothing running."""
        ...


def _heard(say: Sequence[Utterance], *, is_over: bool, to_person: bool = False) -> Heard:
    return Heard(
        keys=tuple(one.key for one in say),
        params=tuple(item for one in say for item in one.params.items()),
        is_over=is_over,
        to_person=to_person,
    )


class NotedSpeech:
    """Makes no sound, but notes what is to be said. is_new: since it was last taken."""

    def __init__(self) -> None:
        self._say: tuple[Utterance, ...] = ()
        self.is_new = False

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Note what is said in a language; there are no files of it."""
        assert tag
        self._say, self.is_new = tuple(say), True
        return []

    def take(self) -> tuple[Utterance, ...]:
        """Return what was said since."""
        say = self._say if self.is_new else ()
        self.is_new = False
        return say


class AgiTransport:
    """A call by FastAGI: this is Asterisk, which holds a connection for each call."""

    def __init__(self, site: Site, door: Door, sender: str) -> None:
        self._attendant = Attendant(site)
        self._speech = NotedSpeech()
        self._server = AgiServer(AgiCalls(door, self._attendant, self._speech))
        self._header = {**HEADER, "callerid": sender or "unknown"}
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None

    async def open(self) -> Heard:
        """Call; a call before is hung up."""
        await self.close()
        await self._server.start("127.0.0.1", 0)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        lines = [f"agi_{name}: {value}\n" for name, value in self._header.items()]
        self._writer.write("".join([*lines, "\n"]).encode())
        return await self._until_asked()

    async def send(self, event: Event, *, twice: bool = False) -> Heard:
        """Press keys, or none, or hang up, while Asterisk is told to wait for a key."""
        assert not twice, "a connection delivers nothing twice"
        if isinstance(event, HungUp):
            self._reply("200 result=-1\nHANGUP")
            while self._reader is not None and await self._reader.readline():
                self._reply("511 Command Not Permitted on a dead channel")
            return Heard(is_over=True)
        if not isinstance(event, Keys):
            self._reply(_NO_KEY)
            return await self._until_asked(_NO_KEY)
        for key in event.text:
            self._reply(f"200 result={ord(key)}")
            if not await self._is_asked_on():
                break
        return await self._until_asked(_HASH)

    async def drain(self) -> None:
        """Wait for the attendant's tasks."""
        await self._attendant.drain()

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            await self._server.stop()
        self._writer = self._reader = None
        self._waits: str = ""

    async def _is_asked_on(self) -> bool:
        """Say whether the next key of an entry is waited for: nothing was said in between."""
        self._waits = await self._next_command()
        return self._waits.startswith("WAIT FOR DIGIT") and not self._speech.is_new

    async def _until_asked(self, ends: str = "") -> Heard:
        """Return what is said once a person is waited for again, or the end."""
        line = self._waits or await self._next_command()
        self._waits = ""
        while line.startswith("WAIT FOR DIGIT") and not self._speech.is_new:
            self._reply(ends)
            line = await self._next_command()
        to_person = line.startswith("SET VARIABLE") and NEXT in line
        is_over = not line.startswith("WAIT FOR DIGIT")
        if is_over:
            self._reply("200 result=1")
        return _heard(self._speech.take(), is_over=is_over, to_person=to_person)

    async def _next_command(self) -> str:
        """Return the next command that means something to a person; the rest is done."""
        assert self._reader is not None, "there is a call"
        while line := (await self._reader.readline()).decode().rstrip("\n"):
            if line.startswith("WAIT FOR DIGIT") and int(line.split()[-1].strip('"')) > (
                _SLICE_MILLISECONDS
            ):
                return line
            if line.startswith(("HANGUP", "SET VARIABLE")):
                return line
            if line.startswith("WAIT FOR DIGIT"):
                await asyncio.sleep(0.01)
            self._reply("200 result=0")
        return ""

    def _reply(self, text: str) -> None:
        assert self._writer is not None, "there is a call"
        self._writer.write(f"{text}\n".encode())


class CloudTransport:
    """A call by webhooks: each step may come to another process, of which there are two."""

    def __init__(self, site: Site, door: Door, sender: str) -> None:
        self._speech = NotedSpeech()
        self._attendants = [Attendant(site), Attendant(site)]
        self._door = door
        self._sender = sender or "anonymous"
        gateway = VoiceGateway(
            door=door, secret=SECRET, person="+60312345678" if door.has_person else ""
        )
        self._clients = [
            _client(
                VoiceWebhooks(
                    Sessions(site, attendant),
                    self._speech,
                    gateways={door.name: gateway},
                    folders=[],
                    public_url=PUBLIC_URL,
                )
            )
            for attendant in self._attendants
        ]
        self._cloud: FakeCloud | None = None
        self._next = ""

    async def open(self) -> Heard:
        """Call."""
        self._cloud = FakeCloud(
            client=self._clients[0],
            answers=(),
            sender=self._sender,
            session=f"CA{next(_names)}",
            gateway=self._door.name,
        )
        return await self._post(f"{PUBLIC_URL}/gateways/voice/{self._door.name}", {})

    async def send(self, event: Event, *, twice: bool = False) -> Heard:
        """Post what was keyed, to the other process; twice: and to the first again."""
        assert self._cloud is not None
        if isinstance(event, HungUp):
            await self._cloud.end()
            return Heard(is_over=True)
        fields = {"Digits": event.text} if isinstance(event, Keys) else {}
        url = self._next
        said = await self._post(url, fields)
        if twice:
            assert await self._post(url, fields) == said
        return said

    async def drain(self) -> None:
        """Wait for the attendants' tasks."""
        for attendant in self._attendants:
            await attendant.drain()

    async def close(self) -> None:
        """There is nothing to close."""

    async def _post(self, url: str, fields: dict[str, str]) -> Heard:
        assert self._cloud is not None
        self._clients.reverse()
        self._cloud.client = self._clients[0]
        document = await self._cloud.post(url, fields)
        gather = document.find("Gather")
        self._next = "" if gather is None else gather.attrib["action"]
        to_person = document.find("Dial") is not None
        return _heard(self._speech.take(), is_over=gather is None, to_person=to_person)


_shown: ContextVar[list[Utterance]] = ContextVar("shown")


def note_screen(say: Sequence[Any], tag: str, **more: Any) -> str:
    """Stand in for the rendering of screens: it is done, and what it shows is noted."""
    _shown.get([]).extend(say)
    return screens.render_screen(say, tag, **more)


class UssdTransport:
    """Requests of a gateway that sends all that was keyed, to one process or the other.

    Only while `note_screen` takes the place of the gateway's rendering is it known what is shown.
    """

    def __init__(self, site: Site, door: Door, sender: str) -> None:
        settings = UssdSettings(
            name=door.name, service_code="*123#", secret=SECRET, trusted=door.trusted
        )
        self._attendants = [Attendant(site), Attendant(site)]
        self._clients = [_client(UssdGateway(site, one, [settings])) for one in self._attendants]
        self._fields = {"serviceCode": "*123#", "phoneNumber": f"+{sender}" if sender else ""}
        self._path = f"{PREFIX}{door.name}"
        self._keyed: list[str] = []

    async def open(self) -> Heard:
        """Dial."""
        self._keyed = []
        self._fields["sessionId"] = f"US{next(_names)}"
        return await self._post()

    async def send(self, event: Event, *, twice: bool = False) -> Heard:
        """Send a reply."""
        assert isinstance(event, Keys), "a screen waits, and is simply left"
        self._keyed.append(event.text)
        said = await self._post()
        if twice:
            assert await self._post() == said
        return said

    async def drain(self) -> None:
        """Wait for the attendants' tasks."""
        for attendant in self._attendants:
            await attendant.drain()

    async def close(self) -> None:
        """There is nothing to close."""

    async def _post(self) -> Heard:
        self._clients.reverse()
        shown: list[Utterance] = []
        token = _shown.set(shown)
        answer = await self._clients[0].post(
            self._path,
            data={**self._fields, "text": "*".join(self._keyed)},
            headers={"authorization": f"Bearer {SECRET}"},
        )
        _shown.reset(token)
        assert answer.status_code == 200, answer.text
        return _heard(shown, is_over=answer.text.startswith("END "))


def _client(door: Any) -> httpx.AsyncClient:
    """Return a client of one door, in process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url=PUBLIC_URL)

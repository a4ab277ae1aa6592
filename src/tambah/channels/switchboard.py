"""Everything that carries calls and messages here, by operator.toml's gateways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

from tambah.channels.attendant import Attendant, Door
from tambah.channels.gateway import Gateway
from tambah.channels.ivr.agi import LOOPBACK, AgiServer
from tambah.channels.ivr.agi_call import AgiCalls
from tambah.channels.ivr.prompts import DRAFTS, Prompts
from tambah.channels.ivr.speech import PromptSpeech
from tambah.channels.ivr.voice_webhooks import VoiceGateway, VoiceWebhooks
from tambah.channels.sessions import Sessions
from tambah.channels.sms.answering import SmsDoor
from tambah.channels.sms.build import SmsHouse, build_sms
from tambah.channels.talk import Medium
from tambah.channels.ussd.gateway import UssdGateway
from tambah.channels.ussd.settings import settings_of
from tambah.config import (
    SMS_GATEWAYS,
    VOICE_GATEWAYS,
    ConfigError,
    GatewayEntry,
    gateway_secret,
    has_gateway,
)
from tambah.web.site import Site

HOTLINE = "hotline"
"""The kind of door, as commands and budgets name it."""


class HttpDoor(Protocol):
    """Gateways that come to us by HTTP. `owns` says whether a path is one of theirs."""

    owns: Callable[[str], bool]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A FastAGI server and where it listens, as operator.toml has it."""

    entry: GatewayEntry
    server: AgiServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """The doors of calls and messages.

    http: those that HTTP brings; the pages ask them first. speaks: whether any is a hotline.
    """

    sms: SmsHouse
    attendant: Attendant
    prompts: Prompts
    listeners: tuple[Listener, ...]
    http: tuple[HttpDoor, ...]
    speaks: bool

    @property
    def sender(self) -> Gateway | None:
        """Return what takes our messages, None when nobody does."""
        return self.sms.sender

    def door_of(self, path: str) -> HttpDoor | None:
        """Return whose a path is, None for a page's or the API's."""
        return next((door for door in self.http if door.owns(path)), None)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Take calls meanwhile; those under way at the end finish what they began.

        Raises ConfigError when an address cannot be listened on, or there is no sound to play.
        """
        started: list[AgiServer] = []
        warming = self._warm() if self.speaks else None
        try:
            for listener in self.listeners:
                await _start(listener)
                started.append(listener.server)
            yield
        finally:
            for server in started:
                await server.stop()
            await self.attendant.drain()
            if warming is not None:
                warming.cancel()
                with suppress(asyncio.CancelledError):
                    await warming

    def _warm(self) -> asyncio.Task[None]:
        """Have drafts made in the background, before callers wait for them."""
        self.prompts.require_all()
        return asyncio.create_task(self.prompts.warm())

    async def close(self) -> None:
        """Close what is open towards gateways."""
        await self.sms.close()


def build_switchboard(site: Site, data_dir: Path, secrets: Mapping[str, str]) -> Switchboard:
    """Return what the gateways of operator.toml make, which `check_gateways` found usable.

    data_dir: under which drafts of prompts are kept.
    """
    entries = site.operator.gateways
    recordings = Path(site.recordings_dir) if site.recordings_dir else None
    drafts = data_dir / DRAFTS
    prompts = Prompts(recordings=recordings, drafts=drafts)
    attendant = Attendant(site)
    speech = PromptSpeech(prompts, site.rules.validity.zone)
    sms = build_sms(
        entries,
        secrets,
        database=site.database,
        clock=site.clock,
        on_inbound=SmsDoor(site, attendant, trusted=_believed(entries)).answer,
        trusted_proxies=site.trusted_proxies,
    )
    clouds = VoiceWebhooks(
        Sessions(site, attendant),
        speech,
        gateways={
            entry.name: VoiceGateway(
                door=hotline_of(entry), secret=gateway_secret(entry, secrets), person=entry.person
            )
            for entry in _of_kind(entries, "twiml")
        },
        folders=[folder for folder in (recordings, drafts) if folder is not None],
        public_url=site.public_url,
    )
    ussd = UssdGateway(
        site,
        attendant,
        [
            settings_of(entry, gateway_secret(entry, secrets))
            for entry in _of_kind(entries, "ussd")
        ],
    )
    return Switchboard(
        sms=sms,
        attendant=attendant,
        prompts=prompts,
        listeners=tuple(
            _listener(entry, attendant, speech, _seen_at(entry, recordings, drafts))
            for entry in _of_kind(entries, "agi")
        ),
        http=(sms.webhook, clouds, ussd),
        speaks=has_gateway(entries, VOICE_GATEWAYS),
    )


def hotline_of(entry: GatewayEntry) -> Door:
    """Return a hotline as the dialogue knows it."""
    return Door(
        name=entry.name,
        caller=HOTLINE,
        medium=Medium.VOICE,
        trusted=entry.trusted,
        has_person=bool(entry.person),
    )


def _of_kind(entries: Sequence[GatewayEntry], kind: str) -> list[GatewayEntry]:
    return [entry for entry in entries if entry.kind == kind]


def _believed(entries: Sequence[GatewayEntry]) -> set[str]:
    """Return the gateways of messages whose senders are believed."""
    return {entry.name for entry in entries if entry.kind in SMS_GATEWAYS and entry.trusted}


def _seen_at(entry: GatewayEntry, recordings: Path | None, drafts: Path) -> dict[Path, str]:
    """Return where Asterisk finds folders of ours, for those that it finds elsewhere."""
    seen = [(recordings, entry.recordings_at), (drafts, entry.drafts_at)]
    return {ours: theirs.rstrip("/") for ours, theirs in seen if ours is not None and theirs}


def _listener(
    entry: GatewayEntry, attendant: Attendant, speech: PromptSpeech, seen_at: Mapping[Path, str]
) -> Listener:
    calls = AgiCalls(hotline_of(entry), attendant, speech, seen_at=seen_at)
    allow = tuple(ip_network(text, strict=False) for text in entry.allow) or LOOPBACK
    return Listener(entry=entry, server=AgiServer(calls, allow=allow))


async def _start(listener: Listener) -> None:
    host, _, port = listener.entry.listen.rpartition(":")
    try:
        await listener.server.start(host.strip("[]") or "127.0.0.1", int(port))
    except (OSError, ValueError) as error:
        name, where = listener.entry.name, listener.entry.listen
        raise ConfigError(f"gateway {name}: cannot listen on {where}: {error}") from error

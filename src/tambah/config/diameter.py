"""Diameter in operator.toml: who we are to the network's elements, and which of them may ask."""

from __future__ import annotations

import re
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from tambah.config.settings import ConfigError

ANYBODY = "*"
"""In `behind`: a relay passes on what any host asks."""


class DiameterPeerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network element that may connect, or a relay that passes on what others ask.

    host, realm: its Diameter identity. allow: addresses or networks that it connects from.
    behind: the hosts whose requests it passes on; `*` for any.
    """

    host: str
    realm: str
    allow: tuple[str, ...]
    behind: tuple[str, ...] = ()


class DiameterEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server of Gy and Ro. host, realm: our Diameter identity.

    listen: address and port. watchdog_seconds: of silence before a peer is asked whether it is
    there (RFC 3539, Tw). answer_seconds: within which a request is answered, come what may.
    top_up_page: where data is sent when credit is used up; empty ends it. metrics: address and
    port for Prometheus; empty for none.
    """

    host: str
    realm: str
    peers: tuple[DiameterPeerEntry, ...] = ()
    listen: str = "127.0.0.1:3868"
    watchdog_seconds: Annotated[int, msgspec.Meta(ge=6)] = 30
    answer_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 5
    top_up_page: str = ""
    metrics: str = ""


def check_diameter(entry: DiameterEntry) -> None:
    """Say what is wrong with the entry. Raises ConfigError."""
    _check_identity("diameter.host", entry.host)
    _check_identity("diameter.realm", entry.realm)
    read_place("diameter.listen", entry.listen)
    if entry.metrics:
        read_place("diameter.metrics", entry.metrics)
    page = urlsplit(entry.top_up_page or "https://nobody")
    if page.scheme not in ("http", "https") or not page.hostname:
        raise ConfigError("diameter.top_up_page: an address that begins with https://")
    _check_peers(entry)


def _check_peers(entry: DiameterEntry) -> None:
    if not entry.peers:
        raise ConfigError("diameter.peers: nobody may connect; name the network's elements")
    for peer in entry.peers:
        _check_peer(peer, entry)
    times = Counter(one.host.lower() for one in entry.peers)
    name, most = times.most_common(1)[0]
    if most > 1:
        raise ConfigError(f"diameter.peers: {name} is there twice")


def read_place(what: str, text: str) -> tuple[str, int]:
    """Return address and port of `127.0.0.1:3868` or `[::1]:3868`. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        ip_address(host)
    except ValueError as error:
        raise ConfigError(f"{what}: an address and a port, as 127.0.0.1:3868") from error
    if not port.isdecimal() or int(port) > _MOST_PORT:
        raise ConfigError(f"{what}: an address and a port, as 127.0.0.1:3868")
    return host, int(port)


def _check_peer(peer: DiameterPeerEntry, entry: DiameterEntry) -> None:
    what = f"diameter.peers {peer.host}"
    for name in (peer.host, peer.realm, *(one for one in peer.behind if one != ANYBODY)):
        _check_identity(what, name)
    if peer.host == entry.host:
        raise ConfigError(f"{what}: that is what we are called ourselves")
    if not peer.allow:
        raise ConfigError(f"{what}: allow says from which addresses it connects")
    for network in peer.allow:
        try:
            ip_network(network)
        except ValueError as error:
            raise ConfigError(f"{what}: {network} is no address or network") from error


def _check_identity(what: str, name: str) -> None:
    if not _IDENTITY.fullmatch(name):
        raise ConfigError(f"{what}: {name!r} is no host or realm, as ocs.example.org")


_IDENTITY = re.compile(r"(?=.{1,255}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_-]+)*")
_MOST_PORT = 65535

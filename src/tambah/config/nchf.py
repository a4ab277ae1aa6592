"""The `nchf` part of operator.toml: the door by which a 5G core charges (TS 32.291)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from tambah.config.settings import ConfigError

LOOPBACK = ("127.0.0.0/8", "::1", "localhost")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"[0-9a-z]([0-9a-z.-]*[0-9a-z])?")


class ConsumerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network function that may charge: an SMF, an SMSF.

    name: for ever, its sessions go by it. token: the digest of its bearer token, as
    `tambah charging token` gives it. notify_hosts: names, addresses or networks that it may be
    told at; no others ever are.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    token: str
    notify_hosts: tuple[str, ...] = ()


class NchfEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nchf_ConvergedCharging. listen: host and port, of `tambah charging nchf`.

    api_root: what addresses of sessions begin with, empty for the address that was asked.
    certificate, private_key: files, for HTTP/2 over TLS; without them it is in the clear.
    redirect_to: the page to which those out of credit are sent, empty to end what they use.
    watch_seconds: how often lines with new credit are looked for.
    """

    listen: str = "127.0.0.1:8090"
    api_root: str = ""
    certificate: str = ""
    private_key: str = ""
    redirect_to: str = ""
    watch_seconds: Annotated[float, msgspec.Meta(ge=0.1)] = 2.0
    consumers: tuple[ConsumerEntry, ...] = ()


def check_nchf(entry: NchfEntry) -> None:
    """Refuse a door that cannot be used, or that anybody could use. Raises ConfigError."""
    wrong = next(_faults_of(entry), "")
    if wrong:
        raise ConfigError(f"nchf: {wrong}")


def _faults_of(entry: NchfEntry) -> Iterator[str]:
    host = entry.listen.rpartition(":")[0].strip("[]")
    if not entry.consumers and not _is_loopback(host):
        yield "whoever charges from another machine needs a token: name it among consumers"
    if bool(entry.certificate) != bool(entry.private_key):
        yield "certificate and private_key go together"
    for name in ("api_root", "redirect_to"):
        address: str = getattr(entry, name)
        if address and not is_web_address(address):
            yield f"{name} must be an http:// or https:// address"
    for one in entry.consumers:
        yield from _faults_of_consumer(one, entry.consumers)


def _faults_of_consumer(one: ConsumerEntry, everybody: tuple[ConsumerEntry, ...]) -> Iterator[str]:
    names, tokens = (
        Counter(getattr(other, field) for other in everybody) for field in ("name", "token")
    )
    if names[one.name] > 1 or tokens[one.token] > 1:
        yield f"consumer {one.name}: names and tokens are each one consumer's"
    if not _DIGEST.fullmatch(one.token):
        yield f"consumer {one.name}: token is the digest that `tambah charging token` gives"
    for place in one.notify_hosts:
        if not _is_host(place):
            yield f"consumer {one.name}: {place!r} is no name, address or network"


def is_web_address(text: str) -> bool:
    """Say whether a text is a plain http or https address: a host, nobody's name and password."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
    )


def is_among(host: str, places: tuple[str, ...]) -> bool:
    """Say whether a host is one of the names, addresses or networks. Names are never looked up."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() in places
    for place in places:
        try:
            if address in ip_network(place, strict=False):
                return True
        except ValueError:
            continue
    return False


def _is_loopback(host: str) -> bool:
    return host in ("", "localhost") or is_among(host, LOOPBACK)


def _is_host(place: str) -> bool:
    try:
        ip_network(place, strict=False)
    except ValueError:
        return bool(_HOST.fullmatch(place))
    return True

"""Gateways of operator.toml: what carries calls and messages, and their secrets."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from tambah.config.settings import ConfigError, read_variable


class GatewayEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A door to telephones: what carries messages and calls to us and from us.

    name: for ever, of small letters, digits and dashes; its secret is in the environment
    (`secret_variable`), never here. kind: one of GATEWAY_KINDS. trusted: the numbers that it says
    callers and senders have are believed. allow: addresses or networks that may connect; empty:
    loopback for `agi`, whoever has the secret for the others.

    What each kind wants of the rest is in docs/reference/configuration.md. receipts_id: how the
    ids of an SMSC's receipts are written against those of its answers: `same`,
    `hex_to_decimal` (answers in hexadecimal, receipts in decimal) or `decimal_to_hex`.
    per_second: messages submitted; 0 for no limit of ours. fields: names that an aggregator wants
    for `to`, `from`, `text`, `ref`, and what else it wants to read. inbound: names that it tells
    us things by.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    kind: str
    trusted: bool = False
    allow: tuple[str, ...] = ()
    # smpp
    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2775
    tls: bool = False
    system_id: Annotated[str, msgspec.Meta(max_length=15)] = ""
    system_type: Annotated[str, msgspec.Meta(max_length=12)] = ""
    source: Annotated[str, msgspec.Meta(max_length=20)] = ""
    source_ton: Annotated[int, msgspec.Meta(ge=0, le=6)] = 5
    source_npi: Annotated[int, msgspec.Meta(ge=0, le=18)] = 0
    window: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    per_second: Annotated[int, msgspec.Meta(ge=0)] = 0
    enquire_seconds: Annotated[int, msgspec.Meta(ge=1)] = 30
    receipts_id: str = "same"
    # sms_http
    url: str = ""
    send_as: str = "form"
    secret_as: str = "bearer"  # noqa: S105 - how it goes along
    user: str = ""
    fields: dict[str, str] = {}
    more: dict[str, str] = {}
    answer_id: str = "id"
    proof: str = "bearer"
    proof_header: str = "authorization"
    inbound: dict[str, str] = {}
    # agi
    listen: str = ""
    person: str = ""
    recordings_at: str = ""
    drafts_at: str = ""
    # ussd
    service_code: str = ""
    cumulative: bool = True
    asks_by: str = "post"


GATEWAY_KINDS = ("smpp", "sms_http", "agi", "twiml", "ussd")
SMS_GATEWAYS = ("smpp", "sms_http")
VOICE_GATEWAYS = ("agi", "twiml")
_MOST_SMPP_PASSWORD = 8
_GATEWAY_WANTS: Mapping[str, tuple[str, ...]] = {
    "smpp": ("host", "system_id"),
    "agi": ("listen",),
    "ussd": ("service_code",),
}
_GATEWAY_CHOICES: Mapping[str, tuple[str | int, ...]] = {
    "kind": GATEWAY_KINDS,
    "source_npi": (0, 1, 3, 4, 6, 8, 9, 10, 14, 18),
    "receipts_id": ("same", "hex_to_decimal", "decimal_to_hex"),
    "send_as": ("form", "json"),
    "secret_as": ("bearer", "basic", "field"),
    "proof": ("bearer", "header", "hmac"),
    "asks_by": ("post", "get"),
}


def secret_variable(gateway: str) -> str:
    """Return the variable that holds a gateway's secret; it has a twin ending in _FILE."""
    return f"TAMBAH_GATEWAY_{gateway.upper().replace('-', '_')}_SECRET"


def read_gateway_secrets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return every gateway's secret by its variable, see `secret_variable`. Raises ConfigError."""
    found = (re.fullmatch(r"(TAMBAH_GATEWAY_\w+_SECRET)(_FILE)?", name) for name in environ)
    variables = sorted({match[1] for match in found if match})
    return {name: read_variable(name, environ) or "" for name in variables}


def gateway_secret(entry: GatewayEntry, secrets: Mapping[str, str]) -> str:
    """Return a gateway's secret out of what `read_gateway_secrets` found, empty without one."""
    return secrets.get(secret_variable(entry.name), "")


def has_gateway(entries: Iterable[GatewayEntry], kinds: Collection[str]) -> bool:
    """Say whether any gateway is of one of those kinds, SMS_GATEWAYS or VOICE_GATEWAYS."""
    return any(entry.kind in kinds for entry in entries)


def check_gateways(entries: Sequence[GatewayEntry], secrets: Mapping[str, str]) -> None:
    """Refuse gateways that cannot be used, or that anybody could use. Raises ConfigError."""
    variables = Counter(secret_variable(entry.name) for entry in entries)
    for entry in entries:
        wrong = next(_faults_of(entry), "")
        if not wrong and variables[secret_variable(entry.name)] > 1:
            wrong = "there are two of that name; secrets and receipts go by the name"
        if not wrong and _needs_secret(entry) and not gateway_secret(entry, secrets):
            variable = secret_variable(entry.name)
            wrong = f"set {variable}_FILE (or {variable}) to its secret"
        if not wrong and entry.kind == "smpp":
            wrong = _fault_of_password(gateway_secret(entry, secrets))
        if wrong:
            raise ConfigError(f"gateway {entry.name}: {wrong}")


def _fault_of_password(secret: str) -> str:
    fits = secret.isascii() and len(secret) <= _MOST_SMPP_PASSWORD
    return "" if fits else f"SMPP has room for a password of {_MOST_SMPP_PASSWORD} letters"


def _needs_secret(entry: GatewayEntry) -> bool:
    """Say whether a gateway must have a secret. USSD gateways that have none are held by allow."""
    return entry.kind != "agi" and not (entry.kind == "ussd" and entry.allow)


def _faults_of(entry: GatewayEntry) -> Iterator[str]:
    """Return what is wrong with a gateway, whatever the others and its secret are."""
    for field, choices in _GATEWAY_CHOICES.items():
        chosen: str | int = getattr(entry, field)
        if chosen not in choices:
            yield f"{field} {chosen!r} is none of {', '.join(map(str, choices))}"
    for field in _GATEWAY_WANTS.get(entry.kind, ()):
        if not getattr(entry, field):
            yield f"{field} is missing"
    for network in entry.allow:
        try:
            ip_network(network, strict=False)
        except ValueError:
            yield f"allow: {network!r} is no address and no network"
    if entry.url and not _is_safe_url(entry.url):
        yield "url must begin with https://; plain http:// is for this machine alone"


def _is_safe_url(url: str) -> bool:
    parts = urlsplit(url)
    at_home = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and at_home)
    )

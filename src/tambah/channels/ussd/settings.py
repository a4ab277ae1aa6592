"""How a USSD gateway speaks: what it calls things, and how it proves that it is the one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import MappingProxyType

from tambah.config import ConfigError, GatewayEntry
from tambah.web.address import Network

AUTHORIZATION = "authorization"
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "session": "sessionId",
        "service": "serviceCode",
        "number": "phoneNumber",
        "text": "text",
        "step": "",
        "status": "status",
    }
)
"""What Africa's Talking calls the fields of a request; it has none for a step's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdSettings:
    """One gateway.

    name: at /gateways/ussd/<name>. service_code: what is dialled, *123#. secret: as a bearer in
    `Authorization`, or bare in the header that proof_header names. allow: where it may come from;
    empty: from anywhere, with the secret. trusted: the numbers that it tells are believed.
    cumulative: `text` holds everything that was keyed so far, joined by `*`; else the newest
    alone. fields: what it calls the fields of FIELDS, where that is something else. takes_get: it
    asks by GET, so that what is keyed, codes too, stands in addresses.

    Raises ConfigError for one that anybody could speak for, or that nobody could reach.
    """

    name: str
    service_code: str
    secret: str = field(default="", repr=False)
    proof_header: str = AUTHORIZATION
    allow: tuple[Network, ...] = ()
    trusted: bool = False
    cumulative: bool = True
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    takes_get: bool = False

    def __post_init__(self) -> None:
        """Refuse what is unsafe to run."""
        if not self.secret and not self.allow:
            raise ConfigError(f"gateway {self.name}: it needs a secret or addresses in allow")
        if not (self.service_code.startswith("*") and self.service_code.endswith("#")):
            raise ConfigError(f"gateway {self.name}: service_code is written *123#")
        if unknown := sorted(self.fields.keys() - FIELDS.keys()):
            raise ConfigError(f"gateway {self.name}: inbound: no field is called {unknown[0]}")

    def name_of(self, what: str) -> str:
        """Return what the gateway calls a field, empty for one that it has not."""
        return self.fields.get(what, FIELDS[what])


def settings_of(entry: GatewayEntry, secret: str) -> UssdSettings:
    """Return what an entry of operator.toml says of a gateway. Raises ConfigError."""
    return UssdSettings(
        name=entry.name,
        service_code=entry.service_code,
        secret=secret,
        proof_header=entry.proof_header.lower(),
        allow=tuple(ip_network(one, strict=False) for one in entry.allow),
        trusted=entry.trusted,
        cumulative=entry.cumulative,
        fields=entry.inbound,
        takes_get=entry.asks_by == "get",
    )

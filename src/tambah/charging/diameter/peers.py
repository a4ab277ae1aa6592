"""Who may connect, as operator.toml names them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from tambah.config import ANYBODY, DiameterPeerEntry


@dataclass(frozen=True, slots=True)
class Peer:
    """A network element that may connect, or a relay. host, realm, behind: in small letters."""

    host: str
    realm: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    behind: frozenset[str]

    @classmethod
    def of(cls, entry: DiameterPeerEntry) -> Peer:
        """Return what an entry of operator.toml names."""
        return cls(
            entry.host.lower(),
            entry.realm.lower(),
            tuple(ip_network(one) for one in entry.allow),
            frozenset(one.lower() for one in entry.behind),
        )

    def may_come_from(self, address: str) -> bool:
        """Say whether it connects from an address."""
        return any(ip_address(address) in network for network in self.networks)

    def speaks_for(self, host: str) -> bool:
        """Say whether requests of a host may come by this peer."""
        return host == self.host or host in self.behind or ANYBODY in self.behind

"""Who is at the other end: the client's address, forwarded ones believed from named proxies."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tambah.config import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"


def parse_proxies(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks of trusted proxies. Raises ConfigError."""
    try:
        return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())
    except ValueError as error:
        raise ConfigError(f"TAMBAH_TRUSTED_PROXIES: {error}") from error


def client_address(
    peer: str | None, forwarded: Iterable[str], proxies: tuple[Network, ...]
) -> str:
    """Return the address that budgets are counted for: a whole IPv4 one, an IPv6 /64.

    peer: the other end of the connection. forwarded: the X-Forwarded-For headers, in order. They
    are read from the right as long as the hop that wrote them is a trusted proxy, for what stands
    further left anyone may have invented.
    """
    address = _origin(peer, forwarded, proxies)
    return UNKNOWN if address is None else fold_address(address)


def is_within(
    networks: Iterable[Network],
    peer: str | None,
    forwarded: Iterable[str],
    proxies: tuple[Network, ...],
) -> bool:
    """Say whether a client's whole address is in one of some networks; see `client_address`."""
    address = _origin(peer, forwarded, proxies)
    return address is not None and any(address in network for network in networks)


def is_trusted(peer: str | None, proxies: tuple[Network, ...]) -> bool:
    """Say whether the other end of a connection is one of the trusted proxies."""
    address = _read(peer or "")
    return address is not None and _is_trusted(address, proxies)


def fold_address(address: Address) -> str:
    """Write an address; IPv6 as its /64, for that is what one household is given."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, 64), strict=False))


def _origin(
    peer: str | None, forwarded: Iterable[str], proxies: tuple[Network, ...]
) -> Address | None:
    address = _read(peer or "")
    if address is None:
        return None
    hops = ",".join(forwarded).split(",")
    while hops and _is_trusted(address, proxies):
        before = _read(hops.pop())
        if before is None:
            break
        address = before
    return address


def _is_trusted(address: Address, proxies: tuple[Network, ...]) -> bool:
    return any(address in network for network in proxies)


def _read(text: str) -> Address | None:
    """Read an address with or without a port: 1.2.3.4:80, 2001:db8::1, [2001:db8::1]:80."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

"""Who charges: network functions that the operator named, by the token that each presents."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from tambah.config import LOOPBACK, NchfEntry, is_among, is_web_address
from tambah.domain.refusals import KeyUnknown
from tambah.engine.keys import Keys

TOKEN_PURPOSE = "nchf_token"  # noqa: S105 - what the digest is for
_SCHEME = b"bearer "
_MOST_TOKEN_BYTES = 200


class Consumer(NamedTuple):
    """A network function. notify_hosts: where it may be told of something."""

    name: str
    notify_hosts: tuple[str, ...]

    @property
    def peer(self) -> str:
        """Return by what name its sessions are kept."""
        return f"nchf:{self.name}"

    def may_be_told_at(self, address: str) -> bool:
        """Say whether an address is one of the consumer's own; nothing else is ever called."""
        if not is_web_address(address):
            return False
        return is_among(urlsplit(address).hostname or "", self.notify_hosts)


ANYBODY = Consumer("local", LOOPBACK)
"""Who charges where the operator named nobody: then the door is on loopback alone."""


class Consumers:
    """Those that the operator named. Only digests of tokens are held."""

    def __init__(self, entry: NchfEntry, keys: Keys) -> None:
        self._keys = keys
        self._by_token = {
            one.token: Consumer(one.name, one.notify_hosts) for one in entry.consumers
        }
        everybody = self._by_token.values() or (ANYBODY,)
        self.by_peer = {one.peer: one for one in everybody}

    def authenticate(self, authorization: bytes | None) -> Consumer:
        """Return who an Authorization header speaks for. Raises KeyUnknown."""
        if not self._by_token:
            return ANYBODY
        if authorization is None or authorization[:7].lower() != _SCHEME:
            raise KeyUnknown
        token = authorization[7:].strip()
        if not token or len(token) > _MOST_TOKEN_BYTES:
            raise KeyUnknown
        found = self._by_token.get(self._keys.digest(TOKEN_PURPOSE, token).hex())
        if found is None:
            raise KeyUnknown
        return found

"""Secrets kept outside the database: peppers for codes, and keys derived from a master secret.

What a database dump holds are keyed digests only. A plain hash of sixteen digits would give the
codes away in hours, so every digest of a secret, and of a body that has one in it, is keyed.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

DIGEST_BYTES = 16
_PEPPER_LINE = re.compile(r"([0-9]{1,4})\s*[:=]\s*([0-9a-fA-F]{64,})")


@dataclass(frozen=True, slots=True)
class Keys:
    """All secrets of one installation.

    peppers: by key id; codes are made under the highest and found under any, so that rotation
    needs no reissue. The other keys are derived from the lowest pepper, which must stay.
    """

    peppers: Mapping[int, bytes] = field(repr=False)
    _root: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the root of all other keys."""
        root = hashlib.sha256(b"tambah root" + self.peppers[min(self.peppers)]).digest()
        object.__setattr__(self, "_root", root)

    @property
    def current_id(self) -> int:
        """Return the key id under which new codes are made."""
        return max(self.peppers)

    def code_digest(self, digits: str, key_id: int) -> bytes:
        """Return the digest under which a code is stored (HMAC-SHA-256, first 128 bits)."""
        return hmac.digest(self.peppers[key_id], digits.encode(), "sha256")[:DIGEST_BYTES]

    def code_digests(self, digits: str) -> list[bytes]:
        """Return a code's digests under every live key."""
        return [self.code_digest(digits, key_id) for key_id in self.peppers]

    def digest(self, purpose: str, *parts: str | bytes) -> bytes:
        """Return a keyed 128-bit digest of some texts, for one purpose only."""
        keyed = hashlib.blake2b(
            key=self._root, digest_size=DIGEST_BYTES, person=purpose.encode()[:16]
        )
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            keyed.update(len(encoded).to_bytes(4, "big"))
            keyed.update(encoded)
        return keyed.digest()

    def seal(self, purpose: str, clear: bytes, bound_to: bytes) -> bytes:
        """Encrypt (AES-256-GCM) for storage; `bound_to` must be given again to open."""
        nonce = os.urandom(12)
        return nonce + self._cipher(purpose).encrypt(nonce, clear, bound_to)

    def unseal(self, purpose: str, sealed: bytes, bound_to: bytes) -> bytes:
        """Open what `seal` made. Raises cryptography's InvalidTag."""
        return self._cipher(purpose).decrypt(sealed[:12], sealed[12:], bound_to)

    def name(self, purpose: str, clear: bytes) -> bytes:
        """Encrypt an identifier so that it can go out: always the same, opaque, unforgeable."""
        return self._namer(purpose).encrypt(clear, None)

    def read_name(self, purpose: str, named: bytes) -> bytes | None:
        """Open what `name` made; None for anything else."""
        try:
            return self._namer(purpose).decrypt(named, None)
        except InvalidTag:
            return None

    def canary(self, key_id: int) -> str:
        """Return a mark of a pepper by which a wrong one is noticed at start."""
        return self.digest("canary", self.peppers[key_id]).hex()

    def _namer(self, purpose: str) -> AESSIV:
        return AESSIV(hmac.digest(self._root, b"name " + purpose.encode(), "sha512"))

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(hmac.digest(self._root, purpose.encode(), "sha256"))


def parse_peppers(text: str) -> Keys:
    """Read peppers, a line each, `1: <64 or more hex digits>`; one bare hex string is key 1.

    Raises ValueError with no part of the secret in its text.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and re.fullmatch(r"[0-9a-fA-F]{64,}", lines[0]):
        return Keys({1: bytes.fromhex(_even(lines[0]))})
    peppers: dict[int, bytes] = {}
    for line in lines:
        match = _PEPPER_LINE.fullmatch(line)
        if match is None:
            raise ValueError("a pepper is a line `ID: HEX` with at least 64 hexadecimal digits")
        peppers[int(match[1])] = bytes.fromhex(_even(match[2]))
    if not peppers:
        raise ValueError("there is no pepper; make one with `openssl rand -hex 32`")
    return Keys(peppers)


def new_pepper() -> str:
    """Return a fresh pepper file's text."""
    return f"1: {os.urandom(32).hex()}\n"


def _even(digits: str) -> str:
    return digits[: len(digits) // 2 * 2]

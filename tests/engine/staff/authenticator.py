"""An authenticator in software: makes passkeys and shows them, as WebAuthn has it (level 3)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """A key in somebody's hand, with what a browser adds to its answers.

    origin: where the browser is. is_verified: a finger or a PIN was given. counts: whether it has
    a counter; count: where that stands. has_statement: it attests its key with that key.
    """

    origin: str
    rp_id: str = ""
    is_verified: bool = True
    counts: bool = True
    count: int = 0
    has_statement: bool = False
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(20))
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: str, **changed: Any) -> str:
        """Make a passkey; return what the browser sends. changed: of the client data."""
        wanted = json.loads(options)
        self.rp_id = self.rp_id or wanted["rp"]["id"]
        self.handle = _bytes(wanted["user"]["id"])
        client = self._client("webauthn.create", wanted["challenge"], changed)
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential
        told = self._told(_ATTESTED) + attested + self._public()
        statement: dict[str, Any] = {}
        if self.has_statement:
            signed = self._sign(told + hashlib.sha256(client).digest())
            statement = {"alg": -7, "sig": signed}
        made = {
            "fmt": "packed" if self.has_statement else "none",
            "attStmt": statement,
            "authData": told,
        }
        response = {"clientDataJSON": _text(client), "attestationObject": _text(cbor2.dumps(made))}
        return self._answer(response)

    def show(self, options: str, **changed: Any) -> str:
        """Show the passkey; return what the browser sends. changed: of the client data."""
        wanted = json.loads(options)
        client = self._client("webauthn.get", wanted["challenge"], changed)
        told = self._told()
        return self._answer(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(told),
                "signature": _text(self._sign(told + hashlib.sha256(client).digest())),
                "userHandle": _text(self.handle),
            }
        )

    def _client(self, kind: str, challenge: str, changed: dict[str, Any]) -> bytes:
        told = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(told | changed).encode()

    def _told(self, more: int = 0) -> bytes:
        self.count += self.counts
        flags = _PRESENT | more | (_VERIFIED if self.is_verified else 0)
        party = hashlib.sha256(self.rp_id.encode()).digest()
        return party + bytes([flags]) + self.count.to_bytes(4, "big")

    def _public(self) -> bytes:
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _sign(self, told: bytes) -> bytes:
        return self.key.sign(told, ec.ECDSA(hashes.SHA256()))

    def _answer(self, response: dict[str, str]) -> str:
        named = _text(self.credential)
        return json.dumps(
            {"id": named, "rawId": named, "type": "public-key", "response": response}
        )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

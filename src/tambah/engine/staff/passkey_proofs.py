"""What a browser says of a passkey, asked for and verified (WebAuthn, by `webauthn`).

A challenge is a text of ours, signed, for one purpose and one session or invitation, good for a
few minutes: nothing is written for a stranger who asks for one. The first use writes it down, and
no other is taken.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tambah.domain.passkey import CHALLENGE_MINUTES, Passkey
from tambah.domain.staff import Staff
from tambah.engine.keys import DIGEST_BYTES, Keys

_RANDOM_BYTES = 16
_TIME_BYTES = 6
_TIMEOUT_MILLISECONDS = CHALLENGE_MINUTES * 60_000
_PORTS = {"https": 443, "http": 80}
_LIVES = timedelta(minutes=CHALLENGE_MINUTES)
_FORMATS = frozenset({AttestationFormat.NONE, AttestationFormat.PACKED})
# What the library raises for what a stranger makes up: its own, and what Python does underneath.
_MALFORMED = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    InvalidSignature,
    UnsupportedAlgorithm,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """What passkeys of this site are for: its name in the web, its origin, what people call it."""

    rp_id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a passkey was asked for: a purpose, and the session or invitation it is for."""

    party: RelyingParty
    purpose: str
    bound_to: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a browser sent of a passkey, as JSON, to what was asked."""

    asked: Asked
    sent: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenge that is ours and in time. digest: what is written down of it."""

    text: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """A passkey that was just made: what its authenticator calls it, its key, its counter."""

    credential: bytes
    public_key: bytes
    sign_count: int


def relying_party(public_url: str, name: str) -> RelyingParty | None:
    """Return what passkeys are for at an address; None where browsers make none.

    They want a name, not an address of numbers, and TLS but for this machine.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    is_private = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    is_name = bool(host) and ":" not in host and not host.replace(".", "").isdigit()
    if not is_private or not is_name:
        return None
    usual = parts.port in (None, _PORTS[parts.scheme])
    origin = f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{parts.port}"
    return RelyingParty(rp_id=host, origin=origin, name=name)


def creation_options(
    keys: Keys, asked: Asked, staff: Staff, having: Iterable[Passkey], now: datetime
) -> str:
    """Return what a browser needs to make somebody a passkey, as JSON."""
    options = generate_registration_options(
        rp_id=asked.party.rp_id,
        rp_name=asked.party.name,
        user_name=staff.name,
        user_id=handle_of(keys, staff.staff_id),
        challenge=_mint(keys, asked, now),
        timeout=_TIMEOUT_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(having),
    )
    return options_to_json(options)


def request_options(keys: Keys, asked: Asked, having: Iterable[Passkey], now: datetime) -> str:
    """Return what a browser needs to show a passkey, as JSON. having: any of the site if empty.

    Whoever signs in is told no list: it would say which accounts there are.
    """
    options = generate_authentication_options(
        rp_id=asked.party.rp_id,
        challenge=_mint(keys, asked, now),
        timeout=_TIMEOUT_MILLISECONDS,
        allow_credentials=_named(having),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def handle_of(keys: Keys, staff_id: int) -> bytes:
    """Return what authenticators call somebody: it says nothing, and is always the same."""
    return keys.digest("passkey handle", str(staff_id))


def challenge_of(keys: Keys, shown: Shown, now: datetime) -> Challenge | None:
    """Return the challenge that an answer is to, None for one that is not ours or is over."""
    try:
        text = _challenge_text(shown.sent)
    except _MALFORMED:
        return None
    body, signature = text[:-DIGEST_BYTES], text[-DIGEST_BYTES:]
    if len(body) != _RANDOM_BYTES + _TIME_BYTES:
        return None
    if not hmac.compare_digest(signature, _sign(keys, shown.asked, body)):
        return None
    # Signed, so that the instant is one that was ours.
    issued_at = datetime.fromtimestamp(int.from_bytes(body[_RANDOM_BYTES:], "big"), UTC)
    expires_at = issued_at + _LIVES
    if now >= expires_at:
        return None
    return Challenge(text=text, digest=keys.digest("spent", text), expires_at=expires_at)


def credential_of(shown: Shown) -> bytes:
    """Return which passkey an answer says it is of; empty for none."""
    try:
        return parse_authentication_credential_json(shown.sent).raw_id
    except _MALFORMED:
        return b""


def verify_new(shown: Shown, challenge: Challenge) -> NewPasskey | None:
    """Return the passkey that was made, None where anything is not right.

    Who made the authenticator is not asked; a statement of it that comes all the same is verified
    where it is the key's own, and refused where it is another's.
    """
    party = shown.asked.party
    try:
        made = parse_registration_credential_json(shown.sent)
        attestation = parse_attestation_object(made.response.attestation_object)
        if attestation.fmt not in _FORMATS or attestation.att_stmt.x5c:
            return None
        verified = verify_registration_response(
            credential=made,
            expected_challenge=challenge.text,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        return None
    return NewPasskey(
        credential=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
    )


def verify_shown(keys: Keys, shown: Shown, passkey: Passkey, challenge: Challenge) -> int | None:
    """Return the counter of a passkey that was shown rightly, None where anything is wrong.

    Whether the counter rose is for the caller to judge.
    """
    party = shown.asked.party
    try:
        sent = parse_authentication_credential_json(shown.sent)
        handle = sent.response.user_handle
        if handle is not None and handle != handle_of(keys, passkey.staff_id):
            return None
        verified = verify_authentication_response(
            credential=sent,
            expected_challenge=challenge.text,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED:
        return None
    return verified.new_sign_count


def _challenge_text(sent: str) -> bytes:
    """Return the challenge in an answer, of either kind. Raises _MALFORMED."""
    try:
        client = parse_authentication_credential_json(sent).response.client_data_json
    except WebAuthnException:
        client = parse_registration_credential_json(sent).response.client_data_json
    return parse_client_data_json(client).challenge


def _mint(keys: Keys, asked: Asked, now: datetime) -> bytes:
    seconds = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
    body = secrets.token_bytes(_RANDOM_BYTES) + seconds
    return body + _sign(keys, asked, body)


def _sign(keys: Keys, asked: Asked, body: bytes) -> bytes:
    return keys.digest("passkey asked", asked.purpose, asked.bound_to, body)


def _named(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one.credential) for one in passkeys]

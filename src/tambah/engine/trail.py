"""The ends of the audit trail's chains, signed and kept elsewhere.

A chain shows that a row was changed, but not that its last rows are gone: who cuts them can write
the day's end anew. Whoever keeps the ends outside (a printer, another machine) finds that too.
The signature is Ed25519 (RFC 8032) by a key that the pepper gives, so that none needs to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tambah.domain.actor import Actor
from tambah.domain.refusals import AuditHeadMalformed
from tambah.engine.administer import acting, note
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.store.views.trail import hashes_at, read_heads

MOST_HEAD_BYTES = 4 * 1024 * 1024
_FORMAT = "tambah audit head 1"
_encode = msgspec.json.Encoder(order="deterministic").encode


class _Head(msgspec.Struct, frozen=True):
    day: date
    seq: int
    hash: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    at: datetime
    heads: list[_Head]
    public_key: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a file of ends says of the trail as it is now.

    at: when it was written; days: how many it has. missing: places whose row is gone; changed:
    places whose row is another. is_ours: it was signed by this installation's key.
    """

    at: datetime
    days: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    is_ours: bool

    @property
    def is_clean(self) -> bool:
        """Say whether the trail holds everything that it held then."""
        return self.is_ours and not self.missing and not self.changed


async def write_head(database: Database, keys: Keys, actor: Actor, now: datetime) -> bytes:
    """Return a signed file of the ends of all days' chains. Raises ReasonMissing.

    That it was written is in the trail too, after the ends that it holds.
    """
    heads = [
        _Head(day=one.day, seq=one.seq, hash=one.hash.hex()) for one in await read_heads(database)
    ]
    private = _private(keys)
    body = {
        "format": _FORMAT,
        "at": now,
        "heads": heads,
        "public_key": _public(private).hex(),
    }
    async with acting(database) as connection:
        await note(connection, actor, "ExportAuditHead", "audit", after={"days": len(heads)})
    signature = private.sign(_encode(body)).hex()
    return msgspec.json.format(_encode(body | {"signature": signature}), indent=1) + b"\n"


async def check_head(database: Database, keys: Keys, text: bytes) -> Checked:
    """Compare a signed file of ends with the trail. Raises AuditHeadMalformed."""
    file = _read(text)
    held = await hashes_at(database, [(one.day, one.seq) for one in file.heads])
    missing, changed = list[str](), list[str]()
    for one in file.heads:
        found, place = held.get((one.day, one.seq)), f"audit:{one.day}/{one.seq}"
        if found is None:
            missing.append(place)
        elif found.hex() != one.hash:
            changed.append(place)
    return Checked(
        at=file.at,
        days=len(file.heads),
        missing=tuple(missing),
        changed=tuple(changed),
        is_ours=file.public_key == _public(_private(keys)).hex(),
    )


def _read(text: bytes) -> _File:
    """Return a file whose signature is its key's. Raises AuditHeadMalformed."""
    try:
        file = msgspec.json.decode(text[:MOST_HEAD_BYTES], type=_File)
        body: dict[str, Any] = msgspec.structs.asdict(file)
        signature = bytes.fromhex(body.pop("signature"))
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(file.public_key))
        public.verify(signature, _encode(body))
    except (msgspec.MsgspecError, ValueError, InvalidSignature) as error:
        raise AuditHeadMalformed from error
    if file.format != _FORMAT:
        raise AuditHeadMalformed
    return file


def _private(keys: Keys) -> Ed25519PrivateKey:
    halves = (keys.digest("audit head key", half) for half in ("first", "second"))
    return Ed25519PrivateKey.from_private_bytes(b"".join(halves))


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()

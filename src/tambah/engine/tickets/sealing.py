"""What is in a ticket, sealed for storage: it opens for this ticket, at this place, alone."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tambah.engine.keys import Keys

_PURPOSE = "ticket"
_PHOTO = "ticket_photo"
_encode = msgspec.json.Encoder().encode
_decode_wordings = msgspec.json.Decoder(dict[str, str]).decode

ANY_LANGUAGE = ""
"""Under which a note stands that was written once, in whatever language."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a ticket is about, as it was known when it was opened.

    msisdn: as typed, whether or not it is a line's. payment: its reference; said: what its page
    said then; amount_micros, happened_at: of the payment. refusal: code of the refusal that a
    top-up met. serial, readable: of a damaged card (`domain.ticket.fold_readable`).
    """

    msisdn: int
    payment: str = ""
    said: str = ""
    amount_micros: int = 0
    happened_at: datetime | None = None
    refusal: str = ""
    serial: str = ""
    readable: str = ""


def number_digest(keys: Keys, msisdn: int) -> bytes:
    """Return the digest under which a number's tickets are counted and followed."""
    return keys.digest("ticket number", str(msisdn))


def seal_facts(keys: Keys, reference: str, facts: Facts) -> bytes:
    """Return a ticket's facts as they are stored."""
    return keys.seal(_PURPOSE, _encode(facts), reference.encode())


def open_facts(keys: Keys, reference: str, sealed: bytes) -> Facts:
    """Return what `seal_facts` sealed. Raises cryptography's InvalidTag."""
    return msgspec.json.decode(keys.unseal(_PURPOSE, sealed, reference.encode()), type=Facts)


def seal_wordings(keys: Keys, reference: str, note_no: int, wordings: dict[str, str]) -> bytes:
    """Return a note as it is stored: by language tag, or under `ANY_LANGUAGE`."""
    return keys.seal(_PURPOSE, _encode(wordings), _place(reference, note_no))


def open_wordings(keys: Keys, reference: str, note_no: int, sealed: bytes) -> dict[str, str]:
    """Return what `seal_wordings` sealed. Raises cryptography's InvalidTag."""
    return _decode_wordings(keys.unseal(_PURPOSE, sealed, _place(reference, note_no)))


def seal_photo(keys: Keys, reference: str, photo_no: int, photo: bytes) -> bytes:
    """Return a photo as it is stored."""
    return keys.seal(_PHOTO, photo, _place(reference, photo_no))


def open_photo(keys: Keys, reference: str, photo_no: int, sealed: bytes) -> bytes:
    """Return what `seal_photo` sealed. Raises cryptography's InvalidTag."""
    return keys.unseal(_PHOTO, sealed, _place(reference, photo_no))


def _place(reference: str, number: int) -> bytes:
    return f"{reference}:{number}".encode()

"""References of charging data: opaque, unforgeable, and whose they are is in them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tambah.charging.nchf.shapes import ChargingDataRequest
from tambah.engine.keys import Keys
from tambah.engine.spelling import spell, unspell

_PURPOSE = "nchf_reference"
_CLEAR = struct.Struct(">Q16s")
_MOST_CHARACTERS = 80


class Reference(NamedTuple):
    """Whose session it is, and how it is called."""

    msisdn: int
    session_id: str


def write_reference(keys: Keys, reference: Reference) -> str:
    """Return the reference as addresses have it: lower-case letters and digits.

    It carries the number, so that the session is found without a search.
    """
    clear = _CLEAR.pack(reference.msisdn, bytes.fromhex(reference.session_id))
    return spell(keys.name(_PURPOSE, clear))


def read_reference(keys: Keys, text: str) -> Reference | None:
    """Return what a reference stands for, None for one that is not ours."""
    if len(text) > _MOST_CHARACTERS or not text.isascii():
        return None
    clear = keys.read_name(_PURPOSE, unspell(text))
    if clear is None:
        return None
    msisdn, session = _CLEAR.unpack(clear)
    return Reference(msisdn, session.hex())


def name_session(keys: Keys, request: ChargingDataRequest) -> str:
    """Return what a session is called that a request begins: the same for the same request.

    Nchf has no name for a session before it was answered. A create that comes again, because its
    answer was lost, is known by what stays the same in it: who asks, for whom, when, as what.
    """
    data, sms = request.data, request.sms
    parts: list[object] = [
        request.consumer.name,
        request.subscriber_identifier,
        request.charging_id,
        request.invocation_sequence_number,
        request.invocation_time_stamp.timestamp(),
        request.one_time_event,
    ]
    if data is not None:
        session = data.session
        parts += [data.charging_id, session.pdu_session_id if session else None]
    if sms is not None:
        parts += [sms.reference, *sms.recipients]
    return keys.digest("nchf_session", *(repr(part) for part in parts)).hex()

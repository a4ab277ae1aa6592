"""SMPP 3.4 on the wire. What we ask is built by aiosmpplib; what we are told is read here.

Its readers refuse what SMSCs send in practice: statuses and codings of vendors, receipts without
text, headings other than one kind (decision 0050).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from

from aiosmpplib.protocol import BindTransceiver, PhoneNumber, SubmitSm
from aiosmpplib.state import NPI, TON, SmppCommandStatus

from tambah.channels.sms.coding import UCS2_CODING

ANSWER = 0x8000_0000
"""The bit of a command that makes it the answer to it."""
NACK = ANSWER
SUBMIT, DELIVER, UNBIND, BIND, ENQUIRE = 0x04, 0x05, 0x06, 0x09, 0x15
OK, UNKNOWN_COMMAND, TEMPORARY, REFUSED = 0x00, 0x03, 0x64, 0x66
"""Statuses that we answer: done, no such command, deliver it again, never deliver it again."""
THROTTLED = frozenset({0x58, 0x14})

MESSAGE_PAYLOAD, RECEIPTED_ID, MESSAGE_STATE = 0x0424, 0x001E, 0x0427

_HEADER = 16
_MOST_OCTETS = 70_000  # a message_payload of 64 KiB, and room for the rest
_WANTS_RECEIPT = 1
_NAMES = {status.value: status.name.removeprefix("ESME_").lower() for status in SmppCommandStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """What came over the wire, its head taken apart."""

    command: int
    status: int
    sequence: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A deliver_sm: a subscriber's message or a receipt."""

    sender: str = field(repr=False)
    sender_ton: int
    esm_class: int
    data_coding: int
    body: bytes = field(repr=False)
    options: dict[int, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """All that goes with a part of a message but its octets."""

    source: PhoneNumber
    msisdn: int = field(repr=False)
    data_coding: int
    esm_class: int


async def read_pdu(reader: asyncio.StreamReader) -> Pdu:
    """Read one PDU. Raises IncompleteReadError at the end, ValueError for an absurd length."""
    head = await reader.readexactly(_HEADER)
    length, command, status, sequence = unpack_from("!IIII", head)
    if not _HEADER <= length <= _MOST_OCTETS:
        raise ValueError(f"a PDU of {length} octets")
    body = await reader.readexactly(length - _HEADER)
    return Pdu(command=command, status=status, sequence=sequence, body=body)


def name_status(status: int) -> str:
    """Return a status as logs and staff read it: `rinvdstadr`, `0x00000400` for a vendor's own."""
    return _NAMES.get(status, f"0x{status:08x}")


def make_empty(command: int, sequence: int, status: int = OK) -> bytes:
    """Build a PDU without a body."""
    return pack("!IIII", _HEADER, command, status, sequence)


def make_delivered(sequence: int, status: int) -> bytes:
    """Build a deliver_sm_resp; its message id is always empty."""
    return pack("!IIIIx", _HEADER + 1, DELIVER | ANSWER, status, sequence)


def make_bind(system_id: str, password: str, system_type: str) -> Callable[[int], bytes]:
    """Return what builds a bind_transceiver, once it knows its sequence number."""

    def build(sequence: int) -> bytes:
        return BindTransceiver(
            sequence_num=sequence,
            system_id=system_id,
            password=password,
            system_type=system_type,
        ).pdu()

    return build


def make_submit(envelope: Envelope, octets: bytes) -> Callable[[int], bytes]:
    """Return what builds the submit_sm of a part, asking for its receipt."""

    def build(sequence: int) -> bytes:
        message = SubmitSm(
            sequence_num=sequence,
            # Its own encoding is passed over; it only wants to see some text.
            short_message="-",
            source=envelope.source,
            destination=PhoneNumber(str(envelope.msisdn), TON.INTERNATIONAL, NPI.ISDN),
            esm_class=envelope.esm_class,
            registered_delivery=_WANTS_RECEIPT,
            encoding="ucs2" if envelope.data_coding == UCS2_CODING else "gsm0338",
        )
        message.set_encoded_message(octets)
        return message.pdu()

    return build


def read_message_id(body: bytes) -> str:
    """Return the message id of a submit_sm_resp, whatever optional parameters follow it."""
    return body.partition(b"\0")[0].decode("latin-1").strip()


def read_delivery(body: bytes) -> Delivery:
    """Take a deliver_sm apart. Raises ValueError when it is none."""
    try:
        at = body.index(b"\0") + 1  # behind service_type
        ton, at = body[at], at + 2
        sender, at = _read_text(body, at)
        at += 2
        _, at = _read_text(body, at)  # to whom
        esm_class, at = body[at], at + 3
        for _ in ("schedule_delivery_time", "validity_period"):
            _, at = _read_text(body, at)
        data_coding, length, at = body[at + 2], body[at + 4], at + 5
        options = dict(_read_options(body, at + length))
    except (IndexError, ValueError) as error:
        raise ValueError("not a deliver_sm") from error
    return Delivery(
        sender=sender,
        sender_ton=ton,
        esm_class=esm_class,
        data_coding=data_coding,
        body=body[at : at + length] or options.get(MESSAGE_PAYLOAD, b""),
        options=options,
    )


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    """Return the text up to the next zero, and where what follows begins."""
    end = body.index(b"\0", at)
    return body[at:end].decode("latin-1"), end + 1


def _read_options(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Return the optional parameters; a last one that is cut short is left out."""
    while at + 4 <= len(body):
        tag, length = unpack_from("!HH", body, at)
        at += 4
        if at + length <= len(body):
            yield tag, body[at : at + length]
        at += length

"""Texts as octets and back: GSM-7 and UCS-2, parts and their headings (3GPP 23.038, 23.040).

GSM-7 goes unpacked, a septet an octet, as SMSCs expect behind data_coding 0. A longer message is
cut into parts, each with a heading (UDH) of an 8-bit reference, how many parts there are, and
which this is: the one form that every SMSC and handset knows. A character is never torn apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from aiosmpplib.codec import (
    ESCAPE,
    GSM_BASIC_DECODE_MAP,
    GSM_BASIC_ENCODE_MAP,
    GSM_EXTENDED_DECODE_MAP,
    GSM_EXTENDED_ENCODE_MAP,
)

GSM7_CODING = 0
LATIN1_CODING = 3
UCS2_CODING = 8
HAS_HEADING = 0x40
"""The bit of esm_class that says that a heading stands before the text."""
MOST_PARTS = 255

# Octets of a message alone, and of each part beside its heading of six octets (seven septets).
_ALONE_OCTETS = {GSM7_CODING: 160, UCS2_CODING: 140}
_PART_OCTETS = {GSM7_CODING: 153, UCS2_CODING: 134}
_CONCATENATED, _CONCATENATED_16 = 0x00, 0x08
_LATER_CLASSES = 0xF0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A message as it goes over the wire, in one or more parts."""

    data_coding: int
    esm_class: int
    parts: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which part of which message this is. number: from 1."""

    reference: int
    total: int
    number: int


def encode_sms(text: str, reference: int) -> Encoded:
    """Write a text in the smallest alphabet that has all of it.

    reference: tells one long message to a telephone from the next; its last eight bits count.
    Raises ValueError for a text that no number of parts can hold.
    """
    coding, characters = _encode_characters(text)
    whole = b"".join(characters)
    if len(whole) <= _ALONE_OCTETS[coding]:
        return Encoded(data_coding=coding, esm_class=0, parts=(whole,))
    bodies = list(_cut(characters, _PART_OCTETS[coding]))
    if len(bodies) > MOST_PARTS:
        raise ValueError("the text is too long for an SMS")
    headings = (
        bytes((5, _CONCATENATED, 3, reference & 0xFF, len(bodies), number))
        for number in range(1, len(bodies) + 1)
    )
    parts = tuple(heading + body for heading, body in zip(headings, bodies, strict=True))
    return Encoded(data_coding=coding, esm_class=HAS_HEADING, parts=parts)


def _encode_characters(text: str) -> tuple[int, list[bytes]]:
    """Return data_coding and each character's octets."""
    characters: list[bytes] = []
    for character in text:
        if character in GSM_BASIC_ENCODE_MAP:
            characters.append(bytes((GSM_BASIC_ENCODE_MAP[character],)))
        elif character in GSM_EXTENDED_ENCODE_MAP:
            characters.append(bytes((ESCAPE, GSM_EXTENDED_ENCODE_MAP[character])))
        else:
            # A lone surrogate is no character; "?" is better than no message.
            return UCS2_CODING, [one.encode("utf-16-be", "replace") for one in text]
    return GSM7_CODING, characters


def _cut(characters: list[bytes], room: int) -> Iterator[bytes]:
    """Fill parts with whole characters."""
    part: list[bytes] = []
    used = 0
    for character in characters:
        if used + len(character) > room:
            yield b"".join(part)
            part, used = [], 0
        part.append(character)
        used += len(character)
    yield b"".join(part)


def is_text(data_coding: int) -> bool:
    """Say whether what came with a data_coding can be read; ring tones and the like cannot."""
    return _alphabet(data_coding) is not None


def decode_sms(body: bytes, data_coding: int) -> str:
    """Read a text, whole and without headings; what cannot be read becomes a replacement mark."""
    alphabet = _alphabet(data_coding)
    if alphabet == UCS2_CODING:
        return body.decode("utf-16-be", "replace")
    if alphabet == LATIN1_CODING:
        return body.decode("latin-1")
    return "".join(_decode_septets(body))


def _alphabet(data_coding: int) -> int | None:
    """Return the coding that an SMPP data_coding or a GSM coding scheme (from 0x10 on) means."""
    if data_coding >= _LATER_CLASSES:
        return None if data_coding & 0x04 else GSM7_CODING
    if 0x10 <= data_coding < 0x40:
        return {0x00: GSM7_CODING, 0x08: UCS2_CODING}.get(data_coding & 0x0C)
    # 1 is IA5, of which Latin-1 is the longer form.
    return {0: GSM7_CODING, 1: LATIN1_CODING, 3: LATIN1_CODING, 8: UCS2_CODING}.get(data_coding)


def _decode_septets(body: bytes) -> Iterator[str]:
    is_escaped = False
    for octet in body:
        if octet == ESCAPE and not is_escaped:
            is_escaped = True
            continue
        # Beyond the table an escaped character is the plain one (23.038, 6.2.1.1).
        plain = GSM_BASIC_DECODE_MAP.get(octet, "\N{REPLACEMENT CHARACTER}")
        yield GSM_EXTENDED_DECODE_MAP.get(octet, plain) if is_escaped else plain
        is_escaped = False


def part_heading(body: bytes, esm_class: int) -> tuple[Place | None, bytes]:
    """Return which part of a message a body is, None for a whole one, and its text's octets.

    Raises ValueError for a heading that is longer than the body.
    """
    if not esm_class & HAS_HEADING:
        return None, body
    if not body or body[0] >= len(body):
        raise ValueError("the heading is longer than the message")
    heading, text = body[1 : 1 + body[0]], body[1 + body[0] :]
    return _find_place(heading), text


def _find_place(heading: bytes) -> Place | None:
    """Look for what says how a message was cut, among other elements of a heading."""
    at = 0
    while at + 2 <= len(heading):
        kind, length = heading[at], heading[at + 1]
        element = heading[at + 2 : at + 2 + length]
        at += 2 + length
        wanted = {_CONCATENATED: 3, _CONCATENATED_16: 4}.get(kind)
        if wanted is not None and len(element) == wanted:
            *reference, total, number = element
            if 1 <= number <= total:
                known = int.from_bytes(bytes(reference), "big")
                return Place(reference=known, total=total, number=number)
    return None

"""Messages and AVPs, read strictly and written by python-diameter's dictionary.

Of the library this is all we use: its header, its AVPs and their types (decision 0210).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from diameter.message import Message, MessageHeader
from diameter.message.avp import Avp, AvpGrouped
from diameter.message.avp.avp import get_avp_dictionary_entry
from diameter.message.avp.errors import AvpDecodeError, AvpEncodeError

from tambah.charging.diameter.names import (
    CC_CORRELATION_ID,
    ERROR_MESSAGE,
    PRODUCT_NAME,
    Name,
    Result,
)

_library: Any = Avp  # its own annotations are partial

HEADER_BYTES = 20
_AVP = Struct("!II")
_VENDOR_BIT = 0x80
_UNMARKED = frozenset({PRODUCT_NAME, ERROR_MESSAGE, CC_CORRELATION_ID})
"""AVPs that go without the M bit, whatever the library's dictionary says (RFC 6733, 4.5)."""


class Faulty(Exception):
    """A message that cannot be taken as it is. avp: what is wrong with it, for Failed-AVP."""

    def __init__(self, result: Result, avp: Avp | None = None) -> None:
        super().__init__(result.name)
        self.result = result
        self.avp = avp


class Fields:
    """The AVPs of a message or of a group, to be asked for by name."""

    __slots__ = ("avps",)

    def __init__(self, avps: Sequence[Avp]) -> None:
        self.avps = avps

    def every(self, name: Name) -> list[Avp]:
        """Return all AVPs of a name, in their order."""
        code, vendor = name
        return [avp for avp in self.avps if avp.code == code and avp.vendor_id == vendor]

    def first(self, name: Name) -> Avp | None:
        """Return the first AVP of a name, None where there is none."""
        code, vendor = name
        for avp in self.avps:
            if avp.code == code and avp.vendor_id == vendor:
                return avp
        return None

    def number(self, name: Name) -> int | None:
        """Return the number of an AVP, None where it is absent. Raises Faulty."""
        found = self.first(name)
        return None if found is None else number_of(found)

    def text(self, name: Name) -> str | None:
        """Return the text of an AVP, None where it is absent. Raises Faulty."""
        found = self.first(name)
        return None if found is None else text_of(found)

    def group(self, name: Name) -> Fields | None:
        """Return what is in a grouped AVP, None where it is absent. Raises Faulty."""
        found = self.first(name)
        return None if found is None else fields_of(found)

    def under(self, *names: Name) -> Fields:
        """Return what is in a group within groups; nothing where one of them is absent."""
        fields = self
        for name in names:
            fields = fields.group(name) or _NOTHING
        return fields

    def require_number(self, name: Name) -> int:
        """Return the number of an AVP that must be there. Raises Faulty."""
        return number_of(self.require(name))

    def require_text(self, name: Name) -> str:
        """Return the text of an AVP that must be there. Raises Faulty."""
        return text_of(self.require(name))

    def require(self, name: Name) -> Avp:
        """Return an AVP that must be there. Raises Faulty."""
        found = self.first(name)
        if found is None:
            raise Faulty(Result.MISSING_AVP, _example(name))
        return found


_NOTHING = Fields(())


def read_header(content: bytes) -> MessageHeader:
    """Return a message's header; the content has HEADER_BYTES at least."""
    return MessageHeader.from_bytes(content)


def read_avps(content: bytes) -> list[Avp]:
    """Return the AVPs that fill the content. Raises Faulty: one is shorter or longer than it is.

    The library takes a length that is too small as nothing said, and reads on out of step.
    """
    avps: list[Avp] = []
    place, end = 0, len(content)
    while place < end:
        if end - place < _AVP.size:
            raise Faulty(Result.INVALID_AVP_LENGTH, _headed(content[place:]))
        code, word = _AVP.unpack_from(content, place)
        flags, length = word >> 24, word & 0xFFFFFF
        vendor, start = 0, _AVP.size
        if flags & _VENDOR_BIT:
            vendor, start = int.from_bytes(content[place + 8 : place + 12], "big"), 12
        filled = place + ((length + 3) & ~3)
        if length < start or filled > end:
            raise Faulty(Result.INVALID_AVP_LENGTH, _headed(content[place : place + 8]))
        kind = _type_of(code, vendor)
        avps.append(kind(code, vendor, content[place + start : place + length], flags))
        place = filled
    return avps


@lru_cache(maxsize=4096)  # peers choose the codes
def _type_of(code: int, vendor: int) -> type[Avp]:
    """Return the type that the dictionary has for an AVP, or the bare one."""
    entry = get_avp_dictionary_entry(code, vendor)
    return Avp if entry is None else entry["type"]


def number_of(avp: Avp) -> int:
    """Return an AVP's number. Raises Faulty."""
    try:
        value = avp.value
    except AvpDecodeError as error:
        raise Faulty(Result.INVALID_AVP_LENGTH, avp) from error
    if not isinstance(value, int):
        raise Faulty(Result.INVALID_AVP_VALUE, avp)
    return value


def text_of(avp: Avp) -> str:
    """Return an AVP's text, or its octets as text. Raises Faulty."""
    try:
        return avp.payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Faulty(Result.INVALID_AVP_VALUE, avp) from error


def fields_of(avp: Avp) -> Fields:
    """Return what is in a grouped AVP. Raises Faulty."""
    return Fields(read_avps(avp.payload))


def make(name: Name, value: Any) -> Avp:
    """Return an AVP. value: a number, text, or the AVPs of a group, as its type wants."""
    return _library.new(name.code, name.vendor, value=value, is_mandatory=name not in _UNMARKED)


def group(name: Name, *members: Avp | None) -> Avp:
    """Return a grouped AVP of the members that are not None."""
    return make(name, [member for member in members if member is not None])


def write(header: MessageHeader, avps: Iterable[Avp]) -> bytes:
    """Return a message's octets."""
    return Message(header, list(avps)).as_bytes()


def is_known(avp: Avp) -> bool:
    """Say whether the dictionary has the AVP."""
    return type(avp) is not Avp


def _example(name: Name) -> Avp:
    """Return an AVP of the name with the least that it can hold: nought, or nothing."""
    example: Avp = _library.new(name.code, name.vendor)
    if not isinstance(example, AvpGrouped):
        try:
            example.value = 0
        except (AvpEncodeError, TypeError, AttributeError):
            example.payload = b""
    return example


def _headed(header: bytes) -> Avp:
    """Return an AVP of which only the header can be told, as RFC 6733, 7.1.5 wants it back."""
    code = int.from_bytes(header[:4], "big")
    return Avp(code, 0, b"", header[4] & ~_VENDOR_BIT if len(header) > 4 else 0)

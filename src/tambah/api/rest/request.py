"""Reading a request: its body within limits, its fields, its headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tambah.api.rest.callers import Caller
from tambah.domain.money import require_ringgit
from tambah.domain.refusals import (
    AmountMalformed,
    BodyMalformed,
    FieldMalformed,
    FieldMissing,
    IdempotencyKeyMissing,
    Refusal,
)
from tambah.web.body import (
    BODY_SECONDS,
    MOST_BODY_BYTES,
    ClientGone,
    Receive,
    Scope,
    Send,
    read_body,
)

Headers = Mapping[bytes, bytes]

MOST_KEY_CHARACTERS = 255

__all__ = [
    "BODY_SECONDS",
    "MOST_BODY_BYTES",
    "ClientGone",
    "Headers",
    "Receive",
    "Request",
    "Scope",
    "Send",
    "read_body",
]

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_decode_anything = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Request:
    """An authenticated request to a known route.

    subject: what its address names; thing: what of the subject's it names, empty for none.
    """

    scope: Scope
    headers: Headers
    receive: Receive
    caller: Caller
    subject: str
    thing: str = ""


def decode(decoder: msgspec.json.Decoder[_Shape], body: bytes) -> _Shape:
    """Read a JSON object of a known shape; fields that it does not know are ignored.

    Raises BodyMalformed, FieldMissing, FieldMalformed, AmountMalformed, CurrencyNotAccepted.
    """
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):
        pass
    # Read once more, slowly, to say what is wrong; never quoting what was sent.
    raise _what_is_wrong(decoder.type, body)


def _what_is_wrong(shape: type[msgspec.Struct], body: bytes) -> Refusal:
    try:
        content: Any = _decode_anything(body)
    except (ValueError, RecursionError):
        return BodyMalformed()
    if not isinstance(content, dict):
        return BodyMalformed()
    fields = msgspec.structs.fields(shape)
    try:
        # The currency is judged first: the amounts of other currencies look different.
        for field in sorted(fields, key=lambda field: field.name != "currency"):
            _require_field(field, content.get(field.name))  # type: ignore[reportUnknownMemberType]
    except Refusal as refusal:
        return refusal
    return BodyMalformed()  # such as a name that came twice


def _require_field(field: msgspec.structs.FieldInfo, value: object) -> None:
    if value is None:
        if not field.required:
            return
        raise FieldMissing(field=field.name)
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError:
        if field.name == "amount":
            raise AmountMalformed from None
        raise FieldMalformed(field=field.name) from None
    if field.name == "currency":
        require_ringgit(value)


def idempotency_key(headers: Headers) -> str:
    """Return the Idempotency-Key: 1 to 255 printable ASCII characters.

    Raises IdempotencyKeyMissing and FieldMalformed.
    """
    given = headers.get(b"idempotency-key")
    if not given:
        raise IdempotencyKeyMissing
    key = given.decode("latin-1")
    if len(key) > MOST_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise FieldMalformed(field="Idempotency-Key")
    return key

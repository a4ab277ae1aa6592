"""Reading a request: its body within limits, its fields, its headers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tambah.api.rest.callers import Caller
from tambah.domain.money import require_ringgit
from tambah.domain.refusals import (
    AmountMalformed,
    BodyMalformed,
    BodyTooLarge,
    FieldMalformed,
    FieldMissing,
    IdempotencyKeyMissing,
    Refusal,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

MOST_BODY_BYTES = 16 * 1024
MOST_DRAINED_BYTES = 20 * 1024 * 1024
BODY_SECONDS = 10
MOST_KEY_CHARACTERS = 255

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_decode_anything = msgspec.json.Decoder().decode


class ClientGone(Exception):
    """The caller hung up before its request was whole; there is nobody to answer."""


@dataclass(slots=True)
class Request:
    """An authenticated request to a known route; `subject` is what its address names."""

    scope: Scope
    headers: Headers
    receive: Receive
    caller: Caller
    subject: str


async def read_body(receive: Receive, most: int = MOST_BODY_BYTES) -> bytes:
    """Return the request's body. Raises BodyTooLarge and BodyMalformed (too slow)."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        return await _read_on(receive, body, most)
    if len(body) > most:
        raise BodyTooLarge
    return body


async def _read_on(receive: Receive, body: bytes, most: int) -> bytes:
    """Read a body that comes in pieces.

    What is too large is read on and thrown away for a while: a caller that is still sending
    would otherwise see a broken connection and not the answer.
    """
    kept, size, more = [body], len(body), True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more and size <= MOST_DRAINED_BYTES:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                piece: bytes = message.get("body", b"")
                size += len(piece)
                if size <= most:
                    kept.append(piece)
                more = message.get("more_body", False)
    except TimeoutError:
        if size <= most:
            raise BodyMalformed from None
    if size > most:
        raise BodyTooLarge
    return b"".join(kept)


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

"""Reading a request's body in plain ASGI handlers, within limits."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import msgspec

from tambah.domain.refusals import BodyMalformed, BodyTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_BODY_BYTES = 16 * 1024
MOST_DRAINED_BYTES = 20 * 1024 * 1024
BODY_SECONDS = 10


class ClientGone(Exception):
    """The caller hung up before its request was whole; there is nobody to answer."""


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


def read_flat_json(body: bytes) -> dict[str, str]:
    """Return the texts and numbers of a JSON object, as texts; what else it has is left out.

    Raises ValueError for what is no JSON object.
    """
    try:
        content: Any = msgspec.json.decode(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(content, dict):
        raise ValueError("no object")
    pairs = cast("dict[str, Any]", content).items()
    return {name: str(value) for name, value in pairs if isinstance(value, str | int)}

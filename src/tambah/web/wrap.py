"""What surrounds the whole application: headers, compression, a limit on bodies, HEAD."""

import gzip
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tambah.domain.refusals import BodyTooLarge

MOST_BODY_BYTES = 256 * 1024
MOST_PHOTO_BODY_BYTES = 8 * 1024 * 1024
"""More than a photo may have: who sends a larger one is told so, and keeps what was typed."""
PHOTO_PATHS = ("/help/ticket", "/console/points/import", "/console/tariffs/load")
"""Where a form may bring a photo, or a file of as much: the paths that begin so."""
MOST_DRAINED_BYTES = 8 * 1024 * 1024
LEAST_COMPRESSED_BYTES = 600
_COMPRESSIBLE = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/manifest",
    "application/atom+xml",
)

# ASGI's own, loosely: the framework's types name each message, and cannot be put around another.
Scope = Any
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
_Headers = list[tuple[bytes, bytes]]

SECURITY_HEADERS: dict[str, str] = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_OF_DOCUMENTS = frozenset(
    {
        "content-security-policy",
        "cross-origin-opener-policy",
        "permissions-policy",
        "referrer-policy",
        "x-frame-options",
    }
)
_FILES = (b"text/css", b"text/javascript")
HSTS = "max-age=31536000"


def wrap(app: App, *, public_url: str, form_origins: Iterable[str] = ()) -> App:
    """Put headers, compression, the body limit and HEAD around the whole application.

    form_origins: of payment pages. A browser holds the redirect that answers a form against
    `form-action` too, so that they must be named there.
    Around it, not inside: what the router itself answers (404, 405) is covered as well.
    """
    headers = dict(SECURITY_HEADERS)
    allowed = " ".join(["form-action 'self'", *form_origins])
    policy = headers["content-security-policy"]
    headers["content-security-policy"] = policy.replace("form-action 'self'", allowed)
    if public_url.startswith("https://"):
        headers["strict-transport-security"] = HSTS
    return add_headers(answer_head(compress(limit_body(app))), headers)


def add_headers(app: App, headers: dict[str, str]) -> App:
    """Set response headers, but for those that the answer sets itself.

    Stylesheets and scripts get only those that mean anything for what is no document: they are a
    good part of a small file.
    """
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    of_files = [pair for pair in encoded if pair[0].decode() not in _OF_DOCUMENTS]

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present: _Headers = list(message["headers"])
                found = {name.lower(): value for name, value in present}
                is_file = found.get(b"content-type", b"").startswith(_FILES)
                added = of_files if is_file else encoded
                message["headers"] = present + [pair for pair in added if pair[0] not in found]
            await send(message)

        await app(scope, receive, send_with_headers)

    return with_headers


def answer_head(app: App) -> App:
    """Answer HEAD as GET; the server below leaves the body out."""

    async def with_head(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await app({**scope, "method": "GET"}, receive, send_without_body)

    return with_head


def limit_body(
    app: App, most: int = MOST_BODY_BYTES, most_drained: int = MOST_DRAINED_BYTES
) -> App:
    """Refuse bodies over `most` bytes: whoever reads the body gets BodyTooLarge.

    A form with a photo may be larger. What follows is drained within reason, for a sender that is
    cut off never reads the answer.
    """

    async def with_limit(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        received = 0
        limit = (
            max(most, MOST_PHOTO_BODY_BYTES) if _may_bring_photo(scope.get("path", "")) else most
        )

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    await _drain(receive, message, most_drained - received)
                    raise BodyTooLarge
            return message

        await app(scope, receive_within_limit, send)

    return with_limit


def _may_bring_photo(path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in PHOTO_PATHS)


async def _drain(receive: Receive, message: Message, most: int) -> None:
    left = most
    while left > 0 and message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))


def compress(app: App) -> App:
    """Compress (gzip) texts that are sent whole, for clients that take it.

    A page holds no secret that another site could make it repeat: the form's token is new at each
    drawing, so that the length of a compressed page gives nothing away (BREACH).
    """

    async def with_compression(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _takes_gzip(scope["headers"]):
            await app(scope, receive, send)
            return
        start: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_compressible(message["headers"]):
                start = message
                return
            if start is not None and message["type"] == "http.response.body":
                whole = not message.get("more_body", False)
                if whole and len(message.get("body", b"")) >= LEAST_COMPRESSED_BYTES:
                    message["body"] = gzip.compress(message["body"], 6, mtime=0)
                    _mark_compressed(start, len(message.get("body", b"")))
                await send(start)
                start = None
            await send(message)

        await app(scope, receive, send_compressed)

    return with_compression


def _takes_gzip(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in headers)


def _is_compressible(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    found = {name.lower(): value for name, value in headers}
    content_type = found.get(b"content-type", b"").decode("latin-1")
    return b"content-encoding" not in found and content_type.startswith(_COMPRESSIBLE)


def _mark_compressed(start: Message, length: int) -> None:
    headers: _Headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    headers.append((b"content-length", str(length).encode()))
    headers.append((b"content-encoding", b"gzip"))
    headers.append((b"vary", b"accept-encoding"))
    start["headers"] = headers

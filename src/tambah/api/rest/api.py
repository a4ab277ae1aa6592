"""The ASGI application that owns /api/, /openapi.json and /docs.

Plain ASGI on purpose: a top-up through a framework cost three times the processor time.
"""

import itertools
import secrets
import string
import traceback
from typing import NamedTuple

import msgspec
import structlog

from tambah import i18n
from tambah.api.refusals import encode_problem, headers_of, problem_of
from tambah.api.rest.callers import Callers
from tambah.api.rest.docs import Docs
from tambah.api.rest.request import ClientGone, Headers, Receive, Request, Scope, Send
from tambah.api.rest.routes import Route, by_address
from tambah.domain.refusals import (
    InternalError,
    MethodNotAllowed,
    PageNotFound,
    Refusal,
    Unavailable,
)
from tambah.store.database import CONNECTION_LOST, RETRYABLE
from tambah.web.site import Site
from tambah.web.wrap import HSTS

_log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode
_TABLE = by_address()
_ID_CHARACTERS = (string.ascii_letters + string.digits + "._-").encode()
_MOST_ID_CHARACTERS = 64
_SAFE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_JSON = [(b"content-type", b"application/json"), *_SAFE]
_PROBLEM = [(b"content-type", b"application/problem+json"), *_SAFE]


class Found(NamedTuple):
    """A route, and what its address names: a subject, and a thing of the subject's."""

    route: Route
    subject: str
    thing: str


class Api:
    """Answers every request whose path it `owns`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._callers = Callers(site.database, site.keys)
        self._docs = Docs(site)
        # Unique without asking the system for randomness at every request.
        self._id_prefix = secrets.token_hex(5).encode()
        self._id_numbers = itertools.count(1)
        secure = site.public_url.startswith("https://")
        self._always = [(b"strict-transport-security", HSTS.encode())] if secure else []

    @staticmethod
    def owns(path: str) -> bool:
        """Say whether a path is the API's to answer."""
        return path.startswith(("/api/", "/docs/")) or path in ("/api", "/docs", "/openapi.json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers: Headers = dict(scope["headers"])
        request_id = self._request_id(headers)
        try:
            if not scope["path"].startswith("/api"):
                status, lines, body = self._docs.answer(scope, headers)
                lines = [*lines, (b"content-length", b"%d" % len(body))]
            else:
                found = find_route(scope["method"], scope["path"])
                route = found.route
                body = await self._answer(found, scope, headers, receive)
                status = route.status
                lines = [*_JSON, (b"content-length", b"%d" % len(body))]
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last resort of this door
            refusal = error if isinstance(error, Refusal) else _refusal_for(error, request_id)
            status, lines, body = self._refuse(refusal, headers)
        lines += [*self._always, (b"request-id", request_id)]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, found: Found, scope: Scope, headers: Headers, receive: Receive
    ) -> bytes:
        route, subject, thing = found
        caller = await self._callers.authenticate(headers.get(b"authorization"))
        caller.require(route.scope)
        request = Request(scope, headers, receive, caller, subject, thing)
        return _encode(await route.handler(self._site, request))

    def _refuse(
        self, refusal: Refusal, headers: Headers
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        language = i18n.negotiate(None, None, accepted)
        problem = problem_of(refusal, language, self._site.rules.validity.zone)
        body = encode_problem(problem)
        lines = [
            *_PROBLEM,
            (b"content-language", language.encode("ascii")),
            (b"content-length", b"%d" % len(body)),
            *headers_of(refusal, self._site.clock.now()),
        ]
        return problem.status, lines, body

    def _request_id(self, headers: Headers) -> bytes:
        given = headers.get(b"request-id")
        if (
            given
            and len(given) <= _MOST_ID_CHARACTERS
            and not given.translate(None, _ID_CHARACTERS)
        ):
            return given
        return b"%s-%x" % (self._id_prefix, next(self._id_numbers))


def find_route(method: str, path: str) -> Found:
    """Return the route of a path, and what the path names. Raises PageNotFound, MethodNotAllowed.

    path: percent-decoded, as ASGI has it.
    """
    parts = path.split("/")
    if len(parts) < 4 or parts[2] != "v1":
        raise PageNotFound
    subject, tail, thing = _subject_and_tail(parts)
    methods = _TABLE.get((parts[3], tail))
    if methods is None:
        raise PageNotFound
    route = methods.get(method)
    if route is None:
        raise MethodNotAllowed(allow=", ".join(sorted(methods)))
    return Found(route, subject, thing)


def _subject_and_tail(parts: list[str]) -> tuple[str, str | None, str]:
    """Return what an address names, and what of it; no tail at all without a subject.

    A tail with a thing of the subject's in it has a star in the thing's place.
    """
    if len(parts) == 4:
        return "", None, ""
    if parts[3] == "sales" and len(parts) > 6:
        # A dealer's own reference may have slashes in it, percent-encoded in the address.
        return "/".join(parts[4:-1]), parts[-1], ""
    if len(parts) > 8 or not all(parts[4:]):
        raise PageNotFound
    if len(parts) > 6:
        return parts[4], "/".join((parts[5], "*", *parts[7:])), parts[6]
    return parts[4], parts[5] if len(parts) == 6 else "", ""


def _refusal_for(error: Exception, request_id: bytes) -> Refusal:
    """Say what an error that is no refusal means for the caller; log a bug with its trace."""
    if isinstance(error, (*CONNECTION_LOST, *RETRYABLE)):
        return Unavailable()
    incident = secrets.token_hex(4)
    # Written out here: a log that shows the variables beside the trace would show keys and codes.
    trace = "".join(traceback.format_exception(error))
    _log.error("api_failed", incident=incident, request_id=request_id.decode("ascii"), trace=trace)
    return InternalError(incident=incident)

"""What is answered when a handler raises: a page for readers, something else for programs."""

import secrets
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from tambah.domain.refusals import (
    BodyMalformed,
    BodyTooLarge,
    Busy,
    InternalError,
    MethodNotAllowed,
    PageNotFound,
    Refusal,
    TooManyTries,
    TooManyWrongCodes,
    Unavailable,
)
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

PROGRAM_PATHS = ("/api/", "/tmf-api/", "/webhooks/", "/openapi", "/healthz", "/readyz", "/metrics")
"""Where programs ask, not people."""

_RETRY_SECONDS = {Busy: 2, Unavailable: 10, TooManyTries: 3600}
_BY_STATUS: dict[int, type[Refusal]] = {
    404: PageNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    503: Unavailable,
}
_log: Any = structlog.get_logger("tambah.web")

AnswerProgram = Callable[[AnyRequest, Refusal, dict[str, str]], Response[Any]]
ErrorHandler = Callable[[AnyRequest, Exception], Response[Any]]


def error_handlers(
    pages: Pages, answer_program: AnswerProgram | None = None
) -> dict[type[Exception], ErrorHandler]:
    """Return the application's exception handlers.

    answer_program: what draws a refusal (and headers to add) for a path of PROGRAM_PATHS; without
    one, programs get the page as well.
    """

    def answer(request: AnyRequest, refusal: Refusal, headers: dict[str, str]) -> Response[Any]:
        headers |= retry_header(refusal, pages.site.clock.now())
        if answer_program is not None and request.url.path.startswith(PROGRAM_PATHS):
            return answer_program(request, refusal, headers)
        return draw_error(pages, request, refusal, headers)

    def answer_refusal(request: AnyRequest, error: Exception) -> Response[Any]:
        if not isinstance(error, Refusal):
            return answer_bug(request, error)
        return answer(request, error, {})

    def answer_http(request: AnyRequest, error: Exception) -> Response[Any]:
        if not isinstance(error, HTTPException):
            return answer_bug(request, error)
        if error.status_code == 500:
            return answer_bug(request, error.__cause__ or error)
        refusal = _BY_STATUS.get(error.status_code, BodyMalformed)()
        return answer(request, refusal, dict(error.headers or {}))

    def answer_bug(request: AnyRequest, error: BaseException) -> Response[Any]:
        return answer(request, note_incident(error, request.url.path), {})

    return {Refusal: answer_refusal, HTTPException: answer_http, Exception: answer_bug}


def note_incident(error: BaseException, path: str) -> InternalError:
    """Log a bug with its trace under a reference; return the refusal that tells it."""
    incident = secrets.token_hex(4).upper()
    # Formatted here: a renderer of tracebacks that shows local variables would show codes.
    trace = "".join(traceback.format_exception(error))
    _log.error("a bug was met", incident=incident, path=path, trace=trace)
    return InternalError(incident=incident)


def retry_header(refusal: Refusal, now: datetime) -> dict[str, str]:
    """Return Retry-After, in seconds, for a refusal that time mends."""
    until = refusal.params.get("until")
    if isinstance(refusal, TooManyWrongCodes) and isinstance(until, datetime):
        return {"retry-after": str(max(1, int((until - now).total_seconds())))}
    seconds = _RETRY_SECONDS.get(type(refusal))
    return {"retry-after": str(seconds)} if seconds else {}


def draw_error(
    pages: Pages, request: AnyRequest, refusal: Refusal, headers: dict[str, str]
) -> Response[Any]:
    """Draw the page for a refusal that has no page of its own."""
    return pages.draw(
        request,
        "error.html",
        status=status_of(refusal),
        headers={"cache-control": "no-store", **headers},
        refusal=refusal,
        status_code=status_of(refusal),
    )

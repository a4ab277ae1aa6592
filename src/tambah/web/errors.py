"""What is answered when a handler raises: a page for readers, something else for programs."""

import secrets
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from tambah.domain.refusals import (
    BodyMalformed,
    BodyTooLarge,
    Busy,
    InternalError,
    MethodNotAllowed,
    PageNotFound,
    ProviderUnavailable,
    Refusal,
    SingleSignOnDown,
    TooManyLookUps,
    TooManyTries,
    TooManyWrongCodes,
    Unavailable,
)
from tambah.web.pages import AnyRequest, Pages
from tambah.web.status import status_of

PROGRAM_PATHS = ("/api/", "/tmf-api/", "/webhooks/", "/openapi", "/healthz", "/readyz", "/metrics")
"""Where programs ask, not people."""

_RETRY_SECONDS: dict[type[Refusal], int] = {
    Busy: 2,
    Unavailable: 10,
    ProviderUnavailable: 10,
    SingleSignOnDown: 60,
    TooManyTries: 3600,
    TooManyLookUps: 3600,
}
_BY_STATUS: dict[int, type[Refusal]] = {
    404: PageNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    503: Unavailable,
}
_log: Any = structlog.get_logger("tambah.web")


class Elsewhere(Exception):
    """What is asked for is to be had at another address of ours: the reader is sent there."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


AnswerProgram = Callable[[AnyRequest, Refusal, dict[str, str]], Response[Any]]
ErrorHandler = Callable[[AnyRequest, Any], Response[Any]]


class ErrorAnswers:
    """The application's exception handlers.

    answer_program: what draws a refusal (and headers to add) for a path of PROGRAM_PATHS; without
    one, programs get the page as well. doors: whose pages are drawn for paths of a beginning of
    their own, where no handler of theirs is met: for a method that none takes.
    """

    def __init__(
        self,
        pages: Pages,
        answer_program: AnswerProgram | None = None,
        doors: Mapping[str, Pages] | None = None,
    ) -> None:
        self._pages = pages
        self._answer_program = answer_program
        self._doors = doors or {}

    def handlers(self) -> dict[Any, ErrorHandler]:
        """Return the handlers as Litestar takes them."""
        return {
            Refusal: self.answer_refusal,
            Elsewhere: self.send_elsewhere,
            HTTPException: self.answer_http,
            Exception: self.answer_bug,
        }

    def answer_refusal(self, request: AnyRequest, error: Any) -> Response[Any]:
        """Answer a refusal that its handler did not catch."""
        return self._answer(request, error, {})

    def send_elsewhere(self, request: AnyRequest, error: Any) -> Response[Any]:
        """Send the reader where what is asked for is to be had."""
        return self._pages.redirect(request, error.path)

    def answer_http(self, request: AnyRequest, error: Any) -> Response[Any]:
        """Answer what the framework raised: no such address, wrong method."""
        if error.status_code == HTTP_500_INTERNAL_SERVER_ERROR:
            return self.answer_bug(request, error.__cause__ or error)
        refusal = _BY_STATUS.get(error.status_code, BodyMalformed)()
        return self._answer(request, refusal, dict(error.headers or {}))

    def answer_bug(self, request: AnyRequest, error: Any) -> Response[Any]:
        """Answer a broken promise of ours: logged under a reference, which is told."""
        return self._answer(request, note_incident(error, request.url.path), {})

    def _answer(
        self, request: AnyRequest, refusal: Refusal, headers: dict[str, str]
    ) -> Response[Any]:
        headers |= retry_header(refusal, self._pages.site.clock.now())
        if self._answer_program is not None and request.url.path.startswith(PROGRAM_PATHS):
            return self._answer_program(request, refusal, headers)
        return draw_error(self._pages_of(request.url.path), request, refusal, headers)

    def _pages_of(self, path: str) -> Pages:
        """Return whose pages a path is drawn by."""
        for beginning, pages in self._doors.items():
            if path == beginning or path.startswith(f"{beginning}/"):
                return pages
        return self._pages


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

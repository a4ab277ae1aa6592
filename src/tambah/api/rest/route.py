"""An operation of API v1."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from tambah.api.rest.request import Request
from tambah.domain import refusals as no
from tambah.domain.refusals import Refusal
from tambah.web.site import Site

Handler = Callable[[Site, Request], Awaitable[msgspec.Struct]]

EVERYWHERE: tuple[type[Refusal], ...] = (
    no.KeyUnknown,
    no.ScopeMissing,
    no.PageNotFound,
    no.MethodNotAllowed,
    no.Unavailable,
    no.InternalError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    noun, tail: of its path, /api/v1/{noun}/{subject}/{tail}; without a subject it is of the
    caller's own. thing: the name of what a star in the tail stands for. scope: what the key must
    have. body: what is sent, None for nothing. refusals: besides those of EVERYWHERE. takes_page:
    has `limit` and `cursor` (of that pattern); takes_rate: `to`, `from` and what else a rate is
    asked for by.
    """

    name: str
    summary: str
    about: str
    method: str
    noun: str
    subject: str = ""
    tail: str = ""
    thing: str = ""
    scope: str
    handler: Handler
    status: int
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct]
    refusals: tuple[type[Refusal], ...]
    takes_page: bool = False
    cursor: str = "^[A-Za-z0-9_-]{8}([A-Za-z0-9_-]{8})?$"
    takes_rate: bool = False

    @property
    def is_keyed(self) -> bool:
        """Say whether it moves money, and so needs an Idempotency-Key.

        A session's requests are known by its name and their number.
        """
        return self.method == "POST" and not self.thing

    @property
    def path(self) -> str:
        """Return the path with its parameters in braces."""
        if not self.subject:
            return f"/api/v1/{self.noun}"
        path = f"/api/v1/{self.noun}/{{{self.subject}}}"
        tail = self.tail.replace("*", f"{{{self.thing}}}")
        return f"{path}/{tail}" if tail else path

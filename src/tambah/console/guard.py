"""Whom each address of the console is for. One that does not say so is nobody's."""

from __future__ import annotations

from enum import Enum
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from tambah.console.sessions import SIGN_IN, Sessions, SignedIn
from tambah.domain.refusals import PermissionMissing
from tambah.domain.staff import Permission
from tambah.web.errors import Elsewhere
from tambah.web.forms import require_own_origin
from tambah.web.pages import AnyConnection

_OPT, _QUIET, _STATE, _WAITING = "reach", "quiet", "signed_in", "waiting"


class Reach(Enum):
    """Whom an address is for, where it takes no permission: anybody, or all staff."""

    STRANGERS = "strangers"
    STAFF = "staff"


def reaches(whom: Reach | Permission) -> dict[str, Any]:
    """Return the `opt` of a handler that says whom it is for."""
    return {_OPT: whom}


def quietly(opt: dict[str, Any]) -> dict[str, Any]:
    """Return the `opt` of a handler that is asked by a script: to ask it is to do nothing."""
    return {**opt, _QUIET: True}


def reach_of(handler: BaseRouteHandler) -> Reach | Permission:
    """Return whom a handler is for. Raises KeyError where it does not say."""
    return handler.opt[_OPT]


def guard_with(sessions: Sessions) -> Any:
    """Return what stands before every handler of the console.

    A function, not an object: the framework copies what it is given for each handler, to the
    depth, and a function's surroundings it leaves alone.
    """

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Let those through whom the handler is for.

        Raises Elsewhere (to where one signs in), PermissionMissing, FormExpired (sent from
        another site).
        """
        reach = reach_of(handler)
        if isinstance(connection, Request) and connection.method == "POST":
            require_own_origin(connection)
        found = await sessions.find(connection, touches=not handler.opt.get(_QUIET))
        connection.state[_STATE] = found
        if reach is Reach.STRANGERS:
            return
        if found is None:
            raise Elsewhere(SIGN_IN)
        if isinstance(reach, Permission) and not found.may(reach):
            raise PermissionMissing
        if isinstance(connection, Request) and connection.method == "GET":
            connection.state[_WAITING] = await sessions.count_waiting(found)

    return guard


def waiting_for(connection: AnyConnection) -> int:
    """Return how many requests wait for whoever is signed in."""
    return connection.state.get(_WAITING, 0)


def find_signed_in(connection: AnyConnection) -> SignedIn | None:
    """Return who is signed in, None for nobody."""
    return connection.state.get(_STATE)


def signed_in(connection: AnyConnection) -> SignedIn:
    """Return who is signed in, at an address that is for staff."""
    found = find_signed_in(connection)
    assert found is not None, "the guard lets nobody else through"
    return found

"""All addresses of the console, in all roles: who may come, who is sent away, and how."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from tambah.console.guard import Reach, reach_of
from tambah.console.routes import console_router
from tambah.domain.staff import PERMISSIONS, Permission, Role

from .conftest import World
from .walk import VALUES, WALK


def handlers_of(site: Any) -> dict[str, HTTPRouteHandler]:
    """Return the console's handlers by method and path, as the application has them."""
    app = Litestar(route_handlers=[console_router(site)], openapi_config=None)
    found: dict[str, HTTPRouteHandler] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in set(handler.http_methods) - {"OPTIONS"}:
                found[f"{method} {route.path}"] = handler
    return found


def address(place: str) -> tuple[str, str]:
    """Return method and an address for a place of the walk."""
    method, _, path = place.partition(" ")
    for name, value in VALUES.items():
        path = path.replace(f"/{name}" if value.startswith("/") else name, value)
    return method, path


async def test_every_address_says_whom_it_is_for(world: World) -> None:
    found = handlers_of(world.site)

    assert {place: reach_of(handler) for place, handler in found.items()} == WALK
    assert [place for place, handler in found.items() if len(handler.resolve_guards()) != 1] == []


async def test_an_address_that_does_not_say_is_nobodys(world: World) -> None:
    handler = next(iter(handlers_of(world.site).values()))
    handler.opt.clear()

    with pytest.raises(KeyError):
        reach_of(handler)


@pytest.mark.parametrize("query", ["", "?lang=ta"])
async def test_strangers_are_sent_to_sign_in(world: World, query: str) -> None:
    async with world.browser() as browser:
        for place, reach in WALK.items():
            method, path = address(place)
            answer = await browser.request(method, path + query)
            if reach is Reach.STRANGERS:
                assert answer.status_code in (200, 404, 422)
            else:
                assert answer.status_code == 303
                assert answer.headers["location"] == f"/console/sign-in{query}"
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("role", Role)
async def test_every_role_may_what_it_may_and_nothing_else(world: World, role: Role) -> None:
    async with await world.enter_as(role) as browser:
        for place, reach in WALK.items():
            method, path = address(place)
            if path.endswith("/sign-out"):
                continue  # it would end the walk
            answer = await browser.request(method, path)
            if isinstance(reach, Permission) and reach not in PERMISSIONS[role]:
                assert answer.status_code == 403, place
                assert "permission_missing" in answer.text
            else:
                assert answer.status_code not in (401, 403, 500), place
            assert answer.headers["cache-control"] == "no-store"

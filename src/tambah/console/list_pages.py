"""The addresses of a list: its page, and its files under the same filter and permission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Response, get, post

from tambah.console.exports import export_list
from tambah.console.guard import reaches, signed_in
from tambah.console.lists import Asked, ListShape, draw_list, read_asked
from tambah.console.pages import ConsolePages
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest

More = Callable[[AnyRequest, Asked], Awaitable[Mapping[str, object]]]
"""What a list's page shows beside the list."""


def list_routes(
    pages: ConsolePages,
    shape: ListShape[Any],
    *,
    template: str = "list.html",
    more: More | None = None,
) -> list[Any]:
    """Return the handlers of a list."""

    @get(shape.path, opt=reaches(shape.permission), include_in_schema=False)
    async def show_list(request: AnyRequest) -> Response[Any]:
        asked = ask(pages, request, shape)
        beside: Mapping[str, object] = await more(request, asked) if more else {}
        return await draw_list(pages, request, shape, asked, template, beside)

    @post(
        f"{shape.path}/export",
        status_code=200,
        opt=reaches(shape.permission),
        include_in_schema=False,
    )
    async def export(request: AnyRequest) -> Response[Any]:
        return await send_file(pages, request, shape)

    return [show_list, export]


def ask(pages: ConsolePages, request: AnyRequest, shape: ListShape[Any]) -> Asked:
    """Return what somebody asks of a list."""
    name = signed_in(request).staff.name
    return read_asked(shape, request, name, pages.site.clock.now())


async def send_file(
    pages: ConsolePages, request: AnyRequest, shape: ListShape[Any]
) -> Response[Any]:
    """Answer with a list as the file that the form asks for. Raises what `export_list` does."""
    form = (await read_form(request)).get("as", "")
    staff, asked = signed_in(request).staff, ask(pages, request, shape)
    return await export_list(pages, request, shape, asked, staff, form)

"""`/console/points`: where cards and reloads are sold: a list, a form, and files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from litestar import Response, get, post

from tambah.console.facts import Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.list_pages import list_routes
from tambah.console.lists import Asked, Choice, Link, ListShape, Typed, Value, address_of
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.actor import Actor
from tambah.domain.point import MICRODEGREES_PER_DEGREE, Point, PointKind, search_words
from tambah.domain.refusals import PageNotFound, ReasonMissing, Refusal
from tambah.domain.staff import Permission
from tambah.engine.importing import FileRefused
from tambah.engine.importing.bad_rows import BadRow, RefusedRow
from tambah.engine.points import PointsRequest, PointsResult, import_points
from tambah.engine.points.editing import write_point
from tambah.engine.points.rows import HEADER, PointReader
from tambah.engine.staff import actor_of
from tambah.i18n import Texts
from tambah.store.points import points_listed, read_point
from tambah.store.views.listed import Listed
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.uploads import read_upload

POINTS = f"{HOME}/points"
EDIT, IMPORT = f"{POINTS}/edit", f"{POINTS}/import"
FLAGS = ("sells_cards", "sells_reloads", "withdrawn")

_MOST_TYPED = 300
_REFUSED_SHOWN = 100
_FILE_NAME = "console.csv"
"""What the audit trail calls a file; its digest stands beside it."""
_OPT = reaches(Permission.CONTENT_WRITE)


def point_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of top-up points."""
    routes = list_routes(pages, point_list(), template="points_list.html")
    return [*routes, *_editing(pages), *_importing(pages)]


def point_list() -> ListShape[Point]:
    """Return the list of points."""
    return ListShape(
        word="points",
        path=POINTS,
        permission=Permission.CONTENT_WRITE,
        filters=(
            Typed(name="place"),
            Choice(
                name="kind",
                values=tuple(kind.name.lower() for kind in PointKind),
                label=_kind,
            ),
        ),
        columns=("code", "name", "kind", "town", "hours", "sells", "withdrawn"),
        find=_find,
        cells=_cells,
        place=lambda point, _asked: (point.town, point.name, point.code),
        kinds=(str, str, str),
    )


def _editing(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(EDIT, opt=_OPT, include_in_schema=False)
    async def show_point(request: AnyRequest) -> Response[Any]:
        """Show a point's form: of the one that `code` names, or an empty one."""
        code = request.query_params.get("code", "")[:_MOST_TYPED]
        if not code:
            return _draw_point(pages, request, {"sells_cards": "yes", "sells_reloads": "yes"})
        point = await read_point(site.database, code) if code.isprintable() else None
        if point is None:
            raise PageNotFound
        return _draw_point(pages, request, _fields(point), is_known=True)

    @post(EDIT, status_code=200, opt=_OPT, include_in_schema=False)
    async def edit(request: AnyRequest) -> Response[Any]:
        found = await read_form(request)
        fields = {name: value[:_MOST_TYPED].strip() for name, value in found.items()}
        texts = pages.speak(request)
        row = [fields.get(name, "no" if name in FLAGS else "") for name in HEADER.columns]
        try:
            point = PointReader(HEADER.columns, HEADER.columns).read(row)
            actor = actor_of(signed_in(request).staff, fields.get("why", ""))
            await write_point(site.database, point, actor, site.clock.now())
        except BadRow as bad:
            column = bad.column or "sells_cards"
            said = texts.get("console.point.bad", what=texts.get(f"console.point.{column}"))
            return _draw_point(pages, request, fields, said, column)
        except Refusal as refusal:
            said = texts.refusal(refusal, site.rules.validity.zone)
            return _draw_point(pages, request, fields, said, "why")
        return pages.redirect(request, address_of(EDIT, {"code": point.code}))

    return [show_point, edit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What came of a file, as its page tells it.

    seen: the digest of the file that was looked at last. is_another: another one was to be
    imported, and was only looked at. problem: why the file came to nothing.
    """

    result: PointsResult | None = None
    refused: tuple[RefusedRow, ...] = ()
    seen: str = ""
    is_another: bool = False
    problem: str = ""
    why: str = ""
    missing: bool = False


def _importing(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(IMPORT, opt=_OPT, include_in_schema=False)
    async def show_import(request: AnyRequest) -> Response[Any]:
        return _draw_import(pages, request, Brought())

    @post(IMPORT, status_code=200, opt=_OPT, include_in_schema=False)
    async def bring(request: AnyRequest) -> Response[Any]:
        """Say what a file would change; import it when that very file was looked at before."""
        upload = await read_upload(request)
        fields = upload.fields
        asked = Brought(
            seen=fields.get("seen", ""),
            why=fields.get("why", "")[:_MOST_TYPED].strip(),
            missing="missing" in fields,
        )
        wants = fields.get("do") == "import"
        try:
            if wants and not asked.why:
                raise ReasonMissing
            actor = actor_of(signed_in(request).staff, asked.why)
            brought = await _bring(pages, upload.files.get("file", b""), asked, actor, wants=wants)
        except FileRefused as unreadable:
            brought = replace(asked, problem=str(unreadable))
        except Refusal as refusal:
            said = pages.speak(request).refusal(refusal, site.rules.validity.zone)
            brought = replace(asked, problem=said)
        return _draw_import(pages, request, brought)

    return [show_import, bring]


async def _bring(
    pages: ConsolePages, file: bytes, asked: Brought, actor: Actor, *, wants: bool
) -> Brought:
    """Look at a file, and import it if that is wanted and it is the one that was looked at."""
    database = pages.site.database
    refused: list[RefusedRow] = []
    with tempfile.TemporaryDirectory(prefix="tambah-points-") as folder:
        path = Path(folder) / _FILE_NAME
        path.write_bytes(file)
        ask = PointsRequest(
            path=path,
            actor=actor,
            dry_run=True,
            withdraw_missing=asked.missing,
            on_refused=refused.append,
        )
        result = await import_points(database, ask)
        is_the_one = result.sha256 == asked.seen
        if wants and is_the_one:
            refused.clear()
            result = await import_points(database, replace(ask, dry_run=False))
    return replace(
        asked,
        result=result,
        refused=tuple(refused[:_REFUSED_SHOWN]),
        seen=result.sha256,
        is_another=wants and not is_the_one,
    )


def _draw_import(pages: ConsolePages, request: AnyRequest, brought: Brought) -> Response[Any]:
    return pages.draw(
        request,
        "points_import.html",
        status=422 if brought.problem else 409 if brought.is_another else 200,
        told=brought,
        counts=_counts(brought.result) if brought.result else [],
    )


def _counts(result: PointsResult) -> list[tuple[str, int]]:
    """Return what a file changes: each a text `console.import.<word>`."""
    return [
        ("created", result.created),
        ("changed", result.changed),
        ("unchanged", result.unchanged),
        ("withdrawn", result.withdrawn),
        ("refused", result.refused),
    ]


def _find(asked: Asked, after: tuple[str, str, str] | None) -> Listed[Point]:
    kind = PointKind[asked["kind"].upper()] if asked["kind"] else None
    return points_listed(search_words(asked["place"]), kind, after)


def _cells(point: Point, say: Wording) -> tuple[Value, ...]:
    sells = [
        say.texts.get(f"points.sells.{word}")
        for word, is_sold in (("cards", point.sells_cards), ("reloads", point.sells_reloads))
        if is_sold
    ]
    return (
        Link(point.code, address_of(EDIT, {"code": point.code})),
        point.name,
        _kind(say.texts, point.kind.name.lower()),
        f"{point.postcode} {point.town}",
        point.hours,
        ", ".join(sells),
        say.texts.get("console.yes" if point.withdrawn else "console.no"),
    )


def _kind(texts: Texts, value: str) -> str:
    return texts.get(f"points.kind.{value}")


def _fields(point: Point) -> dict[str, str]:
    """Return a point as a form has it."""
    return {
        "code": point.code,
        "name": point.name,
        "kind": point.kind.name.lower(),
        "address": point.address,
        "town": point.town,
        "state": point.state,
        "postcode": point.postcode,
        "latitude": _degrees(point.latitude_microdegrees),
        "longitude": _degrees(point.longitude_microdegrees),
        "hours": point.hours,
        **{flag: "yes" for flag in FLAGS if getattr(point, flag)},
    }


def _degrees(micros: int) -> str:
    """Write microdegrees as degrees, exactly."""
    whole, rest = divmod(abs(micros), MICRODEGREES_PER_DEGREE)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06d}"


def _draw_point(
    pages: ConsolePages,
    request: AnyRequest,
    fields: dict[str, str],
    problem: str = "",
    problem_at: str = "",
    *,
    is_known: bool = False,
) -> Response[Any]:
    return pages.draw(
        request,
        "point_edit.html",
        status=422 if problem else 200,
        fields=fields,
        problem=problem,
        problem_at=problem_at,
        is_known=is_known,
        columns=[name for name in HEADER.columns if name not in (*FLAGS, "kind")],
        flags=FLAGS,
        kinds=[kind.name.lower() for kind in PointKind],
    )

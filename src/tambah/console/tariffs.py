"""`/console/tariffs`: sheets of rates, what each changes, and a new one that takes two people."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.facts import TARIFFS, Fact, Wording
from tambah.console.guard import Reach, reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.requests import REQUESTS
from tambah.console.tariff_words import change_words, count_facts
from tambah.domain.actor import Actor
from tambah.domain.refusals import FieldMalformed, PageNotFound, ReasonMissing, Refusal
from tambah.domain.staff import Permission
from tambah.domain.tariff import STANDARD
from tambah.engine.approving import file
from tambah.engine.approving.of_tariffs import ask_tariff, asked_already
from tambah.engine.importing import FileRefused
from tambah.engine.importing.bad_rows import RefusedRow
from tambah.engine.staff import actor_of
from tambah.engine.tariffs import TariffRequest, TariffResult, load_tariff
from tambah.engine.tariffs.loading import Came
from tambah.store.tariffs import SheetView, list_sheets, read_sheet
from tambah.web.pages import AnyRequest
from tambah.web.uploads import read_upload

LOAD = f"{TARIFFS}/load"
STANDINGS = ("waits", "to_come", "in_force", "replaced")
"""How a sheet stands: each a text `console.tariffs.<word>`."""

_MOST_TYPED = 300
_REFUSED_SHOWN = 100
_MOST_ID = 2**31
_FILE_NAME = "console.csv"


def tariff_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of tariffs. Everybody may read what subscribers are told anyway."""
    return [*_reading(pages), *_loading(pages)]


def _reading(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(TARIFFS, opt=reaches(Reach.STAFF), include_in_schema=False)
    async def list_tariffs(request: AnyRequest) -> Response[Any]:
        sheets = await list_sheets(site.database)
        standing = standings(sheets, site.clock.now())
        may_load = signed_in(request).may(Permission.CONTENT_WRITE)
        return pages.draw(
            request, "tariffs.html", sheets=sheets, standing=standing, may_load=may_load
        )

    @get(f"{TARIFFS}/{{sheet_id:int}}", opt=reaches(Reach.STAFF), include_in_schema=False)
    async def show_tariff(request: AnyRequest, sheet_id: FromPath[int]) -> Response[Any]:
        sheet = await read_sheet(site.database, sheet_id) if 0 < sheet_id < _MOST_ID else None
        if sheet is None:
            raise PageNotFound
        standing = standings(await list_sheets(site.database), site.clock.now())
        say = Wording(site, pages.speak(request))
        return pages.draw(
            request,
            "tariff_sheet.html",
            sheet=sheet,
            standing=standing.get(sheet_id, "replaced"),
            facts=[*_sheet_facts(sheet, say), *count_facts(sheet.difference)],
            dearer=[change_words(one, say.texts) for one in sheet.difference.most_dearer],
            cheaper=[change_words(one, say.texts) for one in sheet.difference.most_cheaper],
        )

    return [list_tariffs, show_tariff]


def standings(sheets: list[SheetView], now: datetime) -> dict[int, str]:
    """Return how each sheet stands, by its number: one of STANDINGS."""
    found: dict[int, str] = {}
    in_force: set[str] = set()
    # Of each tariff the one that came into force last comes first.
    for sheet in sheets:
        if sheet.agreed_at is None:
            found[sheet.sheet_id] = "waits"
        elif sheet.effective_from > now:
            found[sheet.sheet_id] = "to_come"
        else:
            is_first = sheet.tariff not in in_force
            in_force.add(sheet.tariff)
            found[sheet.sheet_id] = "in_force" if is_first else "replaced"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What came of a file, as its page tells it. See `console.points.Brought`."""

    tariff: str = STANDARD
    since: str = ""
    why: str = ""
    seen: str = ""
    result: TariffResult | None = None
    refused: tuple[RefusedRow, ...] = field(default=())
    is_another: bool = False
    problem: str = ""


def _loading(pages: ConsolePages) -> list[Any]:
    site, opt = pages.site, reaches(Permission.CONTENT_WRITE)

    @get(LOAD, opt=opt, include_in_schema=False)
    async def show_load(request: AnyRequest) -> Response[Any]:
        return _draw(pages, request, Brought())

    @post(LOAD, status_code=200, opt=opt, include_in_schema=False)
    async def load(request: AnyRequest) -> Response[Any]:
        """Say what a file would change; ask for it when that very file was looked at before."""
        upload = await read_upload(request)
        fields = {name: value[:_MOST_TYPED].strip() for name, value in upload.fields.items()}
        asked = Brought(
            tariff=fields.get("tariff", "") or STANDARD,
            since=fields.get("since", ""),
            why=fields.get("why", ""),
            seen=fields.get("seen", ""),
        )
        actor = actor_of(signed_in(request).staff, asked.why)
        wants = fields.get("do") == "ask"
        try:
            if wants and not asked.why:
                raise ReasonMissing
            content = upload.files.get("file", b"")
            brought = await _bring(pages, content, asked, actor, wants=wants)
            if brought.result is not None and brought.result.came is Came.ASKED:
                return await _ask(pages, request, brought.result, actor)
        except FileRefused as unreadable:
            brought = replace(asked, problem=str(unreadable))
        except Refusal as refusal:
            said = pages.speak(request).refusal(refusal, site.rules.validity.zone)
            brought = replace(asked, problem=said)
        return _draw(pages, request, brought)

    return [show_load, load]


async def _bring(
    pages: ConsolePages, content: bytes, asked: Brought, actor: Actor, *, wants: bool
) -> Brought:
    """Look at a file, and store it as asked for if it is the one that was looked at."""
    site = pages.site
    refused: list[RefusedRow] = []
    with tempfile.TemporaryDirectory(prefix="tambah-tariff-") as folder:
        path = Path(folder) / _FILE_NAME
        await asyncio.to_thread(path.write_bytes, content)
        look = TariffRequest(
            path=path,
            tariff=asked.tariff,
            actor=actor,
            now=site.clock.now(),
            effective_from=_since(pages, asked.since),
            dry_run=True,
            zones=site.operator.tariffs.zones,
            on_refused=refused.append,
        )
        result = await load_tariff(site.database, look)
        is_the_one = result.sha256 == asked.seen
        if wants and is_the_one and result.came is Came.SEEN:
            result = await load_tariff(site.database, replace(look, dry_run=False, asks=True))
    return replace(
        asked,
        result=result,
        refused=tuple(refused[:_REFUSED_SHOWN]),
        seen=result.sha256,
        is_another=wants and not is_the_one,
    )


def _since(pages: ConsolePages, text: str) -> datetime | None:
    """Return the instant at which a local day begins, None for now. Raises FieldMalformed."""
    if not text:
        return None
    try:
        return pages.site.rules.validity.start_of(date.fromisoformat(text))
    except ValueError:
        raise FieldMalformed(field="from") from None


async def _ask(
    pages: ConsolePages, request: AnyRequest, result: TariffResult, actor: Actor
) -> Response[Any]:
    """File the request for a sheet, or lead to the one that waits already."""
    database, now = pages.site.database, pages.site.clock.now()
    there = await asked_already(database, result, now)
    asked = there or await file(database, ask_tariff(result), actor, now)
    return pages.redirect(request, f"{REQUESTS}/{asked.approval_id}")


def _draw(pages: ConsolePages, request: AnyRequest, brought: Brought) -> Response[Any]:
    say = Wording(pages.site, pages.speak(request))
    result = brought.result
    difference = result.difference if result else None
    return pages.draw(
        request,
        "tariff_load.html",
        status=422 if brought.problem else 409 if brought.is_another else 200,
        told=brought,
        came=result.came.value if result else "",
        may_ask=result is not None and result.came is Came.SEEN,
        facts=count_facts(difference) if difference and not brought.refused else [],
        dearer=[change_words(one, say.texts) for one in difference.most_dearer]
        if difference
        else [],
        cheaper=[change_words(one, say.texts) for one in difference.most_cheaper]
        if difference
        else [],
    )


def _sheet_facts(sheet: SheetView, say: Wording) -> list[Fact]:
    found = [
        Fact("tariff", sheet.tariff),
        Fact("in_force", say.when(sheet.effective_from)),
        Fact("tariff_rates", f"{sheet.rates:,}"),
        Fact("file", sheet.file),
        Fact("sha256", sheet.digest.hex()),
        Fact("who", sheet.loaded_by),
        Fact("at", say.when(sheet.loaded_at)),
        Fact("why", sheet.why),
    ]
    if sheet.compared_with is not None:
        before = str(sheet.compared_with)
        found.append(Fact("compared_with", before, f"{TARIFFS}/{before}"))
    return found

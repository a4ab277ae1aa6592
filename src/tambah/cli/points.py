"""tambah points …: where cards and reloads are sold."""

from __future__ import annotations

from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import imports_file, reason
from tambah.cli.reports import import_answer, report_to
from tambah.domain.point import MICRODEGREES_PER_DEGREE, Point, search_words
from tambah.engine.points import PointsRequest, PointsResult, import_points
from tambah.store.points import list_points


@click.group(cls=rich_click.RichGroup)
def points() -> None:
    """Import top-up points and list them."""


@points.command("import", cls=rich_click.RichCommand)
@imports_file("changed")
@click.option(
    "--withdraw-missing", is_flag=True, help="Withdraw the points that the file does not have."
)
@reason
@answering
def import_command(
    file: Path,
    dry_run: bool,
    all_or_nothing: bool,
    withdraw_missing: bool,
    report: Path | None,
    reason: str,
) -> Answer:
    """Import top-up points from FILE (CSV). Good rows are imported, bad rows are reported.

    Columns: code, name, kind, address, town, state, postcode, latitude, longitude, hours,
    sells_cards, sells_reloads, withdrawn; in any order. A point is known by its code. The same
    file may be imported again: it changes nothing.
    """

    async def bring(desk: Desk) -> PointsResult:
        """Run the import."""
        request = PointsRequest(
            path=file,
            actor=actor(reason),
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
            withdraw_missing=withdraw_missing,
            on_refused=refusals.add,
        )
        return await import_points(desk.database, request)

    with report_to(report) as refusals:
        result = at_desk(bring)
    counts = (
        f"{result.created} new, {result.changed} changed, {result.unchanged} unchanged,"
        f" {result.withdrawn} withdrawn, {result.refused} refused."
    )
    also = ()
    if result.keeps_missing:
        also = ("No point was withdrawn: a row without a readable code may be any of them.",)
    return import_answer(result, refusals, counts=counts, all_or_nothing=all_or_nothing, also=also)


@points.command("list", cls=rich_click.RichCommand)
@click.option("--town", default="", help="Only points of this town.")
@answering
def list_command(town: str) -> Answer:
    """List top-up points, those withdrawn as well."""

    async def look(desk: Desk) -> list[Point]:
        """Read the points."""
        return await list_points(desk.database, search_words(town))

    found = at_desk(look)
    return Answer(
        document={"points": [_document(point) for point in found]},
        text="\n".join([*(_line(point) for point in found), f"{len(found)} points"]),
    )


def _document(point: Point) -> dict[str, object]:
    return {
        "code": point.code,
        "name": point.name,
        "kind": point.kind,
        "address": point.address,
        "town": point.town,
        "state": point.state,
        "postcode": point.postcode,
        "latitude": point.latitude_microdegrees / MICRODEGREES_PER_DEGREE,
        "longitude": point.longitude_microdegrees / MICRODEGREES_PER_DEGREE,
        "hours": point.hours,
        "sells_cards": point.sells_cards,
        "sells_reloads": point.sells_reloads,
        "withdrawn": point.withdrawn,
    }


def _line(point: Point) -> str:
    sells = [
        *(["cards"] if point.sells_cards else []),
        *(["reloads"] if point.sells_reloads else []),
    ]
    words = [
        point.code,
        point.name,
        f"{point.postcode} {point.town}",
        point.hours or "hours not known",
        " and ".join(sells),
        *(["withdrawn"] if point.withdrawn else []),
    ]
    return " · ".join(words)

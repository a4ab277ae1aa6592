"""tambah usage …: what was used, of switches that charge nothing themselves."""

from __future__ import annotations

from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import imports_file, reason
from tambah.cli.progress import progress
from tambah.cli.reports import import_answer, report_to
from tambah.desks.charging import ChargingDesk
from tambah.desks.usage_import import import_usage
from tambah.engine.importing import ImportRequest, ImportResult
from tambah.engine.tariffs import TariffSource


@click.group(cls=rich_click.RichGroup)
def usage() -> None:
    """Charge what was used by the records of a switch."""


@usage.command("import", cls=rich_click.RichCommand)
@imports_file("charged")
@reason
@answering
def import_command(
    file: Path, dry_run: bool, all_or_nothing: bool, report: Path | None, reason: str
) -> Answer:
    """Charge the call records of FILE (CSV). Good records are charged, bad ones are reported.

    Columns: id, msisdn, service, to, began_at, units, network; in any order. The same file may be
    imported again: of a line, each id is charged once.
    """

    async def bring(desk: Desk) -> ImportResult:
        """Run the import."""
        with progress("charging records") as told:
            request = ImportRequest(
                path=file,
                actor=actor(reason),
                all_or_nothing=all_or_nothing,
                dry_run=dry_run,
                on_refused=refusals.add,
                progress=told,
            )
            async with desk.engine() as engine:
                tariffs = TariffSource(desk.database, desk.clock)
                engine.renew(await tariffs.renew(engine.rules))
                charging = ChargingDesk(engine, desk.database, desk.rules, desk.clock)
                return await import_usage(desk.database, charging, desk.rules, request, desk.now)

    with report_to(report) as refusals:
        result = at_desk(bring)
    counts = f"{result.created} charged, {result.unchanged} unchanged, {result.refused} refused."
    return import_answer(result, refusals, counts=counts, all_or_nothing=all_or_nothing)

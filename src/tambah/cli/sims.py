"""tambah sims …: the stock of SIMs and eSIMs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import imports_file, reason
from tambah.cli.progress import progress
from tambah.cli.reports import import_answer, report_to
from tambah.domain.numbering import fold_iccid
from tambah.domain.refusals import SimNotUsable, SimUnknown
from tambah.domain.sim import SimKind, SimState
from tambah.domain.sim_commands import ReportInstalled
from tambah.engine.importing import ImportRequest, ImportResult
from tambah.engine.sims import SimRowRules, import_sims, retire_sim
from tambah.store.views.lines import read_line_of
from tambah.store.views.sims import SimView, count_sims, list_sims, read_sim


@click.group(cls=rich_click.RichGroup)
def sims() -> None:
    """Keep the stock of SIMs and eSIMs. An ICCID is the number on the card."""


@sims.command("import", cls=rich_click.RichCommand)
@imports_file("imported")
@reason
@answering
def import_command(
    file: Path, dry_run: bool, all_or_nothing: bool, report: Path | None, reason: str
) -> Answer:
    """Import SIMs from FILE (CSV). Good rows are imported, bad rows are reported.

    Columns: iccid, imsi, kind (physical or esim), activation_code (LPA:1$…, of an esim); in any
    order. The same file may be imported again: rows that were imported before change nothing.
    """

    async def bring(desk: Desk) -> ImportResult:
        """Run the import."""
        entry = desk.operator.sims
        row_rules = SimRowRules(
            keys=desk.keys,
            now=desk.now,
            iccid_prefixes=entry.iccid_prefixes,
            imsi_prefixes=entry.imsi_prefixes,
        )
        with progress("importing SIMs") as told:
            request = ImportRequest(
                path=file,
                actor=actor(reason),
                all_or_nothing=all_or_nothing,
                dry_run=dry_run,
                on_refused=refusals.add,
                progress=told,
            )
            return await import_sims(desk.database, request, row_rules)

    with report_to(report) as refusals:
        result = at_desk(bring)
    counts = f"{result.created} new, {result.unchanged} unchanged, {result.refused} refused."
    return import_answer(result, refusals, counts=counts, all_or_nothing=all_or_nothing)


@sims.command("list", cls=rich_click.RichCommand)
@click.option("--state", type=click.Choice([state.name.lower() for state in SimState]))
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, help="How many to list.")
@answering
def list_command(state: str | None, limit: int) -> Answer:
    """Count SIMs by state and kind, and list them by their numbers."""

    async def look(desk: Desk) -> Answer:
        """Read and describe them."""
        counts = await count_sims(desk.database)
        wanted = SimState[state.upper()] if state else None
        found = await list_sims(desk.database, wanted, limit)
        counted = [
            {"state": of_state, "kind": kind, "count": count}
            for (of_state, kind), count in counts.items()
        ]
        lines = [
            f"{of_state.name.lower()} {kind.name.lower()}: {count}"
            for (of_state, kind), count in counts.items()
        ]
        lines += [f"{sim.iccid}  {_word(sim.state)}  {_word(sim.kind)}" for sim in found]
        document = {"counts": counted, "items": [_document(sim) for sim in found]}
        return Answer(document=document, text="\n".join(lines) or "There are no SIMs.")

    return at_desk(look)


@sims.command(cls=rich_click.RichCommand)
@click.argument("iccid")
@answering
def show(iccid: str) -> Answer:
    """Show the SIM ICCID. The activation code of an eSIM is shown to its subscriber alone."""

    async def look(desk: Desk) -> Answer:
        """Read the SIM and whom it serves."""
        sim = await _require_sim(desk, iccid)
        account = None if sim.line_id is None else await read_line_of(desk.database, sim.line_id)
        msisdn = str(account.line.msisdn) if account else None
        document = {**_document(sim), "msisdn": msisdn}
        lines = [f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in document.items()]
        return Answer(document=document, text="\n".join(lines))

    return at_desk(look)


@sims.command(cls=rich_click.RichCommand)
@click.argument("iccid")
@reason
@answering
def installed(iccid: str, reason: str) -> Answer:
    """Say that the eSIM ICCID is in its phone: its activation code is erased."""

    async def note(desk: Desk) -> Answer:
        """Have the engine note it."""
        sim = await _require_sim(desk, iccid)
        if sim.line_id is None:
            raise SimNotUsable(state=sim.state.name.lower())
        command = ReportInstalled(line_id=sim.line_id, iccid=sim.iccid, actor=actor(reason))
        async with desk.engine() as engine:
            done = await engine.submit(command)
        document = {"iccid": done.iccid, "installed_at": done.installed_at}
        return Answer(document=document, text=f"{done.iccid}: installed, its code is erased")

    return at_desk(note)


@sims.command(cls=rich_click.RichCommand)
@click.argument("iccid")
@click.option("--lost", is_flag=True, help="It was lost; else it is damaged, or not wanted.")
@reason
@answering
def retire(iccid: str, lost: bool, reason: str) -> Answer:
    """Take the SIM ICCID out of the stock. One that serves a line is replaced instead."""

    async def end(desk: Desk) -> Answer:
        """Take it out."""
        sim = await retire_sim(desk.database, fold_iccid(iccid), actor(reason), is_lost=lost)
        document = {"iccid": sim.iccid, "state": sim.state}
        return Answer(document=document, text=f"{sim.iccid}: {_word(sim.state)}")

    return at_desk(end)


async def _require_sim(desk: Desk, iccid: str) -> SimView:
    sim = await read_sim(desk.database, fold_iccid(iccid))
    if sim is None:
        raise SimUnknown
    return sim


def _document(sim: SimView) -> dict[str, object]:
    facts = asdict(sim)
    del facts["line_id"]
    return facts


def _word(value: SimState | SimKind) -> str:
    return value.name.lower()


def _plain(value: object) -> str:
    if isinstance(value, SimState | SimKind):
        return _word(value)
    return "-" if value in (None, "") else str(value)

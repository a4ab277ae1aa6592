"""tambah tariff …: sheets of rates, what they change, and what a call costs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import rich_click

from tambah.cli.asking import ask_for, document_of, takes_two
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.options import reason
from tambah.cli.reports import Refusals, report_to
from tambah.cli.tariff_words import (
    difference_document,
    quote_document,
    quote_words,
    result_document,
    result_words,
    sheet_document,
    sheet_words,
)
from tambah.domain.approval import Deed
from tambah.domain.dialling import fold_destination
from tambah.domain.rating import Service
from tambah.domain.tariff import HOME, RECEIVED, STANDARD, Usage
from tambah.engine.approving.of_tariffs import ask_tariff, asked_already
from tambah.engine.tariffs import TariffRequest, TariffResult, load_tariff, read_book
from tambah.engine.tariffs.loading import Came
from tambah.store.tariffs import list_sheets

_NOW = "now"
_SERVICE = click.Choice([service.name.lower() for service in Service])


class Moment(click.ParamType[str]):
    """`now`, a day in the operator's zone ("2026-12-31"), or an instant with its offset."""

    name = "moment"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the text, if it can be read."""
        text = str(value)
        try:
            if text != _NOW:
                datetime.fromisoformat(text)
        except ValueError:
            self.fail("write now, a day like 2026-12-31, or 2026-12-31T18:00+08:00", param, ctx)
        return text


def _instant(text: str, desk: Desk) -> datetime | None:
    """Read a moment by the operator's clocks; None for now."""
    if text == _NOW:
        return None
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=desk.rules.validity.zone)


@click.group(cls=rich_click.RichGroup)
def tariff() -> None:
    """Load rate sheets, list them, and say what a call, a message or data costs."""


@tariff.command("load", cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tariff", "name", default=STANDARD, show_default=True, help="Its name.")
@click.option(
    "--from",
    "since",
    type=Moment(),
    required=True,
    help="In force from the beginning of this day on, from an instant, or from now.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would change and what is wrong.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write each bad row to this file, a JSON document a line.",
)
@reason
@answering
def load_command(
    file: Path, name: str, since: str, dry_run: bool, report: Path | None, reason: str
) -> Answer:
    """Load the rates of FILE (CSV) as the next sheet of a tariff, and say what that changes.

    Columns: service, origin, destination, on_net, hours, connection, price, per, first, next,
    rounding, round_to, class, name; in any order. With a single bad row nothing is loaded. Once
    two people work here who could decide it, it is asked for and waits for one of them.
    """

    async def bring(desk: Desk) -> Answer:
        """Load it, or ask for it."""
        asks = not dry_run and await takes_two(desk, Deed.LOAD_TARIFF)
        request = TariffRequest(
            path=file,
            tariff=name,
            actor=actor(reason),
            now=desk.now,
            effective_from=_instant(since, desk),
            asks=asks,
            dry_run=dry_run,
            zones=desk.operator.tariffs.zones,
            on_refused=refusals.add,
        )
        result = await load_tariff(desk.database, request)
        asked = await _ask(desk, result, reason) if result.came is Came.ASKED else None
        return _answer(result, refusals, desk, asked)

    with report_to(report) as refusals:
        return at_desk(bring)


async def _ask(desk: Desk, result: TariffResult, why: str) -> Answer:
    """File the request, unless the same sheet waits for an answer already."""
    there = await asked_already(desk.database, result, desk.now)
    if there is not None:
        text = f"It is request {there.approval_id} already, which nobody has decided yet."
        return Answer(document=document_of(there, desk), text=text)
    return await ask_for(desk, ask_tariff(result), actor(why))


def _answer(result: TariffResult, refusals: Refusals, desk: Desk, asked: Answer | None) -> Answer:
    document = result_document(result) | {
        "rows": refusals.first,
        "rows_left_out": refusals.left_out,
    }
    lines = [*result_words(result, desk.rules.validity.zone), *refusals.lines()]
    if asked is not None:
        document["request"] = asked.document
        lines.append(asked.text)
    return Answer(document=document, text="\n".join(lines), is_wrong=result.came is Came.BAD)


@tariff.command("quote", cls=rich_click.RichCommand)
@click.argument("number", default="")
@click.option("--at", type=Moment(), default=_NOW, show_default=True, help="At which moment.")
@click.option("--service", type=_SERVICE, default="voice", show_default=True, help="For what.")
@click.option("--from-zone", "origin", default=HOME, show_default=True, help="A roaming zone.")
@click.option("--plan", default="", help="Of the lines that have this plan.")
@click.option("--on-net", is_flag=True, help="The number is on our own network.")
@click.option("--application", default="", help="Of data: its class.")
@answering
def quote_command(  # noqa: PLR0913 - a parameter for each option
    number: str, at: str, service: str, origin: str, plan: str, on_net: bool, application: str
) -> Answer:
    """Say what a call to NUMBER costs, or a message to it; data without a number.

    NUMBER is written as people do (+86 755 …, 012-345 6789, 999), or `received`.
    """

    async def look(desk: Desk) -> Answer:
        """Read the book and ask it."""
        kind = Service[service.upper()]
        if kind is not Service.DATA and not number:
            raise CommandRefused("number_missing", "Which number? Only data needs none.")
        tariffs = desk.rules.tariffs
        book = await read_book(desk.database, tariffs.plans, desk.now)
        moment = _instant(at, desk) or desk.now
        zone = desk.rules.validity.zone
        to = number if number == RECEIVED else fold_destination(number, desk.rules.numbers)
        usage = Usage(
            service=kind,
            origin=origin,
            to="" if kind is Service.DATA else to,
            on_net=on_net,
            application=application,
        )
        quoted = book.quote(book.tariff_of(plan), usage, moment, zone)
        document = {"tariff": book.tariff_of(plan), **quote_document(usage, quoted, moment)}
        return Answer(document=document, text=quote_words(usage, quoted, zone))

    return at_desk(look)


@tariff.command("list", cls=rich_click.RichCommand)
@answering
def list_command() -> Answer:
    """List the sheets of all tariffs, the latest first."""

    async def look(desk: Desk) -> Answer:
        """Read the sheets."""
        found = await list_sheets(desk.database)
        documents = [
            sheet_document(one) | {"difference": difference_document(one.difference)}
            for one in found
        ]
        lines = [sheet_words(one, desk.rules.validity.zone, desk.now) for one in found]
        return Answer(
            document={"sheets": documents}, text="\n".join(lines) or "There is no sheet."
        )

    return at_desk(look)

"""tambah books …: closing days and months, the three-way reconciliation, the journal."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TextIO

import click
import rich_click

from tambah.cli.book_words import (
    close_document,
    close_in_words,
    three_way_document,
    three_way_in_words,
)
from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import DAY, reason
from tambah.cli.progress import progress
from tambah.cli.providers import payment_desk
from tambah.domain.finance.closing import Close, Period, PeriodKind
from tambah.domain.finance.three_way import ThreeWay
from tambah.domain.matching import Span
from tambah.domain.payment import ProviderId
from tambah.engine.finance import (
    JournalRequest,
    close_period,
    prove_chain,
    read_period,
    write_journal,
)
from tambah.engine.operator import account_codes
from tambah.payments.names import read_payment_id
from tambah.payments.reconcile import Question
from tambah.payments.three_ways import reconcile_books
from tambah.store.closes import read_closes

_A_DAY = timedelta(days=1)


class Month(click.ParamType[date]):
    """A month, "2026-12", as its first day."""

    name = "month"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Return the month's first day."""
        try:
            return datetime.strptime(f"{value}-01", "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail("write a month like 2026-12", param, ctx)


_DAY_OPTION = click.option("--day", type=DAY, help="A local day, 2026-12-31.")
_MONTH_OPTION = click.option("--month", type=Month(), help="A local month, 2026-12.")


@click.group(cls=rich_click.RichGroup)
def books() -> None:
    """Close days and months, see what is owed and what is unexplained, export the journal."""


@books.command(cls=rich_click.RichCommand)
@_DAY_OPTION
@_MONTH_OPTION
@reason
@answering
def close(day: date | None, month: date | None, reason: str) -> Answer:
    """Close a day or a month that is over; the same again shows what was closed.

    Days are closed in order, from whichever is the first. What does not agree is not closed.
    """
    period = _period(day, month)

    async def work(desk: Desk) -> Answer:
        """Close it."""
        with progress("closing"):
            done = await close_period(desk.database, period, actor(reason), desk.rules.validity)
        document = {"new": done.is_new, **close_document(done.close)}
        told = f"{period}: {'closed' if done.is_new else 'was closed already'}."
        return Answer(document=document, text=f"{close_in_words(done.close, desk.zone)}\n{told}")

    return at_desk(work)


@books.command(cls=rich_click.RichCommand)
@_DAY_OPTION
@_MONTH_OPTION
@click.option("--limit", type=click.IntRange(1, 1000), default=31, show_default=True)
@answering
def show(day: date | None, month: date | None, limit: int) -> Answer:
    """Show a close, or list the last ones; either way their whole chain is proved.

    Status 1 when a close is not what it was when it was written.
    """
    period = _period(day, month) if day or month else None

    async def look(desk: Desk) -> Answer:
        """Read, and prove the chain."""
        broken = await prove_chain(desk.database)
        if period is not None:
            found = await read_period(desk.database, period)
            document, text = close_document(found), close_in_words(found, desk.zone)
        else:
            closes = await read_closes(desk.database, limit=limit)
            document = {"closes": [close_document(one) for one in closes]}
            lines = [_in_a_line(one, desk.zone) for one in closes]
            text = "\n".join(lines) or "Nothing is closed yet."
        wrong = str(broken.period) if broken else None
        if wrong:
            text += f"\nThe chain is broken at {wrong}: that close is not what was written."
        return Answer(
            document={**document, "broken_at": wrong}, text=text, is_wrong=broken is not None
        )

    return at_desk(look)


@books.command(cls=rich_click.RichCommand)
@click.option("--from", "first", type=DAY, help="The first local day; yesterday if left out.")
@click.option("--to", "last", type=DAY, help="The last local day; yesterday if left out.")
@answering
def reconcile(first: date | None, last: date | None) -> Answer:
    """Compare what was sold, what was used and what is owed; list all that is unexplained.

    Asks the payment providers. Status 1 when anything is unexplained or one cannot be asked.
    """

    async def look(desk: Desk) -> Answer:
        """Ask, compare, describe."""
        today = desk.rules.validity.local_day(desk.now)
        end = last or max(today - _A_DAY, first or today - _A_DAY)
        with progress("reconciling"):
            found = await _three_ways(desk, _span(first or end, end), today)
        return Answer(
            document=three_way_document(found),
            text=three_way_in_words(found),
            is_wrong=not found.is_clean,
        )

    return at_desk(look)


@books.command(cls=rich_click.RichCommand)
@click.option("--from", "first", type=DAY, required=True, help="The first local day.")
@click.option("--to", "last", type=DAY, required=True, help="The last local day.")
@click.option("--each", is_flag=True, help="Every transfer, not one line for day and booking.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@reason
@answering
def export(first: date, last: date, each: bool, file: Path, reason: str) -> Answer:
    """Write the journal to FILE as CSV (UTF-8) for an accounting system.

    Accounts have the codes of [finance.accounts] in operator.toml.
    """
    if file.exists():
        raise CommandRefused("file", f"{file} is there already; choose another name.")
    wanted = JournalRequest(span=_span(first, last), each_transfer=each)

    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        # Written beside its final name, and renamed when it is whole.
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(opened, "w", encoding="utf-8", newline="") as output, progress("exporting"):
            lines = at_desk(lambda desk: _write(desk, wanted, output, reason))
        part.rename(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Answer(document={"file": file, "lines": lines}, text=f"{file}: {lines} lines.")


async def _write(desk: Desk, wanted: JournalRequest, output: TextIO, reason: str) -> int:
    """Write a journal; return how many lines it has, its header left out."""
    lines = -1
    async for piece in write_journal(
        desk.database,
        wanted,
        actor(reason),
        codes=account_codes(desk.operator),
        validity=desk.rules.validity,
    ):
        lines += piece.count("\r\n")
        output.write(piece)
    return lines


def _in_a_line(close: Close, zone: tzinfo) -> str:
    return f"{close.period}  {show_instant(close.closed_at, zone)}  {close.who}"


async def _three_ways(desk: Desk, span: Span, today: date) -> ThreeWay:
    async with desk.engine() as engine, payment_desk(desk, engine) as counter:
        question = Question(
            span=span,
            providers=counter.providers.by_id if counter else {},
            wanted=tuple(ProviderId),
            today=today,
            validity=desk.rules.validity,
            read_id=lambda name: read_payment_id(desk.keys, name),
        )
        return await reconcile_books(desk.database, question)


def _period(day: date | None, month: date | None) -> Period:
    if (day is None) is (month is None):
        raise click.UsageError("give either --day or --month")
    if day is not None:
        return Period(kind=PeriodKind.DAY, first=day)
    assert month is not None, "one of them was given"
    return Period(kind=PeriodKind.MONTH, first=month)


def _span(first: date, last: date) -> Span:
    if first > last:
        raise click.BadParameter("--from is after --to")
    return Span(first=first, last=last)

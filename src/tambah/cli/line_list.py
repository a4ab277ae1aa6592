"""tambah lines list: lines in the order of their numbers."""

from __future__ import annotations

from datetime import date

import click
import rich_click

from tambah.cli.desk import Desk, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.options import DAY
from tambah.domain.line import LineState
from tambah.domain.money import ringgit
from tambah.domain.numbering import fold_msisdn, fold_prefix, show_msisdn
from tambah.store.views.line_lists import LineRow, LinesWanted, lines_listed
from tambah.store.views.listed import fetch_listed

_STATES = [state.name.lower() for state in LineState]


@click.command("list", cls=rich_click.RichCommand)
@click.option("--starts", default="", help="Numbers that begin so: 012, 6012.")
@click.option("--state", type=click.Choice(_STATES), help="Only lines in that state.")
@click.option("--plan", help="Only lines of that plan.")
@click.option("--before", type=DAY, help="Only those whose validity ends before that local day.")
@click.option("--after", help="Go on after that number.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@answering
def list_command(
    starts: str,
    state: str | None,
    plan: str | None,
    before: date | None,
    after: str | None,
    limit: int,
) -> Answer:
    """List lines in the order of their numbers, as they are stored."""

    async def look(desk: Desk) -> Answer:
        """Read them."""
        numbers, validity = desk.rules.numbers, desk.rules.validity
        wanted = LinesWanted(
            state=LineState[state.upper()] if state else None,
            plan=plan,
            starts=fold_prefix(starts, numbers),
            ends_before=validity.start_of(before) if before else None,
        )
        place = fold_msisdn(after, numbers) if after else None
        found = await fetch_listed(desk.database, lines_listed(wanted, place), limit + 1)
        shown = found[:limit]
        following = str(shown[-1].msisdn) if len(found) > limit else None
        lines = [_in_a_line(row, desk) for row in shown]
        if following:
            lines.append(f"More: --after {following}")
        return Answer(
            document={"items": [_listed(row) for row in shown], "next": following},
            text="\n".join(lines) or "There is none.",
        )

    return at_desk(look)


def _listed(row: LineRow) -> dict[str, object]:
    return {
        "msisdn": str(row.msisdn),
        "state": row.state,
        "plan": row.plan,
        "language": row.language.tag,
        "barred": row.barred,
        "suspended": row.suspended,
        "active_until": row.active_until,
        "balance": ringgit(row.main_micros),
    }


def _in_a_line(row: LineRow, desk: Desk) -> str:
    until = row.active_until
    last = f"until {desk.rules.validity.last_day(until)}" if until else "not active yet"
    state = row.state.name.lower()
    state += ", barred" if row.barred else ""
    state += ", suspended" if row.suspended else ""
    number = show_msisdn(row.msisdn, desk.rules.numbers)
    credit = f"RM{ringgit(row.main_micros)}"
    return f"{number}  {state}  {row.plan}  {row.language.tag}  {credit}  {last}"

"""tambah audit …: what was done by hand, and the signed ends of its chains."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, answering
from tambah.cli.instants import show_instant
from tambah.cli.options import DAY, reason
from tambah.engine.trail import MOST_HEAD_BYTES, check_head, write_head
from tambah.store.views.listed import fetch_listed
from tambah.store.views.trail import TrailWanted, trail_listed


@click.group(cls=rich_click.RichGroup)
def audit() -> None:
    """Read what was done by hand; keep the ends of its chains elsewhere, check against them."""


@audit.command("list", cls=rich_click.RichCommand)
@click.option("--who", help="Of somebody: cli:root, staff:mina.")
@click.option("--subject", help="To something: voucher_batch:7, partner:12.")
@click.option("--since", type=DAY, help="From that local day on.")
@click.option("--until", type=DAY, help="To the end of that local day.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, help="At most so many.")
@answering
def list_command(
    who: str | None, subject: str | None, since: date | None, until: date | None, limit: int
) -> Answer:
    """List what was done by hand, the latest first."""

    async def work(desk: Desk) -> Answer:
        """Read it."""
        start_of = desk.rules.validity.start_of
        wanted = TrailWanted(
            who=who,
            subject=subject,
            since=start_of(since) if since else None,
            until=start_of(until + timedelta(days=1)) if until else None,
        )
        rows = await fetch_listed(desk.database, trail_listed(wanted, None), limit)
        items = [
            {
                "place": f"{row.day}/{row.seq}",
                "at": row.at,
                "who": row.who,
                "action": row.action,
                "subject": row.subject,
                "why": row.why,
                "before": row.before,
                "after": row.after,
            }
            for row in rows
        ]
        lines = [
            f"{show_instant(row.at, desk.zone)}  {row.who}  {row.action}  {row.subject}  {row.why}"
            for row in rows
        ]
        return Answer(
            document={"items": items, "next": None}, text="\n".join(lines) or "There is nothing."
        )

    return at_desk(work)


@audit.command(cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@reason
@answering
def head(file: Path, reason: str) -> Answer:
    """Write the signed ends of all days' chains to FILE; keep it on another machine."""

    async def work(desk: Desk) -> bytes:
        """Sign them."""
        return await write_head(desk.database, desk.keys, actor(reason), desk.now)

    content = at_desk(work)
    with file.open("xb") as opened:
        opened.write(content)
    return Answer(document={"file": file, "bytes": len(content)}, text=f"{file} is written.")


@audit.command(cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@answering
def check(file: Path) -> Answer:
    """Compare FILE, written by `tambah audit head`, with the trail. Exit 1 if anything is gone."""

    async def work(desk: Desk) -> Answer:
        """Compare them."""
        with file.open("rb") as opened:
            text = opened.read(MOST_HEAD_BYTES + 1)
        found = await check_head(desk.database, desk.keys, text)
        lines = [f"{place}: the row is gone" for place in found.missing]
        lines += [f"{place}: the row is another" for place in found.changed]
        if not found.is_ours:
            lines.append("It was not signed with this installation's pepper.")
        if found.is_clean:
            lines.append(f"The trail holds all of {found.days} days that it held on {found.at}.")
        document = {
            "clean": found.is_clean,
            "written_at": found.at,
            "days": found.days,
            "missing": list(found.missing),
            "changed": list(found.changed),
            "signed_here": found.is_ours,
        }
        return Answer(document=document, text="\n".join(lines), is_wrong=not found.is_clean)

    return at_desk(work)

"""tambah vouchers specimen, template, replace: how cards look, and cards given for others."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import click
import rich_click

from tambah.cli.desk import Desk, actor, at_desk
from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.options import RINGGIT, reason
from tambah.desks.printing import Promise, sheet_design
from tambah.domain.money import ringgit
from tambah.domain.voucher import parse_serial
from tambah.engine.vouchers import (
    TEMPLATES,
    PrintedKind,
    SheetDesign,
    draw_specimen,
    replace_card,
)


def printed_kinds(*, sheets: bool, slips: bool) -> tuple[PrintedKind, ...]:
    """Return which documents --sheets and --slips ask for."""
    asked: list[PrintedKind] = []
    if sheets:
        asked.append("cards")
    if slips:
        asked.append("slips")
    return tuple(asked)


def design_at(desk: Desk, kinds: tuple[PrintedKind, ...], promise: Promise) -> SheetDesign:
    """Return how this installation's cards are printed."""
    public_url = desk.base.settings.public_url
    return sheet_design(desk.operator, desk.rules, public_url, kinds, promise)


@click.command(cls=rich_click.RichCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--price", type=RINGGIT, help="Of which denomination; the first in force if none.")
@click.option("--slips", is_flag=True, help="Slips for a roll of 80 mm instead of cards.")
@answering
def specimen(file: Path, price: int | None, slips: bool) -> Answer:
    """Write FILE, a PDF to proof-read: cards as they will be, with codes that are none."""
    kind: PrintedKind = "slips" if slips else "cards"

    async def draw(desk: Desk) -> bytes:
        """Draw it."""
        catalog = desk.rules.catalog
        chosen = price or catalog.on_sale(desk.now)[0].price_micros
        design = design_at(desk, (kind,), Promise(price_micros=chosen, now=desk.now))
        return await asyncio.to_thread(draw_specimen, kind, design)

    pdf = at_desk(draw)
    with file.open("xb") as to:
        to.write(pdf)
    return Answer(
        document={"file": file, "bytes": len(pdf)},
        text=f"{file}: {len(pdf)} bytes. Its codes are not codes.",
    )


@click.command(cls=rich_click.RichCommand)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@answering
def template(folder: Path) -> Answer:
    """Copy our templates for cards and slips to FOLDER, to be changed there."""
    if folder.exists() and any(folder.iterdir()):
        raise CommandRefused("folder_not_empty", f"{folder} is not empty; name another.")
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in TEMPLATES.glob("*.typ"))
    for name in names:
        shutil.copyfile(TEMPLATES / name, folder / name)
    text = (
        f"{', '.join(names)} are in {folder}. Set [printing] templates in operator.toml to"
        f" {os.fspath(folder.resolve())!r}, and look at `tambah vouchers specimen`."
    )
    return Answer(document={"folder": folder, "files": names}, text=text)


@click.command(cls=rich_click.RichCommand)
@click.argument("serial")
@click.option("--with", "substitute", required=True, help="The serial number of an unsold card.")
@reason
@answering
def replace(serial: str, substitute: str, reason: str) -> Answer:
    """Void the lost or damaged card SERIAL and activate another, unsold one for it."""
    lost, given = parse_serial(serial), parse_serial(substitute)
    done = at_desk(lambda desk: replace_card(desk.database, lost, given, actor(reason), desk.now))
    return Answer(
        document={
            "void": done.lost,
            "active": done.given,
            "price": ringgit(done.price_micros),
        },
        text=f"{done.lost} is void; {done.given} is active for it.",
    )

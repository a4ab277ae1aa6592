"""tambah charging …: the network's doors, each a process of its own."""

from __future__ import annotations

import sys

import click
import rich_click

from tambah.app import Base
from tambah.app.charging import open_diameter
from tambah.cli.frame import Answer, say
from tambah.cli.serving import stay, until_told
from tambah.config import Settings


@click.group(cls=rich_click.RichGroup)
def charging() -> None:
    """Charge calls, data and messages while they are used."""


@charging.command(cls=rich_click.RichCommand)
@click.option("--json", "as_json", is_flag=True, help="Say where it is as a JSON document.")
def diameter(as_json: bool) -> None:
    """Answer Gy and Ro (Diameter) until it is told to stop; see [diameter] in operator.toml."""

    async def work(base: Base, _: Settings) -> None:
        """Open the server, say where it is, wait."""
        async with open_diameter(base) as where:
            say(
                Answer(document={"diameter": where}, text=f"Diameter is answered at {where}"),
                as_json=as_json,
            )
            sys.stdout.flush()
            await until_told()

    stay(work, as_json=as_json)

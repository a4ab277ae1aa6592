"""tambah charging …: the network's doors, each a process of its own."""

from __future__ import annotations

import secrets
import sys

import click
import msgspec
import rich_click

from tambah.app import Base, listen, open_house, serve_nchf, url_of
from tambah.app.charging import open_diameter
from tambah.charging.nchf import TOKEN_PURPOSE
from tambah.cli.desk import Desk, at_desk
from tambah.cli.frame import Answer, answering, say
from tambah.cli.serving import BACKLOG, stay, until_told
from tambah.config import Settings

_TOKEN_BYTES = 32


@click.group(cls=rich_click.RichGroup)
def charging() -> None:
    """Charge calls, data and messages while they are used."""


@charging.command(cls=rich_click.RichCommand)
@click.option("--json", "as_json", is_flag=True, help="Say where it is as a JSON document.")
def nchf(as_json: bool) -> None:
    """Serve a 5G core by Nchf until it is told to stop; requests under way are answered first.

    Where, for whom and how is said by `nchf` of operator.toml.
    """

    async def work(base: Base, settings: Settings) -> None:
        """Open the house, say where it is, serve."""
        async with open_house(base, works=False) as house:
            entry = house.site.operator.nchf
            here = msgspec.structs.replace(settings, listen=entry.listen)
            bound = listen(here, demo=False)
            bound.listen(BACKLOG)
            url = url_of(bound)
            if entry.certificate:
                url = url.replace("http://", "https://", 1)
            say(Answer(document={"url": url}, text=f"Nchf is at {url}"), as_json=as_json)
            sys.stdout.flush()
            await serve_nchf(house.site, bound)

    stay(work, as_json=as_json)


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


@charging.command(cls=rich_click.RichCommand)
@answering
def token() -> Answer:
    """Make a bearer token for a network function. It is shown now and never again.

    operator.toml has its digest alone, which is of no use without the pepper.
    """

    async def make(desk: Desk) -> Answer:
        """Draw it and digest it."""
        drawn = secrets.token_urlsafe(_TOKEN_BYTES)
        digest = desk.keys.digest(TOKEN_PURPOSE, drawn).hex()
        lines = (
            f"Token, for the network function: {drawn}",
            f"Digest, for operator.toml:       {digest}",
        )
        return Answer(document={"token": drawn, "digest": digest}, text="\n".join(lines))

    return at_desk(make)

"""tambah simulate: a day of subscribers, over the HTTP API."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import click
import httpx2
import msgspec
import rich_click

from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.progress import progress
from tambah.simulator.day import Act, plan_day
from tambah.simulator.network import HttpNetwork
from tambah.simulator.report import Report, draw
from tambah.simulator.running import run_day

_ALIVE = "active"


class _Line(msgspec.Struct, frozen=True):
    msisdn: str
    state: str


class _Demo(msgspec.Struct, frozen=True):
    """What is read of demo.json."""

    url: str
    api_key: str
    lines: tuple[_Line, ...]
    switch_key: str = ""


@click.command(cls=rich_click.RichCommand)
@click.option(
    "--demo",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A running demo's demo.json: its address, key and active lines.",
)
@click.option("--url", default="", help="Where the service is, if it is no demo.")
@click.option(
    "--api-key",
    envvar="TAMBAH_API_KEY",
    default="",
    help="A key that may charge and top up; best given by TAMBAH_API_KEY.",
)
@click.option(
    "--numbers",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with a number on each line, if it is no demo.",
)
@click.option("--lines", "most", type=click.IntRange(1), default=100, show_default=True,
              help="How many subscribers, at most.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0), default=1.0, show_default=True,
              help="Press the day into so many minutes; 0 for as fast as it goes.")  # fmt: skip
@click.option("--at-once", type=click.IntRange(1, 1000), default=32, show_default=True,
              help="How many do something at the same time, at most.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True,
              help="The same seed makes the same day.")  # fmt: skip
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an SVG of traffic and money by hour.",
)
@answering
def simulate(  # noqa: PLR0913 - an option each
    demo: Path | None,
    url: str,
    api_key: str,
    numbers: Path | None,
    most: int,
    minutes: float,
    at_once: int,
    seed: int,
    picture: Path | None,
) -> Answer:
    """Have made-up subscribers call, text, browse, buy and top up for a day.

    This spends the credit of the numbers it is given, and the key's float: for a demo or a test
    system.
    """
    if demo is not None:
        found = _read_demo(demo)
        url, api_key = found.url, found.switch_key or found.api_key
        msisdns = [one.msisdn for one in found.lines if one.state == _ALIVE]
    elif url and api_key and numbers is not None:
        msisdns = numbers.read_text(encoding="utf-8").split()
    else:
        raise click.UsageError("give --demo, or --url, --api-key and --numbers")
    if not msisdns:
        raise CommandRefused("no_numbers", "There is no active number to simulate.")
    acts = plan_day(msisdns[:most], seed=seed)
    began = time.monotonic()
    report = asyncio.run(_run(url, api_key, acts, minutes=minutes, at_once=at_once))
    seconds = time.monotonic() - began
    if picture is not None:
        picture.write_text(draw(report), encoding="utf-8")
    return Answer(document=report.document(seconds), text=report.text(seconds))


async def _run(url: str, api_key: str, acts: list[Act], *, minutes: float, at_once: int) -> Report:
    run = f"sim-{secrets.token_hex(4)}"
    try:
        async with HttpNetwork(url, api_key, run) as network:
            with progress("a day") as advance:
                return await run_day(
                    network, acts, minutes=minutes, at_once=at_once, progress=advance
                )
    except* httpx2.HTTPError as gone:
        raise CommandRefused(
            "service_away", f"{url} does not answer ({type(gone.exceptions[0]).__name__})."
        ) from gone


def _read_demo(path: Path) -> _Demo:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Demo)
    except msgspec.DecodeError as wrong:
        raise CommandRefused("demo_file_malformed", f"{path} is no demo.json: {wrong}") from wrong

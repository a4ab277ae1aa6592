"""tambah simulate: a day of subscribers, over the HTTP API and Diameter."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import click
import httpx2
import msgspec
import rich_click

from tambah.cli.frame import Answer, CommandRefused, answering
from tambah.cli.progress import progress
from tambah.simulator.day import Act, plan_day
from tambah.simulator.diameter import DiameterNetwork
from tambah.simulator.gateway import Gateway, GatewayLost, GatewayRefused
from tambah.simulator.network import HttpNetwork
from tambah.simulator.report import Report, draw
from tambah.simulator.running import Network, run_day

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
@click.option("--diameter", default="", metavar="ADDRESS:PORT",
              help="Charge use at this Diameter server, not over HTTP.")  # fmt: skip
@click.option("--host", default="pgw.kampungtel.example", show_default=True,
              help="Who we say we are there: one of its [[diameter.peers]].")  # fmt: skip
@click.option("--realm", default="kampungtel.example", show_default=True,
              help="Our realm there, and the server's.")  # fmt: skip
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
    diameter: str,
    host: str,
    realm: str,
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
    gateway = _Element(diameter, host, realm) if diameter else None
    report = asyncio.run(_run(url, api_key, acts, gateway, minutes=minutes, at_once=at_once))
    seconds = time.monotonic() - began
    if picture is not None:
        picture.write_text(draw(report), encoding="utf-8")
    return Answer(document=report.document(seconds), text=report.text(seconds))


class _Element(NamedTuple):
    """An element of the network: the Diameter server that it asks, and who it says it is."""

    where: str
    host: str
    realm: str


async def _run(
    url: str,
    api_key: str,
    acts: list[Act],
    element: _Element | None,
    *,
    minutes: float,
    at_once: int,
) -> Report:
    run = f"sim-{secrets.token_hex(4)}"
    try:
        async with AsyncExitStack() as closing:
            http = await closing.enter_async_context(HttpNetwork(url, api_key, run))
            network: Network = http
            if element is not None:
                gateway = Gateway(*element)
                closing.push_async_callback(gateway.close)
                await gateway.open()
                network = DiameterNetwork(gateway, element.realm, http, run)
            with progress("a day") as advance:
                return await run_day(
                    network, acts, minutes=minutes, at_once=at_once, progress=advance
                )
    except* httpx2.HTTPError as gone:
        raise CommandRefused(
            "service_away", f"{url} does not answer ({type(gone.exceptions[0]).__name__})."
        ) from gone
    except* GatewayLost as gone:
        assert element is not None
        raise CommandRefused("service_away", f"{element.where} does not answer.") from gone
    except* GatewayRefused as no:
        assert element is not None
        raise CommandRefused(
            "not_a_peer",
            f"{element.where} does not take {element.host} of {element.realm} as a peer: name it"
            " in [[diameter.peers]] of its operator.toml, with the address that it comes from.",
        ) from no


def _read_demo(path: Path) -> _Demo:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Demo)
    except msgspec.DecodeError as wrong:
        raise CommandRefused("demo_file_malformed", f"{path} is no demo.json: {wrong}") from wrong

"""tambah demo, serve, worker: the processes that stay until they are told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import click
import rich_click

from tambah.app import Base, build_asgi, find_base, listen, open_house, url_of
from tambah.app import serve as serve_on
from tambah.cli.frame import Answer, refuse, run, say
from tambah.cli.logs import configure_logging
from tambah.config import ConfigError, Settings, read_settings
from tambah.jobs.demo import FILE, DemoFile, write_demo_file
from tambah.store.database import CONNECTION_LOST
from tambah.store.embedded import EmbeddedFailed

_EXPECTED = (ConfigError, EmbeddedFailed, *CONNECTION_LOST)
BACKLOG = 2048
_Work = Callable[[Base, Settings], Awaitable[None]]


def stay(work: _Work, *, as_json: bool) -> None:
    """Do long-lived work on the database that the settings name, then leave it in order."""
    try:
        settings = read_settings()
        configure_logging(settings.log_level)
        base = find_base(settings)  # in the main thread: the server would end with any other

        async def working() -> None:
            """Work until told to stop."""
            await work(base, settings)

        try:
            run(working())
        finally:
            base.close()
    except _EXPECTED as error:
        refuse(error, as_json=as_json)


@click.command(cls=rich_click.RichCommand)
@click.option("--anywhere", is_flag=True, help="Listen beyond this machine; see the message.")
@click.option("--json", "as_json", is_flag=True, help="Say where it is as a JSON document.")
def demo(anywhere: bool, as_json: bool) -> None:
    """Run the whole product with made-up data until it is told to stop (Ctrl-C).

    The data stays where it is and is taken up again the next time.
    """

    async def work(base: Base, settings: Settings) -> None:
        """Open the house, say where it is, serve."""
        bound = listen(settings, demo=True, anywhere=anywhere)
        async with open_house(base, demo=True, url=url_of(bound)) as house:
            application = build_asgi(house.site, house.switchboard)
            # From here on callers queue up: whoever reads the address may come at once.
            bound.listen(BACKLOG)
            made = write_demo_file(base.data_dir, url_of(bound))
            say(_welcome(base, made), as_json=as_json)
            sys.stdout.flush()
            await serve_on(application, bound)

    stay(work, as_json=as_json)


def _welcome(base: Base, made: DemoFile) -> Answer:
    places = {
        "portal": made.url,
        "codes": f"{made.url}/sandbox/codes",
        "sms": f"{made.url}/sandbox/sms",
        "phone": f"{made.url}/sandbox/phone",
        "api_docs": f"{made.url}/docs",
        "console": f"{made.url}/console",
        "demo_file": str(base.data_dir / FILE),
        "data_dir": str(base.data_dir),
    }
    text = "\n".join(
        (
            "",
            "  Tambah is running with made-up data.",
            "",
            f"  Top up                 {places['portal']}",
            f"  Codes and numbers      {places['codes']}",
            f"  Messages (SMS inbox)   {places['sms']}",
            f"  Phone (hotline, USSD)  {places['phone']}",
            f"  API documentation      {places['api_docs']}",
            f"  Console for staff      {places['console']}",
            f"  Test key, codes, lines {places['demo_file']}",
            "  (and the passwords and authenticator secrets of the demo's staff)",
            f"  Data                   {places['data_dir']}",
            "",
            "  Ctrl-C stops it; the data is kept.",
            "",
        )
    )
    return Answer(document=places, text=text)


@click.command(cls=rich_click.RichCommand)
@click.option("--no-worker", is_flag=True, help="Leave messages and the sweep to a worker.")
@click.option("--json", "as_json", is_flag=True, help="Say where it is as a JSON document.")
def serve(no_worker: bool, as_json: bool) -> None:
    """Serve pages and the API until it is told to stop; requests under way are answered first."""

    async def work(base: Base, settings: Settings) -> None:
        """Open the house, say where it is, serve."""
        async with open_house(base, works=not no_worker) as house:
            application = build_asgi(house.site, house.switchboard)
            bound = listen(settings, demo=False)
            bound.listen(BACKLOG)
            url = url_of(bound)
            say(Answer(document={"url": url}, text=f"Tambah is at {url}"), as_json=as_json)
            sys.stdout.flush()
            await serve_on(application, bound)

    stay(work, as_json=as_json)


@click.command(cls=rich_click.RichCommand)
@click.option("--json", "as_json", is_flag=True, help="Say that it runs as a JSON document.")
def worker(as_json: bool) -> None:
    """Do what happens by the clock, without serving, until it is told to stop."""

    async def work(base: Base, _: Settings) -> None:
        """Open the house and wait."""
        async with open_house(base):
            say(Answer(document={"worker": True}, text="The worker is running."), as_json=as_json)
            sys.stdout.flush()
            await until_told()

    stay(work, as_json=as_json)


async def until_told() -> None:
    """Wait for SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()

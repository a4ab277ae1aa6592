"""A running demo, Debian's chromium, and a watch on every request it makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tambah.app import DEMO_OPERATOR
from tambah.domain.voucher import letter_code

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A machine that three browsers share is slow at times; what never comes still fails.
PATIENCE_MS = 30_000
expect.set_options(timeout=15_000)
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])


@dataclass
class Demo:
    """A running demo, as its demo.json tells; every code and number is handed out once."""

    url: str
    codes: Iterator[str]
    numbers: dict[str, Iterator[int]]
    esims: dict[str, Iterator[int]]
    lines: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    sellers: list[dict[str, str]] = field(default_factory=list)
    cards: Iterator[dict[str, str]] = field(default_factory=lambda: iter(()))

    def code(self) -> str:
        """Return a fresh code as a hurried person types it: letters, spaces and dashes."""
        shown = letter_code(next(self.codes), lambda choices: choices[-1]).lower()
        return f" {shown[:4]} {shown[4:8]}-{shown[8:13]}  {shown[13:]} "

    def number(self, tag: str = "en") -> str:
        """Return the number of a fresh active line whose subscriber reads that language."""
        return _as_written(next(self.numbers[tag]))

    def number_in(self, state: str) -> str:
        """Return the number of the second line in a state: the first is the recovery's."""
        return _as_written([one["msisdn"] for one in self.lines if one["state"] == state][1])

    def esim_number(self, tag: str = "en") -> str:
        """Return the number of such a line that is on an eSIM nobody has seen the code of."""
        return _as_written(next(self.esims[tag]))


def _as_written(msisdn: int) -> str:
    national = "0" + str(msisdn)[2:]
    return f"{national[:3]}-{national[3:-4]} {national[-4:]}"


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Run `tambah demo` on a free port with a data directory of its own."""
    with running_demo() as demo:
        yield demo


@contextmanager
def running_demo(
    host: str = "127.0.0.1", operator: str = "", secrets: Mapping[str, str] | None = None
) -> Iterator[Demo]:
    """Run a demo. host: what people call this machine; operator: instead of the usual one."""
    if not CHROMIUM.exists():
        pytest.skip("NO BROWSER: /usr/bin/chromium is missing, run `make setup-browser`")
    folder = Path(tempfile.mkdtemp(prefix="tambah-journeys-"))
    environment = {name: value for name, value in os.environ.items() if "TAMBAH_" not in name}
    listen = f"127.0.0.1:{free_port()}"
    (folder / "operator.toml").write_text(operator or roomy_operator())
    environment |= {
        "TAMBAH_DATA_DIR": str(folder / "data"),
        "TAMBAH_LISTEN": listen,
        "TAMBAH_OPERATOR_FILE": str(folder / "operator.toml"),
        **(secrets or {}),
        "TAMBAH_PUBLIC_URL": f"http://{listen.replace('127.0.0.1', host)}",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("tambah"), "demo"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        told = _wait_for(folder / "data" / "demo.json", process, folder / "log")
        lines = [line for line in told["lines"] if line["state"] == "active"]
        esims = [line for line in lines if line.get("esim")]
        cards = [line for line in lines if not line.get("esim")]
        yield Demo(
            url=environment["TAMBAH_PUBLIC_URL"],
            codes=iter(told["codes"]),
            lines=told["lines"],
            environment=environment,
            sellers=told["sellers"],
            cards=iter(told["cards"]),
            numbers={
                # But for the first of each, which the demo has topped up already, and the second,
                # whose phone is lost in a journey of recovery.
                tag: iter([line["msisdn"] for line in cards if line["language"] == tag][2:])
                for tag in ("en", "ms", "zh-Hans", "ta")
            },
            esims={
                tag: iter([line["msisdn"] for line in esims if line["language"] == tag])
                for tag in ("en", "ms", "zh-Hans", "ta")
            },
        )
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def roomy_operator() -> str:
    """Return the demo's operator with room for hundreds of journeys from one address."""
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    roomy = re.sub(r"(?m)^look_ups_hourly = \d+", "look_ups_hourly = 100000", text)
    assert roomy != text
    return roomy


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> Any:
    """Return the JSON document at `path` once the demo has written it and answers."""
    for _ in range(600):
        try:
            told = json.loads(path.read_text())
            host, _, port = told["url"].removeprefix("http://").rpartition(":")
            socket.create_connection((host, int(port)), 1).close()
        except (OSError, ValueError):
            try:
                status = process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the demo ended with {status}: {log.read_text()}") from None
        return told
    raise AssertionError(f"the demo did not start: {log.read_text()}")


@pytest.fixture(scope="session")
async def browser(demo: Demo) -> AsyncIterator[Browser]:
    """Run one browser for all journeys."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def arrive(page: Page, address: re.Pattern[str]) -> None:
    """Wait until a page is there, after two clicks of which one may break the other's off.

    `wait_for_url` raises where the first navigation is aborted by the second.
    """
    await expect(page).to_have_url(address)
    await page.wait_for_load_state()


@asynccontextmanager
async def visit(browser: Browser, demo: Demo, **options: Any) -> AsyncIterator[Page]:
    """Open a fresh visitor's page; at the end, say whether anything left the own address."""
    strangers: list[str] = []
    troubles: list[str] = []
    context: BrowserContext = await browser.new_context(
        base_url=demo.url, **({"viewport": PHONE} | options)
    )
    context.set_default_timeout(PATIENCE_MS)
    context.on(
        "request",
        lambda request: (
            None if request.url.startswith(demo.url) else strangers.append(request.url)
        ),
    )
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    page = await context.new_page()
    page.on("console", lambda said: troubles.append(said.text) if _is_trouble(said) else None)
    yield page
    await context.close()
    assert strangers == []
    assert troubles == []


def phone_or_desk(tag: str, *, scripts: bool) -> dict[str, Any]:
    """Return a visit's options: each language meets a phone and a desk, one without scripts."""
    on_phone = scripts == (tag in ("en", "zh-Hans"))
    return {"java_script_enabled": scripts, "viewport": PHONE if on_phone else DESK}


def watch_addresses(page: Page) -> list[str]:
    """Return a list that grows by each address the page comes to."""
    seen: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    return seen


def telling(addresses: list[str], number: str, *others: str) -> list[str]:
    """Return the addresses that hold the number, however it is written, or another secret."""
    national = "".join(filter(str.isdigit, number))[1:]
    return [one for one in addresses if any(secret in one for secret in (national, *others))]


def _is_trouble(said: Any) -> bool:
    """Say whether the console reports a mistake of ours: not the status of a refused form."""
    return said.type == "error" and "the server responded with a status of" not in said.text


async def fill(page: Page, number: str, code: str) -> None:
    """Type a number, choose to top up with a code, and type it."""
    await page.fill("#number", number)
    await page.check("[name=amount][value=code]")
    await page.fill("#code", code)


async def press(page: Page) -> None:
    """Press the button that tops up."""
    await page.click("form .go")

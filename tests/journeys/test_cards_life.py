"""A batch of cards from its order to the credit on a line, through the doors that people use.

CARDS says how many (120 in the ordinary run; `make cards` takes 10,000): two people of the
warehouse order, approve and release them, the printing house alone opens its archive, cards go to
the dealer and on to the shop, one is dead at the hotline until the shop sells it, and then it is
credited there. What each stage took is printed: `make cards` shows it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pyrage
import pytest
from playwright.async_api import Browser, Page, expect

from tambah.i18n import texts
from tests.channels.fake_asterisk import HEADER, SILENCE, FakeAsterisk, Scripted
from tests.engine.vouchers.test_sheets import PIXELS_PER_POINT, read_back

from .conftest import PHONE, Demo, free_port, roomy_operator, running_demo, visit
from .test_console_acts import at_work, press
from .test_shop_journeys import sign_in

CARDS = int(os.environ.get("CARDS", "120"))
SAMPLED = 200
FOR_THE_SHOP = 10
_CARDS_ON_A_SHEET = 10
_MOST_MINUTES = 30
_HOTLINE = """
[[gateways]]
name = "hotline"
kind = "agi"
listen = "127.0.0.1:{port}"
trusted = true
"""

age: Any = pyrage


@dataclass
class Shift:
    """A demo with a hotline, and what each stage took there."""

    demo: Demo
    hotline: int
    took: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note how long a stage takes."""
        began = time.perf_counter()
        yield
        self.took[name] = time.perf_counter() - began

    def tambah(self, *arguments: str) -> Any:
        """Run a command on the demo's database; return its answer."""
        ran = subprocess.run(
            [Path(sys.executable).with_name("tambah"), *arguments, "--json"],
            env=self.demo.environment,
            capture_output=True,
            check=True,
        )
        return json.loads(ran.stdout)

    def credit(self, msisdn: str) -> str:
        """Return a line's balances, as the API tells them."""
        told = json.loads(
            (Path(self.demo.environment["TAMBAH_DATA_DIR"]) / "demo.json").read_text()
        )
        answer = httpx.get(
            f"{self.demo.url}/api/v1/lines/{msisdn}",
            headers={"Authorization": f"Bearer {told['api_key']}"},
        )
        return json.dumps(answer.raise_for_status().json()["balances"])

    async def call(self, msisdn: str, code: str) -> list[str]:
        """Call the hotline, key a code and say that it is right; return the clips heard."""
        caller = Scripted(["1", "1", code, "1", SILENCE, SILENCE, SILENCE])
        fake = FakeAsterisk(caller, header={**HEADER, "callerid": msisdn})
        await fake.call(self.hotline)
        return [Path(clip).name for clip in fake.heard]


@pytest.fixture(scope="module")
def shift(browser: Browser) -> Iterator[Shift]:
    """Run a demo with a hotline of its own."""
    assert browser.is_connected()
    port = free_port()
    operator = roomy_operator().replace("\ngateways = []\n", "\n")
    with running_demo(operator=operator + _HOTLINE.format(port=port)) as demo:
        yield Shift(demo=demo, hotline=port)


@dataclass
class Desks:
    """Two people of the warehouse, each at a browser: what one asks for, the other approves."""

    hers: Page
    his: Page

    async def order(self, quantity: int, recipient: str) -> str:
        """Ask for a batch with a PDF for its printer; return the request's path."""
        page = self.hers
        await page.goto("/console/batches/new")
        await page.check("[name=price] >> nth=0")
        await page.fill("[name=quantity]", str(quantity))
        await page.fill("[name=recipient]", recipient)
        await page.check("[name=printed]")
        return await self._file()

    async def ask(self, path: str) -> str:
        """Ask for something to be done to a batch; return the request's path."""
        await self.hers.goto(path)
        return await self._file()

    async def agree(self, request: str) -> None:
        """Have the other one approve a request."""
        await self.his.goto(request)
        await press(self.his)
        await expect(self.his.locator("main form .go")).to_have_count(0)

    async def made(self, request: str) -> int:
        """Wait until a batch is made; return its number."""
        link = self.hers.locator('dd a[href*="/console/batches/"]')
        for _ in range(_MOST_MINUTES * 60):
            await self.hers.goto(request)
            if await link.count():
                href = await link.first.get_attribute("href") or ""
                return int(href.partition("?")[0].rpartition("/")[2])
            await self.hers.wait_for_timeout(1000)
        raise AssertionError("the batch was not made")

    async def fetch(self, request: str) -> bytes:
        """Fetch the file that a request hands out, whole; then say so, which erases it there."""
        page = self.hers
        await page.goto(request)
        async with page.expect_download(timeout=120_000) as downloading:
            await press(page)
        sealed = (await (await downloading.value).path()).read_bytes()
        await page.fill("#sha256", hashlib.sha256(sealed).hexdigest())
        await page.click('form[action*="received"] button')
        await expect(page.locator("main")).to_contain_text(texts("en").get("requests.done"))
        return sealed

    async def ship(self, cards: str, to: int, giver: int = 0) -> None:
        """Move cards from one holder to another, having seen what it would do."""
        page = self.hers
        await page.goto("/console/stock/move/ship")
        for name, value in (
            ("cards", cards),
            ("from_holder", str(giver)),
            ("to_holder", str(to)),
            ("reason", "order 7 (made up)"),
        ):
            await page.fill(f"[name={name}]", value)
        await press(page)
        await page.wait_for_selector("input[name=token]", state="attached")
        await press(page)
        await page.wait_for_url(re.compile(r"/console/stock\?batch="))

    async def _file(self) -> str:
        await self.hers.fill("[name=reason]", "December stock (made up)")
        await press(self.hers)
        await self.hers.wait_for_selector("input[name=token]", state="attached")
        await press(self.hers)
        await self.hers.wait_for_url("**/console/requests/*")
        return "/console/requests/" + self.hers.url.partition("?")[0].rpartition("/")[2]


def opened(sealed: bytes, key: Any) -> dict[str, bytes]:
    """Return an archive's members; their sums are right."""
    with tarfile.open(fileobj=io.BytesIO(age.decrypt(sealed, [key]))) as archive:
        members = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    sums = members.pop("SHA256SUMS").decode().splitlines()
    told = dict(reversed(line.split("  ")) for line in sums)
    assert told == {name: hashlib.sha256(pdf).hexdigest() for name, pdf in members.items()}
    return members


def sheets(members: dict[str, bytes]) -> list[tuple[str, int]]:
    """Return every sheet's back in the order of its cards, as its PDF's name and its page.

    Fronts and backs take turns, the backs second; serials and codes are on the backs.
    """
    return [
        (name, page)
        for name, pdf in sorted(members.items())
        for page in range(1, len(pypdfium2.PdfDocument(pdf)), 2)
    ]


def read_sheet(pdf: bytes, page: int) -> dict[str, str]:
    """Draw a page as a printer would; return the code that stands by each serial number there."""
    picture = pypdfium2.PdfDocument(pdf)[page].render(scale=PIXELS_PER_POINT).to_pil()
    seen = read_back(picture)
    pairs = zip(seen["Code128"], seen["QRCode"], strict=True)
    return {serial: code for (_, _, serial), (_, _, code) in pairs}


def spread(things: list[Any], most: int) -> list[Any]:
    """Return at most so many things, evenly apart, the first and the last among them."""
    if len(things) <= most:
        return things
    return [things[place * (len(things) - 1) // (most - 1)] for place in range(most)]


async def test_cards_live_their_whole_life_by_two_people(
    browser: Browser, shift: Shift, capsys: pytest.CaptureFixture[str]
) -> None:
    printer, stranger = age.x25519.Identity.generate(), age.x25519.Identity.generate()
    async with (
        at_work(browser, shift.demo, "demo-warehouse") as hers,
        at_work(browser, shift.demo, "demo-warehouse-2") as his,
    ):
        desks = Desks(hers, his)
        with shift.stage(f"{CARDS:,} cards made, and drawn as PDF"):
            request = await desks.order(CARDS, str(printer.to_public()))
            await desks.agree(request)
            batch = await desks.made(request)
        here = f"/console/batches/{batch}"
        await desks.agree(await desks.ask(f"{here}/release"))

        with shift.stage("archive handed out, once"):
            request = await desks.ask(f"{here}/sheets")
            await desks.agree(request)
            sealed = await desks.fetch(request)
        again = await hers.request.post(f"{request}/file", headers={"origin": shift.demo.url})
        assert (again.status, again.headers["content-type"][:9]) == (409, "text/html")
        await hers.goto(f"{here}/sheets")
        await hers.fill("[name=reason]", "another copy (made up)")
        await press(hers)
        await expect(hers.locator(".summary")).to_be_visible()

        with shift.stage("archive opened by the printer's key alone"):
            with pytest.raises(age.DecryptError):
                age.decrypt(sealed, [stranger])
            members = opened(sealed, printer)
        with shift.stage("codes read back from drawn pages"):
            printed: dict[str, str] = {}
            for name, page in spread(sheets(members), SAMPLED // _CARDS_ON_A_SHEET):
                printed |= read_sheet(members[name], page)
        assert len(printed) == min(CARDS, SAMPLED)
        assert len(set(printed.values())) == len(printed)

        dealers = shift.tambah("dealers", "tree")["dealers"]
        root = next(one["dealer"] for one in dealers if one["kind"] == "distributor")
        shop = next(one["dealer"] for one in dealers if one["kind"] == "shop")
        with shift.stage("cards moved to the dealer, and on to the shop"):
            await desks.ship(f"{batch:04d}-00000001..{CARDS}", root)
            await desks.ship(f"{batch:04d}-00000001..{FOR_THE_SHOP}", shop, root)

    serial = f"{batch:04d}-00000001"
    code = printed[serial]
    msisdn = "".join(filter(str.isdecimal, shift.demo.number()))
    msisdn = "6" + msisdn
    before = shift.credit(msisdn)
    with shift.stage("dead at the hotline before it is sold"):
        heard = await shift.call(msisdn, code)
        assert "code_not_usable" in " ".join(heard)
        assert shift.credit(msisdn) == before
    with shift.stage("sold by the shop"):
        async with visit(browser, shift.demo, viewport=PHONE) as page:
            await sign_in(page, shift.demo)
            await page.get_by_role("main").get_by_role("link", name="Sell a card").click()
            await page.get_by_label("Serial number").fill(serial)
            await page.get_by_role("button", name="Go on").click()
            await page.get_by_role("button", name="Sell for").click()
            await expect(page.get_by_text("Card sold")).to_be_visible()
    with shift.stage("credited at the hotline"):
        heard = await shift.call(msisdn, code)
        assert any(clip.startswith("credited") for clip in heard)
        assert shift.credit(msisdn) != before
        heard = await shift.call(msisdn, code)
        assert not any(clip.startswith("credited") for clip in heard)
    with shift.stage("books proved"):
        assert shift.tambah("verify", "--full")["clean"]
    with capsys.disabled():
        size = f"{len(sealed) / 1e6:.1f} MB in {len(members)} PDFs, {len(printed)} codes read"
        print(f"\n{CARDS:,} cards: {size}")
        for name, seconds in shift.took.items():
            print(f"  {name:45} {seconds:7.1f} s")

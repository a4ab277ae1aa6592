"""The phone on the screen, in process: steps are taken once, and only from its own page."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tambah.channels.attendant import Attendant
from tambah.channels.ivr.drafts import DraftsUnavailable
from tambah.channels.ivr.sound import silence, wav
from tambah.channels.sandbox_phone.handlers import phone_routes
from tambah.channels.sandbox_phone.held import read_held
from tambah.channels.sandbox_phone.shown import Keyed, complete, read_keyed
from tambah.channels.talk import Ask, HungUp, Keys, Silence, Utterance
from tambah.config import Brand, Operator
from tambah.domain.rules import Rules
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys as Peppers
from tambah.store.database import Database
from tambah.web.setup import configure
from tambah.web.site import Sandbox, Site
from tests.engine.books import add_cards, add_line

ALICE = 60123456789
CODE = "700000000000000" + check_digit("700000000000000")


class Clips:
    """Speaks in half seconds of silence, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.is_able = True
        self._clip = folder / "clip.wav"
        self._clip.write_bytes(wav(silence(0.5)))

    async def files(self, _: str, say: Sequence[Utterance]) -> list[Path]:
        """Return a clip for each utterance."""
        if not self.is_able:
            raise DraftsUnavailable("nothing to speak with")
        return [self._clip] * len(say)


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Return what the hotline speaks with."""
    return Clips(tmp_path)


@pytest.fixture
async def pages(
    engine: Engine, database: Database, rules: Rules, keys: Peppers, clips: Clips
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the phone's page, with Alice's line and one RM10 card."""
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, [CODE])
    site = Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=Operator(brand=Brand(name="Testel"), denominations=[]),
        keys=keys,
        clock=Clock(),
        public_url="http://testel.example",
        sandbox=Sandbox(api_key="tk_test_x", codes=(CODE,), msisdn=str(ALICE)),
    )
    pieces = configure(site)
    app = Litestar(
        route_handlers=[*pieces.route_handlers, *phone_routes(site, Attendant(site), clips)],
        exception_handlers=pieces.exception_handlers,
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx.ASGITransport(pieces.wrap(app), raise_app_exceptions=True)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testel.example", follow_redirects=True
    ) as client:
        yield client


async def ring(pages: httpx.AsyncClient, door: str, **form: str) -> httpx.Response:
    """Call from Alice's line."""
    return await pages.post("/sandbox/phone/call", data={"line": str(ALICE), "door": door, **form})


async def key(pages: httpx.AsyncClient, page: httpx.Response, **form: str) -> httpx.Response:
    """Do something on a page's keys."""
    found = re.search(r'name="step" value="(\d+)"', page.text)
    assert found is not None
    return await pages.post("/sandbox/phone/keys", data={"step": found[1], **form})


def said(page: httpx.Response) -> list[str]:
    """Return the captions."""
    return re.findall(r'<p lang="[^"]*">(.*?)</p>', page.text.partition('id="sound"')[0])


async def credit(database: Database) -> int:
    """Return the whole ringgit that are credited to anybody."""
    found = await database.fetch_value(
        "SELECT coalesce(sum(remaining_micros), 0)::bigint FROM bucket WHERE kind = 1"
    )
    return int(found) // 1_000_000


async def test_a_top_up_over_ussd(pages: httpx.AsyncClient, database: Database) -> None:
    menu = await ring(pages, "ussd")
    assert said(menu)[:2] == ["Prepaid top-up", "1 Top up"]
    asked = await key(pages, menu, keyed="1")
    done = await key(pages, asked, keyed=CODE)

    assert said(done)[0] == "RM10.00 added."
    assert CODE not in f"{done.url}"
    assert CODE not in done.text
    assert await credit(database) == 10


async def test_a_code_in_one_go(pages: httpx.AsyncClient, database: Database) -> None:
    done = await ring(pages, "ussd", dialled=f"*123*{CODE}#")

    assert said(done)[0] == "RM10.00 added."
    assert "The call has ended" in done.text
    assert await credit(database) == 10


async def test_a_step_that_comes_again_is_passed_over(
    pages: httpx.AsyncClient, database: Database
) -> None:
    menu = await ring(pages, "ussd")
    asked = await key(pages, menu, keyed="1")
    done = await key(pages, asked, keyed=CODE)

    assert said(await key(pages, asked, keyed=CODE)) == said(done)
    assert said(await key(pages, menu, keyed="4")) == said(done)
    assert said(await key(pages, done, event="nonsense", keyed="2"))[0] == "1 Top up"
    assert await credit(database) == 10


async def test_hanging_up_after_the_code_credits_it(
    pages: httpx.AsyncClient, database: Database
) -> None:
    page = await ring(pages, "hotline")
    for pressed in ("1", "1"):
        page = await key(pages, page, key=pressed)
    page = await key(pages, page, keyed=CODE)
    assert "The code ends with" in said(page)[0]
    over = await key(pages, page, event="hang_up")

    assert "The call has ended" in over.text
    assert await credit(database) == 10


async def test_another_site_cannot_press_keys(pages: httpx.AsyncClient) -> None:
    pages.headers["sec-fetch-site"] = "cross-site"

    assert (await ring(pages, "ussd")).status_code == 422
    answer = await pages.post("/sandbox/phone/keys", data={"step": "1", "keyed": "1"})
    assert answer.status_code == 422


@pytest.mark.parametrize("form", [{"door": "window"}, {"line": "12"}, {"line": "' OR 1"}])
async def test_what_no_form_of_ours_says_calls_nobody(
    pages: httpx.AsyncClient, form: dict[str, str]
) -> None:
    page = await pages.post(
        "/sandbox/phone/call", data={"line": str(ALICE), "door": "ussd", **form}
    )

    assert "No call yet" in page.text


@pytest.mark.parametrize("cookie", ["", "nonsense", f"ussd.{ALICE}.{'0' * 32}", "ussd.withheld.1"])
async def test_a_cookie_that_is_no_call(pages: httpx.AsyncClient, cookie: str) -> None:
    pages.cookies.set("phone", cookie)

    assert "No call yet" in (await pages.get("/sandbox/phone")).text
    assert (await pages.get("/sandbox/phone/said.wav")).status_code == 404
    page = await pages.post("/sandbox/phone/keys", data={"step": "1", "keyed": "1"})
    assert "No call yet" in page.text


async def test_the_sound_is_the_prompts_clips(pages: httpx.AsyncClient, clips: Clips) -> None:
    page = await ring(pages, "hotline")
    sound = await pages.get("/sandbox/phone/said.wav")

    assert sound.headers["content-type"] == "audio/wav"
    assert sound.headers["cache-control"] == "no-store"
    with wave.open(io.BytesIO(sound.content)) as file:
        assert file.getnframes() == 4000 * len(said(page))
    clips.is_able = False
    assert (await pages.get("/sandbox/phone/said.wav")).status_code == 404


async def test_a_screen_makes_no_sound(pages: httpx.AsyncClient) -> None:
    page = await ring(pages, "ussd")

    assert "<audio" not in page.text
    assert (await pages.get("/sandbox/phone/said.wav")).status_code == 404


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"step": "3", "keyed": "12", "key": "3"}, Keyed(step=3, text="123", is_sent=False)),
        ({"step": "3", "keyed": " 12 "}, Keyed(step=3, text="12")),
        ({"step": "3", "event": "silence"}, Keyed(step=3, text="", event=Silence())),
        ({"step": "3", "event": "hang_up"}, Keyed(step=3, text="", event=HungUp())),
        ({"step": "-3"}, Keyed(step=-1, text="")),
        ({"step": "99999"}, Keyed(step=-1, text="")),
        ({}, Keyed(step=-1, text="")),
    ],
)
def test_what_a_form_brings(form: dict[str, str], wanted: Keyed) -> None:
    assert read_keyed(form) == wanted


@pytest.mark.parametrize(
    ("text", "is_voice", "is_all"),
    [
        ("1", True, False),
        ("1234", True, True),
        ("1#", True, True),
        ("1*", True, True),
        ("1234", False, False),
        ("1#", False, False),
    ],
)
def test_when_a_key_is_the_last(text: str, is_voice: bool, is_all: bool) -> None:
    keyed = Keyed(step=1, text=text, is_sent=False)

    assert complete(keyed, Ask(most=4), is_voice=is_voice) is is_all
    assert complete(replace(keyed, is_sent=True), Ask(most=4), is_voice=is_voice)


@pytest.mark.parametrize(
    ("text", "is_voice", "wanted"),
    [
        ("12#", True, (Keys("12"),)),
        ("#", True, (Silence(),)),
        ("", True, (Silence(),)),
        ("12*", True, (Keys("12*"),)),
        ("1*2", False, (Keys("1"), Keys("2"))),
    ],
)
def test_what_keys_mean(text: str, is_voice: bool, wanted: tuple[Any, ...]) -> None:
    assert tuple(Keyed(step=1, text=text).events(is_voice=is_voice)) == wanted


def test_a_call_is_read_from_its_cookie() -> None:
    held = read_held(f"hotline.withheld.{'a' * 32}")

    assert held is not None
    assert (held.call.sender, held.msisdn, held.is_voice) == ("", None, True)
    assert read_held(held.cookie().value) == held

"""The dialogue over AGI: whole calls at the socket, each credit in the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tambah.channels.attendant import Attendant, Door
from tambah.channels.ivr.agi import AgiServer
from tambah.channels.ivr.agi_call import AgiCalls, read_sender
from tambah.channels.talk import Medium
from tambah.web.site import Site
from tests.channels.conftest import NamedSpeech
from tests.channels.fake_asterisk import GONE, HEADER, SILENCE, FakeAsterisk, Paced, Scripted
from tests.portal.conftest import ALICE, CODES, WRONG

LANGUAGES = [f"{tag}/choose_language" for tag in ("en", "ms", "zh-Hans", "ta")]


class Hotline:
    """A hotline's server, and the calls made to it."""

    def __init__(self, site: Site) -> None:
        door = Door(name="hotline", caller="hotline", medium=Medium.VOICE, trusted=True)
        calls = AgiCalls(door, Attendant(site), NamedSpeech(), seen_at={Path("/prompts"): "clips"})
        self.server = AgiServer(calls)

    async def call(self, fake: FakeAsterisk) -> FakeAsterisk:
        """Make a call and return when it has ended."""
        async with asyncio.timeout(20):
            return await fake.call(self.server.port)


@pytest.fixture
async def hotline(site: Site) -> AsyncIterator[Hotline]:
    hotline = Hotline(site)
    await hotline.server.start("127.0.0.1", 0)
    yield hotline
    await hotline.server.stop()


def asterisk(*answers: str, sender: str = str(ALICE)) -> FakeAsterisk:
    """Return somebody who hears prompts out and answers them."""
    return FakeAsterisk(Scripted(answers), header={**HEADER, "callerid": sender})


async def credited_micros(site: Site) -> int:
    """Return what Alice's line has been credited."""
    return await site.database.fetch_value("SELECT coalesce(sum(remaining_micros), 0) FROM bucket")


async def messages(site: Site) -> list[str]:
    """Return the templates of the messages on their way."""
    rows = await site.database.fetch("SELECT template FROM outbox ORDER BY number")
    return [row[0] for row in rows]


def heard(fake: FakeAsterisk) -> list[str]:
    """Return what was heard."""
    return [clip.removeprefix("clips/") for clip in fake.heard]


async def test_a_first_call_chooses_a_language_tops_up_and_is_told_so(
    hotline: Hotline, site: Site
):
    fake = await hotline.call(asterisk("2", "1", CODES[0], "1", SILENCE))
    told = heard(fake)
    assert told[:4] == LANGUAGES
    assert told[4:6] == ["ms/welcome", "ms/menu_topup"]
    at = told.index("ms/credited")
    assert told[at - 2 : at + 2] == [
        "ms/code_ends",
        "ms/yes_or_no",
        "ms/credited",
        "ms/credited_stands",
    ]
    assert told[-1] == "ms/goodbye"
    assert fake.was_hung_up
    assert await credited_micros(site) == 10_000_000
    assert await messages(site) == ["credited"]


async def test_a_recording_is_stopped_before_a_code_is_asked_for(hotline: Hotline):
    fake = await hotline.call(asterisk("1", "1", GONE))
    stopped = fake.commands.index('EXEC "StopMixMonitor" ""')
    asked = next(n for n, said in enumerate(fake.commands) if "en/code" in said)
    assert stopped < asked


async def test_hanging_up_after_the_code_credits_it_all_the_same(hotline: Hotline, site: Site):
    fake = await hotline.call(asterisk("1", "1", CODES[0], GONE))
    assert fake.is_gone
    assert await credited_micros(site) == 10_000_000
    assert await messages(site) == ["credited"]


async def test_hanging_up_before_the_code_is_whole_changes_nothing(hotline: Hotline, site: Site):
    fake = await hotline.call(asterisk("1", "1", CODES[0][:9], GONE))
    assert fake.is_gone
    assert await credited_micros(site) == 0


class Unanswering(FakeAsterisk):
    """Stops answering when it is asked for the last time before a code is credited."""

    def __init__(self, caller: Scripted) -> None:
        super().__init__(caller, header={**HEADER, "callerid": str(ALICE)})
        self.asked = asyncio.Event()

    def _answer(self, line: str) -> list[str]:
        answer = super()._answer(line)
        if "yes_or_no" in line:
            self.asked.set()
            return []
        return answer


async def test_a_call_that_we_end_after_the_code_credits_it_too(hotline: Hotline, site: Site):
    fake = Unanswering(Scripted(["1", "1", CODES[0]]))
    call = asyncio.create_task(hotline.call(fake))
    await asyncio.wait_for(fake.asked.wait(), 10)
    await hotline.server.stop()
    await call
    assert await credited_micros(site) == 10_000_000


async def test_three_wrong_codes_end_with_a_good_bye(hotline: Hotline, site: Site):
    answers = [answer for wrong in WRONG[:3] for answer in (wrong, "1")]
    fake = await hotline.call(asterisk("1", "1", *answers))
    assert heard(fake).count("en/code_not_usable") == 3
    assert heard(fake)[-1] == "en/goodbye"
    assert await credited_micros(site) == 0


async def test_who_says_nothing_is_told_good_bye(hotline: Hotline):
    fake = await hotline.call(FakeAsterisk(Paced(), header={**HEADER, "callerid": str(ALICE)}))
    assert heard(fake)[-1] == "en/goodbye"
    assert (fake.was_hung_up, hotline.server.calls) == (True, 0)


async def test_a_whole_top_up_keyed_ahead_says_hardly_anything(hotline: Hotline, site: Site):
    presses = [(0.5 + number * 0.1, key) for number, key in enumerate(f"11{CODES[0]}1")]
    fake = await hotline.call(
        FakeAsterisk(Paced(presses, hangs_up_at=60), header={**HEADER, "callerid": str(ALICE)})
    )
    assert heard(fake)[0] == LANGUAGES[0]
    assert "en/code_ends" not in heard(fake)[:1]
    assert await credited_micros(site) == 10_000_000


async def test_one_code_from_many_calls_at_once_credits_once(hotline: Hotline, site: Site):
    fakes = await asyncio.gather(
        *(hotline.call(asterisk("1", "1", CODES[0], "1", GONE)) for _ in range(20))
    )
    assert await credited_micros(site) == 10_000_000
    assert sum("en/credited" in heard(fake) for fake in fakes) == 1


async def test_no_code_is_logged(hotline: Hotline):
    with capture_logs() as logs:
        await hotline.call(asterisk("1", "1", CODES[0], "1", "1", WRONG[0], "1", GONE))
    assert CODES[0][:8] not in str(logs)
    assert WRONG[0][:8] not in str(logs)


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ({"callerid": "60123456789", "callingpres": "0"}, "60123456789"),
        ({"callerid": "60123456789", "callingpres": "3"}, "60123456789"),
        ({"callerid": "60123456789", "callingpres": "35"}, ""),
        ({"callerid": "60123456789", "callingpres": "67"}, ""),
        ({"callerid": "60123456789"}, "60123456789"),
        ({"callerid": "unknown", "callingpres": "0"}, ""),
        ({}, ""),
    ],
)
def test_a_withheld_number_is_none(header: dict[str, str], sender: str):
    assert read_sender(header) == sender

"""Whole calls: a telephone, Asterisk, the hotline, the books, and the message that follows."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tambah.channels.attendant import Attendant, Door
from tambah.channels.ivr.agi import AgiServer
from tambah.channels.ivr.agi_call import AgiCalls
from tambah.channels.ivr.prompts import Prompts
from tambah.channels.ivr.speech import PromptSpeech
from tambah.channels.notifier import Notifier
from tambah.channels.sandbox_gateway import SandboxGateway
from tambah.channels.talk import Medium, Utterance
from tambah.config import Brand
from tambah.domain.rules import Rules
from tambah.domain.voucher import letter_code
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.i18n import LANGUAGES
from tambah.store.database import Database
from tambah.store.views.sandbox import latest_sms
from tambah.web.site import Site
from tests.conftest import KUALA_LUMPUR
from tests.engine.books import add_cards, add_line
from tests.portal.conftest import WRONG, code, make_site
from tests.telephone.asterisk import Asterisk
from tests.telephone.ear import Ear
from tests.telephone.sipp import Key, Plan, call

MANY = 50
NUMBERS = [60_123_450_000 + number for number in range(MANY)]
CODES = [code(500_000_000_000_000 + number * 104_729) for number in range(MANY)]
CALLER = ((str(NUMBERS[0]),),)
# Which key has which letters, as it stands on every telephone (ITU-T E.161).
KEYPAD = ("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ")


def keyed(shown: str) -> str:
    """Return the keys that one presses for a code printed with letters."""
    keys = {letter: str(2 + n) for n, letters in enumerate(KEYPAD) for letter in letters}
    return "".join(keys.get(sign, sign) for sign in shown)


# What is said in a top-up.
SAID: dict[str, dict[str, Any]] = {
    "choose_language": {},
    "welcome": {},
    "menu_topup": {},
    "menu_balance": {},
    "menu_lost": {},
    "menu_person": {},
    "code": {},
    "other_number": {},
    "code_ends": {"last_digits": "0123456789"},
    "yes_or_no": {},
    "credited": {"credited_micros": 10_000_000},
    "credited_stands": {"balance_micros": 10_000_000, "active_until": "2026-12-20T16:00:00Z"},
    "more_topup": {},
    "more_menu": {},
}


@pytest.fixture(scope="session")
async def speech(prompts: Path) -> PromptSpeech:
    """Speak in drafts, made before the first call, which would have to wait for them."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("NO SPEECH: espeak-ng is missing, run `make setup-speech`")
    speech = PromptSpeech(Prompts(recordings=None, drafts=prompts), KUALA_LUMPUR)
    for tag in LANGUAGES:
        await speech.files(tag, [Utterance(key, params) for key, params in SAID.items()])
    return speech


class Hotline:
    """A house with a hotline."""

    def __init__(self, site: Site, prompts: Path, speech: PromptSpeech) -> None:
        self.site = site
        self.speech = speech
        door = Door(name="hotline", caller="hotline", medium=Medium.VOICE, trusted=True)
        calls = AgiCalls(door, Attendant(site), self.speech, seen_at={prompts: "/prompts"})
        self.server = AgiServer(calls)

    async def clips(self, tag: str, key: str, **params: Any) -> dict[str, Path]:
        """Return the clips that say something, by names that say what and where in it."""
        files = await self.speech.files(tag, [Utterance(key, params)])
        return {f"{tag}/{key}.{number}": file for number, file in enumerate(files)}

    async def messages(self) -> list[tuple[int, str]]:
        """Deliver what is to be delivered; return to whom, and what."""
        site = self.site
        gateway = SandboxGateway(site.database)
        brand = Brand(name="Testel")
        notifier = Notifier(
            site.database, brand, gateway, KUALA_LUMPUR, site.clock, keys=site.keys
        )
        while await notifier.deliver_once():
            pass
        await notifier.close()
        return [(sms.msisdn, sms.body) for sms in await latest_sms(site.database, 500)]

    async def credited(self) -> int:
        """Return for how many ringgit codes were redeemed."""
        return await self.site.database.fetch_value(
            "SELECT coalesce(sum(remaining_micros), 0)::bigint / 1000000 FROM bucket"
        )


@pytest.fixture
async def hotline(
    engine: Engine,
    database: Database,
    rules: Rules,
    keys: Keys,
    prompts: Path,
    speech: PromptSpeech,
) -> AsyncIterator[Hotline]:
    """Run a hotline with fifty lines and as many RM10 cards."""
    for number in NUMBERS:
        await add_line(engine, database, number)
    await add_cards(database, keys, CODES)
    hotline = Hotline(make_site(engine, database, rules, keys), prompts, speech)
    await hotline.server.start("127.0.0.1", 0)
    yield hotline
    await hotline.server.stop()


async def test_a_call_tops_up_in_the_callers_language_and_a_message_follows(
    hotline: Hotline, asterisk: Asterisk, ear: Ear
):
    keys = keyed(letter_code(CODES[0], lambda choices: choices[-1]))
    plan = Plan(
        # Malay, a top-up, the code; the end of it is heard out before it is confirmed.
        keys=[Key(1.5, "2"), Key(4, "1"), Key(1.5, keys), Key(14, "1")],
        hangs_up_after=9,
    )
    with capture_logs() as logs:
        await call(asterisk, hotline.server.port, plan, ear, callers=CALLER)
        await asterisk.wait_for_silence(5)
    expected = {
        **await hotline.clips("en", "choose_language"),
        **await hotline.clips("ms", "welcome"),
        **await hotline.clips("ms", "code_ends", last_digits=CODES[0][-4:]),
        **await hotline.clips("ms", "credited", credited_micros=10_000_000),
    }
    (heard,) = ear.heard(expected)
    assert set(heard) == set(expected)
    assert await hotline.credited() == 10
    ((msisdn, body),) = await hotline.messages()
    assert msisdn == NUMBERS[0]
    assert "RM10.00" in body
    assert "Baki" in body
    assert CODES[0][:8] not in f"{asterisk.logged()}{logs}"
    assert hotline.server.calls == 0


async def test_a_code_keyed_wrong_three_times_ends_with_a_good_bye(
    hotline: Hotline, asterisk: Asterisk, ear: Ear
):
    tries = "".join(f"{wrong}1" for wrong in WRONG[:3])
    plan = Plan(keys=[Key(1, f"11{tries}")], patience=60)
    await call(asterisk, hotline.server.port, plan, ear, callers=CALLER)
    await asterisk.wait_for_silence(5)
    goodbye = await hotline.clips("en", "goodbye")
    (heard,) = ear.heard(goodbye)
    assert set(heard) == set(goodbye)
    assert (await hotline.credited(), await hotline.messages()) == (0, [])
    wrong = await hotline.site.database.fetch_value("SELECT max(own_wrong) FROM line")
    assert wrong == 3


async def test_who_says_nothing_hears_good_bye_and_who_vanishes_frees_the_channel(
    hotline: Hotline, asterisk: Asterisk, ear: Ear
):
    elsewhere = await Ear.open()
    vanishing = Plan(keys=[Key(1, "1")], vanishes_after=1)
    await call(asterisk, hotline.server.port, vanishing, elsewhere, callers=CALLER)
    assert await asterisk.channels() == 1
    await call(asterisk, hotline.server.port, Plan(patience=120), ear, callers=CALLER)
    await asterisk.wait_for_silence(60)
    elsewhere.close()
    goodbye = await hotline.clips("en", "goodbye")
    (heard,) = ear.heard(goodbye)
    assert set(heard) == set(goodbye)
    assert hotline.server.calls == 0


@pytest.mark.parametrize("after", [8.2, 11])
async def test_hanging_up_after_the_code_credits_it_and_a_message_says_so(
    hotline: Hotline, asterisk: Asterisk, ear: Ear, after: float
):
    plan = Plan(keys=[Key(1, f"11{CODES[0]}")], hangs_up_after=after)
    await call(asterisk, hotline.server.port, plan, ear, callers=CALLER)
    await asterisk.wait_for_silence(5)
    assert await hotline.credited() == 10
    assert [msisdn for msisdn, _ in await hotline.messages()] == [NUMBERS[0]]


async def test_fifty_calls_at_once_are_all_credited_and_told(
    hotline: Hotline, asterisk: Asterisk, ear: Ear
):
    callers = [
        (str(number), str(1 + place % 4), digits)
        for place, (number, digits) in enumerate(zip(NUMBERS, CODES, strict=True))
    ]
    plan = Plan(
        keys=[Key(1.5, "[field1]"), Key(1.5, "1"), Key(1.5, "[field2]1")], hangs_up_after=12
    )
    await call(asterisk, hotline.server.port, plan, ear, callers=callers)
    await asterisk.wait_for_silence(10)
    assert hotline.server.calls == 0
    assert await hotline.credited() == 10 * MANY
    assert sorted(msisdn for msisdn, _ in await hotline.messages()) == NUMBERS
    assert len(ear.frames) == MANY

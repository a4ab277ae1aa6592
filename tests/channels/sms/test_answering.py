"""The door of SMS: done once, answered once, and to whom nothing is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tambah.channels.attendant import Attendant
from tambah.channels.said import say_refusal
from tambah.channels.sms.answering import ANSWERS_HOURLY, SAME_CODE, SAME_QUESTION, SmsDoor, word
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.talk import Medium, Place, Refused, Talk
from tambah.domain.balance import BucketKind
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.records import replace as changed
from tambah.domain.refusals import Unavailable, every_refusal
from tambah.engine.clock import Clock
from tambah.i18n.sms_linter import ANSWERS
from tambah.web.site import Site
from tests.portal.conftest import ALICE, CODES, WRONG, NoEngine

GATEWAY = "smsc"
OTHERS = "60177777777"


def door_of(site: Site, *trusted: str) -> SmsDoor:
    """Return a process's door; each has one of its own."""
    return SmsDoor(site, Attendant(site), trusted=trusted)


@pytest.fixture
def door(site: Site) -> SmsDoor:
    """Return the door of a trusted gateway."""
    return door_of(site, GATEWAY)


def sms(text: str, *, sender: str = str(ALICE), name: str | None = None) -> InboundSms:
    """Return a message from Alice, unless told."""
    return InboundSms(
        gateway=GATEWAY, sender=sender, text=text, message_id=name, at=datetime.now(UTC)
    )


async def told(site: Site) -> list[str]:
    """Return the templates of what waits in the outbox, in their order."""
    rows = await site.database.fetch("SELECT template FROM outbox ORDER BY line_id, number")
    return [row[0] for row in rows]


def later(site: Site, by: timedelta) -> Site:
    """Return the same site with its doors' clock put forward."""
    return replace(site, clock=Clock(by))


async def test_a_code_is_credited_and_told_by_its_own_message_alone(site: Site, door: SmsDoor):
    await door.answer(sms(f"TOPUP {CODES[0]}"))
    assert await told(site) == ["credited"]


async def test_a_balance_a_language_and_help_are_answered(site: Site, door: SmsDoor):
    for text in ("BAL", "BAHASA MS", "hello"):
        await door.answer(sms(text))
    assert await told(site) == ["answer_active", "answer_language_kept", "answer_help"]
    assert await site.database.fetch_value("SELECT language FROM line") == 2


@pytest.mark.parametrize("text", [f"TOPUP {CODES[0]}", f"TOPUP {WRONG[0]}", "BAL", "LANG TA", "?"])
@pytest.mark.parametrize("name", [None, "0A1B2C"])
async def test_a_message_delivered_five_times_at_once_to_two_processes_is_one(
    site: Site, text: str, name: str | None
):
    doors = [door_of(site, GATEWAY), door_of(site, GATEWAY)]
    await asyncio.gather(*(doors[n % 2].answer(sms(text, name=name)) for n in range(5)))
    await doors[0].answer(sms(text, name=name))

    assert len(await told(site)) == 1
    row = await site.database.fetch_row("SELECT own_wrong, topup_seq FROM line")
    assert row is not None
    assert tuple(row) == (int(WRONG[0] in text), int(CODES[0] in text))


async def test_a_message_whose_process_died_after_noting_it_is_done_when_it_comes_again(
    site: Site, door: SmsDoor, monkeypatch: pytest.MonkeyPatch
):
    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Attendant, "begin", die)
        with pytest.raises(asyncio.CancelledError):
            await door.answer(sms(CODES[0]))
    await door_of(site, GATEWAY).answer(sms(CODES[0]))
    assert await told(site) == ["credited"]


async def test_a_process_that_died_between_the_deed_and_the_answer_answers_later(
    site: Site, door: SmsDoor, monkeypatch: pytest.MonkeyPatch
):
    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(SmsDoor, "_tell", die)
        with pytest.raises(asyncio.CancelledError):
            await door.answer(sms(WRONG[0]))
    await door_of(site, GATEWAY).answer(sms(WRONG[0]))
    assert await told(site) == ["answer_code_not_usable_left"]
    assert await site.database.fetch_value("SELECT own_wrong FROM line") == 1


async def test_a_balance_asked_again_is_told_again_and_a_code_sent_again_is_not_tried_again(
    site: Site,
):
    async def after(by: timedelta) -> None:
        door = door_of(later(site, by), GATEWAY)
        await door.answer(sms("BAL"))
        await door.answer(sms(WRONG[0]))

    await after(timedelta())
    await after(SAME_QUESTION / 2)
    assert await told(site) == ["answer_active", "answer_code_not_usable_left"]
    await after(SAME_QUESTION)
    assert (await told(site))[2:] == ["answer_active"]
    await after(SAME_CODE)
    assert (await told(site))[3:] == ["answer_active", "answer_code_not_usable_left"]
    assert await site.database.fetch_value("SELECT own_wrong FROM line") == 2


async def test_messages_of_different_names_are_different_messages(site: Site, door: SmsDoor):
    await door.answer(sms("BAL", name="1"))
    await door.answer(sms("BAL", name="2"))
    assert await told(site) == ["answer_active"] * 2


@pytest.mark.parametrize(
    "sender", [OTHERS, "", "KampungTel", "36633", "+44 20 7946 0018", "\ud83d"]
)
async def test_whoever_is_none_of_ours_is_not_answered(site: Site, door: SmsDoor, sender: str):
    for text in ("BAL", "HELP", CODES[0], WRONG[0]):
        await door.answer(sms(text, sender=sender))
    assert await told(site) == []
    assert await site.database.fetch_value("SELECT count(*) FROM topup") == 0


async def test_an_untrusted_gateway_is_told_nothing_and_redeems_as_a_guest(site: Site):
    door = door_of(site)
    for text in ("BAL", "LANG MS", "HELP", WRONG[0], CODES[1][:-1]):
        await door.answer(sms(text))
    assert await told(site) == []
    row = await site.database.fetch_row("SELECT own_wrong, guest_wrong, language FROM line")
    assert row is not None
    assert tuple(row) == (0, 1, 1)

    await door.answer(sms(CODES[0]))
    assert await told(site) == ["credited"]


@pytest.mark.parametrize("text", ["", "\x00", "\ud83d", "😀" * 300, "TOPUP \ud83d", "x" * 9000])
async def test_no_message_breaks_it(site: Site, door: SmsDoor, text: str):
    await door.answer(sms(text))
    assert len(await told(site)) == 1


async def test_a_sender_is_answered_so_often_an_hour_and_no_more(site: Site, door: SmsDoor):
    for number in range(ANSWERS_HOURLY + 3):
        await door.answer(sms(f"I am driving, call me later {number}"))
    assert await told(site) == ["answer_help"] * ANSWERS_HOURLY
    await door.answer(sms(CODES[0]))
    assert (await told(site))[-1] == "credited"


@pytest.mark.parametrize("text", ["BAL", "HELP", "LANG MS", CODES[0]])
async def test_while_the_database_is_away_the_message_is_to_come_again(
    site: Site, text: str, monkeypatch: pytest.MonkeyPatch
):
    class Away:
        """A database that refuses every connection."""

        def __getattr__(self, _name: str) -> Callable[..., Any]:
            async def refuse(*_: Any, **__: Any) -> None:
                raise ConnectionRefusedError

            return refuse

    with pytest.raises(ConnectionRefusedError):
        await door_of(replace(site, database=Away()), GATEWAY).answer(sms(text))  # type: ignore[arg-type]
    monkeypatch.setattr("tambah.channels.attendant.RETRY_SECONDS", ())
    engine: Any = NoEngine(Unavailable())
    if text != "BAL" and text != "HELP":
        with pytest.raises(Unavailable):
            await door_of(replace(site, engine=engine), GATEWAY).answer(sms(text))
    await door_of(site, GATEWAY).answer(sms(text))
    assert len(await told(site)) == 1


async def test_neither_log_nor_database_has_the_text(site: Site, door: SmsDoor):
    with capture_logs() as logs:
        for text in (CODES[0], WRONG[0], "TOPUP 9876 5432", "my secret words"):
            await door.answer(sms(text))
    assert CODES[0] not in repr(sms(CODES[0]))
    tables = await site.database.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    rows = [
        str(tuple(row))
        for (table,) in tables
        for row in await site.database.fetch(cast("Any", f'SELECT * FROM "{table}"'))
    ]
    everything = repr(logs) + "".join(rows)
    for text in (CODES[0], WRONG[0], "9876 5432", "98765432", "secret words"):
        assert text not in everything


def test_every_refusal_of_ones_own_line_is_an_answer_with_the_params_of_its_template():
    talk = Talk(medium=Medium.TEXT, place=Place.MENU, tag="en", caller=ALICE, number=ALICE)
    for refusal in every_refusal():
        for left in (None, 3):
            at = "2027-03-01T16:00:00+00:00"
            said = say_refusal(talk, Refused(code=refusal.code, minutes=1, at=at, left=left))
            answer = word(said)
            assert answer is not None
            assert set(answer[1]) == set(ANSWERS[answer[0]])


WEEK = Package(
    code="DATA7",
    names=dict.fromkeys(("en", "ms", "zh-Hans", "ta"), "Week"),
    terms={},
    price_micros=8_000_000,
    allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**30),),
    days=7,
    on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
)


async def test_a_package_is_listed_named_with_its_price_and_bought_once(site: Site, door: SmsDoor):
    site.engine.renew(replace(site.engine.rules, packages=(WEEK,)))
    await door.answer(sms(f"TOPUP {CODES[0]}"))
    credit = "SELECT remaining_micros FROM bucket WHERE bucket_id = 1"
    before = await site.database.fetch_value(credit)

    await door.answer(sms("PKG"))
    await door.answer(sms("buy data7"))
    assert await site.database.fetch_value(credit) == before
    for _ in range(2):  # delivered twice
        await door.answer(sms("BUY DATA7 YES", name="0A1B2C"))

    assert await told(site) == [
        "credited",
        "answer_packages",
        "answer_package_confirm",
        "package_bought",
    ]
    assert await site.database.fetch_value(credit) == before - WEEK.price_micros
    assert await site.database.fetch_value("SELECT count(*) FROM subscription") == 1


async def test_a_package_that_cannot_be_had_is_refused_by_sms(site: Site, door: SmsDoor):
    dear = changed(WEEK, price_micros=900_000_000)
    site.engine.renew(replace(site.engine.rules, packages=(dear,)))
    for text in ("BUY DATA7 YES", "BUY NOTHERE YES"):
        await door.answer(sms(text))
    assert await told(site) == ["answer_package_too_dear", "answer_package_not_sold"]
    # Where none are on sale it is no keyword.
    site.engine.renew(replace(site.engine.rules, packages=()))
    await door.answer(sms("BUY DATA7"))
    assert (await told(site))[-1] == "answer_help"
    assert await site.database.fetch_value("SELECT count(*) FROM subscription") == 0

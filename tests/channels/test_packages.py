"""Packages by hotline, USSD and SMS: offered, chosen, confirmed, bought once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tambah.channels.attendant import Attendant, Call, Door
from tambah.channels.dialogue import Dialogue
from tambah.channels.moves import Step
from tambah.channels.sms.keywords import Asked, read_request
from tambah.channels.talk import (
    Bought,
    BuyOffer,
    Do,
    Ended,
    Event,
    HungUp,
    Keys,
    Medium,
    Offer,
    Offered,
    OfferPackages,
    Opening,
    Place,
    Prompt,
    Refused,
    Silence,
    Utterance,
    Wish,
)
from tambah.domain.balance import BucketKind
from tambah.domain.numbering import NumberPlan
from tambah.domain.package import Package, PackageAllowance
from tambah.domain.records import replace as replaced
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys as Secrets
from tambah.i18n import LANGUAGES, texts
from tambah.i18n.spoken import speak
from tambah.store.database import Database
from tests.engine.books import add_line
from tests.portal.conftest import make_site

ALICE = 60123456789
RM = 1_000_000
UNTIL = "2027-03-31T16:00:00+00:00"
DIALOGUE = Dialogue(NumberPlan())
ZONE = ZoneInfo("Asia/Kuala_Lumpur")
OFFERS = tuple(
    Offer(
        code=f"PKG{number}",
        price_micros=number * RM,
        parts=(("gb", number), ("minutes", 60)),
        length=("days", 30),
        until=UNTIL,
    )
    for number in range(1, 5)
)


def opened(medium: Medium = Medium.SCREEN, **fields: object) -> Step:
    """Begin a talk of Alice's where packages are sold."""
    opening = Opening(medium=medium, caller=ALICE, sells=True, **fields)  # type: ignore[arg-type]
    return DIALOGUE.begin(opening)


def follow(step: Step, *events: Event) -> Step:
    """Go on with what happens."""
    for event in events:
        step = DIALOGUE.step(step[0], event)
    return step


def said(step: Step) -> list[str]:
    """Return the keys of what is said."""
    turn = step[1]
    assert isinstance(turn, (Prompt, Ended))
    return [one.key for one in turn.say]


LIST = (Keys("3"), Offered(OFFERS))


def test_the_menu_names_packages_only_where_they_can_be_bought() -> None:
    assert "menu_packages" in said(opened())
    plain = DIALOGUE.begin(Opening(medium=Medium.SCREEN, caller=ALICE))
    stranger = DIALOGUE.begin(Opening(medium=Medium.SCREEN, sells=True))
    for step in (plain, stranger):
        assert "menu_packages" not in said(step)
        talk, turn = follow(step, Keys("3"))
        assert (talk.place, type(turn)) == (Place.MENU, Prompt)


def test_a_package_is_chosen_read_back_and_bought() -> None:
    step = follow(opened(), Keys("3"))
    assert step[1] == Do(OfferPackages(number=ALICE))

    step = follow(step, Offered(OFFERS))
    assert said(step) == [
        "package_first",
        "package_second",
        "package_third",
        "packages_more",
    ]
    step = follow(step, Keys("4"))
    assert said(step) == ["package_first", "packages_more"]
    assert follow(step, Keys("2"))[0].misses == 1
    step = follow(step, Keys("4"), Keys("2"))
    assert step[0].chosen == "PKG2"
    assert said(step) == ["package_is", "yes_or_no"]

    step = follow(step, Keys("1"))
    assert step[1] == Do(BuyOffer(number=ALICE, code="PKG2", entry=1, price_micros=2 * RM))
    step = follow(step, Bought(until=UNTIL, balance_micros=3 * RM))
    assert said(step)[:2] == ["package_bought", "balance"]
    assert step[0].place is Place.MORE


def test_no_star_and_the_other_keys_go_where_they_say() -> None:
    confirm = follow(opened(), *LIST, Keys("1"))

    assert follow(confirm, Keys("2"))[0].place is Place.PACKAGES
    assert follow(confirm, Keys("*"))[0].place is Place.PACKAGES
    assert follow(confirm, Keys("7"))[0].misses == 1
    assert follow(opened(), *LIST, Keys("*"))[0].place is Place.MENU
    assert follow(opened(), *LIST, Keys("0"))[0].awaits == "call_back"
    assert said(follow(opened(), Keys("3"), Offered(())))[0] == "packages_none"


def test_nobody_buys_by_silence_or_hanging_up() -> None:
    confirm = follow(opened(Medium.VOICE), *LIST, Keys("1"))

    assert isinstance(follow(confirm, HungUp())[1], Ended)
    assert isinstance(follow(confirm, Silence(), Silence(), Silence())[1], Ended)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_in_a_package_is_said_in_clips(tag: str) -> None:
    step = follow(opened(Medium.VOICE, tag=tag), *LIST)
    assert said(step)[:5] == [
        "package_key",
        "package_gb",
        "package_minutes",
        "package_days",
        "package_price",
    ]
    turn = step[1]
    assert isinstance(turn, Prompt)
    for one in turn.say:
        assert speak(texts(tag), one.key, one.params, zone=ZONE)


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("credit_too_low", "package_too_dear"),
        ("package_not_for_you", "package_not_sold"),
        ("package_already_running", "package_not_sold"),
        ("package_unknown", "package_not_sold"),
    ],
)
def test_a_refusal_is_told(code: str, key: str) -> None:
    step = follow(opened(), *LIST, Keys("1"), Keys("1"), Refused(code=code, missing_micros=RM))
    assert said(step)[0] == key


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("PKG", Asked(wish=Wish.PACKAGES)),
        ("pelan", Asked(wish=Wish.PACKAGES)),
        ("Pakej", Asked(wish=Wish.PACKAGES)),
        ("配套", Asked(wish=Wish.PACKAGES)),
        ("BUY", Asked(wish=Wish.PACKAGES)),
        ("buy data30", Asked(wish=Wish.BUY, said="data30")),
        ("BELI DATA30 YA", Asked(wish=Wish.BUY, said="data30 ya")),
        ("购买 DATA30 是", Asked(wish=Wish.BUY, said="data30 是")),
        ("buy data30 please", Asked(wish=Wish.BUY, said="data30")),
    ],
)
def test_messages_are_read(text: str, asked: Asked) -> None:
    assert read_request(text) == asked


def test_a_message_lists_asks_and_buys() -> None:
    listed = follow(opened(Medium.TEXT, wish=Wish.PACKAGES), Offered(OFFERS))
    assert listed[1] == Ended((Utterance("packages", {"list": "PKG1 RM1, PKG2 RM2, PKG3 RM3"}),))

    asked = opened(Medium.TEXT, wish=Wish.BUY, words="pkg2")
    assert asked[1] == Do(OfferPackages(number=ALICE))
    assert said(follow(asked, Offered(OFFERS))) == ["package_confirm"]
    assert said(follow(asked, Offered(()))) == ["package_not_sold"]

    sure = opened(Medium.TEXT, wish=Wish.BUY, words="pkg2 yes")
    assert sure[1] == Do(BuyOffer(number=ALICE, code="PKG2", entry=1))


@pytest.fixture
def rules(rules: Rules) -> Rules:
    """Return rules with one package of every kind of part."""
    package = Package(
        code="DATA7",
        names={"en": "A", "ms": "B", "zh-Hans": "C", "ta": "D"},
        terms={},
        price_micros=10 * RM,
        allowances=(
            PackageAllowance(kind=BucketKind.BYTES, amount=500 * 2**20),
            PackageAllowance(kind=BucketKind.SECONDS, amount=600),
            PackageAllowance(kind=BucketKind.MESSAGES, amount=5),
        ),
        hours=24,
        on_sale_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    days = replaced(package, code="DAYS", hours=0, days=3)
    return replace(rules, packages=(package, days, replaced(package, code="TODAY", hours=0)))


DOOR = Door(name="demo", caller="ussd", medium=Medium.SCREEN, trusted=True)


async def test_a_session_on_a_screen_buys_from_the_lines_own_credit(
    engine: Engine, database: Database, rules: Rules, keys: Secrets
) -> None:
    await add_line(engine, database, ALICE, opening_micros=25 * RM)
    attendant = Attendant(make_site(engine, database, rules, keys))
    call = Call(door=DOOR, session="s-1", sender=f"+{ALICE}")

    talk, _ = await attendant.begin(call)
    talk, turn = await attendant.hear(call, talk, Keys("3"))
    assert isinstance(turn, Prompt)
    assert [offer.length for offer in talk.offers] == [("hours", 24), ("days", 3), ("today", 0)]
    assert talk.offers[0].parts == (("mb", 500), ("minutes", 10), ("sms", 5))
    confirm, _ = await attendant.hear(call, talk, Keys("1"))
    bought, turn = await attendant.hear(call, confirm, Keys("1"))
    # The gateway sends the same key again: the same purchase.
    await attendant.hear(call, confirm, Keys("1"))

    assert isinstance(turn, Prompt)
    assert [one.key for one in turn.say[:2]] == ["package_bought", "balance"]
    assert turn.say[1].params == {"balance_micros": 15 * RM}
    assert await database.fetch_value("SELECT count(*) FROM subscription") == 1

    for entry in ("s-2", "s-3"):
        again = replace(call, session=entry)
        _, turn = await attendant.hear(again, confirm, Keys("1"))
    assert isinstance(turn, Prompt)
    assert turn.say[0] == Utterance("package_too_dear", {"missing_micros": 5 * RM})
    assert bought.place is Place.MORE

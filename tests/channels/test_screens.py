"""Every screen that the dialogue can come to has room, in every language, at its longest."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

import pytest

from tambah.channels.talk import Utterance, Value
from tambah.domain.numbering import NumberPlan, show_msisdn
from tambah.i18n import LANGUAGES
from tambah.i18n.catalog import read_catalog
from tambah.i18n.screens import SPARED, fits, render_screen
from tambah.i18n.sms_parts import Alphabet, measure_sms

from .reach import CALLER, MOST_MICROS, everything_said

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
PLAN = NumberPlan()
PREFERRED = 160
"""Some gateways take no more of GSM-7."""

_A_DAY = "2027-01-20T16:00:00+00:00"
_MONTHS = [f"2027-{month:02d}-20T16:00:00+00:00" for month in range(1, 13)]


@cache
def reachable() -> list[tuple[Utterance, ...]]:
    """Return what can be said: the walk takes some seconds."""
    # Who hung up is shown nothing.
    return [say for say in everything_said(_A_DAY) if say]


def render(tag: str, *say: Utterance) -> str:
    """Return the text of a screen."""
    return render_screen(say, tag, zone=ZONE)


def in_month(say: tuple[Utterance, ...], day: str) -> tuple[Utterance, ...]:
    """Return what is said with its dates moved to another month."""

    def moved(params: dict[str, Value]) -> dict[str, Value]:
        return {name: day if value == _A_DAY else value for name, value in params.items()}

    return tuple(Utterance(one.key, moved(one.params), one.tag) for one in say)


def test_the_walk_comes_to_every_text_there_is() -> None:
    said = {one.key for say in reachable() for one in say}

    # The code is not read back on screens: who typed it sees it.
    assert {"credited", "your_number", "too_many_wrong_codes", "phone_barred"} <= said
    assert said >= _keys() - {"code_ends"}


def _keys() -> set[str]:
    found = read_catalog("en").forms
    return {key.removeprefix("screen.") for key in found if key.startswith("screen.")}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_screen_has_room_and_only_what_may_be_spared_is(tag: str) -> None:
    wrong: list[str] = []
    for say in reachable():
        for day in _MONTHS if "_until" in repr(say) or "_at" in repr(say) else [_A_DAY]:
            dated = in_month(say, day)
            text = render(tag, *dated)
            needed = {
                line
                for one in dated
                if one.key not in SPARED
                for line in render(tag, one).split("\n")
            }
            if not fits(text) or not text.strip():
                wrong.append(f"too long: {text!r}")
            if not _is_list(dated) and not needed <= set(text.split("\n")):
                wrong.append(f"cut: {text!r}")
    assert wrong == []


def _is_list(say: tuple[Utterance, ...]) -> bool:
    return len({one.key for one in say}) < len(say) and say[0].key == "your_number"


@pytest.mark.parametrize("tag", ["en", "ms"])
def test_a_screen_of_latin_letters_is_plain_and_short(tag: str) -> None:
    texts = [render(tag, *say) for say in reachable() if "choose_language" not in repr(say)]
    sizes = {text: measure_sms(text) for text in texts}

    assert {text for text, size in sizes.items() if size.alphabet is not Alphabet.GSM7} == set()
    assert {text for text, size in sizes.items() if size.units > PREFERRED} == set()


def test_money_is_in_whole_sen_and_an_end_is_the_last_day() -> None:
    said = Utterance(
        "credited_stands",
        {"balance_micros": 12_349_999, "active_until": "2027-03-01T16:00:00+00:00"},
    )

    assert render("en", said) == "Balance RM12.34. Active until 1 Mar 2027."
    assert render("ms", said) == "Baki RM12.34. Aktif hingga 1 Mac 2027."
    assert render("zh-Hans", said) == "余额RM12.34，有效期至01/03/2027。"
    assert render("ta", said) == "மீதம் RM12.34, 01/03/2027 வரை"


def test_an_instant_is_its_own_day() -> None:
    said = Utterance("code_already_yours", {"used_at": "2027-03-01T16:00:00+00:00"})

    assert render("en", said) == "You used this code on 2 Mar 2027."


def test_a_number_is_in_groups_and_a_codes_end_is_not() -> None:
    assert render("en", Utterance("number_is", {"number_digits": show_msisdn(CALLER, PLAN)})) == (
        "Number 011-2345 6789?"
    )
    assert render("en", Utterance("code_ends", {"last_digits": "0042"})) == "Code ends 0042?"


def test_languages_are_each_in_their_own() -> None:
    say = [Utterance("choose_language", tag=tag) for tag in LANGUAGES]

    assert render("en", *say) == "1 English\n2 Bahasa Melayu\n3 中文\n4 தமிழ்"


def test_several_numbers_are_one_list() -> None:
    say = [
        Utterance("your_number", {"number_digits": show_msisdn(CALLER + n, PLAN)})
        for n in range(3)
    ]

    assert render("en", *say) == "Your number: 011-2345 6789, 011-2345 6790, 011-2345 6791"


def test_more_numbers_than_a_person_may_have_are_counted() -> None:
    say = [Utterance("your_number", {"number_digits": show_msisdn(CALLER, PLAN)})] * 9

    assert render("ta", *say) == f"எண்: {'011-2345 6789, ' * 4}+5"


def test_five_numbers_are_all_shown() -> None:
    say = [Utterance("your_number", {"number_digits": show_msisdn(CALLER, PLAN)})] * 5
    options = [Utterance("more_topup"), Utterance("more_menu")]

    assert render("ta", *say, *options).count("011-2345 6789") == 5
    assert "1 Top up\n2 Menu" in render("en", *say, *options)


def test_the_bonus_is_spared_before_the_menu() -> None:
    amounts: dict[str, Value] = {"balance_micros": MOST_MICROS, "active_until": _A_DAY}
    text = render(
        "ta",
        Utterance("credited", {"credited_micros": MOST_MICROS}),
        Utterance("credited_bonus", {"bonus_micros": MOST_MICROS}),
        Utterance("credited_stands", amounts),
        Utterance("more_topup"),
        Utterance("more_menu"),
    )

    assert "போனஸ்" not in text
    assert text.endswith("2 பட்டியல்")


def test_a_text_that_is_not_there_is_a_bug() -> None:
    with pytest.raises(KeyError):
        render("en", Utterance("nothing_of_ours"))
    with pytest.raises(ValueError, match="no amount"):
        render("en", Utterance("credited", {"credited_micros": "1.00"}))

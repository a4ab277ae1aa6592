"""The dialogue by itself: every place, every way out, and what may never be said."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.channels import talk as words
from tambah.channels.places import ASKS, LANGUAGE_KEYS
from tambah.channels.said import KEYS, say_credited, say_refusal
from tambah.channels.talk import (
    Answer,
    BarLost,
    CallBack,
    Credited,
    Do,
    Ended,
    HungUp,
    KeepLanguage,
    Keys,
    LookUp,
    Medium,
    Noted,
    Numbers,
    Opening,
    Place,
    Prompt,
    Redeem,
    Refused,
    ReportCard,
    SendNumbers,
    Silence,
    Standing,
    Talk,
    TellNumbers,
    Utterance,
    Wish,
)
from tambah.domain.refusals import every_refusal
from tambah.i18n.catalog import read_catalog

from .dialogue_world import (
    ACTIVE,
    ALICE,
    BOB,
    CODE,
    DIALOGUE,
    GOOD,
    TYPO,
    UNTIL,
    WRONG,
    Conversation,
    code,
    oblige,
    owner,
    refuse,
    stranger,
)

MENU_OWN = ["menu_topup", "menu_balance", "menu_lost", "menu_person"]
MENU = ["menu_topup", "menu_lost", "menu_person"]
LANGUAGES = ["choose_language"] * 4
MORE = ["more_topup", "more_menu"]
CODE_OWN = ["code", "other_number"]
CONFIRM = ["code_ends", "yes_or_no"]
BOB_KEYED = "0199998888"
DOCUMENT, CONTACT = "901231145678", "0129998888"
SERIAL = "000100000007"

# How long it takes


def test_a_returning_caller_tops_up_in_four_prompts():
    call = Conversation(owner()).key("1", CODE, "1")
    assert call.heard == [
        ["welcome", *MENU_OWN],
        CODE_OWN,
        CONFIRM,
        ["credited", "credited_stands", *MORE],
    ]
    assert call.done == [Redeem(number=ALICE, digits=CODE, entry=1, is_own=True)]


def test_a_first_call_takes_one_prompt_more():
    call = Conversation(owner(asks_language=True)).key("2", "1", CODE, "1")
    assert (call.prompts, call.heard[0], call.talk.tag) == (5, LANGUAGES, "ms")
    assert call.done[0] == KeepLanguage(number=ALICE, tag="ms")


def test_a_code_and_its_line_by_ussd_or_sms_take_no_prompt():
    call = Conversation(owner(Medium.SCREEN, wish=Wish.REDEEM, words=CODE))
    assert (call.said, call.is_over) == (["credited", "credited_stands"], True)


def test_on_a_screen_nothing_is_read_back():
    call = Conversation(owner(Medium.SCREEN)).key("1", CODE)
    assert call.said == ["credited", "credited_stands", *MORE]


def test_the_languages_name_themselves_in_their_own():
    call = Conversation(stranger())
    assert [one.tag for one in call.utterances] == ["en", "ms", "zh-Hans", "ta"]


def test_another_number_is_read_back_as_people_dial_it():
    call = Conversation(owner()).key("1", "2", BOB_KEYED)
    assert call.utterances[0] == Utterance("number_is", {"number_digits": "019-999 8888"})
    call.key("1", CODE, "1")
    assert call.done == [Redeem(number=BOB, digits=CODE, entry=1, is_own=False)]
    assert call.said == ["credited_other", *MORE]


def test_a_number_read_back_wrong_is_keyed_again():
    call = Conversation(owner()).key("1", "2", "0199998887", "2")
    assert call.said == ["number"]
    call.key(BOB_KEYED, "1", CODE, "1")
    assert call.done == [Redeem(number=BOB, digits=CODE, entry=1, is_own=False)]


def test_a_code_read_back_wrong_is_keyed_again():
    call = Conversation(owner()).key("1", code(1), "2")
    assert (call.said, call.talk.typed) == (CODE_OWN, "")
    call.key(CODE, "1")
    assert call.done == [Redeem(number=ALICE, digits=CODE, entry=1, is_own=True)]


def test_each_code_of_a_call_has_an_entry_of_its_own():
    call = Conversation(owner()).key("1", code(1), "1", "1", code(2), "1")
    assert [action.entry for action in call.done if isinstance(action, Redeem)] == [1, 2]


# Where each key leads


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("1", CODE_OWN),
        ("2", ["balance", "line_is_active", *MORE]),
        ("4", ["lost_card", "lost_phone", "lost_number"]),
        ("41", ["serial"]),
        ("42", ["lost_phone_number"]),
        ("43", ["your_number", *MORE]),
        ("8", LANGUAGES),
        ("0", ["call_back", *MORE]),
        ("40", ["call_back", *MORE]),
        ("21", CODE_OWN),
        ("22", MENU_OWN),
        ("20", ["call_back", *MORE]),
    ],
)
def test_every_key_of_an_owners_menus_leads_somewhere(keys: str, said: list[str]):
    assert Conversation(owner()).key(*keys).said == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("1", ["number"]),
        ("2", ["balance_not_here", *MENU]),
        ("41", ["number"]),
        ("42", ["lost_phone_number"]),
        ("43", ["document"]),
        ("0", ["person_elsewhere", *MORE]),
    ],
)
def test_every_key_of_a_strangers_menus_leads_somewhere(keys: str, said: list[str]):
    assert Conversation(stranger()).key("1", *keys).said == said


@pytest.mark.parametrize(("key", "tag"), LANGUAGE_KEYS.items())
def test_a_language_is_spoken_from_then_on(key: str, tag: str):
    assert Conversation(stranger()).key(key).talk.tag == tag


@pytest.mark.parametrize("keys", ["0", "40", "20"])
def test_whoever_wants_a_person_is_passed_on_where_there_is_one(keys: str):
    call = Conversation(owner(has_person=True)).key(*keys)
    assert call.turn == Ended((Utterance("to_person"),), to_person=True)


def test_a_lost_card_is_reported_for_the_callers_line():
    call = Conversation(owner()).key("4", "1", SERIAL)
    assert call.done == [ReportCard(number=ALICE, serial="0001-00000007", is_own=True)]
    assert call.said == ["card_reported", *MORE]


def test_a_lost_card_is_reported_by_a_stranger_for_a_keyed_number():
    call = Conversation(stranger()).key("1", "4", "1", BOB_KEYED, "1", SERIAL)
    assert call.done == [ReportCard(number=BOB, serial="0001-00000007", is_own=False)]


def test_a_lost_phone_is_barred_and_nobody_learns_whether():
    call = Conversation(owner()).key("4", "2", BOB_KEYED, "1", DOCUMENT, CONTACT)
    assert call.done == [BarLost(number=BOB, document=DOCUMENT, contact="60129998888")]
    assert call.said == ["phone_barred", *MORE]


def test_a_forgotten_number_is_told_for_the_code_that_was_sent():
    call = Conversation(stranger()).key("1", "4", "3", DOCUMENT, CONTACT)
    assert call.said == ["numbers_sent", "recovery_code"]
    call.key("888888")
    claim = {"document": DOCUMENT, "contact": "60129998888"}
    assert call.done == [SendNumbers(**claim), TellNumbers(**claim, code="888888")]
    assert [one.params["number_digits"] for one in call.utterances[:2]] == [
        "012-345 6789",
        "019-999 8888",
    ]


def test_a_wrong_code_of_a_forgotten_number_may_be_keyed_again_and_not_for_ever():
    call = Conversation(stranger()).key("1", "4", "3", DOCUMENT, CONTACT)
    call.answering = refuse("sign_in_code_wrong")
    assert call.key("111111").said == ["sign_in_code_wrong", "recovery_code_again"]
    assert call.key("222222").said == ["sign_in_code_wrong", "recovery_code_example"]
    assert call.key("333333").turn == Ended(
        (Utterance("sign_in_code_wrong"), Utterance("goodbye"))
    )


# Star and nine


def test_star_alone_at_a_menu_says_nothing_and_waits_a_moment():
    call = Conversation(owner()).key("4", "*")
    assert (call.said, call.turn) == ([], Prompt((), words.Ask(first_seconds=2)))
    assert call.wait().said == MENU_OWN


@pytest.mark.parametrize("way", [["*", "*"], ["*", ""]])
def test_star_twice_or_star_and_hash_go_back(way: list[str]):
    assert Conversation(owner()).key("4", *way).said == MENU_OWN


def test_star_goes_back_to_the_menu_before():
    assert Conversation(owner()).key("1", "*").wait().said == MENU_OWN
    assert Conversation(owner()).key("4", "1", "*").wait().said[0] == "lost_card"
    assert Conversation(owner()).key("4", "2", BOB_KEYED, "1", "*").wait().said[0] == "lost_card"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("1", CODE), CODE_OWN),
        (("1", "2", BOB_KEYED), ["number"]),
        (("4", "2", BOB_KEYED, "1", DOCUMENT), ["document"]),
    ],
)
def test_star_at_a_read_back_leads_to_keying_it_again(keys: tuple[str, ...], said: list[str]):
    call = Conversation(owner()).key(*keys, "*").wait()
    assert (call.said, call.talk.typed) == (said, "")


def test_star_clears_what_was_keyed_as_often_as_it_is_pressed():
    call = Conversation(owner()).key("1", "4739*")
    assert call.said[0] == "cleared"
    assert call.key("*", "47*").said[0] == "cleared"
    assert call.key("*", CODE).said == CONFIRM


def test_star_before_a_code_only_clears():
    assert Conversation(owner()).key("1", "*", CODE).said == CONFIRM


@pytest.mark.parametrize("keys", [[], ["1"], ["1", CODE], ["4"], ["2"], ["4", "1"]])
def test_star_and_nought_change_the_language_anywhere(keys: list[str]):
    call = Conversation(owner()).key(*keys, "*", "0")
    assert call.said == LANGUAGES
    assert call.key("3").done[-1] == KeepLanguage(number=ALICE, tag="zh-Hans")
    assert call.said == MENU_OWN


def test_nine_repeats_and_counts_nothing():
    call = Conversation(owner()).key("4", "9", "9", "9", "9", "9")
    assert call.said == ["lost_card", "lost_phone", "lost_number"]
    assert (call.talk.misses, call.is_over) == (0, False)
    assert Conversation(owner()).key("1", CODE, "9").said == CONFIRM


def test_on_a_screen_nine_is_the_menu_and_nought_or_star_go_back():
    assert "menu_topup" in Conversation(owner(Medium.SCREEN)).key("4", "9").said
    assert "menu_topup" in Conversation(owner(Medium.SCREEN)).key("1", "0").said
    assert "menu_topup" in Conversation(owner(Medium.SCREEN)).key("1", "*").said
    assert Conversation(owner(Medium.SCREEN)).key("1", "*0").said == LANGUAGES


@given(
    st.lists(st.sampled_from(["*", "**", "*0", "0", "9", "1", "x", "", "*1", "2*"]), max_size=9)
)
def test_a_screen_is_never_empty(replies: list[str]):
    call = Conversation(owner(Medium.SCREEN)).key(*replies)
    assert all(call.heard)


# Silence and wrong keys


def test_silence_shortens_the_prompt_then_gives_an_example_then_says_goodbye():
    call = Conversation(owner()).key("1")
    assert call.wait(2).heard[-2:] == [["code_again"], ["code_example"]]
    assert call.wait().turn == Ended((Utterance("goodbye"),))


def test_wrong_entries_do_the_same_and_lead_to_a_person_if_there_is_one():
    call = Conversation(owner(has_person=True)).key("1", TYPO, "12")
    assert call.heard[-2:] == [["code_mistyped", "code_again"], ["code_mistyped", "code_example"]]
    assert call.key(TYPO).turn == Ended(
        (Utterance("code_mistyped"), Utterance("to_person")), to_person=True
    )
    assert call.done == []


def test_silence_and_wrong_entries_are_counted_apart():
    call = Conversation(owner()).key("1").wait(2).key("12", "12")
    assert (call.is_over, call.talk.silences, call.talk.misses) == (False, 2, 2)


def test_a_single_key_may_be_wrong_three_times_and_not_four():
    call = Conversation(owner()).key("5", "6", "7")
    assert (call.said, call.is_over) == ([*MENU_OWN, "menu_repeat"], False)
    assert call.key("5").turn == Ended((Utterance("goodbye"),))


def test_what_was_counted_is_forgotten_at_the_next_place():
    call = Conversation(owner()).key("5", "6", "7", "4", "5", "6", "7")
    assert not call.is_over


def test_silence_after_the_result_says_goodbye_at_once():
    assert Conversation(owner()).key("2").wait().turn == Ended((Utterance("goodbye"),))


def test_silence_at_the_read_back_of_a_code_takes_it_for_yes():
    call = Conversation(owner()).key("1", CODE).wait(3)
    assert call.said == ["credited", "credited_stands", *MORE]


def test_a_call_that_says_nothing_ends():
    for opening in (owner(), stranger(), stranger(Medium.SCREEN)):
        assert Conversation(opening).wait(3).is_over


# Hanging up


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["1"],
        ["1", "2"],
        ["1", "2", BOB_KEYED],
        ["1", TYPO],
        ["4"],
        ["4", "1"],
        ["4", "2", BOB_KEYED, "1"],
        ["4", "2", BOB_KEYED, "1", DOCUMENT],
        ["2"],
        ["*", "0"],
    ],
)
def test_hanging_up_does_nothing_and_says_nothing(keys: list[str]):
    call = Conversation(owner()).key(*keys)
    done = list(call.done)
    assert (call.hang_up().turn, call.done) == (Ended(), done)


def test_hanging_up_at_the_read_back_credits_the_code():
    call = Conversation(owner()).key("1", CODE).hang_up()
    assert call.done == [Redeem(number=ALICE, digits=CODE, entry=1, is_own=True)]
    assert call.is_over


def test_hanging_up_after_star_at_the_read_back_does_not():
    assert Conversation(owner()).key("1", CODE, "*").hang_up().done == []


def test_hanging_up_after_no_to_the_read_back_does_not():
    assert Conversation(owner()).key("1", CODE, "2").hang_up().done == []


# What the house says


def test_a_refused_code_may_be_followed_by_another_and_says_what_is_left():
    call = Conversation(owner(), refuse("code_not_usable", left=4)).key("1", CODE, "1")
    assert call.said == ["code_not_usable", "tries_left", "code"]
    assert call.utterances[1].params == {"tries_count": 4}


@pytest.mark.parametrize("has_person", [True, False])
def test_three_refused_codes_lead_to_a_person_or_a_goodbye(has_person: bool):
    call = Conversation(owner(has_person=has_person), refuse("code_not_usable", left=2))
    call.key("1", code(1), "1", code(2), "1", code(3), "1")
    last = "to_person" if has_person else "goodbye"
    assert (call.said, call.is_over) == (["code_not_usable", "tries_left", last], True)


def test_after_the_last_try_no_other_code_is_asked_for():
    call = Conversation(owner(), refuse("code_not_usable", left=0)).key("1", CODE, "1")
    assert call.said == ["code_not_usable", "tries_left", *MORE]


def test_a_lock_says_for_how_long_and_asks_for_no_code():
    call = Conversation(owner(), refuse("too_many_wrong_codes")).key("1", CODE, "1")
    assert call.said == ["too_many_wrong_codes", *MORE]
    assert call.utterances[0].params == {"minutes_count": 15}


def test_an_own_used_code_is_named_with_its_date():
    call = Conversation(owner(), refuse("code_already_yours")).key("1", CODE, "1")
    assert call.utterances[0] == Utterance("code_already_yours", {"used_at": UNTIL})


def test_a_right_code_forgets_the_refused_ones():
    call = Conversation(owner(), refuse("code_not_usable", left=3))
    call.key("1", code(1), "1", code(2), "1")
    call.answering = oblige
    call.key(code(3), "1")
    assert call.talk.refused == 0


@pytest.mark.parametrize(
    ("standing", "params", "said"),
    [
        ("active", {"active_until": UNTIL}, ["balance", "line_is_active"]),
        ("grace", {"grace_until": UNTIL}, ["balance", "line_is_grace"]),
        ("expired", {}, ["balance", "line_is_expired"]),
        ("returning", {}, ["balance", "line_is_returning"]),
        ("barred", {}, ["balance", "line_is_barred"]),
        ("suspended", {}, ["balance", "line_is_suspended"]),
        ("pre_active", {}, ["balance", "line_is_pre_active"]),
    ],
)
def test_a_balance_comes_with_what_matters_in_its_state(
    standing: str, params: dict[str, str], said: list[str]
):
    stands = Standing(
        standing=standing,
        balance_micros=1,
        bonus_micros=0,
        active_until=UNTIL,
        grace_until=UNTIL,
    )
    call = Conversation(owner(), lambda _: stands).key("2")
    assert call.said == [*said, *MORE]
    assert call.utterances[-3].params == params


def test_bonus_is_told_where_there_is_any():
    bonus = Credited(credited_micros=1, bonus_micros=2, balance_micros=3, active_until=UNTIL)
    call = Conversation(owner(), lambda _: bonus).key("1", CODE, "1")
    assert call.said == ["credited", "credited_bonus", "credited_stands", *MORE]


# What may never be said

OF_A_LINE = [
    "number_unknown",
    "line_not_activated",
    "line_expired",
    "line_terminated",
    "line_barred",
    "line_suspended",
    "reactivation_too_little",
    "balance_too_high",
]


@given(st.sampled_from(OF_A_LINE), st.sampled_from(list(Medium)), st.booleans())
def test_a_stranger_hears_one_and_the_same_of_every_line(code: str, medium: Medium, other: bool):
    """So does an owner who asks for somebody else's number."""
    talk = Talk(
        medium=medium,
        place=Place.CODE,
        tag="en",
        caller=ALICE if other else None,
        number=BOB,
    )
    said = say_refusal(talk, Refused(code=code, minutes=9, at=UNTIL))
    assert said == (Utterance("number_not_topped_up"),)


def test_a_stranger_learns_of_no_used_code_whose_it_was():
    talk = Talk(medium=Medium.VOICE, place=Place.CODE, tag="en", number=BOB)
    assert say_refusal(talk, Refused(code="code_already_yours", at=UNTIL)) == (
        Utterance("code_not_usable"),
    )


def test_a_stranger_learns_of_a_credit_only_that_it_happened():
    talk = Talk(medium=Medium.VOICE, place=Place.CODE, tag="en", number=BOB)
    assert say_credited(talk, GOOD) == (Utterance("credited_there"),)


def test_every_refusal_has_a_message():
    assert set(KEYS) == {refusal.code for refusal in every_refusal()}


# All of it at once

ANSWERS: list[Answer] = [
    GOOD,
    Credited(credited_micros=1, bonus_micros=1, balance_micros=1, active_until=UNTIL),
    ACTIVE,
    *(
        Standing(standing=one, balance_micros=1, bonus_micros=1)
        for one in ("grace", "expired", "returning", "barred", "suspended", "pre_active")
    ),
    Noted(),
    Numbers((ALICE, BOB)),
    WRONG,
    *(Refused(code=refusal.code, minutes=3, at=UNTIL) for refusal in every_refusal()),
]
FIT: dict[type, tuple[type[Any], ...]] = {
    Redeem: (Credited, Refused),
    LookUp: (Standing, Refused),
    KeepLanguage: (Noted, Refused),
    ReportCard: (Noted, Refused),
    CallBack: (Noted, Refused),
    BarLost: (Noted, Refused),
    SendNumbers: (Noted, Refused),
    TellNumbers: (Numbers, Refused),
}
OPENINGS = [
    Opening(
        medium=medium,
        caller=caller,
        claimed=claimed,
        asks_language=asks,
        has_person=has_person,
        wish=wish,
        words=said,
    )
    for medium in Medium
    for caller, claimed in ((ALICE, ALICE), (None, BOB), (None, None))
    for asks in (True, False)
    for has_person in (True, False)
    for wish, said in (
        (Wish.MENU, ""),
        (Wish.REDEEM, CODE),
        (Wish.REDEEM, TYPO),
        (Wish.BALANCE, ""),
        (Wish.LANGUAGE, "ta"),
        (Wish.LANGUAGE, "xx"),
        (Wish.HELP, ""),
    )
]
ENTRIES = ["", *"0123456789", "*", "12*", CODE, TYPO, BOB_KEYED, DOCUMENT, SERIAL, "888888", "nil"]
EVENTS = [*(Keys(text) for text in ENTRIES), Silence(), HungUp()]


def reachable(medium: Medium) -> set[str]:
    """Return every message id that the dialogue can come to, walked breadth-first."""
    seen: set[object] = set()
    said: set[str] = set()
    ahead = deque(DIALOGUE.begin(opening) for opening in OPENINGS if opening.medium is medium)
    while ahead:
        talk, turn = ahead.popleft()
        said |= set() if isinstance(turn, Do) else {one.key for one in turn.say}
        state = (_gist(talk), type(turn))
        if state in seen or isinstance(turn, Ended):
            continue
        seen.add(state)
        ahead.extend(DIALOGUE.step(talk, event) for event in _events(turn))
    return said


def _gist(talk: Talk) -> object:
    """Return what of a talk decides what may be said next: not which number, code or language."""
    return msgspec.structs.replace(
        talk,
        tag="",
        number=None if talk.number is None else int(talk.is_own),
        typed="" if not talk.typed else "typed",
        contact="",
        entry=0,
        misses=min(talk.misses + talk.silences, 2),
        silences=0,
        refused=min(talk.refused, 1),
    )


def _events(turn: words.Turn) -> Iterator[words.Event]:
    if isinstance(turn, Do):
        yield from (one for one in ANSWERS if isinstance(one, FIT[type(turn.action)]))
    else:
        yield from EVENTS


@pytest.mark.parametrize(("medium", "area"), [(Medium.VOICE, "voice"), (Medium.SCREEN, "screen")])
def test_every_message_that_is_reached_has_its_text(medium: Medium, area: str):
    """In English; tests/i18n holds the other languages to the same keys."""
    keys = {key for key in read_catalog("en").forms if key.startswith(f"{area}.")}
    assert {f"{area}.{key}" for key in reachable(medium)} - keys == set()


events = st.one_of(
    st.sampled_from(EVENTS),
    st.text("0123456789*#AZaz -", max_size=24).map(Keys),
    st.text(max_size=24).map(Keys),
)


@given(st.sampled_from(OPENINGS), st.lists(events, max_size=30), st.data())
def test_nothing_that_a_caller_does_breaks_it_or_has_a_code_said(
    opening: Opening, happened: list[words.Event], data: st.DataObject
):
    """It ends within a few silences from wherever it is, and no whole code is ever said."""

    def answer(action: words.Action) -> Answer:
        fitting = [one for one in ANSWERS if isinstance(one, FIT[type(action)])]
        return data.draw(st.sampled_from(fitting))

    call = Conversation(opening, answer)
    for event in happened:
        match event:
            case _ if call.is_over:
                break
            case Keys(text):
                call.key(text)
            case Silence():
                call.wait()
            case _:
                call.hang_up()
        check_said(call)
    for _ in range(8):
        if not call.is_over:
            call.wait()
            check_said(call)
    assert call.is_over


def check_said(call: Conversation) -> None:
    """Check that nothing said gives a code away, and that a place asks for what it should."""
    said = repr(call.turn.say)
    assert CODE not in said
    assert CODE[:12] not in said
    if isinstance(call.turn, Prompt):
        assert call.turn.ask.most == ASKS.get(call.talk.place, words.Ask()).most

"""What a message asks for, however it was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.channels.sms.keywords import KEYWORDS, LANGUAGE_WORDS, Asked, read_request
from tambah.channels.talk import Wish
from tambah.domain.refusals import CodeMistyped
from tambah.domain.voucher import fold_code, group_code, letter_code
from tambah.i18n import LANGUAGES
from tests.channels.dialogue_world import CODE, TYPO

LETTERED = letter_code(CODE, lambda choices: choices[-1])
WIDE = CODE.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
WAYS: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    str.title,
    lambda text: f"  {text} ",
    lambda text: text.replace(" ", "  "),
    lambda text: "\u200e" + text + ".",
]


def code_of(asked: Asked) -> str:
    """Return the code that a message is redeemed with."""
    assert asked.wish is Wish.REDEEM
    return fold_code(asked.said)


def words_of(wish: Wish) -> list[str]:
    """Return a wish's keywords in every language."""
    return [word for words in KEYWORDS[wish].values() for word in words]


def test_the_how_to_has_the_words_of_each_wish():
    page = Path(__file__).parents[3] / "docs" / "how-to" / "top-up-by-sms.md"
    rows = [
        [re.findall("`([^`]+)`", cell) for cell in line.split("|")[2:-1]]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and "`" in line
    ]
    # Chinese as it is written in Taiwan is understood, and not told.
    simplified = [
        [[word for word in words if not set(word) & set("額餘語幫")] for words in wish.values()]
        for wish in KEYWORDS.values()
    ]
    assert rows == simplified


def test_every_wish_has_words_in_every_language():
    assert [set(by_language) for by_language in KEYWORDS.values()] == [set(LANGUAGES)] * 6


@pytest.mark.parametrize("word", words_of(Wish.REDEEM))
@pytest.mark.parametrize("written", [CODE, group_code(CODE), LETTERED, WIDE, CODE + "#"])
def test_a_code_is_read_after_every_word_for_it(word: str, written: str):
    for way in WAYS:
        assert code_of(read_request(way(f"{word} {written}"))) == CODE


@pytest.mark.parametrize(
    "text",
    [
        f"TOPUP{CODE}",
        f"Top-Up {CODE}",
        f"top up: {group_code(CODE)}",
        f"TOPUP-{group_code(CODE).replace(' ', '-')}",
        f"tambahnilai {CODE}",
        f"加额{CODE}",
        f"充值：{WIDE}",
        f"ＴＯＰＵＰ {CODE}",
        f"ரீசார்ஜ் {CODE}",
        f"டாப் அப் {CODE}",
        CODE,
        WIDE,
        group_code(CODE),
        LETTERED,
        LETTERED.lower(),
        group_code(LETTERED),
        f"{CODE}#",
        f"TOPAP {CODE}",
        f"pls topup {group_code(CODE)}",
        f"PIN: {CODE}",
    ],
)
def test_a_code_is_found_however_it_was_written(text: str):
    assert code_of(read_request(text)) == CODE


@pytest.mark.parametrize("text", [TYPO, CODE[:-1], CODE + "1", f"TOPUP {CODE[:9]}", "TOPUP HELLO"])
def test_a_code_with_a_slip_is_still_taken_for_one_and_is_told_so(text: str):
    asked = read_request(text)
    assert asked.wish is Wish.REDEEM
    with pytest.raises(CodeMistyped):
        fold_code(asked.said)


@pytest.mark.parametrize("word", words_of(Wish.BALANCE))
def test_a_balance_is_asked_for_by_every_word(word: str):
    for way in WAYS:
        assert read_request(way(word)) == Asked(wish=Wish.BALANCE)


@pytest.mark.parametrize("word", words_of(Wish.LANGUAGE))
@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_is_chosen_by_every_word(word: str, tag: str):
    for way, name in product(WAYS, LANGUAGE_WORDS[tag]):
        assert read_request(way(f"{word} {name}")) == Asked(wish=Wish.LANGUAGE, said=tag)


@pytest.mark.parametrize(
    ("text", "tag"),
    [("BAHASA MELAYU", "ms"), ("LANGMS", "ms"), ("语言中文", "zh-Hans"), ("lang 4", "ta")],
)
def test_a_language_is_found_however_it_was_written(text: str, tag: str):
    assert read_request(text) == Asked(wish=Wish.LANGUAGE, said=tag)


@pytest.mark.parametrize(
    "text",
    [
        *words_of(Wish.HELP),
        "",
        " ",
        "?",
        "TOPUP",
        "LANG",
        "LANG XX",
        "balloon",
        "0123456789",
        "Hello, how are you",
        "What a fine day!",
        "x" * 5000,
        "\ud83d",
        "\x00",
        "😀" * 100,
    ],
)
def test_anything_else_asks_for_help(text: str):
    assert read_request(text) == Asked(wish=Wish.HELP)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_nothing_that_is_sent_breaks_it(text: str):
    assert read_request(text).wish in KEYWORDS


def test_what_was_asked_shows_no_code():
    assert CODE not in repr(read_request(CODE))

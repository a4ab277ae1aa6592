"""Codes: uniform, checked, and digested as redemption digests them."""

from __future__ import annotations

import os
import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.voucher import check_digit, fold_code
from tambah.engine.keys import Keys
from tambah.engine.vouchers import CodeSource, CodeSpaceFull
from tambah.engine.vouchers.codes import (
    CODE_SPACE,
    Draw,
    digest_codes,
    draw_codes,
    draw_numbers,
    places_of,
    replace_codes,
    seal_numbers,
)

SHIFT = 64 - 50  # 10**15 needs 50 bits


def of_words(*words: int) -> CodeSource:
    """Return a source that yields these words, then zeros upwards."""
    rest = iter(words)
    filler = iter(range(1, 1_000_000))

    def random_bytes(count: int) -> bytes:
        values = [next(rest, None) for _ in range(count // 8)]
        return struct.pack(
            f"={len(values)}Q", *(next(filler) << SHIFT if v is None else v for v in values)
        )

    return CodeSource(random_bytes=random_bytes)


@given(st.lists(st.integers(0, CODE_SPACE - 1), max_size=50))
def test_seal_numbers_gives_the_domains_check_digit(numbers: list[int]) -> None:
    sealed = [code.decode() for code in seal_numbers(numbers)]

    assert sealed == [f"{n:015d}" + check_digit(f"{n:015d}") for n in numbers]
    assert sealed == [fold_code(code) for code in sealed]


@pytest.mark.parametrize("number", [0, 1, 99_999, 100_000, 10**10 - 1, 10**10, CODE_SPACE - 1])
def test_seal_numbers_agrees_where_digit_groups_meet(number: int) -> None:
    digits = f"{number:015d}"

    assert seal_numbers([number]) == [(digits + check_digit(digits)).encode()]


@pytest.mark.parametrize("pepper_bytes", [32, 63, 64, 65, 100])
def test_digest_codes_equals_the_digest_of_redemption(pepper_bytes: int) -> None:
    keys = Keys({1: os.urandom(pepper_bytes), 7: os.urandom(pepper_bytes)})
    codes = seal_numbers([0, 123_456_789_012_345, CODE_SPACE - 1])

    drawn = digest_codes(codes, keys)

    assert drawn.digests == {
        key_id: [keys.code_digest(code.decode(), key_id) for code in codes] for key_id in (1, 7)
    }


@given(st.integers(0, 2**64 - 1))
def test_draw_numbers_takes_a_word_as_it_is_or_not_at_all(word: int) -> None:
    number = word >> SHIFT
    expected = number if number < CODE_SPACE else 1  # 1 is the filler's first

    assert draw_numbers(1, of_words(word)) == [expected]


def test_draw_numbers_keeps_the_last_number_and_throws_away_the_next() -> None:
    last, beyond = CODE_SPACE - 1, CODE_SPACE
    source = of_words(beyond << SHIFT, (2**64) - 1, last << SHIFT)

    assert draw_numbers(1, source) == [last]


def test_draw_numbers_has_no_bias_in_a_space_that_is_no_power_of_two() -> None:
    """Every word of four bits once gives every number below ten once: nothing is folded."""
    for word in range(16):
        source = CodeSource(
            random_bytes=lambda count, word=word: struct.pack("=Q", word << 60) * (count // 8),
            space=10,
        )
        if word < 10:
            assert draw_numbers(1, source) == [word]
        else:
            with pytest.raises(CodeSpaceFull):
                draw_numbers(1, source)


def test_draw_numbers_spreads_evenly_over_every_digit() -> None:
    """Chi-square with nine degrees of freedom: 60 is passed by chance once in a billion."""
    count = 20_000
    texts = [f"{n:015d}" for n in draw_numbers(count, CodeSource())]

    for place in range(15):
        seen = Counter(text[place] for text in texts)
        spread = sum((seen[d] - count / 10) ** 2 / (count / 10) for d in "0123456789")
        assert spread < 60, place


def test_draw_numbers_never_gives_the_same_twice() -> None:
    assert sorted(draw_numbers(100, CodeSource(space=100))) == list(range(100))


def test_draw_numbers_avoids_what_is_taken() -> None:
    drawn = draw_numbers(10, CodeSource(space=100), taken=range(90))

    assert sorted(drawn) == list(range(90, 100))


def test_draw_numbers_gives_up_on_a_full_space() -> None:
    with pytest.raises(CodeSpaceFull):
        draw_numbers(101, CodeSource(space=100))


def test_replace_codes_changes_the_given_places_only(keys: Keys) -> None:
    draw = draw_codes(5, keys, CodeSource())

    after = replace_codes(draw, [1, 3], keys, CodeSource())

    assert [place for place in range(5) if after.codes[place] != draw.codes[place]] == [1, 3]
    assert after.digests == digest_codes(after.codes, keys).digests


def test_places_of_finds_a_digest_under_any_key(keys: Keys) -> None:
    draw = draw_codes(5, keys, CodeSource())
    stored = {draw.digests[1][4], draw.digests[2][0], b"none of ours"}

    assert places_of(stored, draw.digests) == [0, 4]


def test_a_draw_does_not_show_its_codes() -> None:
    assert repr(Draw([b"1234567890123456"], {})) == "Draw()"

"""Recharge codes, serial numbers, and what may become of cards and batches."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.refusals import (
    BatchStateWrong,
    CodeMistyped,
    VoucherStateWrong,
    VoucherUnknown,
)
from tambah.domain.voucher import (
    BATCH_MOVES,
    CODE_DIGITS,
    DAMM_TABLE,
    PRINT_LETTERS,
    RANDOM_DIGITS,
    VOUCHER_MOVES,
    BatchState,
    VoucherState,
    check_digit,
    fold_code,
    format_serial,
    group_code,
    letter_code,
    move_batch,
    move_voucher,
    parse_serial,
)

from .world import code

CODES = [code(number) for number in (0, 1, 123456789012345, 998877665544332, 10**15 - 1)]
GOOD = code(123456789012345)
E164_KEYS = {"2": "ABC", "3": "DEF", "4": "GHI", "5": "JKL", "6": "MNO", "7": "PQRS", "8": "TUV",
             "9": "WXYZ"}  # fmt: skip


def test_the_damm_table_is_the_published_one() -> None:
    assert check_digit("572") == "4"  # the example of Damm's paper
    assert all(sorted(row) == list(range(10)) for row in DAMM_TABLE), "a quasigroup's rows"
    assert all(sorted(column) == list(range(10)) for column in zip(*DAMM_TABLE, strict=True))
    assert all(DAMM_TABLE[digit][digit] == 0 for digit in range(10))


def test_check_digit_catches_every_single_wrong_key() -> None:
    dice = random.Random(11)
    for _ in range(100):
        good = code(dice.randrange(10**RANDOM_DIGITS))
        for place in range(CODE_DIGITS):
            for digit in "0123456789":
                wrong = good[:place] + digit + good[place + 1 :]
                assert (check_digit(wrong) == "0") == (digit == good[place])


def test_check_digit_catches_every_swap_of_neighbours() -> None:
    dice = random.Random(13)
    for _ in range(500):
        good = code(dice.randrange(10**RANDOM_DIGITS))
        for place in range(CODE_DIGITS - 1):
            a, b = good[place : place + 2]
            swapped = good[:place] + b + a + good[place + 2 :]
            assert (check_digit(swapped) == "0") == (a == b)


def test_a_code_has_one_check_digit_only() -> None:
    for digits in CODES:
        stem = digits[:RANDOM_DIGITS]
        assert [d for d in "0123456789" if check_digit(stem + d) == "0"] == [digits[-1]]


@pytest.mark.parametrize(
    "typed",
    [
        GOOD,
        group_code(GOOD),
        "-".join(GOOD),
        group_code(GOOD).replace(" ", "\u2013"),
        group_code(GOOD).replace(" ", "\u00a0"),
        group_code(GOOD).replace(" ", "."),
        group_code(GOOD).replace(" ", "_"),
        f"  {GOOD}\t\n",
        f"\u200b{GOOD}\ufeff",
        "".join(chr(ord(d) + 0xFEE0) for d in GOOD),
    ],
)
def test_fold_code_reads_what_is_typed(typed: str) -> None:
    assert fold_code(typed) == GOOD


def test_fold_code_reads_letters_by_their_keys() -> None:
    for key, letters in E164_KEYS.items():
        for letter in letters:
            for form in (letter, letter.lower(), chr(ord(letter) + 0xFEE0)):
                typed = GOOD.replace(key, form)
                assert fold_code(typed) == GOOD


@given(st.integers(0, 10**RANDOM_DIGITS - 1), st.randoms(use_true_random=False))
def test_a_lettered_card_folds_back_to_its_digits(number: int, dice: random.Random) -> None:
    digits = code(number)
    lettered = letter_code(digits, dice.choice)
    assert len(lettered) == CODE_DIGITS
    assert fold_code(lettered) == digits
    assert fold_code(group_code(lettered.lower())) == digits


def test_letter_code_offers_the_digit_and_its_letters() -> None:
    offered: list[str] = []

    def choose(characters: str) -> str:
        offered.append(characters)
        return characters[-1]

    assert letter_code("0123456789", choose) == "01CFHKNRVY"
    assert offered == ["0", "1", "2C", "3DF", "4H", "5JK", "6MN", "7PR", "8TV", "9WXY"]


def test_printed_letters_stand_on_their_key_and_look_like_nothing_else() -> None:
    for digit, letters in PRINT_LETTERS.items():
        assert set(letters) <= set(E164_KEYS[digit])
        assert not set(letters) & set("AEIOUBGLQSZ"), "no vowels, no look-alikes"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        GOOD[:-1],
        GOOD + "0",
        GOOD[:-1] + str((int(GOOD[-1]) + 1) % 10),
        GOOD[1] + GOOD[0] + GOOD[2:],
        GOOD[:-1] + "#",
        "*" * 16,
        "é" * 16,
        GOOD[:-1] + "٤",
        "0" * 200,
        GOOD + " " + GOOD,
    ],
)
def test_fold_code_refuses_a_mistyped_code(typed: str) -> None:
    with pytest.raises(CodeMistyped):
        fold_code(typed)


def test_sixteen_noughts_are_a_code_like_any_other() -> None:
    assert fold_code("0" * 16) == "0" * 16


def test_group_code_writes_fours() -> None:
    assert group_code("1234567890123456") == "1234 5678 9012 3456"
    assert group_code("CDF4") == "CDF4"


@pytest.mark.parametrize(
    ("batch_id", "number", "serial"),
    [(1, 1, "0001-00000001"), (9999, 99999999, "9999-99999999"), (123456, 7, "123456-00000007")],
)
def test_serials_are_written_and_read_back(batch_id: int, number: int, serial: str) -> None:
    assert format_serial(batch_id, number) == serial
    for text in (serial, serial.replace("-", ""), serial.replace("-", " "), f" {serial} "):
        assert parse_serial(text) == (batch_id, number)


@pytest.mark.parametrize(
    "text",
    ["", "1-1", "0001-0000001", "0001-000000001-", "001-00000001", "abcd-00000001",
     "0001--00000001", "1234567890-12345678"],
)  # fmt: skip
def test_other_texts_are_no_serial(text: str) -> None:
    with pytest.raises(VoucherUnknown):
        parse_serial(text)


B, V = BatchState, VoucherState
BATCH_TABLE = {
    (B.DRAFT, "finish"): B.GENERATED,
    (B.DRAFT, "void"): B.VOID,
    (B.GENERATED, "release"): B.RELEASED,
    (B.GENERATED, "lock"): B.LOCKED,
    (B.GENERATED, "void"): B.VOID,
    (B.RELEASED, "close"): B.CLOSED,
    (B.RELEASED, "lock"): B.LOCKED,
    (B.RELEASED, "void"): B.VOID,
    (B.LOCKED, "release"): B.RELEASED,
    (B.LOCKED, "void"): B.VOID,
}
VOUCHER_TABLE = {
    (V.GENERATED, "activate"): V.ACTIVE,
    (V.GENERATED, "lock"): V.LOCKED,
    (V.GENERATED, "void"): V.VOID,
    (V.ACTIVE, "lock"): V.LOCKED,
    (V.ACTIVE, "void"): V.VOID,
    (V.LOCKED, "activate"): V.ACTIVE,
    (V.LOCKED, "void"): V.VOID,
}


@pytest.mark.parametrize("state", BatchState)
@pytest.mark.parametrize("action", BATCH_MOVES)
def test_batch_moves(state: BatchState, action: str) -> None:
    after = BATCH_TABLE.get((state, action))
    if after is None:
        with pytest.raises(BatchStateWrong) as refused:
            move_batch(state, action)
        assert refused.value.params == {"state": state.name.lower()}
    else:
        assert move_batch(state, action) is after


@pytest.mark.parametrize("state", VoucherState)
@pytest.mark.parametrize("action", VOUCHER_MOVES)
def test_voucher_moves(state: VoucherState, action: str) -> None:
    after = VOUCHER_TABLE.get((state, action))
    if after is None:
        with pytest.raises(VoucherStateWrong) as refused:
            move_voucher(state, action)
        assert refused.value.params == {"state": state.name.lower()}
    else:
        assert move_voucher(state, action) is after

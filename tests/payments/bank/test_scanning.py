"""Finding references in what payers and banks write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.payment import REFERENCE_ALPHABET, fold_reference, reference_for, show_reference
from tambah.payments.bank.scanning import (
    clear_references,
    named_refunds,
    names_a_refund,
    possible_references,
)

from .made import OTHERS

A, B, C = OTHERS

references = st.builds(
    reference_for, st.binary(min_size=16, max_size=16), st.integers(1, 2**40), st.integers(1, 99)
)
words = st.text(alphabet="abc XYZ019,.:!é☕\u0e01", max_size=30)


@pytest.mark.parametrize(
    "text",
    [
        A,
        A.lower(),
        show_reference(A),
        f"{A[:5]} {A[5:]}",
        " ".join(A),
        "-".join(A),
        f"TOP UP {A} TERIMA KASIH",
        f"topup{A}tq",
        f"untuk 012-345 6789 {show_reference(A).lower()}, RM30",
        f"{A[:7]}\n{A[7:]}",
        f"?20TOP UP {A[:4]}?21{A[4:]}?22MAK",
        f"/REMI/{A}/",
        f"RF18{A}",
        f"RF18 {A[:4]} {A[4:8]} {A[8:]}",
        "".join(chr(ord(c) + 0xFEE0) for c in A),
        f"{A[:5]}\u2013{A[5:]}",
        f"{A[:5]}/{A[5:]}",
        f"{A[:5]}\u00a0{A[5:]}",
        f"NOTPROVIDED\n{A}\nDUITNOW TRANSFER",
    ],
)
def test_a_reference_is_found_whatever_is_around_and_within(text: str) -> None:
    assert A in possible_references(text)


@given(references, words, words, st.integers(1, 9), st.sampled_from(["", " ", "-", "\n", "?21"]))
def test_any_reference_is_found_in_any_words(
    reference: str, before: str, after: str, place: int, gap: str
) -> None:
    text = f"{before}{reference[:place]}{gap}{reference[place:]}{after}"

    assert reference in possible_references(text)


@given(references, st.integers(0, 64))
def test_a_reference_broken_over_lines_of_65_is_found(reference: str, indent: int) -> None:
    text = "x" * indent + reference + " tq"
    lines = "\n".join(text[start : start + 65] for start in range(0, len(text), 65))

    assert reference in possible_references(lines)


@given(references, st.integers(0, 10))
def test_a_reference_that_a_bank_cut_at_20_is_found_when_whole(reference: str, words: int) -> None:
    assert reference in possible_references(("y" * words + reference + " for me")[:20])


@given(references, st.integers(0, 9), st.sampled_from(REFERENCE_ALPHABET))
def test_a_mistyped_reference_is_never_another(reference: str, place: int, letter: str) -> None:
    typed = reference[:place] + letter + reference[place + 1 :]

    found = possible_references(typed)

    assert found == ({reference} if typed == reference else set())


@given(references, st.integers(0, 9), st.integers(0, 9))
def test_swapped_letters_are_never_another(reference: str, one: int, other: int) -> None:
    letters = list(reference)
    letters[one], letters[other] = letters[other], letters[one]
    typed = "".join(letters)

    assert possible_references(typed) == ({reference} if typed == reference else set())


@given(st.text(max_size=200))
def test_whatever_is_found_passes_the_check(text: str) -> None:
    clear = clear_references(text)

    assert {fold_reference(r) for r in clear} == clear
    assert {fold_reference(r) for r in possible_references(text)} == possible_references(text)


def test_clear_references_stand_by_themselves() -> None:
    assert clear_references(f"pay {A} and {show_reference(B).lower()}\nRF18{C}") == {A, B, C}
    assert clear_references(f"x{A} {B}9") == set()
    assert clear_references(f"{A[:4]} {A[4:]}") == set()


def test_words_and_numbers_are_no_clear_references() -> None:
    word = next(w for w in map(_checked, ("STATEMENT", "DEPARTMEN", "CHEQUENUM")) if w.isalpha())
    number = next(
        n for n in (_checked(f"{k}") for k in range(234567892, 234569999)) if n.isdigit()
    )

    assert clear_references(f"{word} {word[:5]} {word[5:]} {number}") == set()
    assert {word, number} <= possible_references(f"{word} {number}")


def _checked(stem: str) -> str:
    """Return a stem with its check character, or a dash when it can have none."""
    return next((stem + c for c in REFERENCE_ALPHABET if fold_reference(stem + c)), "-")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f"refund {A}-1", {1}),
        (f"{A[:5]}-{A[5:]}-12 tq", {12}),
        (f"REFUND{A.lower()}\u20133.", {3}),
        (f"{A[:4]} {A[4:]}_7/DUITNOW", {7}),
        (f"{A[:6]}\n{A[6:]}-\n2", {2}),
        (f"?20{A[:6]}?21{A[6:]}-2", {2}),
        (f"{A}-1 {A}-2", {1, 2}),
        (A, set[int]()),
        (f"{A}-0", set[int]()),
        (f"{A} 1", set[int]()),
        (f"{A}-1A", set[int]()),
        (f"{A}-2026-11-23", set[int]()),
        (f"{A}-12345", set[int]()),
        (f"{B}-1", set[int]()),
    ],
)
def test_refund_is_named_by_reference_and_number(text: str, numbers: set[int]) -> None:
    assert named_refunds(text, A) == numbers


@pytest.mark.parametrize(
    ("text", "names"), [(f"RETURNED {A}-1", True), (A, False), ("ticket 12-1", False)]
)
def test_names_a_refund_needs_no_books(text: str, names: bool) -> None:
    assert names_a_refund(text) is names

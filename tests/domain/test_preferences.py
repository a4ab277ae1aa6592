"""What a subscriber chooses for a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tambah.domain.care_commands import PreferencesSet, SetPreferences
from tambah.domain.line import Language
from tambah.domain.refusals import AmountOutOfRange, IdempotencyKeyReused, NumberUnknown
from tambah.domain.validity import ValidityPolicy

from .memory_books import MemoryBooks
from .world import RM, SEN, START, day, import_line, rules_for

CHOSEN = SetPreferences(
    caller="web",
    request_key="1",
    line_id=11,
    language=Language.TA,
    reminds=False,
    low_credit_micros=5 * RM,
)


@pytest.fixture
def books() -> MemoryBooks:
    """Return books with Alice's line, which speaks Malay."""
    books = MemoryBooks(rules_for(ValidityPolicy.ADD))
    books.submit(import_line(), START)
    return books


def test_what_was_chosen_is_kept_with_the_line(books: MemoryBooks):
    answer = books.submit(CHOSEN, START)
    assert answer == PreferencesSet(
        line_id=11, language=Language.TA, reminds=False, low_credit_micros=5 * RM
    )
    line = books.lines[11].line
    assert (line.language, line.reminds, line.low_credit_micros) == (Language.TA, False, 5 * RM)
    assert (books.messages, books.audits) == ({}, [])


def test_choosing_the_same_again_writes_nothing(books: MemoryBooks):
    books.submit(CHOSEN, START)
    books.submit(replace(CHOSEN, request_key="2"), START)
    assert books.decision is not None
    assert books.decision.line is None


def test_a_key_is_for_one_choice_the_language_included(books: MemoryBooks):
    first = books.submit(CHOSEN, START)
    assert books.submit(CHOSEN, START) == first
    assert books.decision is None
    with pytest.raises(IdempotencyKeyReused):
        books.submit(replace(CHOSEN, language=Language.EN), START)


@pytest.mark.parametrize("low", [-SEN, SEN // 2, 5001 * RM])
def test_an_amount_that_no_line_can_hold_is_refused(books: MemoryBooks, low: int):
    with pytest.raises(AmountOutOfRange) as refused:
        books.submit(replace(CHOSEN, low_credit_micros=low), START)
    assert refused.value.params == {"least": "0.01", "most": "5000.00"}


def test_nothing_is_chosen_for_a_number_that_is_nobodys(books: MemoryBooks):
    with pytest.raises(NumberUnknown):
        books.submit(CHOSEN, day(10 + 50 + 30 + 1))
    with pytest.raises(NumberUnknown):
        books.submit(replace(CHOSEN, line_id=99), START)

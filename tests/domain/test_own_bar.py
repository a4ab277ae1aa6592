"""A lost phone's line, and the code of a forgotten number, as the rules have them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tambah.domain.actor import Actor
from tambah.domain.care_commands import AskRecovery, Proved, SetOwnBar, Told, TryRecovery
from tambah.domain.commands import LineChanged
from tambah.domain.records import replace
from tambah.domain.refusals import (
    BarNotYours,
    ChangeOnHold,
    LineBarred,
    NumberUnknown,
    SignInCodeWrong,
)
from tambah.domain.validity import ValidityPolicy

from .memory_books import MemoryBooks
from .world import START, bar, code, day, import_line, redeem, rules_for

OWNER = Actor(who="subscriber", why="lost phone, signed in")


@pytest.fixture
def books() -> MemoryBooks:
    """Return books with Alice's line, which is line 11."""
    books = MemoryBooks(rules_for(ValidityPolicy.ADD))
    books.submit(import_line(), START)
    return books


def set_bar(
    books: MemoryBooks, key: str, now: datetime = START, *, barred: bool, to: bytes | None = None
) -> LineChanged:
    command = SetOwnBar(
        caller="web", request_key=key, line_id=11, barred=barred, actor=OWNER, to=to
    )
    changed = books.submit(command, now)
    assert isinstance(changed, LineChanged)
    return changed


def told(books: MemoryBooks) -> list[str]:
    return [message.template for message in books.messages.values()]


def test_the_owner_bars_and_lifts_it_and_both_are_told_and_audited(books: MemoryBooks):
    assert set_bar(books, "1", barred=True).barred
    with pytest.raises(LineBarred):
        books.submit(redeem("r", code(101)), START)
    assert not set_bar(books, "2", barred=False).barred
    assert told(books) == ["line_barred", "line_unbarred"]
    assert [entry.who for entry in books.audits] == ["subscriber"] * 2


def test_the_other_number_is_told_of_a_bar(books: MemoryBooks):
    set_bar(books, "1", barred=True, to=b"sealed")
    assert [(m.template, m.sealed) for m in books.messages.values()] == [
        ("line_barred", None),
        ("line_barred", b"sealed"),
    ]


def test_what_is_so_already_stays_so(books: MemoryBooks):
    assert not set_bar(books, "1", barred=False).barred
    set_bar(books, "2", barred=True)
    set_bar(books, "3", barred=True)
    assert told(books) == ["line_barred"]


def test_the_operators_bar_is_not_the_owners_to_lift(books: MemoryBooks):
    set_bar(books, "1", barred=True)
    books.submit(bar("2", barred=True), START)
    set_bar(books, "3", barred=True)
    with pytest.raises(BarNotYours):
        set_bar(books, "4", barred=False)
    books.submit(bar("5", barred=False), START)
    assert not books.lines[11].line.barred


def test_a_suspension_by_the_operator_leaves_the_owners_bar_the_owners(books: MemoryBooks):
    set_bar(books, "1", barred=True)
    books.submit(bar("2", suspended=True), START)
    assert not set_bar(books, "3", barred=False).barred


def test_a_bar_is_not_lifted_while_the_sim_is_new(books: MemoryBooks):
    set_bar(books, "1", barred=True)
    account = books.lines[11]
    books.lines[11] = replace(account, line=replace(account.line, hold_until=day(1)))
    with pytest.raises(ChangeOnHold):
        set_bar(books, "2", barred=False)
    assert not set_bar(books, "3", day(1), barred=False).barred


def test_a_line_that_ended_is_nobodys(books: MemoryBooks):
    with pytest.raises(NumberUnknown):
        set_bar(books, "1", day(10 + 50 + 30 + 1), barred=True)


def test_a_recovery_code_is_told_sealed_and_good_once(books: MemoryBooks):
    sent = books.submit(
        AskRecovery(line_id=11, challenge=b"browser", digest=b"right", sealed=b"sealed"), START
    )
    assert isinstance(sent, Told)
    message = books.messages[(11, sent.number)]
    assert (message.template, message.sealed) == ("recovery_code", b"sealed")
    assert message.good_until == START + timedelta(minutes=5)
    wrong = TryRecovery(line_id=11, challenge=b"browser", digest=b"wrong")
    right = TryRecovery(line_id=11, challenge=b"browser", digest=b"right")
    with pytest.raises(SignInCodeWrong):
        books.submit(wrong, START)
    assert books.submit(right, START) == Proved(line_id=11)
    with pytest.raises(SignInCodeWrong):
        books.submit(right, START)

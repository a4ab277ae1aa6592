"""Signing in by one-time password, as the rules have it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tambah.domain.care_commands import AskSignIn, SignedIn, TellLine, Told, TrySignIn
from tambah.domain.refusals import NumberUnknown, SignInCodeWrong, TooManyCodesAsked
from tambah.domain.signing_in import Session, SignIn
from tambah.domain.validity import ValidityPolicy

from .memory_books import MemoryBooks
from .world import ALICE, BOB, START, day, import_line, rules_for

BROWSER, OTHER_BROWSER = b"browser", b"other"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def books() -> MemoryBooks:
    """Return books with Alice's line."""
    books = MemoryBooks(rules_for(ValidityPolicy.ADD))
    books.submit(import_line(), START)
    return books


def ask(books: MemoryBooks, now: datetime = START, *, browser: bytes = BROWSER) -> Told:
    command = AskSignIn(msisdn=ALICE, challenge=browser, digest=b"right", sealed=b"sealed")
    told = books.submit(command, now)
    assert isinstance(told, Told)
    return told


def attempt(digest: bytes = b"right", browser: bytes = BROWSER, msisdn: int = ALICE) -> TrySignIn:
    return TrySignIn(msisdn=msisdn, challenge=browser, digest=digest, session=b"session")


def test_a_password_is_told_sealed_and_for_as_long_as_it_is_good(books: MemoryBooks):
    told = ask(books)
    message = books.messages[(told.line_id, told.number)]
    assert message.params == {"minutes": 5}
    assert (message.sealed, message.good_until) == (b"sealed", START + 5 * MINUTE)


def test_the_right_password_signs_in_once(books: MemoryBooks):
    ask(books)
    signed_in = books.submit(attempt(), START)
    assert signed_in == SignedIn(line_id=11, msisdn=ALICE, expires_at=day(1))
    session = books.annexes[(Session, (11, b"session"))]
    assert session == Session(
        line_id=11, digest=b"session", proved_at=START, seen_at=START, expires_at=day(1)
    )
    with pytest.raises(SignInCodeWrong):
        books.submit(attempt(), START)


@pytest.mark.parametrize(
    ("command", "after"),
    [
        (attempt(b"wrong"), MINUTE),
        (attempt(browser=OTHER_BROWSER), MINUTE),
        (attempt(), 5 * MINUTE),
    ],
    ids=["wrong", "another browser", "late"],
)
def test_wrong_ones_count(books: MemoryBooks, command: TrySignIn, after: timedelta):
    ask(books)
    with pytest.raises(SignInCodeWrong):
        books.submit(command, START + after)
    counts = books.annexes[(SignIn, 11)]
    assert isinstance(counts, SignIn)
    assert counts.wrong == 1


def test_a_locked_number_refuses_the_right_one_until_the_lock_ends(books: MemoryBooks):
    for _ in range(5):
        ask(books)
        with pytest.raises(SignInCodeWrong):
            books.submit(attempt(b"wrong"), START)
    locked = books.annexes[(SignIn, 11)]
    with pytest.raises(SignInCodeWrong):
        books.submit(attempt(), START)
    assert books.annexes[(SignIn, 11)] == locked
    later = START + timedelta(hours=1)
    ask(books, later)
    assert isinstance(books.submit(attempt(), later), SignedIn)
    counts = books.annexes[(SignIn, 11)]
    assert isinstance(counts, SignIn)
    assert (counts.wrong, counts.locked_until) == (0, None)


def test_passwords_of_an_hour_have_a_limit(books: MemoryBooks):
    for _ in range(5):
        ask(books)
    with pytest.raises(TooManyCodesAsked):
        ask(books, START + timedelta(minutes=59))
    ask(books, START + timedelta(hours=1))


def test_nobodys_number_gets_none(books: MemoryBooks):
    with pytest.raises(NumberUnknown):
        books.submit(attempt(msisdn=BOB), START)
    with pytest.raises(NumberUnknown):
        ask(books, day(10 + 50 + 30 + 1))


def test_a_line_is_told_once_for_each_key(books: MemoryBooks):
    command = TellLine(
        caller="care",
        request_key="1",
        line_id=11,
        template="reversed",
        params=(("returned_micros", 1), ("balance_micros", 2)),
    )
    first = books.submit(command, START)
    assert books.submit(command, START) == first
    assert len(books.messages) == 1
    with pytest.raises(NumberUnknown):
        books.submit(replace_line(command), START)


def replace_line(command: TellLine) -> TellLine:
    return TellLine(caller=command.caller, request_key="2", line_id=99, template=command.template)

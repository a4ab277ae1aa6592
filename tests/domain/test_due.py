"""When the clock next does something to a line, reminders, and credit that runs low."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tambah.domain.commands import AgeLine, Command
from tambah.domain.draft import Draft
from tambah.domain.line import LineState
from tambah.domain.records import replace as change
from tambah.domain.refusals import NumberUnknown
from tambah.domain.reminder_rule import ReminderRule
from tambah.domain.rules import Rules
from tambah.domain.state import Known, Message

from .memory_books import MemoryBooks
from .world import (
    ALICE,
    RM,
    START,
    activate,
    adjust,
    bar,
    code,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    rules_for,
    top_up,
)

LINE = 11
TICK = timedelta(microseconds=1)
TEN = timedelta(hours=10)
REMINDERS = ReminderRule(
    before_grace=(3, 1, 0),
    before_expiry=(14,),
    before_quarantine=(7,),
    from_hour=10,
    until_hour=20,
)


def rules(reminders: ReminderRule = REMINDERS) -> Rules:
    """Return rules with few reminders."""
    return replace(rules_for(), reminders=reminders)


TEN_DAYS_ON = day(10)


def books_for(
    until: datetime | None = TEN_DAYS_ON, opening: int = 25, **more: object
) -> MemoryBooks:
    """Return books with Alice's line: day 9 is its last, day 59 that of grace, day 89 the end."""
    books = MemoryBooks(rules())
    books.submit(import_line(LINE, until=until, opening=opening, **more), START)
    books.submit(fund("float"), START)
    return books


def due_at(books: MemoryBooks) -> datetime | None:
    """Return when the line is due."""
    return books.lines[LINE].line.due_at


def age(books: MemoryBooks, now: datetime) -> list[Message]:
    """Age the line; return what that told."""
    before = len(books.messages)
    books.submit(AgeLine(msisdn=ALICE), now)
    return [message for _, message in sorted(books.messages.items())][before:]


def templates(messages: list[Message]) -> list[str]:
    """Return the messages' templates."""
    return [message.template for message in messages]


def wishes(books: MemoryBooks, **changes: object) -> None:
    """Change the line as its subscriber or staff would."""
    account = books.lines[LINE]
    books.lines[LINE] = change(account, line=change(account.line, **changes))


def test_the_sweep_of_a_whole_life_goes_from_instant_to_instant() -> None:
    books = books_for()
    seen: list[tuple[datetime, list[str]]] = []
    while (now := due_at(books)) is not None:
        seen.append((now, templates(age(books, now))))
    assert seen == [
        (day(6) + TEN, ["remind_grace"]),
        (day(8) + TEN, ["remind_grace"]),
        (day(9) + TEN, ["remind_grace"]),
        (day(10), ["grace_started"]),
        (day(45) + TEN, ["remind_expiry"]),
        (day(60), ["line_expired"]),
        (day(82) + TEN, ["remind_quarantine"]),
        (day(90), []),
        (day(273), []),
    ]
    assert books.lines[LINE].line.state is LineState.TERMINATED


def test_reminders_say_the_date() -> None:
    books = books_for()
    (grace,) = age(books, day(6) + TEN)
    assert grace.params == {"active_until": day(10).isoformat()}
    (expiry,) = age(books, day(45) + TEN)[-1:]
    assert expiry.params == {"grace_until": day(60).isoformat()}
    (quarantine,) = age(books, day(82) + TEN)[-1:]
    assert quarantine.params == {"expired_until": day(90).isoformat()}


def test_a_line_that_has_not_begun_is_never_due() -> None:
    books = books_for(until=None, opening=0)
    assert due_at(books) is None
    books.submit(activate("go", 4), START)
    assert due_at(books) == day(1) + TEN  # day 4 is its last


def test_bonus_is_due_when_it_lapses_and_not_once_it_is_spent_or_gone() -> None:
    books = books_for(until=day(300))
    books.submit(redeem("card", code(201)), START)
    assert due_at(books) == day(8)  # the bonus of this card lives for a week
    age(books, day(8))
    assert (
        due_at(books)
        == books.lines[LINE].line.active_until
        - timedelta(  # type: ignore[operator]
            days=4
        )
        + TEN
    )


@pytest.mark.parametrize("late", [TICK, timedelta(hours=1), timedelta(hours=10) - TICK])
def test_a_late_sweep_still_reminds_on_the_day(late: timedelta) -> None:
    books = books_for()
    assert templates(age(books, day(6) + TEN + late)) == ["remind_grace"]


@pytest.mark.parametrize(
    "now",
    [
        day(6) + TEN - TICK,  # not yet
        day(6) + timedelta(hours=20),  # too late in the evening
        day(7) + timedelta(hours=3),  # at night
        day(7) + TEN,  # another day
    ],
)
def test_nobody_is_reminded_at_another_time(now: datetime) -> None:
    books = books_for()
    assert age(books, now) == []
    assert due_at(books) == (day(6) if now < day(6) + TEN else day(8)) + TEN


def test_a_reminder_that_is_stale_by_the_operators_own_rule_is_not_sent() -> None:
    books = books_for()
    books.rules = replace(rules(), life=replace(rules().life, stale_hours=2))
    assert age(books, day(6) + timedelta(hours=12)) == []


def test_a_sweep_that_runs_twice_reminds_once() -> None:
    books = books_for()
    assert templates(age(books, day(6) + TEN)) == ["remind_grace"]
    assert age(books, day(6) + TEN) == []
    assert age(books, day(6) + TEN + timedelta(minutes=1)) == []


def test_two_reminders_missed_are_not_both_sent() -> None:
    books = books_for()
    assert templates(age(books, day(8) + TEN)) == ["remind_grace"]
    assert due_at(books) == day(9) + TEN


def test_another_command_finds_the_reminder_that_the_sweep_has_not_sent() -> None:
    books = books_for()
    books.submit(bar("check", suspended=False), day(6) + TEN + TICK)
    assert templates(list(books.messages.values())) == ["remind_grace"]
    assert age(books, day(6) + TEN + 2 * TICK) == []


def test_a_top_up_takes_the_place_of_the_reminder_and_moves_the_others() -> None:
    books = books_for()
    books.submit(top_up("sale", 10), day(6) + TEN + TICK)
    assert templates(list(books.messages.values())) == ["credited"]
    assert due_at(books) == day(16) + TEN


def test_no_reminder_of_the_new_dates_comes_with_the_top_up_itself() -> None:
    books = books_for()
    # Day 8 at ten: the line's own reminder. Two more days make day 11 its last, 3 days on.
    books.submit(top_up("sale", 2), day(8) + TEN)
    assert templates(list(books.messages.values())) == ["credited"]


def test_a_reversal_moves_the_reminders_back() -> None:
    books = books_for()
    books.submit(top_up("sale", 10), day(1))
    books.submit(reverse("undo", 1), day(2))
    assert due_at(books) == day(6) + TEN


@pytest.mark.parametrize(
    "wish", [{"reminds": False}, {"barred": True}, {"suspended": True}], ids=str
)
def test_who_wants_none_or_can_do_nothing_is_not_reminded(wish: dict[str, bool]) -> None:
    books = books_for()
    wishes(books, **wish)
    assert age(books, day(6) + TEN) == []
    assert due_at(books) == day(8) + TEN
    assert templates(age(books, day(10))) == ["grace_started"], "changes are always told"


def test_a_refused_command_leaves_the_line_due() -> None:
    books = books_for()
    with pytest.raises(Exception, match="amount_out_of_range"):
        books.submit(top_up("sale", 0.5), day(6) + TEN)
    assert due_at(books) == day(6) + TEN
    assert templates(age(books, day(6) + TEN)) == ["remind_grace"]


def test_a_line_that_is_not_due_is_not_written() -> None:
    books = books_for()
    age(books, day(5))
    assert books.decision is not None
    assert books.decision.line is None


def test_a_line_from_before_there_were_reminders_is_due_once_and_then_knows_when() -> None:
    books = books_for()
    wishes(books, due_at=day(6) + timedelta(hours=12))  # as the migration leaves it
    assert age(books, day(6) + timedelta(hours=12)) == []
    assert due_at(books) == day(8) + TEN


def test_a_stage_that_ends_before_the_hour_is_not_reminded_of_after_its_end() -> None:
    ends_at = day(10) + timedelta(hours=5)
    books = books_for(until=ends_at)
    assert templates(age(books, day(9) + TEN)) == ["remind_grace"]
    assert due_at(books) == ends_at
    assert templates(age(books, day(10) + TEN)) == ["grace_started"]


def test_what_is_changed_of_a_line_that_was_not_aged_leaves_it_due() -> None:
    books = books_for()
    draft = Draft(Known(line=books.lines[LINE]), rules(), day(7), b"")
    draft.line = change(draft.require_line(), reminds=False)
    decision = draft.freeze(NumberUnknown(), "test", None)
    assert decision.line is not None
    assert decision.line.line.due_at == day(6) + TEN


def test_an_import_reminds_of_nothing_that_is_past() -> None:
    books = MemoryBooks(rules())
    books.submit(import_line(LINE, until=day(10)), day(6) + TEN + TICK)
    assert books.messages == {}
    assert due_at(books) == day(8) + TEN


# Low credit


def test_low_credit_is_told_once_for_each_time_that_it_falls_below() -> None:
    books = books_for()
    wishes(books, low_credit_micros=10 * RM)
    story: list[tuple[Command, list[str]]] = [
        (adjust("a", -15), []),  # RM10 left: not below
        (adjust("b", -0.01), ["low_credit"]),
        (adjust("c", -5), []),
        (adjust("d", 20), []),
        (adjust("e", -20), ["low_credit"]),
    ]
    for number, (command, told) in enumerate(story):
        before = len(books.messages)
        books.submit(command, START + timedelta(hours=number))
        assert templates(list(books.messages.values())[before:]) == told
    assert books.messages[LINE, 1].params == {"balance_micros": 9_990_000}


def test_nobody_is_told_who_did_not_ask() -> None:
    books = books_for()
    books.submit(adjust("a", -25), START)
    assert books.messages == {}


def test_a_reversal_tells_the_balance_anyway() -> None:
    books = books_for(opening=5)
    wishes(books, low_credit_micros=10 * RM)
    books.submit(top_up("sale", 10), START)
    books.submit(reverse("undo", 1), START)
    assert templates(list(books.messages.values())) == ["credited", "reversed"]


@pytest.mark.parametrize("wish", [{"barred": True}, {"suspended": True}], ids=str)
def test_who_cannot_top_up_is_not_told_to(wish: dict[str, bool]) -> None:
    books = books_for()
    wishes(books, low_credit_micros=10 * RM, **wish)
    books.submit(adjust("a", -25), START)
    assert books.messages == {}


def test_credit_that_is_frozen_or_forfeited_is_not_low() -> None:
    books = books_for()
    wishes(books, low_credit_micros=30 * RM)
    books.submit(adjust("gift", 10), day(11))
    books.submit(adjust("spent", -10), day(11))
    assert templates(age(books, day(60))) == ["line_expired"]
    assert "low_credit" not in templates(list(books.messages.values()))

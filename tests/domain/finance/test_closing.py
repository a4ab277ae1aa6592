"""Closes: in order, over, agreeing; and what they say afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tambah.domain.finance.cards import BatchCards
from tambah.domain.finance.closing import (
    SETTLING,
    Close,
    Counted,
    Measure,
    Period,
    PeriodKind,
    booking_number,
    lines_of_day,
    lines_of_month,
    require_in_order,
    require_over,
)
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.records import replace
from tambah.domain.refusals import (
    BooksDisagree,
    PeriodNotOver,
    PeriodOutOfOrder,
    PeriodTooEarly,
)

from .sums import RM, movement

A, K = Account, TransferKind
FIRST = date(2026, 9, 29)
AT = datetime(2026, 10, 5, tzinfo=UTC)


def day(on: date) -> Period:
    """Return a day."""
    return Period(kind=PeriodKind.DAY, first=on)


def month(year: int, number: int) -> Period:
    """Return a month."""
    return Period(kind=PeriodKind.MONTH, first=date(year, number, 1))


def close(period: Period, lines: tuple[object, ...] = ()) -> Close:
    """Return a close of a period."""
    return Close(
        seq=1,
        period=period,
        since=period.first,
        closed_at=AT,
        who="anna",
        why="over",
        lines=lines,  # type: ignore[arg-type]
    )


def cards(count: int) -> tuple[BatchCards, ...]:
    """Return cards of a batch that were sold and not used."""
    return (BatchCards(batch_id=4, made_on=FIRST, count=count, price_micros=10 * RM),)


FUNDED = movement(FIRST, K.FUNDING, A.FUNDING, A.FLOAT, 100)
BYTES = movement(FIRST, K.GRANT, A.BYTES_GIVEN, A.LINE_BYTES, 5)
SOLD = movement(FIRST + timedelta(days=1), K.CARD_SALE, A.FLOAT, A.CARDS_SOLD, 10)
LATER = movement(FIRST + timedelta(days=2), K.REDEMPTION, A.CARDS_SOLD, A.LINE_MAIN, 10)
COUNTED = Counted(
    opening={},
    again=(),
    moved=(FUNDED, BYTES),
    later=(SOLD, LATER),
    held={A.FLOAT: 90 * RM, A.LINE_MAIN: 10 * RM, A.LINE_BONUS: 0},
    cards_before=(),
    cards=cards(3),
)


def test_periods_are_written_as_people_type_them() -> None:
    assert (str(day(FIRST)), str(month(2026, 12))) == ("2026-09-29", "2026-12")
    assert (month(2026, 12).last, month(2026, 12).next) == (date(2026, 12, 31), month(2027, 1))
    assert day(date(2026, 12, 31)).next == day(date(2027, 1, 1))


def test_a_day_is_closed_when_it_is_over_and_settled() -> None:
    require_over(AT, AT + SETTLING)
    with pytest.raises(PeriodNotOver) as refused:
        require_over(AT, AT + SETTLING - timedelta(microseconds=1))
    assert refused.value.params == {"until": AT + SETTLING}


@pytest.mark.parametrize(
    ("period", "closes", "wanted"),
    [
        (day(FIRST), [], None),
        (day(FIRST), [day(FIRST - timedelta(days=1)), month(2026, 8)], None),
        (day(FIRST), [day(FIRST - timedelta(days=2))], "2026-09-28"),
        (month(2026, 9), [], "2026-09-01"),
        (month(2026, 9), [day(FIRST)], "2026-09-30"),
        (month(2026, 9), [day(date(2026, 9, 30))], None),
        (month(2026, 9), [day(date(2026, 10, 3)), month(2026, 8)], None),
        (month(2026, 9), [day(date(2026, 10, 3)), month(2026, 7)], "2026-08"),
    ],
)
def test_periods_are_closed_in_order(
    period: Period, closes: list[Period], wanted: str | None
) -> None:
    if wanted is None:
        require_in_order(period, [close(one) for one in closes])
        return
    with pytest.raises(PeriodOutOfOrder) as refused:
        require_in_order(period, [close(one) for one in closes])
    assert refused.value.params == {"period": wanted}


def test_what_lies_before_the_first_close_is_in_it() -> None:
    closes = [close(day(FIRST)), close(month(2026, 8))]

    for early in (day(FIRST - timedelta(days=1)), month(2026, 7)):
        with pytest.raises(PeriodTooEarly) as refused:
            require_in_order(early, closes)
        assert refused.value.params == {
            "period": "2026-09-30" if early.kind is PeriodKind.DAY else "2026-09"
        }


def test_a_close_says_what_was_owed_and_what_moved() -> None:
    found = close(day(FIRST), lines_of_day(COUNTED, None))

    assert found.balances == {A.FLOAT: 100 * RM, A.FUNDING: -100 * RM}
    assert found.movements == [FUNDED]
    assert found.values(Measure.CARDS) == {4: 3}
    assert found.cards_micros == 30 * RM
    statement = found.statement
    assert {a: m for a, m in statement.opening.items() if m} == {}
    assert statement.closing == found.balances
    number = booking_number(K.FUNDING, A.FUNDING, A.FLOAT)
    assert found.content() == (
        1,
        1,
        "2026-09-29",
        "2026-09-29",
        "2026-10-05T00:00:00+00:00",
        "anna",
        "over",
        [
            [1, 3, 100 * RM],
            [1, 17, -100 * RM],
            [2, number, 100 * RM],
            [3, number, 1],
            [4, 4, 3],
            [5, 4, 30 * RM],
        ],
    )


def _of_next_day() -> tuple[Counted, Close]:
    before = close(day(FIRST), lines_of_day(COUNTED, None))
    counted = replace(
        COUNTED,
        opening=before.balances,
        again=COUNTED.moved,
        moved=(SOLD,),
        later=(LATER,),
        cards_before=cards(3),
        cards=cards(0),
    )
    return counted, before


def test_the_next_day_begins_with_what_the_last_one_ended_with() -> None:
    counted, before = _of_next_day()
    second = close(day(SOLD.day), lines_of_day(counted, before))

    assert second.balances[A.CARDS_SOLD] == 10 * RM
    assert second.values(Measure.CARDS) == {}
    both = close(month(2026, 9), lines_of_month([before, second]))
    assert both.balances == second.balances
    assert sorted(one.kind for one in both.movements) == [K.FUNDING, K.CARD_SALE]
    only = close(month(2026, 9), lines_of_month([before]))
    assert (only.lines, only.cards_micros) == (before.lines, 30 * RM)


def test_a_month_whose_days_do_not_join_is_not_closed() -> None:
    counted, before = _of_next_day()
    second = close(day(SOLD.day), lines_of_day(counted, before))

    with pytest.raises(BooksDisagree) as refused:
        lines_of_month([replace(before, lines=before.lines[1:]), second])
    assert refused.value.params == {"what": str(second.period)}


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda c: replace(c, opening={A.FLOAT: 1, A.FUNDING: 0}), "debits and credits"),
        (
            lambda c: replace(c, moved=(*c.moved, movement(FIRST, K.SALE, A.FLOAT, A.TRANSIT, 1))),
            "transit",
        ),
        (lambda c: replace(c, held={A.LINE_MAIN: 9 * RM}), "line_main"),
        (lambda c: replace(c, held={A.LINE_BONUS: 1}), "line_bonus"),
        (lambda c: replace(c, again=(*c.again, LATER)), "2026-09-29"),
        (lambda c: replace(c, again=()), "2026-09-29"),
        (lambda c: replace(c, cards_before=cards(2)), "2026-09-29"),
    ],
)
def test_what_does_not_agree_is_not_closed(spoil: Callable[[Counted], Counted], what: str) -> None:
    counted, before = _of_next_day()
    lines_of_day(counted, before)

    with pytest.raises(BooksDisagree) as refused:
        lines_of_day(spoil(counted), before)
    assert refused.value.params == {"what": what}

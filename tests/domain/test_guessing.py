"""Wrong codes: the ladder on a line and the budgets around it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tambah.domain.guessing import (
    Audience,
    GuessingRule,
    Tried,
    count_wrong,
    forget_wrong,
    lock_minutes,
    require_may_try,
    tries_left,
    tries_per_year,
)
from tambah.domain.line import Language, Line, LineState
from tambah.domain.refusals import GuestsPaused, TooManyTries, TooManyWrongCodes

from .world import ALICE, START

RULE = GuessingRule()
OWN, GUEST = Audience.OWN, Audience.GUEST
NOTHING = Tried()
LINE = Line(
    line_id=1, msisdn=ALICE, language=Language.EN, plan="p", state=LineState.ACTIVE, last_at=START
)


def after_wrong(times: int, audience: Audience = OWN, now: datetime = START) -> Line:
    """Return the line after so many wrong codes in a row."""
    line = LINE
    for _ in range(times):
        line = count_wrong(line, audience, RULE, now)
    return line


@pytest.mark.parametrize(
    ("wrong", "minutes"),
    [(0, 0), (1, 0), (4, 0), (5, 15), (6, 0), (9, 0), (10, 30), (11, 0), (14, 0), (15, 60),
     (16, 0), (19, 0), (20, 1440), (21, 1440), (22, 1440), (500, 1440)],
)  # fmt: skip
def test_the_ladder_locks_longer_and_longer(wrong: int, minutes: int) -> None:
    assert lock_minutes(wrong, RULE.ladder) == minutes
    if wrong:
        locked = after_wrong(wrong).own_locked_until
        assert locked == (START + timedelta(minutes=minutes) if minutes else None)


@pytest.mark.parametrize(
    ("wrong", "left"), [(0, 5), (1, 4), (4, 1), (5, 5), (9, 1), (19, 1), (20, 1), (99, 1)]
)
@pytest.mark.parametrize("audience", Audience)
def test_tries_left_before_the_next_lock(wrong: int, left: int, audience: Audience) -> None:
    assert tries_left(after_wrong(wrong, audience), audience, RULE) == left


def test_a_lock_holds_until_its_instant_exactly() -> None:
    locked = after_wrong(5)
    ends_at = START + timedelta(minutes=15)
    with pytest.raises(TooManyWrongCodes) as refused:
        require_may_try(locked, OWN, NOTHING, RULE, ends_at - timedelta(microseconds=1))
    assert refused.value.params == {"until": ends_at}
    require_may_try(locked, OWN, NOTHING, RULE, ends_at)


def test_guests_lock_guests_out_and_not_the_owner() -> None:
    locked = after_wrong(5, GUEST)
    with pytest.raises(TooManyWrongCodes):
        require_may_try(locked, GUEST, NOTHING, RULE, START)
    require_may_try(locked, OWN, NOTHING, RULE, START)
    assert locked.own_wrong == 0
    own = after_wrong(5, OWN)
    require_may_try(own, GUEST, NOTHING, RULE, START)
    assert own.guest_wrong == 0


def test_a_source_has_an_hourly_budget_for_everybody() -> None:
    for audience in Audience:
        require_may_try(LINE, audience, Tried(by_source=29), RULE, START)
        with pytest.raises(TooManyTries):
            require_may_try(LINE, audience, Tried(by_source=30), RULE, START)


def test_the_figure_for_the_whole_pauses_guests_only() -> None:
    require_may_try(LINE, GUEST, Tried(over_all=1999), RULE, START)
    require_may_try(LINE, OWN, Tried(over_all=10**6), RULE, START)
    with pytest.raises(GuestsPaused):
        require_may_try(LINE, GUEST, Tried(over_all=2000), RULE, START)


@pytest.mark.parametrize("audience", Audience)
def test_a_right_code_starts_the_ladder_anew(audience: Audience) -> None:
    tried = after_wrong(4, audience)
    assert forget_wrong(tried, audience) == LINE
    assert forget_wrong(after_wrong(5, audience), audience) == LINE


def test_a_right_code_forgets_nothing_of_the_others() -> None:
    tried = after_wrong(4, GUEST)
    assert forget_wrong(tried, OWN) is tried
    assert forget_wrong(after_wrong(4, OWN), GUEST) == after_wrong(4, OWN)


def test_a_patient_guesser_has_a_few_hundred_tries_a_year() -> None:
    # Twenty in the first climb (1545 minutes of locks), then one a day.
    assert tries_per_year(RULE) == pytest.approx(20 + (365 * 1440 - 1545) / 1440)
    never = GuessingRule(ladder=((3, 365 * 1440),))
    assert tries_per_year(never) == 3

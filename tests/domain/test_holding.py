"""The hold after a SIM was replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tambah.domain.holding import require_not_on_hold
from tambah.domain.line import Language, Line, LineState
from tambah.domain.records import replace
from tambah.domain.refusals import ChangeOnHold

from .world import ALICE, START, day

LINE = Line(
    line_id=11,
    msisdn=ALICE,
    language=Language.MS,
    plan="standard",
    state=LineState.ACTIVE,
    last_at=START,
    hold_until=day(1),
)


def test_a_hold_says_until_when_it_lasts():
    with pytest.raises(ChangeOnHold) as refused:
        require_not_on_hold(LINE, day(1) - timedelta(microseconds=1))
    assert refused.value.params == {"until": day(1)}


def test_a_hold_is_over_at_its_end_and_most_lines_have_none():
    require_not_on_hold(LINE, day(1))
    require_not_on_hold(replace(LINE, hold_until=None), START)

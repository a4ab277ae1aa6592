"""A record that is brought later: charged now, at the rate of when it happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tambah.domain.balance import MAIN_BUCKET_ID, Bucket, BucketKind
from tambah.domain.charging_commands import Ask, ChargeEvent, UnitsGranted
from tambah.domain.decide import decide
from tambah.domain.line import Language, Line, LineState
from tambah.domain.rating import Service
from tambah.domain.refusals import RateUnknown
from tambah.domain.reservation import UsageRecord
from tambah.domain.state import Decision, Known, LineAccount
from tambah.domain.tariff import Usage

from .histories import TARIFFS
from .world import ALICE, RM, START, day, rules_for

LINE_ID = 11
RULES = replace(rules_for(), tariffs=TARIFFS)
ACCOUNT = LineAccount(
    line=Line(
        line_id=LINE_ID,
        msisdn=ALICE,
        language=Language.MS,
        plan="standard",
        state=LineState.ACTIVE,
        last_at=START,
        active_until=day(30),
        grace_until=day(60),
    ),
    buckets=(
        Bucket(
            owner_id=LINE_ID,
            bucket_id=MAIN_BUCKET_ID,
            kind=BucketKind.MAIN,
            remaining_micros=10 * RM,
        ),
    ),
)
NOW = day(7)
"""By then a sheet is in force that has no messages."""


def charge(at: datetime | None) -> Decision:
    """Decide a message's charge on day 7."""
    ask = Ask(rating_group=1, usage=Usage(service=Service.SMS, to="60111111111"), wanted=2)
    command = ChargeEvent(
        peer="cdr", session_id="a", request_no=0, msisdn=ALICE, asks=(ask,), at=at
    )
    return decide(command, Known(line=ACCOUNT), RULES, NOW)


def test_a_record_has_the_rate_and_the_time_of_when_it_happened():
    then = day(5) + timedelta(hours=1)
    decided = charge(then)
    assert isinstance(decided.answer, UnitsGranted)
    assert decided.answer.grants[0].micros == 300_000
    assert decided.answer.free_micros == 10 * RM - 300_000
    (record,) = [one for one in decided.annexes if isinstance(one, UsageRecord)]
    assert (record.began_at, record.ended_at) == (then, then)


@pytest.mark.parametrize("at", [None, NOW])
def test_without_it_the_rate_is_todays(at: datetime | None):
    assert isinstance(charge(at).answer, RateUnknown)

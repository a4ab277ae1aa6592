"""A line's life by the clock, and what it is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tambah.domain.ageing import age
from tambah.domain.balance import Bucket, BucketKind
from tambah.domain.draft import Draft
from tambah.domain.ledger import Account, Transfer, TransferKind
from tambah.domain.line import (
    LANGUAGE_BY_TAG,
    Language,
    LifeRule,
    Line,
    LineState,
    require_can_top_up,
    stage_at,
    stage_ends,
)
from tambah.domain.records import replace
from tambah.domain.refusals import (
    LineBarred,
    LineExpired,
    LineNotActivated,
    LineSuspended,
    LineTerminated,
    NumberUnknown,
    Refusal,
)
from tambah.domain.state import Known, LineAccount

from .world import ALICE, RM, START, day, rules_for

RULES = rules_for(life=LifeRule(grace_days=50, reactivation_days=30, quarantine_days=183))
TICK = timedelta(microseconds=1)
ENDS = {
    LineState.ACTIVE: day(10),
    LineState.GRACE: day(60),
    LineState.EXPIRED: day(90),
    LineState.QUARANTINED: day(273),
}
AFTER = {
    LineState.ACTIVE: LineState.GRACE,
    LineState.GRACE: LineState.EXPIRED,
    LineState.EXPIRED: LineState.QUARANTINED,
    LineState.QUARANTINED: LineState.TERMINATED,
}


def line(**changes: object) -> Line:
    """Return an active line with ten days left and fifty of grace."""
    made = Line(
        line_id=11,
        msisdn=ALICE,
        language=Language.TA,
        plan="standard",
        state=LineState.ACTIVE,
        last_at=START,
        active_until=day(10),
        grace_until=day(60),
        transfer_seq=4,
        bucket_seq=1,
        message_seq=2,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def draft(
    now: datetime, *bonuses: tuple[int, datetime], main: int = 25, of: Line | None = None
) -> Draft:
    """Return a draft of a line with main credit and bonuses (ringgit, end)."""
    the_line = replace(of or line(), bucket_seq=1 + len(bonuses))
    buckets = [Bucket(owner_id=11, bucket_id=1, kind=BucketKind.MAIN, remaining_micros=main * RM)]
    for place, (amount, expires_at) in enumerate(bonuses, 2):
        buckets.append(
            Bucket(
                owner_id=11,
                bucket_id=place,
                kind=BucketKind.BONUS,
                remaining_micros=amount * RM,
                expires_at=expires_at,
            )
        )
    known = Known(line=LineAccount(line=the_line, buckets=tuple(buckets)))
    return Draft(known, RULES, now, b"request")


def left(of: Draft) -> list[int]:
    """Return what the buckets hold, in ringgit."""
    return [bucket.remaining_micros // RM for bucket in of.buckets.values()]


def test_stage_ends_come_one_after_the_other_at_local_midnights() -> None:
    assert stage_ends(line(), RULES.life, RULES.validity) == ENDS
    assert list(stage_ends(line(), RULES.life, RULES.validity)) == sorted(ENDS)


@pytest.mark.parametrize("state", ENDS)
def test_a_stage_ends_at_its_instant_exactly(state: LineState) -> None:
    ends_at = ENDS[state]
    assert stage_at(line(), RULES.life, RULES.validity, ends_at - TICK) is state
    assert stage_at(line(), RULES.life, RULES.validity, ends_at) is AFTER[state]


@pytest.mark.parametrize("state", [LineState.PRE_ACTIVE, LineState.TERMINATED])
def test_time_does_nothing_before_activation_and_after_the_end(state: LineState) -> None:
    still = line(state=state, active_until=None, grace_until=None)
    assert stage_at(still, RULES.life, RULES.validity, day(9999)) is state
    assert stage_ends(still, RULES.life, RULES.validity) == {}
    lined = line(state=state)
    assert stage_at(lined, RULES.life, RULES.validity, START) is state


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"state": LineState.PRE_ACTIVE}, LineNotActivated),
        ({"state": LineState.EXPIRED}, LineExpired),
        ({"state": LineState.QUARANTINED}, LineTerminated),
        ({"state": LineState.TERMINATED}, LineTerminated),
        ({"barred": True}, LineBarred),
        ({"suspended": True}, LineSuspended),
        ({"barred": True, "suspended": True}, LineBarred),
        ({"state": LineState.GRACE, "barred": True}, LineBarred),
        ({"state": LineState.EXPIRED, "barred": True}, LineExpired),
    ],
)
def test_a_line_that_cannot_be_topped_up_says_why(
    changes: dict[str, object], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        require_can_top_up(line(**changes), START)


@pytest.mark.parametrize("state", [LineState.ACTIVE, LineState.GRACE])
def test_active_lines_and_lines_in_grace_can_be_topped_up(state: LineState) -> None:
    require_can_top_up(line(state=state), START)


def test_languages_have_tags() -> None:
    assert [language.tag for language in Language] == ["en", "ms", "zh-Hans", "ta"]
    assert LANGUAGE_BY_TAG["zh-Hans"] is Language.ZH_HANS


def test_age_needs_a_line() -> None:
    with pytest.raises(NumberUnknown):
        age(Draft(Known(), RULES, START, b""))


def test_age_does_nothing_while_nothing_ended() -> None:
    young = draft(day(10) - TICK, (3, day(30)))
    age(young)
    assert young.line is young.known.line.line  # type: ignore[union-attr]
    assert young.transfers == []
    assert young.messages == []


def test_grace_freezes_credit_and_is_told() -> None:
    graced = draft(day(10), (3, day(30)))
    age(graced)
    assert graced.require_line().state is LineState.GRACE
    assert left(graced) == [25, 3]
    assert graced.transfers == []
    assert [(m.number, m.template, m.params) for m in graced.messages] == [
        (3, "grace_started", {"grace_until": day(60).isoformat()})
    ]


def test_the_end_of_grace_forfeits_everything_and_is_told() -> None:
    ended = draft(day(60), (3, day(61)), of=line(state=LineState.GRACE))
    age(ended)
    assert ended.require_line().state is LineState.EXPIRED
    assert left(ended) == [0, 0]
    assert ended.transfers == [
        Transfer(
            owner_id=11,
            seq=5,
            at=day(60),
            kind=TransferKind.FORFEIT,
            debit=Account.LINE_MAIN,
            credit=Account.FORFEITED,
            amount_micros=25 * RM,
            bucket_id=1,
            balance_micros=0,
            request=b"request",
        ),
        Transfer(
            owner_id=11,
            seq=6,
            at=day(60),
            kind=TransferKind.FORFEIT,
            debit=Account.LINE_BONUS,
            credit=Account.FORFEITED,
            amount_micros=3 * RM,
            bucket_id=2,
            balance_micros=0,
            request=b"request",
        ),
    ]
    assert [(m.template, m.params) for m in ended.messages] == [("line_expired", {})]


def test_empty_buckets_forfeit_nothing() -> None:
    ended = draft(day(60), (0, day(30)), (0, day(90)), main=0)
    age(ended)
    assert ended.require_line().state is LineState.EXPIRED
    assert ended.transfers == []


def test_bonus_lapses_at_its_instant_exactly_and_main_credit_stays() -> None:
    still = draft(day(5) - TICK, (3, day(5)), (4, day(6)))
    age(still)
    assert left(still) == [25, 3, 4]
    lapsed = draft(day(5), (3, day(5)), (4, day(6)))
    age(lapsed)
    assert left(lapsed) == [25, 0, 4]
    assert [(t.seq, t.bucket_id, t.amount_micros) for t in lapsed.transfers] == [(5, 2, 3 * RM)]
    assert lapsed.messages == []
    assert lapsed.require_line().state is LineState.ACTIVE


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (day(11) - TICK, ["grace_started"]),
        (day(11), []),  # 24 hours late: stale
        (day(60), ["line_expired"]),
        (day(61) - TICK, ["line_expired"]),
        (day(61), []),
        (day(90), []),  # quarantine is nobody's to be told
        (day(300), []),
    ],
)
def test_stale_changes_are_not_told(now: datetime, told: list[str]) -> None:
    aged = draft(now)
    age(aged)
    assert [message.template for message in aged.messages] == told


def test_two_changes_within_a_day_are_both_told() -> None:
    short = line(active_until=day(10), grace_until=day(10) + timedelta(hours=3))
    aged = draft(day(10) + timedelta(hours=4), of=short)
    age(aged)
    assert [m.template for m in aged.messages] == ["grace_started", "line_expired"]
    assert [m.number for m in aged.messages] == [3, 4]


def test_age_can_be_silent() -> None:
    aged = draft(day(60))
    age(aged, tell=False)
    assert aged.require_line().state is LineState.EXPIRED
    assert aged.messages == []


@pytest.mark.parametrize("now", [day(n) for n in (0, 10, 60, 90, 273, 400)])
def test_ageing_in_one_go_or_day_by_day_ends_the_same(now: datetime) -> None:
    at_once = draft(now, (3, day(20)))
    age(at_once)
    step_by_step = draft(START, (3, day(20)))
    moment = START
    while moment < now:
        moment += timedelta(days=1)
        step_by_step.now = moment
        age(step_by_step)
    assert step_by_step.require_line() == at_once.require_line()
    assert left(step_by_step) == left(at_once)


def test_a_lines_clock_never_goes_back() -> None:
    ahead = draft(START, of=line(last_at=day(10)))
    assert ahead.now == day(10)
    age(ahead)
    assert ahead.require_line().state is LineState.GRACE

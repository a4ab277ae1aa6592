"""A line's past gone through again, with other promotions in force.

Promotions that give days move a line's dates, and with them the state in which it is topped up
later, which other promotions look at. So what would have been given is found by making each of
the line's top-ups and reversals again, in order, by the rules that book them.

One thing stops that. What a line may do changes when it expires: asked for in vain, a top-up
leaves no trace. Once the line would have expired at another instant than it did, nobody knows
what would have been done in between; from there on nothing is said of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from tambah.domain.catalog import Denomination
from tambah.domain.gift import GiftKind
from tambah.domain.line import Language, Line, LineState, extend_line, grace_after, stage_at
from tambah.domain.promotion import Facts, Given, Promotion, apply, facts_of
from tambah.domain.records import Record, replace
from tambah.domain.reversal import without
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpRecord


class PastTopUp(Record, frozen=True, kw_only=True):
    """A top-up that was made.

    promised_at: when its payment was opened, None for one that was credited at once. is_asked:
    whether it is one of those that a preview is about, not only one of the same line's.
    """

    topup: TopUpRecord
    promised_at: datetime | None = None
    is_asked: bool = True


class LineHistory(Record, frozen=True, kw_only=True):
    """All top-ups that a line ever had, in order and the reversed ones too; one at least.

    plan, activated_at: the line's.
    """

    plan: str
    activated_at: datetime | None
    past: tuple[PastTopUp, ...]


class Replayed(Record, frozen=True, kw_only=True):
    """A top-up made again: what was bought, by whom and when promised, and what is given with it.

    The offer and the facts are those that `promotion.apply` was asked with.
    """

    past: PastTopUp
    offer: Denomination
    facts: Facts
    at: datetime
    given: Given


def replay(history: LineHistory, rules: Rules) -> Iterator[Replayed]:
    """Make a line's top-ups again with the rules' promotions, as far as that can be told."""
    past = {one.topup.topup_no: one for one in history.past}
    events = _events(history.past)
    kinds: defaultdict[datetime, set[_Kind]] = defaultdict(set)
    for event in events:
        kinds[event.at].add(event.kind)
    was = would = _beginning(history, rules)
    opened_in: dict[int, LineState] = {}
    for event in events:
        topup = past[event.topup_no].topup
        if _are_apart(was, would, event.at, is_ordered=len(kinds[event.at]) == 1):
            return
        if event.kind is _Kind.REVERSED:
            was = _reversed(was, event, rules)
            would = _reversed(would, event, rules)
            continue
        state = _state_in(was, would, topup, event.at, rules)
        if event.kind is _Kind.OPENED:
            opened_in[event.topup_no] = state
            continue
        if was != would and was.line.active_until != topup.active_until_before:
            return  # made under other rules than these
        state = opened_in.get(event.topup_no, state)
        made = _make(past[event.topup_no], would.line, state, rules.promotions)
        yield made
        was = _topped_up(was, topup, topup.valid_days, rules)
        valid_days = made.offer.valid_days + made.given.valid_days
        would = _topped_up(would, topup, valid_days, rules)


class _Kind(IntEnum):
    """What happened to a line, in the order taken where the instants do not tell."""

    OPENED = 1
    CREDITED = 2
    REVERSED = 3


class _Event(NamedTuple):
    at: datetime
    kind: _Kind
    topup_no: int


class _Course(Record, frozen=True, kw_only=True):
    """How far a line has come, as its dates go; its top-ups as they would stand in the store."""

    line: Line
    topups: tuple[TopUpRecord, ...] = ()


def _events(past: Sequence[PastTopUp]) -> list[_Event]:
    events: list[_Event] = []
    for one in past:
        topup = one.topup
        events.append(_Event(topup.at, _Kind.CREDITED, topup.topup_no))
        if one.promised_at is not None:
            events.append(_Event(one.promised_at, _Kind.OPENED, topup.topup_no))
        if topup.reversed_at is not None:
            events.append(_Event(topup.reversed_at, _Kind.REVERSED, topup.topup_no))
    return sorted(events)


def _beginning(history: LineHistory, rules: Rules) -> _Course:
    """Return the line before its first top-up, when promotions had given it nothing."""
    first = history.past[0].topup
    until = first.active_until_before
    line = Line(
        line_id=first.line_id,
        msisdn=0,  # neither this nor the language is looked at
        language=Language.EN,
        plan=history.plan,
        state=LineState.ACTIVE,
        last_at=first.at,
        activated_at=history.activated_at,
        active_until=until,
        grace_until=until and grace_after(until, rules.life, rules.validity),
    )
    return _Course(line=line)


def _are_apart(was: _Course, would: _Course, at: datetime, *, is_ordered: bool) -> bool:
    """Say whether from `at` on it cannot be told what would have been done to the line.

    is_ordered: off when several things happened to it at that instant, and which came first
    stands nowhere.
    """
    if was == would:
        return False
    ends = {course.line.grace_until for course in (was, would)}
    has_expired = any(until is not None and until <= at for until in ends)
    return not is_ordered or (len(ends) > 1 and has_expired)


def _state_in(
    was: _Course, would: _Course, topup: TopUpRecord, at: datetime, rules: Rules
) -> LineState:
    """Return the state in which the line would have been topped up: as it was, on equal dates.

    That is written down; old rows do not say it, and other dates may make it another.
    """
    if was.line == would.line and topup.line_state is not None:
        return topup.line_state
    return stage_at(would.line, rules.life, rules.validity, at)


def _make(
    past: PastTopUp, line: Line, state: LineState, promotions: Sequence[Promotion]
) -> Replayed:
    """Make a top-up on a line in that state, without what promotions gave with it in fact."""
    topup = past.topup
    at = past.promised_at or topup.at
    offer = Denomination(
        price_micros=topup.price_micros,
        tax_micros=topup.tax_micros,
        credit_micros=topup.main_micros,
        bonus_micros=topup.own_bonus_micros,
        valid_days=topup.valid_days - _days_given(topup),
        bonus_days=0,  # no promotion looks at it
        on_sale_from=topup.at,
    )
    facts = facts_of(replace(line, state=state, topup_seq=topup.topup_no - 1), topup.source)
    given = apply(promotions, offer, facts, at)
    return Replayed(past=past, offer=offer, facts=facts, at=at, given=given)


def _days_given(topup: TopUpRecord) -> int:
    return sum(gift.amount for gift in topup.gifts if gift.kind is GiftKind.DAYS)


def _topped_up(course: _Course, topup: TopUpRecord, valid_days: int, rules: Rules) -> _Course:
    line = extend_line(course.line, valid_days, rules.life, rules.validity, topup.at)
    assert line.active_until is not None, "a line that was extended has dates"
    made = replace(
        topup,
        valid_days=valid_days,
        active_until_before=course.line.active_until,
        active_until=line.active_until,
        reversed_at=None,
    )
    return _Course(line=line, topups=(*course.topups, made))


def _reversed(course: _Course, event: _Event, rules: Rules) -> _Course:
    topup = next(one for one in course.topups if one.topup_no == event.topup_no)
    return _Course(
        line=without(course.line, course.topups, topup, rules, event.at),
        topups=tuple(
            replace(one, reversed_at=event.at) if one is topup else one for one in course.topups
        ),
    )

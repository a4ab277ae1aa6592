"""400 days of a line's life, by the validity tables of Malaysian operators.

Top-ups, identity checks and sweeps come at any time; sweeps are killed before they reach the line,
or run twice. `Almanac` is a second opinion in whole local days: which state the line is in, when
it is due next, and which messages there are, each once. It shares no rule with the product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tambah.config import Operator, read_operator
from tambah.domain import refusals as no
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import AgeLine
from tambah.domain.line import LineState
from tambah.engine.operator import operator_rules

from .memory_books import MemoryBooks
from .proofs import prove
from .world import ALICE, KUALA_LUMPUR, RM, START, fund, import_line, top_up

OPERATORS = sorted((Path(__file__).parent / "operators").glob("*.toml"))
LINE = 11
DAYS = 400
FIRST = START.astimezone(KUALA_LUMPUR).date()
FIRST_LAST_DAY = FIRST + timedelta(days=9)
SWEEPS = (time(0, 0, 30), time(10, 0, 30))
_DAY = timedelta(days=1)
_CREDITS = ("credited", "reactivated", "reactivation_allowed")


def at(day: date, clock: time) -> datetime:
    """Return a local day and time as an instant."""
    return datetime.combine(day, clock, KUALA_LUMPUR)


@dataclass
class Almanac:
    """What should happen, in local days. last: the last active day; seen: till when it is told."""

    operator: Operator
    last: date = FIRST_LAST_DAY
    allowed: date | None = None
    seen: datetime = START
    told: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])

    def lasts(self) -> list[tuple[LineState, date]]:
        """Return each stage with its last day."""
        rule = self.operator.validity
        grace = self.last + timedelta(days=rule.grace_days)
        expired = grace + timedelta(days=rule.reactivation_days)
        gone = expired + timedelta(days=rule.quarantine_days)
        return [
            (LineState.ACTIVE, self.last),
            (LineState.GRACE, grace),
            (LineState.EXPIRED, expired),
            (LineState.QUARANTINED, gone),
        ]

    def state(self, now: datetime) -> LineState:
        """Return the stage of a day."""
        day = now.astimezone(KUALA_LUMPUR).date()
        return next((s for s, last in self.lasts() if day <= last), LineState.TERMINATED)

    def reminders(self, state: LineState) -> dict[datetime, str]:
        """Return when a stage is reminded of, with which message."""
        rule = self.operator.reminders
        days, template = {
            LineState.ACTIVE: (rule.before_grace, "remind_grace"),
            LineState.GRACE: (rule.before_expiry, "remind_expiry"),
            LineState.EXPIRED: (rule.before_quarantine, "remind_quarantine"),
        }.get(state, ((), ""))
        last = dict(self.lasts()).get(state, FIRST)
        return {at(last - n * _DAY, time(rule.from_hour)): template for n in days}

    def next_due(self, now: datetime) -> datetime | None:
        """Return when something happens next."""
        state = self.state(now)
        if state is LineState.TERMINATED:
            return None
        instants = [at(dict(self.lasts())[state] + _DAY, time()), *self.reminders(state)]
        return min(instant for instant in instants if instant > now)

    def look(self, now: datetime, *, reminds: bool = True) -> None:
        """Somebody looks at the line: what happened since the last look is told, unless stale."""
        for state, last in self.lasts():
            ended = at(last + _DAY, time())
            if self.seen < ended <= now and now - ended < _DAY:
                if state is LineState.ACTIVE:
                    self.told.append(("grace_started", now))
                elif state is LineState.GRACE:
                    can_return = self.operator.validity.reactivation_days > 0
                    self.told.append(("line_expired" if can_return else "line_ended", now))
        local = now.astimezone(KUALA_LUMPUR)
        checked = self.state(now) is LineState.EXPIRED and self.may_return(now)
        for instant, template in self.reminders(self.state(now)).items():
            same_day = instant.date() == local.date()
            in_hours = local.hour < self.operator.reminders.until_hour
            if self.seen < instant <= now and same_day and in_hours and reminds and not checked:
                self.told.append((template, now))
        self.seen = now

    def may_return(self, now: datetime) -> bool:
        """Say whether an identity check still counts."""
        return self.allowed is not None and now.astimezone(KUALA_LUMPUR).date() <= self.allowed

    def top_up(self, now: datetime, days: int) -> None:
        """Move the dates as the operator's table says."""
        self.look(now, reminds=False)
        today = now.astimezone(KUALA_LUMPUR).date()
        rule, bought = self.operator.validity, today + timedelta(days=days)
        added = max(self.last + timedelta(days=days), bought)
        self.last = {
            "replace": bought,
            "max": max(self.last, bought),
            "add": added,
            "add_with_cap": max(self.last, min(added, today + timedelta(days=rule.cap_days))),
        }[rule.policy]
        self.allowed = None

    def allow(self, now: datetime) -> None:
        """Check an identity: good for 48 hours, to the end of that day and of the stage."""
        until = (now + timedelta(hours=48)).astimezone(KUALA_LUMPUR).date()
        self.allowed = min(until, dict(self.lasts())[LineState.EXPIRED])
        self.look(now)


class Walk:
    """A line in the product's books, beside its almanac."""

    def __init__(self, path: Path) -> None:
        operator = read_operator(path)
        self.books = MemoryBooks(operator_rules(operator))
        self.almanac = Almanac(operator)
        self.prices = {d.price: d.valid_days for d in operator.denominations}
        self.books.submit(import_line(LINE, opening=25), START)
        self.books.submit(fund("float", 100_000), START)
        self.count = 0

    def sweep(self, now: datetime, *, twice: bool = False) -> None:
        """Do what the sweep does: age the line if it is due."""
        due_at = self.books.lines[LINE].line.due_at
        if due_at is not None and due_at <= now:
            self.books.submit(AgeLine(msisdn=ALICE), now)
            if twice:
                self.books.submit(AgeLine(msisdn=ALICE), now)
            self.almanac.look(now)
            self.compare(now)

    def top_up(self, now: datetime, place: int) -> None:
        """Top the line up by one of the operator's denominations."""
        self.count += 1
        price, days = sorted(self.prices.items())[place % len(self.prices)]
        command = top_up(f"sale {self.count}", float(price))
        state = self.almanac.state(now)
        if state in (LineState.ACTIVE, LineState.GRACE):
            self.almanac.top_up(now, days)
            self.books.submit(command, now)
        elif state is LineState.EXPIRED and self.almanac.may_return(now):
            if float(price) < 10:
                with pytest.raises(no.ReactivationTooLittle):
                    self.books.submit(command, now)
                return
            self.almanac.top_up(now, days)
            self.books.submit(command, now)
        else:
            expired = state is LineState.EXPIRED
            with pytest.raises(no.LineExpired if expired else no.LineTerminated):
                self.books.submit(command, now)
            return
        self.compare(now)

    def allow(self, now: datetime) -> None:
        """Check the owner's identity, if the line has expired."""
        self.count += 1
        if self.almanac.state(now) is LineState.EXPIRED:
            key = f"check {self.count}"
            self.almanac.allow(now)
            self.books.submit(AllowReactivation(caller="care", request_key=key, line_id=LINE), now)
            self.compare(now)

    def compare(self, now: datetime) -> None:
        """The line is in the almanac's state, due when it says, and told what it says, so far."""
        line = self.books.lines[LINE].line
        assert line.state is self.almanac.state(now)
        assert line.due_at == self.almanac.next_due(now)
        told = sorted(
            (m.template, m.at) for m in self.books.messages.values() if m.template not in _CREDITS
        )
        assert told == sorted(self.almanac.told)


_MINUTES = st.integers(0, 24 * 60 - 1)
_MOMENTS = st.tuples(st.integers(0, DAYS - 1), _MINUTES)


@pytest.mark.parametrize("path", OPERATORS, ids=lambda path: path.stem)
@given(
    killed=st.sets(st.integers(0, DAYS * len(SWEEPS) - 1), max_size=400),
    twice=st.sets(st.integers(0, DAYS * len(SWEEPS) - 1), max_size=100),
    more=st.lists(_MOMENTS, max_size=30),
    topups=st.lists(st.tuples(_MOMENTS, st.integers(0, 4)), max_size=8),
    checks=st.lists(_MOMENTS, max_size=8),
)
@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_every_state_and_every_message_once_on_the_operators_dates(
    path: Path,
    killed: set[int],
    twice: set[int],
    more: list[tuple[int, int]],
    topups: list[tuple[tuple[int, int], int]],
    checks: list[tuple[int, int]],
) -> None:
    walk = Walk(path)
    story: list[tuple[datetime, str, int]] = []
    for number in range(DAYS * len(SWEEPS)):
        if number not in killed:
            day = FIRST + timedelta(days=number // len(SWEEPS))
            story.append((at(day, SWEEPS[number % len(SWEEPS)]), "sweep", int(number in twice)))

    def moment(day: int, minute: int) -> datetime:
        return START + timedelta(days=day, minutes=minute)

    story += [(moment(*when), "sweep", 0) for when in more]
    story += [(moment(*when), "top_up", place) for when, place in topups]
    story += [(moment(*when), "allow", 0) for when in checks]
    for now, what, detail in sorted(story):
        if what == "sweep":
            walk.sweep(now, twice=bool(detail))
        elif what == "top_up":
            walk.top_up(now, detail)
        else:
            walk.allow(now)
    prove(walk.books)


@pytest.mark.parametrize("path", OPERATORS, ids=lambda path: path.stem)
def test_a_line_that_is_left_alone_lives_the_operators_stages_to_the_end(path: Path) -> None:
    walk = Walk(path)
    seen: list[LineState] = [LineState.ACTIVE]
    while (due_at := walk.books.lines[LINE].line.due_at) is not None:
        walk.sweep(due_at)
        state = walk.books.lines[LINE].line.state
        seen += [state] if state is not seen[-1] else []
    rule = walk.almanac.operator.validity
    stages = [LineState.ACTIVE, LineState.GRACE, LineState.EXPIRED, LineState.QUARANTINED]
    if rule.reactivation_days == 0:
        stages.remove(LineState.EXPIRED)
    assert seen == [*stages, LineState.TERMINATED]
    ended_after = 10 + rule.grace_days + rule.reactivation_days + rule.quarantine_days
    assert walk.books.lines[LINE].line.last_at == START + timedelta(days=ended_after)
    assert walk.books.lines[LINE].main.remaining_micros == 0
    forfeited = [t for t in walk.books.transfers.values() if t.amount_micros == 25 * RM]
    assert [t.kind.name for t in forfeited] == ["OPENING", "FORFEIT"]


def test_ten_top_ups_of_ten_on_one_day_as_the_tables_say() -> None:
    """Tune Talk: ten times RM10 on a day are ten days, RM20 and RM30 are thirty; XOX adds."""
    lasts: dict[str, list[int]] = {}
    for name in ("tune_talk", "xox"):
        path = next(path for path in OPERATORS if path.stem == name)
        for prices in (["10.00"] * 10, ["10.00", "30.00"]):
            walk = Walk(path)
            for price in prices:
                walk.top_up(START, sorted(walk.prices).index(price))
            until = walk.books.lines[LINE].line.active_until
            assert until is not None
            lasts.setdefault(name, []).append((until - START).days - 1)
    # The line had nine whole days left before.
    assert lasts == {"tune_talk": [10, 30], "xox": [109, 49]}

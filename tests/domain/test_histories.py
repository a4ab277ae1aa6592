"""Whatever happens, in whatever order, the books stay true."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tambah.domain.commands import (
    AgeLine,
    Command,
    Credited,
    Outcome,
    Reversed,
    ReverseTopUp,
    TopUpMoved,
)
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import LineState
from tambah.domain.refusals import IdempotencyKeyReused, Refusal
from tambah.domain.state import TopUpRecord
from tambah.domain.validity import ValidityPolicy

from .histories import (
    COMMANDS,
    DAY,
    FIRST_LINE_ID,
    HISTORY_CAP_DAYS,
    LINES,
    NUMBERS,
    advances,
    histories,
    history_rules,
    keyed,
)
from .memory_books import MemoryBooks
from .proofs import clock_of, prove
from .world import START, day, fund, import_line, reverse

QUICK = settings(
    deadline=None,
    max_examples=25,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)


class Watch:
    """Runs commands on books and watches what each single one does."""

    def __init__(self, policy: ValidityPolicy) -> None:
        self.books = MemoryBooks(history_rules(policy))
        self.policy = policy

    def run(self, command: Command, now: datetime) -> Outcome | Refusal:
        """Run one command; return the answer after checking its effects."""
        books = self.books
        before = books.state()
        clocks = {line_id: clock_of(books, line_id) for line_id in books.lines}
        aged = self._aged(command, now)
        held = self._credit()
        answer = self._submit(command, now)
        note(f"{now:%d %b %H:%M:%S} {command} -> {answer!r}")
        if books.decision is None or not _changes(books.decision):
            assert books.state() == before, "an answer without changes changes nothing"
        for line_id, clock in clocks.items():
            assert clock_of(books, line_id) >= clock, "a line's clock goes forward"
        if isinstance(answer, Credited):
            self._check_credited(answer)
        if isinstance(answer, Reversed) and books.decision is not None:
            assert isinstance(command, ReverseTopUp)
            self._check_reversed(command, answer, *aged)
        if isinstance(answer, TopUpMoved) and books.decision is not None:
            self._check_moved(answer, held)
        return answer

    def _submit(self, command: Command, now: datetime) -> Outcome | Refusal:
        try:
            return self.books.submit(command, now)
        except Refusal as refusal:
            return refusal

    def _aged(self, command: Command, now: datetime) -> tuple[int, TopUpRecord | None]:
        """Return what main credit is free, and the top-up that a reversal is of."""
        if not isinstance(command, ReverseTopUp):
            return 0, None
        line_id = self.books.line_of.get(command.msisdn, 0)
        topup = self.books.topups.get((line_id, command.topup_no))
        return (self.books.lines[line_id].main.free, topup) if topup else (0, None)

    def _check_credited(self, answer: Credited) -> None:
        line = self.books.lines[self.books.line_of[answer.msisdn]].line
        validity = self.books.rules.validity
        if self.books.decision is None:
            return
        assert line.state is LineState.ACTIVE
        assert line.active_until == answer.active_until > answer.at
        local = answer.active_until.astimezone(validity.zone)
        if self.policy is not ValidityPolicy.MAX:
            earlier = self.books.topups[line.line_id, answer.topup_no].active_until_before
            kept = self.policy is ValidityPolicy.ADD_WITH_CAP and earlier == answer.active_until
            assert kept or (local.hour, local.minute, local.second) == (0, 0, 0)
        if self.policy is not ValidityPolicy.REPLACE:
            before = self.books.topups[line.line_id, answer.topup_no].active_until_before
            assert before is not None
            assert answer.active_until >= before, "days bought never shorten what was left"

    def _check_reversed(
        self, command: ReverseTopUp, answer: Reversed, free: int, topup: TopUpRecord | None
    ) -> None:
        assert topup is not None
        # A package that was due by then has been renewed first.
        kinds = (TransferKind.PACKAGE, Account.LINE_MAIN)
        renewed = [t for t in self._new_transfers() if (t.kind, t.debit) == kinds]
        most = min(free - sum(t.amount_micros for t in renewed), topup.main_micros)
        assert topup.reversed_at is None, "only once"
        assert answer.main_micros == most
        assert answer.spent_micros == topup.main_micros - most
        line = self.books.lines[self.books.line_of[command.msisdn]].line
        assert line.state in (LineState.ACTIVE, LineState.GRACE)
        rules, now = self.books.rules, clock_of(self.books, line.line_id)
        assert line.grace_until is not None
        a_whole_grace = rules.validity.end_of_day(now, rules.life.grace_days)
        assert line.grace_until >= a_whole_grace, "a reversal alone never forfeits"
        forfeits = [
            t for t in self._new_transfers() if t.kind is TransferKind.FORFEIT and t.bucket_id == 1
        ]
        assert forfeits == []

    def _credit(self) -> int:
        return sum(account.main.remaining_micros for account in self.books.lines.values())

    def _check_moved(self, answer: TopUpMoved, held: int) -> None:
        line_id = self.books.line_of[answer.given.msisdn]
        fee = self.books.topups[line_id, answer.given.topup_no].reactivation_micros
        assert answer.taken.main_micros == answer.given.credited_micros > 0
        # Both lines are brought to the instant first; what that took is no part of the move.
        lapsed = [t for t in self._new_transfers() if t.kind is TransferKind.FORFEIT]
        assert lapsed or self._credit() == held - fee

    def _new_transfers(self) -> list[Any]:
        return list(self.books.decision.transfers) if self.books.decision else []


def _changes(decision: Any) -> bool:
    return bool(
        decision.line
        or decision.partners
        or decision.voucher
        or decision.transfers
        or decision.topups
        or decision.messages
        or decision.payment
        or decision.audit
        or decision.annexes
        or decision.wrong_code
    )


class BooksMachine(RuleBasedStateMachine):
    """One operator under one policy, its clock and its callers."""

    policy = ValidityPolicy.ADD

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch(self.policy)
        self.now = START
        self.serial = 0
        self.done: list[tuple[Command, Outcome | Refusal]] = []

    @property
    def books(self) -> MemoryBooks:
        """Return the books."""
        return self.watch.books

    @initialize(openings=st.tuples(*[st.sampled_from([0, 25])] * len(LINES)))
    def open_books(self, openings: tuple[int, ...]) -> None:
        """Bring lines along and fund the shop."""
        for msisdn, opening in zip(LINES, openings, strict=True):
            line_id = FIRST_LINE_ID + self._next()
            self._run(import_line(line_id, msisdn, until=day(10), opening=opening))
        self._run(fund("first", 500))

    @rule(seconds=advances())
    def let_time_pass(self, seconds: int) -> None:
        """Move the clock on."""
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 3600, DAY]))
    def let_the_clock_be_put_back(self, seconds: int) -> None:
        """Move the clock back, as after a failover to a machine that is behind."""
        self.now -= timedelta(seconds=seconds)

    @rule(command=COMMANDS)
    def command(self, command: Command) -> None:
        """Run any command."""
        serial = self._next()
        self._run(keyed(command, f"key {serial}", serial))

    @precondition(lambda self: self.done)
    @rule(place=st.integers(0, 50))
    def repeat(self, place: int) -> None:
        """Run a command again under its key: the first answer, or as if it were new."""
        command, first = self.done[place % len(self.done)]
        answer = self._run(command)
        if self.books.decision is None:
            assert _same(answer, first)

    @precondition(lambda self: self.books.topups)
    @rule(place=st.integers(0, 50))
    def reverse(self, place: int) -> None:
        """Take some top-up back."""
        topups = sorted(self.books.topups)
        line_id, topup_no = topups[place % len(topups)]
        msisdn = self.books.lines[line_id].line.msisdn
        self._run(reverse(f"key {self._next()}", topup_no, msisdn))

    @rule(msisdn=st.sampled_from(NUMBERS))
    def meet_an_end_exactly(self, msisdn: int) -> None:
        """Go to the last instant of a line's validity, then to the first after it."""
        account = self.books.lines.get(self.books.line_of.get(msisdn, 0))
        if account is None or account.line.state is not LineState.ACTIVE:
            return
        ends_at, tick = account.line.active_until, timedelta(microseconds=1)
        if ends_at is None or ends_at - tick < max(self.now, account.line.last_at):
            return
        self.now = ends_at - tick
        self._run(AgeLine(msisdn=msisdn))
        assert self._state(msisdn) is LineState.ACTIVE
        self.now = ends_at
        self._run(AgeLine(msisdn=msisdn))
        assert self._state(msisdn) > LineState.ACTIVE

    @invariant()
    def books_are_true(self) -> None:
        """Prove the books."""
        prove(self.books)

    def _state(self, msisdn: int) -> LineState:
        return self.books.lines[self.books.line_of[msisdn]].line.state

    def _run(self, command: Command) -> Outcome | Refusal:
        answer = self.watch.run(command, self.now)
        if self.books.decision is not None and self.books.decision.is_remembered:
            self.done.append((command, answer))
        return answer

    def _next(self) -> int:
        self.serial += 1
        return self.serial


def _same(answer: Outcome | Refusal, first: Outcome | Refusal) -> bool:
    if isinstance(first, Refusal) and isinstance(answer, Refusal):
        return (answer.code, answer.params) == (first.code, first.params)
    return answer == first


@pytest.mark.parametrize("policy", ValidityPolicy)
def test_books_stay_true_under_any_command_at_any_time(policy: ValidityPolicy) -> None:
    machine = type(f"Books_{policy}", (BooksMachine,), {"policy": policy})
    run_state_machine_as_test(machine, settings=QUICK)


@pytest.mark.parametrize("policy", ValidityPolicy)
@given(history=histories())
@QUICK
def test_histories_keep_the_books_true(
    policy: ValidityPolicy, history: list[tuple[int, Command]]
) -> None:
    watch, now = Watch(policy), START
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        watch.run(command, now)
    prove(watch.books)


@pytest.mark.parametrize("policy", ValidityPolicy)
@given(history=histories(), last=st.sampled_from([0, 40 * DAY, 400 * DAY]))
@QUICK
def test_a_history_run_twice_ends_the_same_and_repeats_change_nothing(
    policy: ValidityPolicy, history: list[tuple[int, Command]], last: int
) -> None:
    first, second, now = MemoryBooks(history_rules(policy)), Watch(policy), START
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        with contextlib.suppress(Refusal):
            first.submit(command, now)
        answer = second.run(command, now)
        decision = second.books.decision
        if decision and decision.is_remembered and getattr(command, "request_key", ""):
            again = second.run(command, now + timedelta(seconds=last))
            assert second.books.decision is None
            assert _same(again, answer)
    assert first.snapshot() == second.books.snapshot()


@pytest.mark.parametrize("policy", ValidityPolicy)
@given(history=histories())
@QUICK
def test_reversing_every_topup_gives_the_dates_of_a_history_without_them(
    policy: ValidityPolicy, history: list[tuple[int, Command]]
) -> None:
    watch, now = Watch(policy), START
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        watch.run(command, now)
    books = watch.books
    for msisdn in LINES:
        line_id = books.line_of[msisdn]
        topups = [t for (owner, _), t in sorted(books.topups.items()) if owner == line_id]
        state = books.lines[line_id].line.state
        if not topups or state not in (LineState.ACTIVE, LineState.GRACE):
            continue
        for topup in topups:
            watch.run(reverse(f"undo {topup.topup_no}", topup.topup_no, msisdn), now)
        if all(books.topups[line_id, t.topup_no].reversed_at for t in topups):
            assert books.lines[line_id].line.active_until == topups[0].active_until_before


@given(history=histories(), days=st.integers(0, 40))
@QUICK
def test_capped_validity_is_never_stretched_beyond_the_cap(
    history: list[tuple[int, Command]], days: int
) -> None:
    watch, now = Watch(ValidityPolicy.ADD_WITH_CAP), START
    validity = watch.books.rules.validity
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        answer = watch.run(command, now)
        if isinstance(answer, Credited) and watch.books.decision is not None:
            line_id = watch.books.line_of[answer.msisdn]
            before = watch.books.topups[line_id, answer.topup_no].active_until_before
            cap = validity.end_of_day(answer.at, HISTORY_CAP_DAYS)
            assert before is not None
            assert answer.active_until <= max(before, cap)


def test_another_request_under_a_used_key_is_refused() -> None:
    books = MemoryBooks(history_rules(ValidityPolicy.ADD))
    books.submit(fund("key", 100), START)

    with pytest.raises(IdempotencyKeyReused):
        books.submit(fund("key", 101), START)

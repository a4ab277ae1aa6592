"""SIMs: which serves which line, and what follows when one is replaced."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tambah.domain.actor import Actor
from tambah.domain.commands import ActivateLine, AgeLine
from tambah.domain.records import replace
from tambah.domain.refusals import (
    ChangeOnHold,
    EsimCodeGone,
    LineBarred,
    LineTerminated,
    NumberUnknown,
    Refusal,
    SignInNeeded,
    SimNotUsable,
    SimUnknown,
)
from tambah.domain.signing_in import SessionsEnded
from tambah.domain.sim import Sim, SimKind, SimState
from tambah.domain.sim_commands import (
    EsimCode,
    ReplaceSim,
    ReportInstalled,
    ShowEsimCode,
    SimReplaced,
    SimStands,
)
from tambah.domain.sim_rule import SimRule

from .memory_books import MemoryBooks
from .world import ALICE, BOB, STAFF, START, bar, day, import_line, rules_for

OLD, NEW, ESIM = "8960000000000000007", "8960000000000000015", "8960000000000000023"
OWNER = Actor(who="subscriber", why="signed in")


@pytest.fixture
def books() -> MemoryBooks:
    """Return books with Alice's line on a SIM, and two more in stock."""
    books = MemoryBooks(rules_for())
    stock(books, Sim(iccid=NEW), Sim(iccid=ESIM, kind=SimKind.ESIM, **CODE))
    books.submit(import_line(iccid=OLD), START)
    return books


CODE: dict[str, Any] = {"smdp_address": "SMDP.EXAMPLE.COM", "sealed": b"sealed"}


def stock(books: MemoryBooks, *sims: Sim) -> None:
    books.annexes |= {(Sim, sim.iccid): sim for sim in sims}


def sim(books: MemoryBooks, iccid: str) -> Any:
    return books.annexes.get((Sim, iccid))


def to_sim(iccid: str, msisdn: int = ALICE, **fields: Any) -> ReplaceSim:
    return ReplaceSim(
        caller="console",
        request_key=f"replace {iccid} {msisdn}",
        msisdn=msisdn,
        iccid=iccid,
        actor=STAFF,
        **fields,
    )


def show(*, is_fresh: bool = False, line_id: int = 11) -> ShowEsimCode:
    return ShowEsimCode(line_id=line_id, is_fresh=is_fresh, actor=OWNER)


def activate(iccid: str | None, msisdn: int = BOB, key: str = "activate") -> ActivateLine:
    return ActivateLine(
        caller="console",
        request_key=key,
        msisdn=msisdn,
        valid_days=5,
        iccid=iccid,
        actor=STAFF,
    )


def test_an_imported_line_brings_its_sim_along(books: MemoryBooks):
    assert sim(books, OLD) == Sim(
        iccid=OLD, state=SimState.ASSIGNED, line_id=11, assigned_at=START, is_new=True
    )


def test_an_imported_line_takes_its_sim_out_of_the_stock(books: MemoryBooks):
    books.submit(import_line(12, BOB, iccid=ESIM), START)
    assert (sim(books, ESIM).state, sim(books, ESIM).line_id) == (SimState.ASSIGNED, 12)
    assert sim(books, ESIM).sealed == b"sealed"
    assert books.lines[12].iccid == ESIM


def test_an_imported_line_cannot_be_on_another_line_s_sim(books: MemoryBooks):
    with pytest.raises(SimNotUsable) as refused:
        books.submit(import_line(12, BOB, iccid=OLD), START)
    assert refused.value.params == {"state": "assigned"}
    assert 12 not in books.lines


def test_a_line_is_activated_on_a_sim(books: MemoryBooks):
    books.submit(import_line(12, BOB, until=None), START)
    books.submit(activate(NEW), START)
    assert books.lines[12].iccid == NEW
    assert (sim(books, NEW).line_id, sim(books, NEW).assigned_at) == (12, START)
    audit = books.audits[-1]
    assert (audit.before["sim"], audit.after["sim"]) == (None, NEW)


def test_a_line_is_activated_on_the_sim_that_it_has(books: MemoryBooks):
    books.submit(import_line(12, BOB, until=None, iccid=NEW), START)
    books.submit(activate(NEW), day(1))
    assert books.lines[12].iccid == NEW
    assert sim(books, NEW).assigned_at == START


@pytest.mark.parametrize(
    ("iccid", "refusal"), [("8960000000000000031", SimUnknown), (OLD, SimNotUsable)]
)
def test_a_line_is_not_activated_on_another_s_or_an_unknown_sim(
    books: MemoryBooks, iccid: str, refusal: type[Refusal]
):
    books.submit(import_line(12, BOB, until=None), START)
    with pytest.raises(refusal):
        books.submit(activate(iccid), START)
    assert books.lines[12].line.active_until is None
    assert books.lines[12].iccid is None


def test_a_replaced_sim_is_retired_and_the_hold_begins(books: MemoryBooks):
    replaced = books.submit(to_sim(NEW), START)
    assert replaced == SimReplaced(
        line_id=11, msisdn=ALICE, iccid=NEW, old_iccid=OLD, hold_until=day(1)
    )
    line = books.lines[11]
    assert (line.iccid, line.line.hold_until) == (NEW, day(1))
    old = sim(books, OLD)
    assert (old.state, old.line_id, old.ended_at) == (SimState.RETIRED, 11, START)
    assert (sim(books, NEW).state, sim(books, NEW).line_id) == (SimState.ASSIGNED, 11)
    assert books.annexes[(SessionsEnded, 11)] == SessionsEnded(line_id=11)
    assert books.messages[(11, 1)].template == "sim_replaced"
    audit = books.audits[-1]
    assert (audit.action, audit.before["sim"], audit.after["sim"]) == ("ReplaceSim", OLD, NEW)


def test_a_lost_sim_is_lost_and_its_code_erased(books: MemoryBooks):
    books.submit(to_sim(ESIM), START)
    assert sim(books, ESIM).sealed == b"sealed"
    books.submit(to_sim(NEW, is_lost=True), day(1))
    assert (sim(books, ESIM).state, sim(books, ESIM).sealed) == (SimState.LOST, None)


def test_a_replacement_repeated_gets_its_first_answer(books: MemoryBooks):
    assert books.submit(to_sim(NEW), START) == books.submit(to_sim(NEW), day(2))
    assert books.lines[11].line.hold_until == day(1)


def test_a_line_without_a_sim_gets_one(books: MemoryBooks):
    books.submit(import_line(12, BOB), START)
    replaced = books.submit(to_sim(NEW, BOB), START)
    assert isinstance(replaced, SimReplaced)
    assert replaced.old_iccid is None


def test_a_sim_that_the_inventory_says_is_another_s_is_left_alone(books: MemoryBooks):
    """Lines imported before there was an inventory may share a number; one of them has it."""
    books.submit(import_line(12, BOB), START)
    books.lines[12] = replace(books.lines[12], iccid=OLD)
    books.submit(to_sim(NEW, BOB), START)
    assert (sim(books, OLD).state, sim(books, OLD).line_id) == (SimState.ASSIGNED, 11)
    with pytest.raises(EsimCodeGone):
        books.submit(show(line_id=12), START)


def test_an_operator_may_do_without_the_hold():
    books = MemoryBooks(changed(rules_for(), sims=SimRule(hold_hours=0)))
    stock(books, Sim(iccid=NEW))
    books.submit(import_line(), START)
    books.submit(to_sim(NEW), START)
    assert books.lines[11].line.hold_until is None


@pytest.mark.parametrize(
    ("iccid", "refusal"),
    [(OLD, SimNotUsable), ("8960000000000000031", SimUnknown)],
)
def test_a_sim_in_use_or_unknown_replaces_none(
    books: MemoryBooks, iccid: str, refusal: type[Refusal]
):
    with pytest.raises(refusal):
        books.submit(to_sim(iccid), START)
    assert (books.lines[11].iccid, books.lines[11].line.hold_until) == (OLD, None)


def test_a_retired_sim_never_serves_again(books: MemoryBooks):
    books.submit(import_line(12, BOB), START)
    books.submit(to_sim(NEW), START)
    with pytest.raises(SimNotUsable) as refused:
        books.submit(to_sim(OLD, BOB), START)
    assert refused.value.params == {"state": "retired"}


def test_a_number_that_is_nobody_s_gets_no_sim(books: MemoryBooks):
    with pytest.raises(LineTerminated):
        books.submit(to_sim(NEW), day(200))


def with_esim(books: MemoryBooks) -> None:
    """Put Bob, line 12, on the eSIM, without a hold."""
    books.submit(import_line(12, BOB, until=day(30), iccid=ESIM), START)


def test_a_code_is_shown_once_and_then_after_a_password(books: MemoryBooks):
    with_esim(books)
    first = books.submit(show(line_id=12), day(1))
    assert first == EsimCode(
        line_id=12, iccid=ESIM, smdp_address="SMDP.EXAMPLE.COM", sealed=b"sealed", shown=1
    )
    with pytest.raises(SignInNeeded):
        books.submit(show(line_id=12), day(2))
    again = books.submit(show(line_id=12, is_fresh=True), day(2))
    assert isinstance(again, EsimCode)
    assert again.shown == 2
    assert (sim(books, ESIM).shown_at, sim(books, ESIM).shown) == (day(1), 2)


def test_each_showing_leaves_an_audit_row_without_the_code(books: MemoryBooks):
    with_esim(books)
    books.submit(show(line_id=12), START)
    books.submit(show(line_id=12, is_fresh=True), START)
    rows = [entry for entry in books.audits if entry.action == "ShowEsimCode"]
    assert [(row.who, row.after["sim"], row.after["shown"]) for row in rows] == [
        ("subscriber", ESIM, 1),
        ("subscriber", ESIM, 2),
    ]


def test_a_code_waits_for_the_end_of_the_hold_but_for_the_first_time(books: MemoryBooks):
    books.submit(to_sim(ESIM), START)
    books.submit(show(), START)
    with pytest.raises(ChangeOnHold):
        books.submit(show(is_fresh=True), day(1) - timedelta(seconds=1))
    books.submit(show(is_fresh=True), day(1))


def test_no_code_is_shown_for_a_card_or_none_or_one_installed(books: MemoryBooks):
    with pytest.raises(EsimCodeGone):
        books.submit(show(), START)
    books.submit(import_line(12, BOB), START)
    with pytest.raises(EsimCodeGone):
        books.submit(show(line_id=12), START)
    books.submit(to_sim(ESIM), START)
    books.submit(ReportInstalled(line_id=11, iccid=ESIM, actor=STAFF), START)
    with pytest.raises(EsimCodeGone):
        books.submit(show(), START)


def test_no_code_is_shown_while_the_line_is_barred_or_nobody_s(books: MemoryBooks):
    with_esim(books)
    books.submit(bar("bar", BOB, barred=True), START)
    with pytest.raises(LineBarred):
        books.submit(show(line_id=12, is_fresh=True), START)
    with pytest.raises(NumberUnknown):
        books.submit(show(line_id=12), day(200))
    with pytest.raises(NumberUnknown):
        books.submit(show(line_id=99), START)


def test_the_code_of_an_installed_esim_is_erased(books: MemoryBooks):
    with_esim(books)
    installed = ReportInstalled(line_id=12, iccid=ESIM, actor=STAFF)
    stands = books.submit(installed, day(1))
    assert stands == SimStands(line_id=12, iccid=ESIM, installed_at=day(1))
    assert books.submit(installed, day(2)) == stands
    assert (sim(books, ESIM).state, sim(books, ESIM).sealed) == (SimState.ASSIGNED, None)


@pytest.mark.parametrize(
    ("iccid", "refusal"),
    [(NEW, SimNotUsable), (ESIM, SimNotUsable), ("8960000000000000031", SimUnknown)],
)
def test_only_the_line_s_own_sim_can_be_installed(
    books: MemoryBooks, iccid: str, refusal: type[Refusal]
):
    with_esim(books)
    with pytest.raises(refusal):
        books.submit(ReportInstalled(line_id=11, iccid=iccid, actor=STAFF), START)


# Whatever happens, in whatever order


ICCIDS = [f"89600000000000{number:05d}" for number in range(6)]
NUMBERS = [ALICE, BOB, 60198765432]


class Drawer(RuleBasedStateMachine):
    """Lines come, are activated, replaced and aged; SIMs of a small stock are fought over."""

    def __init__(self) -> None:
        super().__init__()
        self.books = MemoryBooks(rules_for())
        self.now = START
        self.steps = 0
        self.ever: dict[str, int] = {}
        stock(self.books, *(Sim(iccid=iccid, **CODE) for iccid in ICCIDS[:4]))

    def attempt(self, command: Any) -> None:
        self.steps += 1
        with suppress(Refusal):
            self.books.submit(command, self.now)

    @rule(number=st.integers(0, 2), sim=st.none() | st.integers(0, 5), active=st.booleans())
    def bring(self, number: int, sim: int | None, active: bool) -> None:
        self.attempt(
            import_line(
                100 + self.steps,
                NUMBERS[number],
                until=self.now + timedelta(days=3) if active else None,
                digest=f"{self.steps}".encode(),
                iccid=None if sim is None else ICCIDS[sim],
            )
        )

    @rule(number=st.integers(0, 2), sim=st.none() | st.integers(0, 5))
    def start(self, number: int, sim: int | None) -> None:
        iccid = None if sim is None else ICCIDS[sim]
        self.attempt(activate(iccid, NUMBERS[number], f"{self.steps}"))

    @rule(number=st.integers(0, 2), sim=st.integers(0, 5), is_lost=st.booleans())
    def swap(self, number: int, sim: int, is_lost: bool) -> None:
        self.attempt(to_sim(ICCIDS[sim], NUMBERS[number], is_lost=is_lost))

    @rule(number=st.integers(0, 2), sim=st.integers(0, 5))
    def install(self, number: int, sim: int) -> None:
        line_id = self.books.line_of.get(NUMBERS[number], 0)
        self.attempt(ReportInstalled(line_id=line_id, iccid=ICCIDS[sim], actor=STAFF))

    @rule(days=st.integers(1, 300), number=st.integers(0, 2))
    def wait(self, days: int, number: int) -> None:
        self.now += timedelta(days=days)
        self.attempt(AgeLine(msisdn=NUMBERS[number]))

    @invariant()
    def a_sim_serves_one_line_in_all_its_life_and_a_line_is_on_one(self) -> None:
        sims = [one for (kind, _), one in self.books.annexes.items() if kind is Sim]
        held = {line_id: a.iccid for line_id, a in self.books.lines.items() if a.iccid}
        assert len(set(held.values())) == len(held)
        for one in sims:
            assert isinstance(one, Sim)
            assert (one.state is SimState.IN_STOCK) == (one.line_id is None)
            assert (one.state is SimState.ASSIGNED) == (one.iccid in held.values())
            if one.line_id is not None:
                assert self.ever.setdefault(one.iccid, one.line_id) == one.line_id
                assert held.get(one.line_id) == one.iccid or one.state > SimState.ASSIGNED
            assert one.sealed is None or one.state <= SimState.ASSIGNED


def test_the_drawer_keeps_its_promise():
    quick = settings(
        deadline=None,
        max_examples=60,
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Drawer, settings=quick)  # type: ignore[no-untyped-call]

"""Sessions and events: what is promised, counted, booked, and answered again."""

from __future__ import annotations

from dataclasses import replace as replace_fields
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.balance import Bucket, BucketKind
from tambah.domain.charging_commands import (
    Ask,
    ChargeEvent,
    CloseSession,
    Grant,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    SessionClosed,
    UnitsGranted,
    UpdateUnits,
    session_key,
)
from tambah.domain.charging_rule import ELSEWHERE, ChargingRule
from tambah.domain.commands import AgeLine, Command
from tambah.domain.decide import decide
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.rating import Rate, Rounding, Service, cost
from tambah.domain.records import replace
from tambah.domain.refusals import (
    AlreadyRefunded,
    ChargeUnknown,
    CreditTooLow,
    LineBarred,
    LineExpired,
    LineInGrace,
    LineTerminated,
    NumberUnknown,
    RateUnknown,
    Refusal,
    RequestOutOfOrder,
    SessionUnknown,
)
from tambah.domain.reservation import Reservation, UsageRecord
from tambah.domain.state import Known
from tambah.domain.tariff import TariffBook, TariffRow, Usage, build_sheet

from .memory_books import MemoryBooks
from .proofs import prove
from .world import (
    ALICE,
    ALWAYS,
    BOB,
    RM,
    SEN,
    START,
    adjust,
    bar,
    day,
    fund,
    import_line,
    rules_for,
    top_up,
)

Step = ReserveUnits | UpdateUnits | ReleaseUnits | ChargeEvent
MIB = 2**20
CALL = Usage(service=Service.VOICE, to="60388881234")
FREE_CALL = Usage(service=Service.VOICE, to="601300")
ABROAD = Usage(service=Service.VOICE, to="8675512345")
TEXT = Usage(service=Service.SMS, to="60123456780")
DATA = Usage(service=Service.DATA)
SOCIAL = Usage(service=Service.DATA, application="social")
NOWHERE = Usage(service=Service.VOICE, to="4930123")
MINUTE = Rate(price_micros=30 * SEN, per_units=60)
"""Half a sen a second."""
DEAR = Rate(price_micros=60 * SEN, per_units=60, connection_micros=10 * SEN, first_units=60)


def row(service: Service, pattern: str, rate: Rate, kind: str, hours: str = "") -> TariffRow:
    """Return a row of the sheet."""
    return TariffRow(
        service=service,
        origin="home",
        pattern=pattern,
        on_net=False,
        hours=hours,
        destination_class=kind,
        name="",
        rate=rate,
    )


SHEET = (
    row(Service.VOICE, "60", MINUTE, "domestic"),
    row(Service.VOICE, "60", replace(DEAR, connection_micros=0), "domestic", "09:00-18:00"),
    row(Service.VOICE, "601300", Rate(price_micros=0), "free"),
    row(Service.VOICE, "86", DEAR, "idd-1"),
    row(Service.SMS, "60", Rate(price_micros=15 * SEN), "domestic"),
    row(Service.DATA, "", Rate(price_micros=5 * SEN, per_units=MIB), "data"),
    row(Service.DATA, "social", Rate(price_micros=2 * SEN, per_units=MIB), "social"),
)
TARIFFS = TariffBook(sheets={"standard": (build_sheet(1, ALWAYS, SHEET),)})
RULE = ChargingRule(
    sizes={Service.VOICE: 300, Service.SMS: 3, Service.MMS: 3, Service.DATA: 50 * MIB},
    least={Service.VOICE: 30, Service.SMS: 1, Service.MMS: 1, Service.DATA: MIB},
)
NIGHT = START + timedelta(hours=1)
"""One in the morning, local time."""


GIVEN = Promotion(
    name="minutes",
    since=ALWAYS,
    allowances=(
        Allowance(kind=BucketKind.SECONDS, amount=100, days=3),
        Allowance(kind=BucketKind.SECONDS, amount=50, days=1),
        Allowance(kind=BucketKind.MESSAGES, amount=2, days=3),
    ),
    denominations=(20 * RM,),
)


class Desk:
    """A line or two, and a switch that asks; the books are proved after every step."""

    def __init__(self, credit: int = 10, rule: ChargingRule = RULE) -> None:
        rules = replace_fields(rules_for(), charging=rule, tariffs=TARIFFS, promotions=(GIVEN,))
        self.books = MemoryBooks(rules)
        self.now = NIGHT
        self.do(import_line(1, ALICE, until=day(10), opening=credit))
        self.do(fund("float", 500))

    def do(self, command: Command) -> object:
        """Run a command and prove the books after it, whatever it was answered."""
        try:
            return self.books.submit(command, self.now)
        finally:
            prove(self.books)

    def step(
        self, kind: type[Step], *asks: Ask, session: str = "call", no: int = 0
    ) -> UnitsGranted:
        """Run a step of a session."""
        answer = self.do(
            kind(peer="switch", session_id=session, request_no=no, msisdn=ALICE, asks=asks)
        )
        assert isinstance(answer, UnitsGranted)
        return answer

    def reserve(self, *asks: Ask, session: str = "call", no: int = 0) -> tuple[Grant, ...]:
        """Begin a session."""
        return self.step(ReserveUnits, *asks, session=session, no=no).grants

    def update(self, *asks: Ask, session: str = "call", no: int = 1) -> tuple[Grant, ...]:
        """Go on with a session."""
        return self.step(UpdateUnits, *asks, session=session, no=no).grants

    def release(self, *asks: Ask, session: str = "call", no: int = 9) -> None:
        """End a session."""
        assert self.step(ReleaseUnits, *asks, session=session, no=no).grants == ()

    def event(self, *asks: Ask, session: str = "sms", no: int = 0) -> tuple[Grant, ...]:
        """Charge something at once."""
        return self.step(ChargeEvent, *asks, session=session, no=no).grants

    def refund(
        self, *asks: Ask, of: str = "sms", session: str = "back", no: int = 0
    ) -> tuple[Grant, ...]:
        """Give an event's charge back."""
        command = RefundEvent(
            peer="switch",
            session_id=session,
            request_no=no,
            msisdn=ALICE,
            asks=asks,
            of_session_id=of,
        )
        answer = self.do(command)
        assert isinstance(answer, UnitsGranted)
        return answer.grants

    def close(self, session: str = "call") -> bool:
        """Have the clock look at a session."""
        answer = self.do(CloseSession(line_id=1, session=session_key("switch", session)))
        assert isinstance(answer, SessionClosed)
        return answer.closed

    @property
    def main(self) -> Bucket:
        """Return the line's main credit."""
        return self.books.lines[1].main

    def session(self, session: str = "call") -> Reservation:
        """Return a session."""
        found = self.books.annexes_of(Reservation)
        return next(one for one in found if one.session_id == session)

    def record(self, session: str = "call", rating_group: int = 1) -> UsageRecord:
        """Return the record of what a session used."""
        key = session_key("switch", session)
        found = self.books.annexes_of(UsageRecord)
        return next(r for r in found if (r.session, r.rating_group) == (key, rating_group))


def ask(usage: Usage = CALL, **fields: object) -> Ask:
    """Return what is asked under rating group 1, unless told."""
    return replace(Ask(rating_group=1, usage=usage), **fields)


# A session


def test_a_call_is_promised_counted_and_booked() -> None:
    desk = Desk()
    (grant,) = desk.reserve(ask())
    assert grant == Grant(rating_group=1, units=300, seconds=3600, threshold=60)
    assert desk.main.held == 150 * SEN
    assert desk.main.remaining_micros == 10 * RM

    (grant,) = desk.update(ask(used=240))
    assert grant.units == 300
    assert desk.main.held == (120 + 150) * SEN
    assert desk.main.remaining_micros == 10 * RM, "nothing is booked yet"

    desk.release(ask(used=61))
    assert desk.main.held == 0
    assert desk.main.remaining_micros == 10 * RM - cost(MINUTE, 301)
    record = desk.record()
    assert (record.units, record.credit_units, record.unpaid_units) == (301, 301, 0)
    assert record.charged_micros == cost(MINUTE, 301)
    (booked,) = [t for t in desk.books.transfers.values() if t.kind is TransferKind.USAGE]
    assert (booked.debit, booked.credit) == (Account.LINE_MAIN, Account.USAGE_REVENUE)


def test_a_session_costs_what_its_units_cost_together() -> None:
    rate = Rate(price_micros=10 * SEN, per_units=7, rounding=Rounding.UP, round_to_micros=SEN)
    desk = Desk()
    rows = (row(Service.VOICE, "60", rate, "domestic"),)
    sheets = {"standard": (build_sheet(1, ALWAYS, rows),)}
    desk.books.rules = replace_fields(desk.books.rules, tariffs=TariffBook(sheets=sheets))
    desk.reserve(ask(wanted=1))
    for no in range(1, 8):
        desk.update(ask(used=1, wanted=1), no=no)
    desk.release()
    assert desk.record().charged_micros == 10 * SEN, "not one sen up at each report"


def test_more_than_was_promised_is_charged_as_far_as_there_is_credit() -> None:
    desk = Desk(credit=1)
    desk.reserve(ask(wanted=60))
    desk.update(ask(used=100, wanted=60))
    assert desk.main.held == (50 + 30) * SEN
    desk.release(ask(used=500))
    assert desk.main.remaining_micros == 0
    record = desk.record()
    assert (record.units, record.credit_units, record.unpaid_units) == (600, 200, 400)


def test_a_session_without_rating_groups_is_one_too() -> None:
    desk = Desk()
    assert desk.reserve() == ()
    assert desk.update(ask(DATA, rating_group=10, wanted=MIB))[0].units == MIB
    desk.release(ask(DATA, rating_group=10, used=5))
    assert desk.record(rating_group=10).units == 5


def test_nothing_used_leaves_no_record() -> None:
    desk = Desk()
    desk.reserve(ask())
    desk.release(ask())
    assert desk.books.annexes_of(UsageRecord) == []
    assert desk.main == replace(desk.main, held=0, remaining_micros=10 * RM)


def test_no_more_is_promised_where_no_more_is_wanted() -> None:
    desk = Desk()
    desk.reserve(ask())
    assert desk.update(ask(used=10, more=False)) == ()
    assert desk.main.held == 5 * SEN
    (grant,) = desk.update(ask(wanted=0), no=2)
    assert (grant.units, grant.refused, grant.final) == (0, "", False)


def test_free_use_needs_no_credit() -> None:
    desk = Desk(credit=0)
    (grant,) = desk.reserve(ask(FREE_CALL))
    assert (grant.units, grant.final) == (300, False)
    desk.release(ask(FREE_CALL, used=100))
    assert desk.record().credit_units == 100
    assert desk.record().charged_micros == 0


# Sizes


def test_the_last_of_the_credit_is_final() -> None:
    desk = Desk(credit=1)
    (grant,) = desk.reserve(ask(ABROAD, wanted=90))
    assert (grant.units, grant.final) == (90, True), "RM0.10 for connection, RM0.90 for 90 seconds"
    (grant,) = desk.update(ask(ABROAD, used=90))
    assert (grant.units, grant.refused) == (0, "credit_too_low")
    desk.release()
    assert desk.main.remaining_micros == 0


def test_exactly_what_the_credit_pays_for_is_granted() -> None:
    desk = Desk(credit=1)
    (grant,) = desk.reserve(ask(wanted=300))
    assert (grant.units, grant.final) == (200, True)
    assert desk.main.free == 0


def test_out_of_credit_at_the_start_is_a_refusal_that_leaves_nothing() -> None:
    desk = Desk(credit=0)
    with pytest.raises(CreditTooLow) as refused:
        desk.reserve(ask(ABROAD))
    assert refused.value.params == {"missing": "0.70"}
    assert desk.books.annexes_of(Reservation) == []


def test_sessions_side_by_side_leave_each_other_some() -> None:
    desk = Desk(credit=1)
    granted = [desk.reserve(ask(), session=f"call {no}")[0].units for no in range(3)]
    assert granted == [100, 50, 30]
    (grant,) = desk.reserve(ask(), session="call 3")
    assert (grant.units, grant.final) == (20, True), "the rest"
    with pytest.raises(CreditTooLow):
        desk.reserve(ask(), session="call 4")
    with pytest.raises(CreditTooLow):
        desk.do(adjust("less", -1))


def test_what_one_group_lets_go_of_another_may_have() -> None:
    desk = Desk(credit=1)
    social = ask(SOCIAL, rating_group=2, wanted=50 * MIB)
    desk.reserve(social)
    grants = desk.update(ask(DATA, wanted=20 * MIB), replace(social, more=False, used=MIB))
    assert [grant.units for grant in grants] == [19 * MIB + MIB * 3 // 5]
    assert grants[0].final


def test_promises_end_with_the_rate_the_allowance_and_the_line() -> None:
    desk = Desk()
    desk.now = START + timedelta(hours=8, minutes=30)
    assert desk.reserve(ask())[0].seconds == 1800, "another rate at nine"
    desk.now = day(9) + timedelta(hours=23, minutes=59)
    assert desk.reserve(ask(), session="late")[0].seconds == 60, "the line's last minute"
    desk = Desk()
    desk.do(top_up("k", 20))
    desk.now = day(1) + timedelta(hours=23, minutes=50)
    assert desk.reserve(ask(wanted=10))[0].seconds == 600, "the allowance's last minutes"
    desk.now = day(2) - timedelta(milliseconds=1)
    assert desk.reserve(ask(wanted=10), session="last")[0].seconds == 1


# Allowances


def test_allowances_go_before_credit_the_soonest_to_expire_first() -> None:
    desk = Desk()
    desk.do(top_up("k", 20))
    (grant,) = desk.reserve(ask(wanted=200))
    assert grant.units == 200
    assert grant.seconds == 3600
    held = {b.remaining_micros: b.held for b in desk.books.lines[1].buckets if b.held}
    assert held[50] == 50
    assert held[100] == 100
    assert desk.main.held == 25 * SEN
    desk.release(ask(used=70))
    record = desk.record()
    assert (record.covered_units, record.credit_units, record.charged_micros) == (70, 0, 0)
    left = [
        b.remaining_micros for b in desk.books.lines[1].buckets if b.kind is BucketKind.SECONDS
    ]
    assert sorted(left) == [0, 80]


def test_an_allowance_that_lapses_in_mid_session_still_pays_what_it_promised() -> None:
    desk = Desk()
    desk.do(top_up("k", 20))
    desk.now = day(3) + timedelta(hours=23, minutes=59)
    desk.reserve(ask(wanted=60))
    desk.now = day(4) + timedelta(minutes=1)
    desk.do(AgeLine(msisdn=ALICE))
    desk.update(ask(used=30, wanted=10))
    desk.release(ask(used=10))
    record = desk.record()
    assert (record.covered_units, record.credit_units) == (30, 10)
    lapsed = [t for t in desk.books.transfers.values() if t.kind is TransferKind.LAPSE]
    seconds = sum(t.amount_micros for t in lapsed if t.debit is Account.LINE_SECONDS)
    assert seconds == 150 - 30


def scoped(scope: str, usage: Usage) -> Grant | str:
    """Return what a line without credit, but with an allowance of that scope, is granted."""
    desk = Desk(credit=0)
    account = desk.books.lines[1]
    kind = BucketKind.BYTES if usage.service is Service.DATA else BucketKind.SECONDS
    allowance = Bucket(
        owner_id=1,
        bucket_id=2,
        kind=kind,
        remaining_micros=60,
        expires_at=day(3),
        scope=scope,
    )
    known = Known(line=replace(account, buckets=(*account.buckets, allowance)))
    command = ReserveUnits(
        peer="switch", session_id="s", request_no=0, msisdn=ALICE, asks=(ask(usage),)
    )
    answer = decide(command, known, desk.books.rules, desk.now).answer
    return answer.code if isinstance(answer, Refusal) else answer.grants[0]


@pytest.mark.parametrize(
    ("scope", "usage", "covers"),
    [
        ("", CALL, True),
        ("", ABROAD, True),
        ("domestic", CALL, True),
        ("domestic", ABROAD, False),
        ("idd-1 domestic", ABROAD, True),
        ("social", SOCIAL, True),
        ("social", DATA, False),
        ("data social", DATA, True),
    ],
)
def test_an_allowance_covers_its_classes_alone(scope: str, usage: Usage, covers: bool) -> None:
    granted = scoped(scope, usage)
    if not covers:
        assert granted == "credit_too_low"
        return
    assert isinstance(granted, Grant)
    assert (granted.units, granted.final) == (60, True)


# Rates that change


def test_the_rate_changes_in_mid_call() -> None:
    desk = Desk()
    desk.now = START + timedelta(hours=8, minutes=59)
    desk.reserve(ask())
    desk.now += timedelta(minutes=2)
    desk.update(ask(used=60))
    desk.now += timedelta(minutes=2)
    desk.release(ask(used=61))
    # One minute at the night's rate; then 61 seconds by the second, no first interval again.
    assert desk.record().charged_micros == 30 * SEN + 61 * SEN


def test_a_rate_that_changes_before_anything_was_paid_begins_anew() -> None:
    desk = Desk()
    desk.reserve(ask())
    desk.update(ask(ABROAD))
    desk.release(ask(ABROAD, used=1))
    assert desk.record().charged_micros == 70 * SEN, "connection and first interval"
    assert desk.record().destination_class == "idd-1"


def test_where_there_is_no_rate_nothing_is_granted() -> None:
    desk = Desk()
    with pytest.raises(RateUnknown):
        desk.reserve(ask(NOWHERE))
    grants = desk.reserve(ask(), ask(NOWHERE, rating_group=2))
    assert [(grant.units, grant.refused) for grant in grants] == [(300, ""), (0, "rate_unknown")]
    grants = desk.update(ask(used=5), ask(NOWHERE, rating_group=2, used=7))
    assert [grant.refused for grant in grants] == ["", "rate_unknown"]
    desk.release(ask(used=5))
    assert desk.record().units == 10


# The same again


def test_the_same_request_again_gets_the_same_answer_and_counts_once() -> None:
    desk = Desk()
    first = desk.step(ReserveUnits, ask())
    again = desk.step(ReserveUnits, ask())
    assert (again.grants, again.again) == (first.grants, True)
    first = desk.step(UpdateUnits, ask(used=240), no=1)
    desk.now += timedelta(days=1)
    again = desk.step(UpdateUnits, ask(used=240), no=1)
    assert (again.grants, again.free_micros) == (first.grants, first.free_micros)
    desk.release(ask(used=60), no=2)
    balance = desk.main
    desk.release(ask(used=60), no=2)
    assert desk.main == balance
    assert desk.record().units == 300


def test_a_request_that_comes_late_is_refused() -> None:
    desk = Desk()
    desk.reserve(ask())
    desk.update(ask(used=1), no=5)
    for late in (ReserveUnits, UpdateUnits, ReleaseUnits):
        with pytest.raises(RequestOutOfOrder):
            desk.step(late, ask(used=1), no=3)


def test_what_was_never_begun_or_has_ended_is_unknown() -> None:
    desk = Desk()
    for step in (UpdateUnits, ReleaseUnits):
        with pytest.raises(SessionUnknown):
            desk.step(step, ask(), no=1)
    desk.reserve(ask())
    desk.release(no=1)
    for step in (UpdateUnits, ReleaseUnits):
        with pytest.raises(SessionUnknown):
            desk.step(step, ask(used=100), no=2)
    with pytest.raises(RequestOutOfOrder):
        desk.reserve(ask())
    assert not desk.close("never")


# The clock


def test_a_session_that_was_not_heard_of_is_closed_with_what_it_reported() -> None:
    desk = Desk()
    desk.reserve(ask())
    desk.update(ask(used=100))
    assert not desk.close()
    desk.now += timedelta(minutes=75)
    assert desk.close()
    assert not desk.close()
    assert desk.main.remaining_micros == 10 * RM - 50 * SEN
    assert desk.session().closed_at == desk.now

    desk.update(ask(used=10), no=2)
    assert desk.session().closed_at is None, "it is heard of after all"
    desk.release(ask(used=10), no=3)
    assert desk.record().units == 120


def test_a_session_closed_by_the_clock_may_still_end() -> None:
    desk = Desk()
    desk.reserve(ask())
    desk.now += timedelta(hours=3)
    assert desk.close()
    desk.release(ask(used=10))
    assert desk.record().charged_micros == 5 * SEN


def test_a_long_session_is_booked_each_hour() -> None:
    desk = Desk()
    desk.reserve(ask())
    for no in range(1, 7):
        desk.now += timedelta(minutes=20)
        desk.update(ask(used=60), no=no)
    booked = [t for t in desk.books.transfers.values() if t.kind is TransferKind.USAGE]
    assert [t.amount_micros for t in booked] == [90 * SEN, 90 * SEN]
    desk.release(no=7)
    assert desk.record().charged_micros == 180 * SEN


# Lines that may not


@pytest.mark.parametrize(
    ("command", "now", "refusal"),
    [
        (bar("b", barred=True), NIGHT, LineBarred),
        (AgeLine(msisdn=ALICE), day(12), LineInGrace),
        (AgeLine(msisdn=ALICE), day(70), LineExpired),
        (AgeLine(msisdn=ALICE), day(170), LineTerminated),
    ],
)
def test_a_line_that_may_not_be_used_is_granted_nothing(
    command: Command, now: datetime, refusal: type[Refusal]
) -> None:
    desk = Desk()
    desk.reserve(ask(), session="before")
    desk.now = now
    desk.do(command)
    with pytest.raises(refusal):
        desk.reserve(ask())
    with pytest.raises(refusal):
        desk.event(ask(TEXT))
    (grant,) = desk.update(ask(used=400), session="before")
    assert (grant.units, grant.refused) == (0, refusal.code)
    desk.release(session="before")
    record = desk.record("before")
    assert (record.credit_units, record.unpaid_units) == (300, 100), "what was promised, no more"


def test_an_unknown_number_is_told_so() -> None:
    desk = Desk()
    with pytest.raises(NumberUnknown):
        desk.do(ReserveUnits(peer="switch", session_id="s", request_no=0, msisdn=BOB))


# Events


def test_an_event_is_charged_at_once() -> None:
    desk = Desk()
    (grant,) = desk.event(ask(TEXT, wanted=3))
    assert (grant.units, grant.micros) == (3, 45 * SEN)
    assert desk.event(ask(TEXT, wanted=3)) == (grant,), "again"
    assert desk.main.remaining_micros == 10 * RM - 45 * SEN
    assert desk.event(ask(TEXT), session="one")[0].units == 1


def test_an_event_is_charged_whole_or_not_at_all() -> None:
    desk = Desk(credit=1)
    with pytest.raises(CreditTooLow) as refused:
        desk.event(ask(TEXT, wanted=7))
    assert refused.value.params == {"missing": "0.05"}
    assert desk.main == replace(desk.main, held=0, remaining_micros=RM)
    with pytest.raises(RateUnknown):
        desk.event(ask(NOWHERE))


def test_an_event_uses_allowances_first() -> None:
    desk = Desk()
    desk.do(top_up("k", 20))
    (grant,) = desk.event(ask(TEXT, wanted=3))
    assert grant.micros == 15 * SEN
    record = desk.record("sms")
    assert (record.covered_units, record.credit_units) == (2, 1)
    (back,) = desk.refund(ask(TEXT))
    assert back.micros == 15 * SEN
    refunded = desk.record("sms")
    assert (refunded.refunded_micros, refunded.refunded_units) == (15 * SEN, 2)
    assert desk.refund(ask(TEXT)) == (back,), "again"
    with pytest.raises(AlreadyRefunded):
        desk.refund(ask(TEXT), session="other")


def test_what_has_lapsed_does_not_come_back() -> None:
    desk = Desk()
    desk.do(top_up("k", 20))
    desk.now = day(3) + timedelta(hours=23)
    desk.event(ask(TEXT, wanted=3))
    desk.now = day(4) + timedelta(hours=1)
    desk.refund(ask(TEXT))
    assert desk.record("sms").refunded_units == 0


def test_a_charge_is_given_back_in_its_own_session_too() -> None:
    desk = Desk()
    desk.event(ask(TEXT))
    desk.refund(ask(TEXT), session="sms", of="", no=1)
    assert desk.main.remaining_micros == 10 * RM


def test_there_is_a_time_for_giving_back() -> None:
    desk = Desk()
    desk.event(ask(TEXT))
    with pytest.raises(ChargeUnknown):
        desk.refund(ask(TEXT), of="never")
    with pytest.raises(ChargeUnknown):
        desk.refund(ask(TEXT, rating_group=7))
    desk.now += timedelta(hours=24, seconds=1)
    with pytest.raises(ChargeUnknown):
        desk.refund(ask(TEXT))
    desk.now = day(70)
    with pytest.raises(LineTerminated):
        desk.refund(ask(TEXT))


# Words of the rule


def test_a_network_is_in_its_own_zone_or_in_its_countrys() -> None:
    rule = ChargingRule(zones={"502": "home", "50219": "zone-9", "525": "zone-1"})
    assert [rule.zone_of(one) for one in ("", "50219", "50212", "52501", "310410")] == [
        "home",
        "zone-9",
        "home",
        "zone-1",
        ELSEWHERE,
    ]


# Whatever happens


@given(
    credit=st.integers(0, 4),
    reports=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=6),
    last=st.integers(0, 400),
    first=st.integers(1, 90),
    following=st.integers(1, 45),
    fee=st.integers(0, 20),
    price=st.integers(0, 60),
    rounding=st.sampled_from(Rounding),
    step=st.sampled_from([1, SEN, 7]),
)
@settings(max_examples=150, deadline=None)
def test_what_is_charged_is_the_tariff_applied_to_what_was_reported(
    credit: int,
    reports: list[tuple[int, int]],
    last: int,
    first: int,
    following: int,
    fee: int,
    price: int,
    rounding: Rounding,
    step: int,
) -> None:
    rate = Rate(
        price_micros=price * SEN,
        per_units=60,
        connection_micros=fee * SEN,
        first_units=first,
        next_units=following,
        rounding=rounding,
        round_to_micros=step,
    )
    rows = (row(Service.VOICE, "60", rate, "domestic"),)
    desk = Desk(credit=credit)
    sheets = {"standard": (build_sheet(1, ALWAYS, rows),)}
    desk.books.rules = replace_fields(desk.books.rules, tariffs=TariffBook(sheets=sheets))
    try:
        (grant,) = desk.reserve(ask())
    except CreditTooLow:
        assert cost(rate, 1) > credit * RM
        return
    assert cost(rate, grant.units) <= credit * RM
    for no, (used, wanted) in enumerate(reports, start=1):
        desk.update(ask(used=used, wanted=wanted), no=no)
    desk.release(ask(used=last))
    reported = sum(used for used, _ in reports) + last
    if reported == 0:
        assert desk.main.remaining_micros == credit * RM
        return
    record = desk.record()
    assert record.units == reported == record.credit_units + record.unpaid_units
    assert record.charged_micros == cost(rate, record.credit_units)
    assert desk.session().answer.charged_micros == record.charged_micros
    assert desk.main.remaining_micros == credit * RM - record.charged_micros
    if record.unpaid_units:
        assert cost(rate, record.credit_units + 1) > credit * RM, "all that could be paid was"

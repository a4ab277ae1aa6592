"""Each command: what it gives, what it changes, and every refusal it can meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tambah.domain import refusals as no
from tambah.domain.actor import Actor
from tambah.domain.balance import BucketKind
from tambah.domain.commands import (
    AgeLine,
    Command,
    Credited,
    Funded,
    FundFromBank,
    Imported,
    LineChanged,
)
from tambah.domain.crediting import RECEIPT_ALPHABET, receipt_for
from tambah.domain.decide import decide
from tambah.domain.guessing import Audience, GuessingRule, Tried
from tambah.domain.ledger import Account, Transfer, TransferKind
from tambah.domain.line import LineState
from tambah.domain.refusals import Refusal, every_refusal
from tambah.domain.rules import Rules
from tambah.domain.state import AuditEntry, Decision, Known, Message, TopUpRecord, TopUpSource
from tambah.domain.validity import ValidityPolicy
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks, plain_digest
from .proofs import prove
from .world import (
    ALICE,
    BOB,
    CAPPED,
    RM,
    SHOP,
    STAFF,
    START,
    STOPPED,
    UNKNOWN_CODE,
    activate,
    adjust,
    bar,
    code,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    rules_for,
    top_up,
)

NOW = START + timedelta(hours=10)
TICK = timedelta(microseconds=1)
ALICES, BOBS = 11, 12


def books_for(rules: Rules | None = None) -> MemoryBooks:
    """Return books with Alice's line, ten days left and RM25, and a funded shop."""
    books = MemoryBooks(rules or rules_for())
    books.submit(import_line(ALICES, opening=25), START)
    books.submit(fund("float", 1000), START)
    return books


def decision_of(books: MemoryBooks) -> Decision:
    """Return what was decided last."""
    assert books.decision is not None
    return books.decision


def refused(books: MemoryBooks, command: Command, refusal: type[Refusal]) -> Refusal:
    """Submit a command that must be refused and change nothing; return the refusal."""
    before = books.state()
    with pytest.raises(refusal) as raised:
        books.submit(command, NOW)
    assert type(raised.value) is refusal
    assert books.state() == before
    answer = decision_of(books).answer
    assert isinstance(answer, refusal)
    assert not decision_of(books).is_remembered
    return raised.value


# Top-ups


def test_top_up_credits_the_line_from_the_partners_float() -> None:
    books = books_for()
    answer = books.submit(top_up("sale 1", 20), NOW)
    digest = plain_digest(f"partner {SHOP}", "sale 1")
    receipt = receipt_for(digest)
    assert answer == Credited(
        msisdn=ALICE,
        topup_no=1,
        at=NOW,
        price_micros=20 * RM,
        tax_micros=1_130_000,
        credited_micros=18_870_000,
        bonus_micros=0,
        balance_micros=43_870_000,
        bonus_balance_micros=0,
        active_until=day(30),
        grace_until=day(80),
        receipt=receipt,
        reference="sale 1",
    )
    decision = decision_of(books)
    assert decision.transfers == (
        Transfer(
            owner_id=SHOP,
            seq=2,
            at=NOW,
            kind=TransferKind.SALE,
            debit=Account.FLOAT,
            credit=Account.TRANSIT,
            amount_micros=20 * RM,
            bucket_id=1,
            balance_micros=980 * RM,
            reference="sale 1",
            peer_owner_id=ALICES,
            peer_seq=2,
            request=digest,
        ),
        Transfer(
            owner_id=ALICES,
            seq=2,
            at=NOW,
            kind=TransferKind.TOPUP,
            debit=Account.TRANSIT,
            credit=Account.LINE_MAIN,
            amount_micros=18_870_000,
            bucket_id=1,
            balance_micros=43_870_000,
            topup_no=1,
            reference="sale 1",
            peer_owner_id=SHOP,
            peer_seq=2,
            request=digest,
        ),
        Transfer(
            owner_id=ALICES,
            seq=3,
            at=NOW,
            kind=TransferKind.TAX,
            debit=Account.TRANSIT,
            credit=Account.TAX,
            amount_micros=1_130_000,
            topup_no=1,
            peer_owner_id=SHOP,
            peer_seq=2,
            request=digest,
        ),
    )
    assert decision.topups == (
        TopUpRecord(
            line_id=ALICES,
            topup_no=1,
            at=NOW,
            source=TopUpSource.PARTNER,
            price_micros=20 * RM,
            tax_micros=1_130_000,
            main_micros=18_870_000,
            bonus_micros=0,
            bonus_bucket_id=None,
            valid_days=20,
            active_until_before=day(10),
            active_until=day(30),
            receipt=receipt,
            reference="sale 1",
            partner_id=SHOP,
            line_state=LineState.ACTIVE,
        ),
    )
    assert decision.messages == (
        Message(
            line_id=ALICES,
            number=1,
            at=NOW,
            template="credited",
            params={
                "credited_micros": 18_870_000,
                "bonus_micros": 0,
                "balance_micros": 43_870_000,
                "active_until": day(30).isoformat(),
                "receipt": receipt,
            },
        ),
    )
    assert decision.audit is None
    assert decision.is_remembered
    assert books.lines[ALICES].line.last_at == NOW
    assert books.partners[SHOP].sold_micros == 20 * RM
    prove(books)


def test_bonus_has_its_own_bucket_for_each_end() -> None:
    books = books_for()
    first = books.submit(top_up("1", 30), NOW)
    second = books.submit(top_up("2", 50), NOW)
    third = books.submit(top_up("3", 30), NOW + timedelta(days=1))
    bonuses = [first, second, third]
    assert all(isinstance(answer, Credited) for answer in bonuses)
    assert [a.bonus_micros // RM for a in bonuses if isinstance(a, Credited)] == [2, 5, 2]
    assert [a.bonus_balance_micros // RM for a in bonuses if isinstance(a, Credited)] == [2, 7, 9]
    held = [b for b in books.lines[ALICES].buckets if b.kind is BucketKind.BONUS]
    assert [(b.bucket_id, b.remaining_micros // RM, b.expires_at) for b in held] == [
        (2, 7, day(31)),
        (3, 2, day(32)),
    ]
    assert [books.topups[ALICES, n].bonus_bucket_id for n in (1, 2, 3)] == [2, 2, 3]
    assert [m.template for m in books.messages.values()] == ["credited_with_bonus"] * 3
    prove(books)


def test_a_top_up_without_a_reference_bears_its_receipt() -> None:
    books = books_for()
    books.submit(top_up("1", reference=""), NOW)
    books.submit(top_up("2", reference=""), NOW)
    topup = books.topups[ALICES, 1]
    assert topup.reference is None
    assert books.transfers[ALICES, 2].reference == topup.receipt
    assert len(books.topups) == 2


def test_a_top_up_in_grace_makes_the_line_active_again_with_its_credit() -> None:
    books = books_for()
    answer = books.submit(top_up("1", 5), day(30))
    assert isinstance(answer, Credited)
    assert answer.balance_micros == 30 * RM
    assert answer.active_until == day(36)
    assert books.lines[ALICES].line.state is LineState.ACTIVE


@pytest.mark.parametrize("on", [0, 9])
def test_the_daily_cap_counts_a_local_day(on: int) -> None:
    books = books_for()
    books.submit(fund("capped", 100, CAPPED), START)
    midnight = day(on + 1)
    for n, at in enumerate([day(on), midnight - TICK]):
        books.submit(top_up(f"{on} {n}", 30, partner_id=CAPPED), at)
    with pytest.raises(no.DailyCapReached) as raised:
        books.submit(top_up(f"{on} 2", 5, partner_id=CAPPED), midnight - TICK)
    assert raised.value.params == {"cap": "60.00"}
    books.submit(top_up(f"{on} 3", 50, partner_id=CAPPED), midnight)
    assert books.partners[CAPPED].sold_micros == 50 * RM


def test_a_line_whose_clock_is_ahead_does_not_empty_the_daily_count() -> None:
    books = books_for()
    books.submit(import_line(BOBS, BOB, until=day(30)), day(1))  # Bob's clock: the next day
    books.submit(fund("capped", 100, CAPPED), START)
    books.submit(top_up("1", 50, BOB, partner_id=CAPPED), NOW)
    with pytest.raises(no.DailyCapReached):
        books.submit(top_up("2", 50, ALICE, partner_id=CAPPED), NOW)
    with pytest.raises(no.DailyCapReached):
        books.submit(top_up("3", 50, BOB, partner_id=CAPPED), NOW)


def test_a_float_may_go_below_nothing_by_its_credit_limit() -> None:
    books = books_for()
    books.submit(top_up("1", 20, partner_id=CAPPED), NOW)
    assert books.partners[CAPPED].float_bucket.remaining_micros == -20 * RM
    refused(books, top_up("2", 5, partner_id=CAPPED), no.FloatTooLow)
    prove(books)


# Recharge codes


def test_redeem_voucher_turns_a_card_into_credit_once() -> None:
    books = books_for()
    command = replace(redeem("1", code(201)), page_token=b"page")
    answer = books.submit(command, NOW)
    assert isinstance(answer, Credited)
    assert answer.credited_micros == 28 * RM
    assert answer.tax_micros == 2 * RM
    assert answer.bonus_micros == 3 * RM
    assert answer.reference == ""
    topup = books.topups[ALICES, 1]
    assert topup.source is TopUpSource.VOUCHER
    assert (topup.batch_id, topup.number, topup.partner_id) == (2, 1, None)
    assert topup.page_token == b"page"
    credit, tax = books.transfers[ALICES, 2], books.transfers[ALICES, 3]
    assert (credit.kind, credit.debit) == (TransferKind.REDEMPTION, Account.CARDS_SOLD)
    assert credit.reference == topup.receipt
    assert (tax.kind, tax.debit, tax.credit) == (
        TransferKind.TAX,
        Account.CARDS_SOLD,
        Account.TAX,
    )
    card = books.cards[2, 1]
    assert (card.state, card.redeemed_line_id, card.redeemed_at) == (
        VoucherState.REDEEMED,
        ALICES,
        NOW,
    )
    yours = refused(books, redeem("2", code(201)), no.CodeAlreadyYours)
    assert yours.params == {"used_at": NOW}
    prove(books)


def test_a_card_used_by_another_is_simply_not_usable_and_costs_nothing() -> None:
    books = books_for()
    books.submit(import_line(BOBS, BOB), START)
    books.submit(redeem("1", code(101), BOB), NOW)
    refused(books, redeem("2", code(101)), no.CodeNotUsable)
    assert books.lines[ALICES].line.own_wrong == 0


@pytest.mark.parametrize(
    ("digits", "counted"),
    [
        (UNKNOWN_CODE, True),
        (code(105), True),  # never activated
        (code(501), True),  # of a batch that was never released
        (code(106), False),  # void, was active
        (code(107), False),  # locked
        (code(401), False),  # of a locked batch
    ],
)
def test_codes_that_are_not_usable_get_one_answer(digits: str, *, counted: bool) -> None:
    books = books_for()
    before = books.state()
    with pytest.raises(no.CodeNotUsable) as raised:
        books.submit(redeem("1", digits, source=b"till"), NOW)
    assert raised.value.params == {}
    decision = decision_of(books)
    assert decision.wrong_code == decision.is_remembered == counted
    assert books.lines[ALICES].line.own_wrong == int(counted)
    assert len(books.attempts) == int(counted)
    assert decision.transfers == decision.topups == decision.messages == ()
    assert decision.voucher is None
    assert (books.state() == before) is not counted


def test_a_wrong_code_is_remembered_and_counted_once_under_its_key() -> None:
    books = books_for()
    for _ in range(3):
        with pytest.raises(no.CodeNotUsable):
            books.submit(redeem("1", UNKNOWN_CODE), NOW)
    assert books.lines[ALICES].line.own_wrong == 1


def test_cards_redeem_until_their_instant_exactly() -> None:
    books = books_for()
    books.submit(top_up("longer", 50), NOW)
    books.submit(redeem("1", code(301)), day(20) - TICK)
    with pytest.raises(no.CodeNotUsable):
        books.submit(redeem("2", code(302)), day(20))
    assert not decision_of(books).is_remembered


def test_the_ladder_locks_the_line_even_for_a_right_code() -> None:
    books = books_for()
    for n in range(5):
        with pytest.raises(no.CodeNotUsable):
            books.submit(redeem(f"{n}", UNKNOWN_CODE), NOW)
    locked = refused(books, redeem("right", code(101)), no.TooManyWrongCodes)
    assert locked.params == {"until": NOW + timedelta(minutes=15)}
    books.submit(redeem("right", code(101)), NOW + timedelta(minutes=15))
    line = books.lines[ALICES].line
    assert (line.own_wrong, line.own_locked_until) == (0, None)


def test_guests_have_a_ladder_of_their_own() -> None:
    books = books_for()
    for n in range(5):
        with pytest.raises(no.CodeNotUsable):
            books.submit(redeem(f"{n}", UNKNOWN_CODE, audience=Audience.GUEST), NOW)
    refused(books, redeem("guest", code(101), audience=Audience.GUEST), no.TooManyWrongCodes)
    books.submit(redeem("own", code(101)), NOW)
    assert books.lines[ALICES].line.guest_wrong == 5


def test_a_wrong_code_brings_the_line_to_the_present() -> None:
    books = books_for()
    with pytest.raises(no.CodeNotUsable):
        books.submit(redeem("1", UNKNOWN_CODE), day(10))
    line = books.lines[ALICES].line
    assert (line.state, line.own_wrong, line.last_at) == (LineState.GRACE, 1, day(10))
    assert [m.template for m in books.messages.values()] == ["grace_started"]


def test_sources_and_guests_have_budgets() -> None:
    few = rules_for(guessing=GuessingRule(source_hourly=1, guests_hourly=2))
    books = books_for(few)
    with pytest.raises(no.CodeNotUsable):
        books.submit(redeem("1", UNKNOWN_CODE, source=b"till"), NOW)
    refused(books, redeem("2", code(101), source=b"till"), no.TooManyTries)
    account = books.lines[ALICES]
    paused = Known(line=account, voucher=books.cards[1, 1], tried=Tried(over_all=2))
    guest = redeem("3", code(101), audience=Audience.GUEST)
    assert isinstance(decide(guest, paused, few, NOW).answer, no.GuestsPaused)
    assert isinstance(decide(redeem("3", code(101)), paused, few, NOW).answer, Credited)
    books.submit(redeem("4", code(101), source=b"till"), NOW + timedelta(hours=1))


def test_a_code_is_never_shown() -> None:
    assert code(101) not in repr(redeem("1", code(101)))


# Partners


def test_fund_partner_adds_to_the_float_and_leaves_an_audit_row() -> None:
    books = MemoryBooks(rules_for())
    answer = books.submit(fund("paid in", 250.5), NOW)
    assert answer == Funded(partner_id=SHOP, amount_micros=250_500_000, float_micros=250_500_000)
    decision = decision_of(books)
    assert decision.audit == AuditEntry(
        at=NOW,
        who="aminah",
        action="FundPartner",
        subject=f"partner:{SHOP}",
        why="Ticket 7",
        before={"float": "0.00"},
        after={"float": "250.50"},
    )
    (transfer,) = decision.transfers
    assert (transfer.kind, transfer.debit, transfer.credit) == (
        TransferKind.FUNDING,
        Account.FUNDING,
        Account.FLOAT,
    )
    assert transfer.reference == "paid in"
    assert decision.line is None
    assert decision.is_remembered


def test_float_that_a_bank_entry_paid_for_comes_from_the_banks_clearing() -> None:
    books = MemoryBooks(rules_for())
    answer = books.submit(
        FundFromBank(
            caller="bank",
            request_key="entry ab12",
            partner_id=SHOP,
            amount_micros=250_500_000,
            entry="ab12",
            actor=STAFF,
        ),
        NOW,
    )
    assert answer == Funded(partner_id=SHOP, amount_micros=250_500_000, float_micros=250_500_000)
    decision = decision_of(books)
    assert decision.audit == AuditEntry(
        at=NOW,
        who=STAFF.who,
        action="FundFromBank",
        subject=f"partner:{SHOP}",
        why=STAFF.why,
        before={"float": "0.00"},
        after={"float": "250.50"},
    )
    (transfer,) = decision.transfers
    assert (transfer.kind, transfer.debit, transfer.credit) == (
        TransferKind.FUNDING,
        Account.CLEARING_BANK,
        Account.FLOAT,
    )
    assert transfer.reference == "bank ab12"
    assert decision.line is None
    assert decision.is_remembered


# Lines by hand


def test_activate_line_starts_its_life() -> None:
    books = MemoryBooks(rules_for())
    books.submit(import_line(until=None, opening=5), START)
    refused(books, top_up("early"), no.LineNotActivated)
    answer = books.submit(activate("1", 5), NOW)
    assert answer == LineChanged(
        msisdn=ALICE,
        state=LineState.ACTIVE,
        barred=False,
        suspended=False,
        balance_micros=5 * RM,
        active_until=day(6),
        grace_until=day(56),
    )
    assert books.lines[ALICES].line.activated_at == NOW
    assert [(m.template, m.params) for m in books.messages.values()] == [
        ("activated", {"active_until": day(6).isoformat()})
    ]
    refused(books, activate("2"), no.LineAlreadyActive)


def test_adjust_credit_adds_and_takes_with_a_reason() -> None:
    books = books_for()
    more = books.submit(adjust("1", 2.5), NOW)
    less = books.submit(adjust("2", -7.5), NOW)
    assert isinstance(more, LineChanged)
    assert isinstance(less, LineChanged)
    assert (more.balance_micros, less.balance_micros) == (27_500_000, 20 * RM)
    sides = [(t.debit, t.credit, t.amount_micros) for t in list(books.transfers.values())[-2:]]
    assert sides == [
        (Account.ADJUSTMENTS, Account.LINE_MAIN, 2_500_000),
        (Account.LINE_MAIN, Account.ADJUSTMENTS, 7_500_000),
    ]
    audit = books.audits[-1]
    assert (audit.subject, audit.why) == (f"line:{ALICES}", "Ticket 7")
    assert (audit.before["main"], audit.after["main"]) == ("27.50", "20.00")
    assert str(ALICE) not in repr(audit)


def test_adjusting_by_nothing_changes_nothing() -> None:
    books = books_for()
    books.submit(adjust("1", 0), NOW)
    decision = decision_of(books)
    assert decision.line is None
    assert decision.transfers == ()


def test_adjust_credit_takes_all_but_not_more() -> None:
    books = books_for()
    low = refused(books, adjust("1", -25.01), no.CreditTooLow)
    assert low.params == {"missing": "0.01"}
    books.submit(adjust("1", -25), NOW)
    assert books.lines[ALICES].main.remaining_micros == 0


@pytest.mark.parametrize(
    ("barred", "suspended", "after"),
    [
        (True, None, (True, False)),
        (None, True, (False, True)),
        (True, True, (True, True)),
        (None, None, (False, False)),
        (False, False, (False, False)),
    ],
)
def test_bar_line_sets_what_is_said_and_leaves_the_rest(
    *, barred: bool | None, suspended: bool | None, after: tuple[bool, bool]
) -> None:
    books = books_for()
    answer = books.submit(bar("1", barred=barred, suspended=suspended), NOW)
    assert isinstance(answer, LineChanged)
    line = books.lines[ALICES].line
    assert (line.barred, line.suspended) == after
    assert (line.state, line.active_until) == (LineState.ACTIVE, day(10))
    assert books.audits[-1].after["barred"] is after[0]
    books.submit(bar("2", barred=False, suspended=False), NOW)
    books.submit(top_up("3"), NOW)


def test_barring_brings_the_line_to_the_present() -> None:
    books = books_for()
    answer = books.submit(bar("1", barred=True), day(60))
    assert isinstance(answer, LineChanged)
    assert (answer.state, answer.balance_micros) == (LineState.EXPIRED, 0)


def test_neither_stops_the_clock() -> None:
    books = books_for()
    books.submit(bar("1", barred=True, suspended=True), NOW)
    answer = books.submit(AgeLine(msisdn=ALICE), day(60))
    assert isinstance(answer, LineChanged)
    assert (answer.state, answer.balance_micros) == (LineState.EXPIRED, 0)


def test_age_line_writes_only_when_something_was_due() -> None:
    books = books_for()
    books.submit(AgeLine(msisdn=ALICE), day(10) - 2 * TICK)
    assert decision_of(books).line is not None, "reminders were due; they are not any more"
    books.submit(AgeLine(msisdn=ALICE), day(10) - TICK)
    assert decision_of(books).line is None
    answer = books.submit(AgeLine(msisdn=ALICE), day(10))
    assert answer == LineChanged(
        msisdn=ALICE,
        state=LineState.GRACE,
        barred=False,
        suspended=False,
        balance_micros=25 * RM,
        active_until=day(10),
        grace_until=day(60),
    )
    assert decision_of(books).line is not None
    books.submit(AgeLine(msisdn=ALICE), day(10) + TICK)
    assert decision_of(books).line is None


def test_ageing_writes_a_lapsed_bonus_without_a_change_of_state() -> None:
    books = books_for()
    books.submit(redeem("1", code(201)), NOW)
    books.submit(AgeLine(msisdn=ALICE), day(8))
    (forfeit,) = decision_of(books).transfers
    assert (forfeit.kind, forfeit.amount_micros, forfeit.request) == (
        TransferKind.FORFEIT,
        3 * RM,
        b"",
    )
    prove(books)


# Import


def test_import_brings_a_line_along_with_its_credit() -> None:
    books = MemoryBooks(rules_for())
    command = import_line(
        until=day(30), opening=25, iccid="8991101200003204514", grace_until=day(70), barred=True
    )
    answer = books.submit(command, NOW)
    assert answer == Imported(line_id=ALICES, msisdn=ALICE, created=True)
    account = books.lines[ALICES]
    line = account.line
    assert (account.iccid, account.import_digest) == ("8991101200003204514", b"row")
    assert (line.state, line.barred, line.suspended) == (LineState.ACTIVE, True, False)
    assert (line.active_until, line.grace_until, line.last_at) == (day(30), day(70), NOW)
    assert (line.transfer_seq, line.bucket_seq, line.topup_seq) == (1, 1, 0)
    assert books.transfers[ALICES, 1] == Transfer(
        owner_id=ALICES,
        seq=1,
        at=NOW,
        kind=TransferKind.OPENING,
        debit=Account.OPENING,
        credit=Account.LINE_MAIN,
        amount_micros=25 * RM,
        bucket_id=1,
        balance_micros=25 * RM,
    )


def test_import_without_credit_writes_the_line_and_no_transfer() -> None:
    books = MemoryBooks(rules_for())
    books.submit(import_line(), NOW)
    assert decision_of(books).line is not None
    assert books.transfers == {}


def test_import_works_out_a_grace_that_is_not_given() -> None:
    books = MemoryBooks(rules_for())
    books.submit(import_line(until=day(30)), NOW)
    assert books.lines[ALICES].line.grace_until == day(80)
    books.submit(import_line(BOBS, BOB, until=None, grace_until=day(80)), NOW)
    bobs = books.lines[BOBS].line
    assert (bobs.state, bobs.active_until, bobs.grace_until) == (LineState.PRE_ACTIVE, None, None)


def test_import_of_the_same_row_again_changes_nothing() -> None:
    books = books_for()
    books.submit(top_up("1"), NOW)
    before = books.state()
    answer = books.submit(replace(import_line(99, opening=25), line_id=99), day(100))
    assert answer == Imported(line_id=ALICES, msisdn=ALICE, created=False)
    assert books.state() == before


def test_import_of_another_row_for_a_number_in_use_is_refused() -> None:
    books = books_for()
    refused(books, import_line(99, digest=b"another row"), no.NumberInUse)


@pytest.mark.parametrize(
    ("until", "state", "left"),
    [
        (day(-5), LineState.GRACE, 25),
        (day(-50) + TICK, LineState.GRACE, 25),
        (day(-50), LineState.EXPIRED, 0),
        (day(-90), LineState.QUARANTINED, 0),
        (day(-400), LineState.TERMINATED, 0),
    ],
)
def test_import_of_a_line_that_is_over_says_so_and_tells_nobody(
    until: object, state: LineState, left: int
) -> None:
    books = MemoryBooks(rules_for())
    books.submit(import_line(until=until, opening=25), START)  # type: ignore[arg-type]
    assert books.lines[ALICES].line.state is state
    assert books.lines[ALICES].main.remaining_micros == left * RM
    assert books.messages == {}
    kinds = [t.kind for t in books.transfers.values()]
    assert kinds == [TransferKind.OPENING] + [TransferKind.FORFEIT] * (left == 0)
    prove(books)


def test_a_recycled_number_shows_nothing_of_its_past() -> None:
    books = books_for()
    books.submit(redeem("1", code(201)), NOW)
    books.submit(bar("bar", barred=True), NOW)
    over = day(400)
    # Only once it is written as terminated: until then its row may hold credit.
    with pytest.raises(no.NumberInUse):
        books.submit(import_line(99, until=day(500), digest=b"new"), over)
    books.submit(AgeLine(msisdn=ALICE), over)
    old = books.lines[ALICES]
    assert old.line.state is LineState.TERMINATED
    answer = books.submit(import_line(99, until=day(500), opening=3, digest=b"new"), over)
    assert answer == Imported(line_id=99, msisdn=ALICE, created=True)
    assert books.lines[ALICES] == old
    new = books.lines[99]
    assert books.line_of[ALICE] == 99
    assert [b.remaining_micros for b in new.buckets] == [3 * RM]
    assert (new.line.transfer_seq, new.line.topup_seq, new.line.message_seq) == (1, 0, 0)
    assert new.line.barred is False
    with pytest.raises(no.CodeNotUsable):  # the former owner's card
        books.submit(redeem("2", code(201)), over)
    # Former keys and references mean nothing either.
    assert isinstance(books.submit(redeem("1", code(202)), over), Credited)
    with pytest.raises(no.TopUpUnknown):
        books.submit(reverse("back", 2), over)
    prove(books)


# Refusals


def barred_line(books: MemoryBooks) -> None:
    books.submit(bar("bar", barred=True), START)


def suspended_line(books: MemoryBooks) -> None:
    books.submit(bar("bar", suspended=True), START)


def aged_to(days: int) -> Callable[[MemoryBooks], None]:
    def age(books: MemoryBooks) -> None:
        books.submit(AgeLine(msisdn=ALICE), day(days))

    return age


def pre_active(books: MemoryBooks) -> None:
    books.submit(import_line(BOBS, BOB, until=None), START)


def nothing(_: MemoryBooks) -> None:
    """Leave the books as they are."""


def sold_once(books: MemoryBooks) -> None:
    books.submit(top_up("before", reference="till 1"), START)


def reversed_once(books: MemoryBooks) -> None:
    sold_once(books)
    books.submit(reverse("back", 1), START)


NOBODY = 60199999999


@pytest.mark.parametrize(
    ("prepare", "command", "refusal", "params"),
    [
        (nothing, top_up("1", partner_id=999), no.PartnerUnknown, {}),
        (nothing, top_up("1", partner_id=STOPPED), no.PartnerSuspended, {}),
        (nothing, top_up("1", msisdn=NOBODY), no.NumberUnknown, {}),
        (pre_active, top_up("1", msisdn=BOB), no.LineNotActivated, {}),
        (aged_to(60), top_up("1"), no.LineExpired, {}),
        (aged_to(90), top_up("1"), no.LineTerminated, {}),
        (aged_to(400), top_up("1"), no.LineTerminated, {}),
        (barred_line, top_up("1"), no.LineBarred, {}),
        (suspended_line, top_up("1"), no.LineSuspended, {}),
        (sold_once, top_up("1", reference="till 1"), no.ReferenceUsed, {}),
        (reversed_once, top_up("1", reference="till 1"), no.ReferenceUsed, {}),
        (nothing, top_up("1", 0.5), no.AmountOutOfRange, {"least": "1.00", "most": "500.00"}),
        (nothing, top_up("1", 500.01), no.AmountOutOfRange, {"least": "1.00", "most": "500.00"}),
        (
            nothing,
            top_up("1", 4.99, partner_id=CAPPED),
            no.AmountOutOfRange,
            {"least": "5.00", "most": "50.00"},
        ),
        (
            nothing,
            top_up("1", 50.01, partner_id=CAPPED),
            no.AmountOutOfRange,
            {"least": "5.00", "most": "50.00"},
        ),
        (nothing, top_up("1", 20.01, partner_id=CAPPED), no.FloatTooLow, {}),
        (nothing, redeem("1", code(101), NOBODY), no.NumberUnknown, {}),
        (pre_active, redeem("1", code(101), BOB), no.LineNotActivated, {}),
        (aged_to(60), redeem("1", code(101)), no.LineExpired, {}),
        (barred_line, redeem("1", UNKNOWN_CODE), no.LineBarred, {}),
        (suspended_line, redeem("1", UNKNOWN_CODE), no.LineSuspended, {}),
        (nothing, fund("1", partner_id=999), no.PartnerUnknown, {}),
        (nothing, fund("1", 0), no.AmountOutOfRange, {"least": "0.01", "most": "1000000000.00"}),
        (nothing, fund("1", -1), no.AmountOutOfRange, {"least": "0.01", "most": "1000000000.00"}),
        (
            nothing,
            fund("1", 1_000_000_000.01),
            no.AmountOutOfRange,
            {"least": "0.01", "most": "1000000000.00"},
        ),
        (nothing, replace(fund("1"), actor=Actor(who="x", why=" ")), no.ReasonMissing, {}),
        (nothing, activate("1", msisdn=NOBODY), no.NumberUnknown, {}),
        (nothing, activate("1"), no.LineAlreadyActive, {}),
        (aged_to(400), activate("1"), no.LineAlreadyActive, {}),
        (nothing, replace(activate("1"), actor=Actor(who="x", why="")), no.ReasonMissing, {}),
        (nothing, adjust("1", 1, NOBODY), no.NumberUnknown, {}),
        (aged_to(60), adjust("1", 1), no.LineTerminated, {}),
        (nothing, adjust("1", -26), no.CreditTooLow, {"missing": "1.00"}),
        (nothing, adjust("1", 4975.01), no.BalanceTooHigh, {"most": "5000.00"}),
        (nothing, replace(adjust("1", 1), actor=Actor(who="x", why="\t")), no.ReasonMissing, {}),
        (nothing, bar("1", NOBODY, barred=True), no.NumberUnknown, {}),
        (nothing, reverse("1", 1, NOBODY), no.NumberUnknown, {}),
        (nothing, reverse("1", 1), no.TopUpUnknown, {}),
        (sold_once, reverse("1", 2), no.TopUpUnknown, {}),
        (reversed_once, reverse("1", 1), no.AlreadyReversed, {}),
        (nothing, AgeLine(msisdn=NOBODY), no.NumberUnknown, {}),
    ],
)
def test_decide_refuses_and_changes_nothing(
    prepare: Callable[[MemoryBooks], None],
    command: Command,
    refusal: type[Refusal],
    params: dict[str, object],
) -> None:
    books = books_for()
    prepare(books)
    assert refused(books, command, refusal).params == params


def test_the_most_credit_may_be_reached_and_not_passed() -> None:
    books = books_for(rules_for(most=45))
    books.submit(top_up("1", 20), NOW)  # RM18.87 of credit
    high = refused(books, top_up("2", 5), no.BalanceTooHigh)
    assert high.params == {"most": "45.00"}
    refused(books, redeem("3", code(101)), no.BalanceTooHigh)
    assert books.cards[1, 1].state is VoucherState.ACTIVE
    books.submit(top_up("4", 1.13), NOW)
    assert books.lines[ALICES].main.remaining_micros == 45 * RM
    refused(books, adjust("5", 0.01), no.BalanceTooHigh)


def test_a_refusal_after_ageing_writes_nothing_of_the_ageing() -> None:
    books = books_for()
    before = books.state()
    with pytest.raises(no.LineExpired):
        books.submit(top_up("1"), day(60))
    assert books.state() == before


def test_a_refused_request_may_be_tried_again_under_its_key() -> None:
    books = books_for()
    refused(books, top_up("1", 20.01, partner_id=CAPPED), no.FloatTooLow)
    books.submit(fund("more", 100, CAPPED), NOW)
    assert isinstance(books.submit(top_up("1", 20.01, partner_id=CAPPED), NOW), Credited)


def test_decide_returns_the_same_for_the_same() -> None:
    books = books_for()
    command = top_up("1", 30)
    known = books.known(command, NOW)
    assert decide(command, known, books.rules, NOW, b"r") == decide(
        command, known, books.rules, NOW, b"r"
    )


def test_a_bug_is_not_a_refusal() -> None:
    with pytest.raises(KeyError):
        decide("no command", Known(), rules_for(), NOW)  # type: ignore[arg-type]


# Receipts and refusals as such


def test_receipts_are_eight_plain_characters() -> None:
    assert not set(RECEIPT_ALPHABET) & set("01OI")
    assert len(set(RECEIPT_ALPHABET)) == len(RECEIPT_ALPHABET) == 30
    assert receipt_for(b"") == "22222222"
    assert receipt_for(b"\0" * 7 + b"\1") == "32222222"
    assert receipt_for(b"\0" * 7 + b"\x1e" + b"rest does not matter") == "23222222"
    seen = {receipt_for(plain_digest("caller", str(n))) for n in range(2000)}
    assert len(seen) == 2000
    assert {len(receipt) for receipt in seen} == {8}
    assert set("".join(seen)) == set(RECEIPT_ALPHABET)


def test_every_refusal_has_a_code_of_its_own_and_says_what_it_means() -> None:
    codes = [refusal.code for refusal in every_refusal()]
    assert len(set(codes)) == len(codes) > 40
    assert all(refusal.code and refusal.__doc__ for refusal in every_refusal())
    assert str(no.CreditTooLow(missing="1.00")) == "credit_too_low"


def test_staff_are_named_in_every_audit_row() -> None:
    books = books_for()
    for command in (adjust("1", 1), bar("2", barred=True), bar("3", barred=False)):
        books.submit(command, NOW)
    assert {(a.who, a.why) for a in books.audits} == {(STAFF.who, STAFF.why)}
    assert [a.action for a in books.audits] == [
        "FundPartner",
        "AdjustCredit",
        "BarLine",
        "BarLine",
    ]


@pytest.mark.parametrize("policy", ValidityPolicy)
def test_a_top_up_follows_the_policy(policy: ValidityPolicy) -> None:
    expected = {
        ValidityPolicy.MAX: day(11),
        ValidityPolicy.ADD: day(20),
        ValidityPolicy.ADD_WITH_CAP: day(15),
        ValidityPolicy.REPLACE: day(11),
    }
    books = books_for(rules_for(policy, cap_days=14))
    answer = books.submit(top_up("1"), NOW)
    assert isinstance(answer, Credited)
    assert answer.active_until == expected[policy]

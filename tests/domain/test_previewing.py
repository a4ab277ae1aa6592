"""A preview says what then happens."""

from __future__ import annotations

from dataclasses import replace as with_rules
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tambah.domain.balance import BucketKind
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.catalog import Denomination
from tambah.domain.commands import Command, NewsKind, OpenPayment, PaymentNews
from tambah.domain.gift import GiftKind
from tambah.domain.line import LineState
from tambah.domain.payment import ProviderId
from tambah.domain.previewing import Preview, preview
from tambah.domain.promotion import Allowance, Facts, Promotion, apply
from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.domain.replaying import LineHistory, PastTopUp, Replayed, replay
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpRecord
from tambah.domain.validity import ValidityPolicy

from .histories import FIRST_LINE_ID, PROMOTIONS, histories, history_rules
from .lives import lives
from .memory_books import MemoryBooks
from .world import ALICE, ALWAYS, RM, STAFF, START, day, fund, import_line, redeem, reverse, top_up
from .world import code as card

Timed = list[tuple[datetime, Command]]
Key = tuple[int, int]

WANTED = tuple(replace(one, since=ALWAYS, until=None) for one in PROMOTIONS)
"""Each of the histories' promotions, as if it were always in force."""

BESIDE = (
    *PROMOTIONS,
    Promotion(name="steady", since=ALWAYS, group="days", extra_days=8),
    Promotion(
        name="lost and found",
        since=ALWAYS,
        group="state",
        bonus_micros=3 * RM,
        states=(LineState.EXPIRED,),
    ),
    Promotion(
        name="faithful",
        since=ALWAYS,
        group="state",
        extra_permille=20,
        allowances=(Allowance(kind=BucketKind.SECONDS, amount=60, days=7),),
        states=(LineState.ACTIVE,),
    ),
)
"""Others that move dates, and that look at the state that dates make."""

OF_DAYS = (
    *(replace(one, name=f"{one.name}, longer", extra_days=one.extra_days + 2) for one in WANTED),
    Promotion(name="longer", since=ALWAYS, group="longer", extra_days=1),
    Promotion(name="much longer", since=ALWAYS, group="longer", extra_days=15, bonus_micros=RM),
    # Better than days, and in their place: dates are earlier with it.
    Promotion(name="money instead", since=ALWAYS, group="days", bonus_micros=RM),
    Promotion(name="grace instead", since=ALWAYS, group="grace", bonus_micros=2 * RM),
)  # fmt: skip
"""Promotions that move dates: on, or back."""


OPENED = OpenPayment(
    caller="web",
    request_key="pay",
    msisdn=ALICE,
    amount_micros=10 * RM,
    provider=ProviderId.SANDBOX,
    method="bank",
)
PAID = PaymentNews(line_id=11, payment_no=1, kind=NewsKind.PAID, amount_micros=10 * RM)


def apart(history: list[tuple[int, Command]]) -> Timed:
    """Return a history in which no two things happen at one instant."""
    now, timed = START, list[tuple[datetime, Command]]()
    for seconds, command in history:
        step = timedelta(seconds=seconds) or timedelta(microseconds=1)
        now = (now.replace(microsecond=0) if seconds else now) + step
        timed.append((now, command))
    return timed


def together(history: list[tuple[int, Command]]) -> Timed:
    """Return a history in which many things happen at one instant."""
    now, timed = START, list[tuple[datetime, Command]]()
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        timed.append((now, command))
    return timed


def do(books: MemoryBooks, command: Command, now: datetime) -> None:
    """Ask for something, refused or not."""
    try:
        books.submit(command, now)
    except Refusal:
        return


def run(rules: Rules, timed: Timed) -> MemoryBooks:
    """Run a history."""
    books = MemoryBooks(rules)
    for now, command in timed:
        do(books, command, now)
    return books


def line_histories(books: MemoryBooks) -> list[LineHistory]:
    """Return the books' top-ups as a preview sees them."""
    return [
        LineHistory(
            plan=account.line.plan,
            activated_at=account.line.activated_at,
            past=tuple(
                PastTopUp(topup=topup, promised_at=promised_at(books, topup)) for topup in topups
            ),
        )
        for line_id, account in sorted(books.lines.items())
        if (topups := [t for (owner, _), t in sorted(books.topups.items()) if owner == line_id])
    ]


def promised_at(books: MemoryBooks, topup: TopUpRecord) -> datetime | None:
    """Return when a top-up's payment was opened."""
    payment = books.payments.get((topup.line_id, topup.payment_no or 0))
    return payment.payment.created_at if payment else None


def expected(
    wanted: Promotion, before: MemoryBooks, after: MemoryBooks, told: set[Key]
) -> Preview:
    """Return what a preview must say, from what was booked without and with the promotion."""
    looked_at = {key for key, topup in before.topups.items() if topup.reversed_at is None}
    pairs = [(before.topups[key], after.topups[key]) for key in sorted(told & looked_at)]
    ours = [[gift for gift in topup.gifts if gift.promotion == wanted.name] for _, topup in pairs]
    given = {
        kind: sum(gift.amount for gifts in ours for gift in gifts if gift.kind is kind)
        for kind in GiftKind
    }
    outdone = [
        topup
        for (_, topup), gifts in zip(pairs, ours, strict=True)
        if not gifts and would_alone(wanted, topup, after)
    ]
    return Preview(
        looked_at=len(looked_at),
        untold=len(looked_at - told),
        matched=sum(bool(gifts) for gifts in ours),
        beaten=len(outdone),
        bonus_micros=given[GiftKind.BONUS],
        more_micros=sum(there.bonus_micros - here.bonus_micros for here, there in pairs),
        valid_days=given[GiftKind.DAYS],
        seconds=given[GiftKind.SECONDS],
        messages=given[GiftKind.MESSAGES],
        bytes=given[GiftKind.BYTES],
    )


def would_alone(wanted: Promotion, topup: TopUpRecord, books: MemoryBooks) -> bool:
    """Say whether a promotion would have given something if it had been the only one."""
    line = books.lines[topup.line_id].line
    offer = Denomination(
        price_micros=topup.price_micros,
        tax_micros=topup.tax_micros,
        credit_micros=topup.main_micros,
        bonus_micros=0,
        valid_days=0,
        bonus_days=0,
        on_sale_from=ALWAYS,
    )
    facts = Facts(
        source=topup.source,
        state=topup.line_state,
        plan=line.plan,
        is_first=topup.topup_no == 1,
        activated_at=line.activated_at,
    )
    at = promised_at(books, topup) or topup.at
    return bool(apply((wanted,), offer, facts, at).gifts)


def with_and_without(
    policy: ValidityPolicy, others: tuple[Promotion, ...], wanted: Promotion
) -> tuple[Rules, Rules]:
    """Return rules without a promotion, and with it; lines soon run out under them."""
    others = tuple(one for one in others if one.name != wanted.name)
    rules = history_rules(policy)
    rules = with_rules(rules, life=with_rules(rules.life, grace_days=6, reactivation_days=20))
    return (
        with_rules(rules, promotions=others),
        with_rules(rules, promotions=(*others, wanted)),
    )


def all_of(books: MemoryBooks) -> set[Key]:
    """Return every top-up's name."""
    return set(books.topups)


QUICK = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=150)
POLICIES = st.sampled_from(list(ValidityPolicy))


@QUICK
@given(history=histories(40), wanted=st.sampled_from((*WANTED, *OF_DAYS)), policy=POLICIES)
def test_a_preview_equals_what_was_given_with_the_promotion_in_force(
    history: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    _, rules = with_and_without(policy, BESIDE, wanted)
    books = run(rules, together(history))

    seen = preview(rules, wanted.name, line_histories(books))

    assert seen == expected(wanted, books, books, all_of(books))
    assert seen.untold == 0


@QUICK
@given(
    history=histories(40),
    wanted=st.sampled_from([one for one in WANTED if not one.extra_days]),
    policy=POLICIES,
)
def test_a_preview_without_days_tells_of_every_top_up_of_a_whole_history(
    history: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    rules, rules_with = with_and_without(policy, BESIDE, wanted)
    before = run(rules, together(history))
    after = run(rules_with, together(history))

    seen = preview(rules_with, wanted.name, line_histories(before))

    assert seen == expected(wanted, before, after, all_of(before))
    assert seen.untold == 0


@LONG
@given(
    life=lives(),
    wanted=st.sampled_from(OF_DAYS),
    policy=POLICIES,
)
def test_a_preview_equals_what_the_same_history_gives_once_it_is_in_force(
    life: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    """Every figure, days included; and it tells of all that comes before the lines part.

    They part when one has expired and the other has not: then the same requests, refused ones
    too, need not do the same any more.
    """
    rules, rules_with = with_and_without(policy, BESIDE, wanted)
    before, after = MemoryBooks(rules), MemoryBooks(rules_with)
    told: set[Key] = set()
    have_parted = False
    for now, command in apart(life):
        ends = {line_end(books) for books in (before, after)}
        have_parted |= len(ends) > 1 and any(end is not None and end <= now for end in ends)
        do(before, command, now)
        do(after, command, now)
        if not have_parted:
            told |= all_of(before)

    seen = preview(rules_with, wanted.name, line_histories(before))

    assert seen == expected(wanted, before, after, told)


def line_end(books: MemoryBooks) -> datetime | None:
    """Return when the line of a life expires, None before it is there."""
    account = books.lines.get(FIRST_LINE_ID)
    return account.line.grace_until if account else None


@LONG
@given(
    life=lives(),
    wanted=st.sampled_from(OF_DAYS),
    policy=POLICIES,
)
def test_what_is_told_happens_also_where_much_happens_at_one_instant(
    life: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    rules, rules_with = with_and_without(policy, BESIDE, wanted)
    timed = together(life)
    before, after = run(rules, timed), run(rules_with, timed)

    for line in line_histories(before):
        for one in replay(line, rules_with):
            assert given_by(one) == gifts_of(after.topups[key_of(one)])


def key_of(one: Replayed) -> Key:
    """Return a replayed top-up's name."""
    return one.past.topup.line_id, one.past.topup.topup_no


def given_by(one: Replayed) -> list[tuple[str, GiftKind, int]]:
    """Return what is told to be given, by whom."""
    return [(gift.promotion, gift.kind, gift.amount) for gift in one.given.gifts]


def gifts_of(topup: TopUpRecord) -> list[tuple[str, GiftKind, int]]:
    """Return what was given, by whom."""
    return [(gift.promotion, gift.kind, gift.amount) for gift in topup.gifts]


def test_days_that_keep_a_line_out_of_grace_keep_it_from_what_grace_gives() -> None:
    back = Promotion(name="back", since=ALWAYS, group="back", bonus_micros=RM,
                     states=(LineState.GRACE,))  # fmt: skip
    days = Promotion(name="days", since=ALWAYS, extra_days=5)
    history: Timed = [(START, import_line()), (START, fund("f"))]
    history += [(day(at), top_up(f"{at}", 10)) for at in (1, 22, 40)]
    books = run(rules_of(back), history)

    seen = preview(rules_of(back, days), "days", line_histories(books))

    assert [topup.line_state for topup in books.topups.values()] == [
        LineState.ACTIVE,
        LineState.GRACE,
        LineState.GRACE,
    ]
    # Only the second: by day 40 even the days of two top-ups are over.
    assert seen == Preview(looked_at=3, matched=3, valid_days=15, more_micros=-RM)


def test_nothing_is_told_of_a_line_that_would_have_expired_another_day() -> None:
    days = Promotion(name="days", since=ALWAYS, extra_days=5)
    history: Timed = [(START, import_line()), (START, fund("f")), (day(1), top_up("1", 10))]
    history += [(day(42), allow_return()), (day(42.5), top_up("2", 10)), (day(50), top_up("3"))]
    books = run(rules_of(), history)

    seen = preview(rules_of(days), "days", line_histories(books))

    assert seen == Preview(looked_at=3, untold=2, matched=1, valid_days=5)


def test_a_payment_is_promised_by_the_state_in_which_it_was_opened() -> None:
    back = Promotion(name="back", since=ALWAYS, bonus_micros=RM, states=(LineState.GRACE,))
    days = Promotion(name="days", since=ALWAYS, group="days", extra_days=5)
    # Active again by the time that it is paid, till another day than without the promotion.
    history: Timed = [(START, import_line()), (START, fund("f")), (day(12), OPENED)]
    history += [(day(13), top_up("1", 10)), (day(14), PAID)]
    books = run(rules_of(days), history)

    seen = preview(rules_of(back, days), "back", line_histories(books))
    longer = preview(rules_of(back, days), "days", line_histories(run(rules_of(back), history)))

    assert seen == Preview(looked_at=2, matched=2, bonus_micros=2 * RM, more_micros=2 * RM)
    assert longer == Preview(looked_at=2, matched=2, valid_days=10)


def test_nothing_is_told_where_nobody_knows_what_came_first() -> None:
    back = Promotion(name="back", since=ALWAYS, bonus_micros=RM, states=(LineState.GRACE,))
    days = Promotion(name="days", since=ALWAYS, group="days", extra_days=5)
    history: Timed = [(START, import_line()), (START, fund("f")), (day(1), top_up("1", 10))]
    # Back in grace by the reversal, also with the promotion: if that was before the opening.
    at_once: Timed = [(day(12), reverse("2", 1)), (day(12), OPENED), (day(13), PAID)]
    one_by_one: Timed = [(day(12), reverse("2", 1)), (day(12.1), OPENED), (day(13), PAID)]

    seen = [
        preview(rules_of(back, days), "days", line_histories(run(rules_of(back), history + then)))
        for then in (at_once, one_by_one)
    ]

    assert seen == [
        Preview(looked_at=1, untold=1),
        Preview(looked_at=1, matched=1, valid_days=5),
    ]


def test_nothing_is_told_once_rules_were_others_than_they_are() -> None:
    days = Promotion(name="days", since=ALWAYS, extra_days=5)
    history: Timed = [(START, import_line()), (START, fund("f"))]
    history += [(day(at), top_up(f"{at}", 10)) for at in (1, 2)]
    books = run(rules_of(), history)

    changed = with_rules(rules_of(days), validity=history_rules(ValidityPolicy.MAX).validity)

    assert preview(rules_of(days), "days", line_histories(books)).untold == 0
    assert preview(changed, "days", line_histories(books)) == Preview(
        looked_at=2, untold=1, matched=1, valid_days=5
    )


def test_a_preview_counts_what_it_looks_at_and_where_it_is_beaten() -> None:
    ours = Promotion(name="ours", since=day(90), bonus_micros=RM, least_micros=10 * RM)
    better = Promotion(name="better", since=ALWAYS, bonus_micros=2 * RM, least_micros=30 * RM)
    worse = Promotion(name="worse", since=ALWAYS, bonus_micros=RM // 4, least_micros=10 * RM)
    history = [import_line(), fund("f"), *(top_up(f"{amount}", amount) for amount in (5, 10, 30))]
    books = run(rules_of(better, worse), [(START, command) for command in history])

    seen = preview(rules_of(ours, better, worse), "ours", line_histories(books))

    assert seen == Preview(
        looked_at=3, matched=1, beaten=1, bonus_micros=RM, more_micros=RM - RM // 4
    )


def test_a_promotion_whose_part_comes_to_nothing_is_not_beaten() -> None:
    ours = Promotion(name="ours", since=ALWAYS, extra_permille=0)
    books = run(rules_of(), [(START, one) for one in (import_line(), fund("f"), top_up("1", 5))])

    assert preview(rules_of(ours), "ours", line_histories(books)) == Preview(looked_at=1)


def test_only_what_is_asked_about_is_counted() -> None:
    days = Promotion(name="days", since=ALWAYS, extra_days=5, first_topup=True)
    commands = [import_line(), fund("f"), top_up("1", 10), top_up("2", 20), reverse("3", 2)]
    books = run(rules_of(), [(START, command) for command in commands])
    (line,) = line_histories(books)
    older = replace(line.past[0], is_asked=False)

    assert preview(rules_of(days), "days", [line]) == Preview(looked_at=1, matched=1, valid_days=5)
    assert preview(rules_of(days), "days", [replace(line, past=(older, *line.past[1:]))]) == (
        Preview()
    )


def test_a_preview_of_a_promotion_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        preview(rules_of(*PROMOTIONS), "none", [])


def test_a_top_up_before_its_line_s_state_was_kept_is_read_off_its_dates() -> None:
    commands = [import_line(), fund("f"), redeem("1", card(101)), top_up("2", 10)]
    books = run(rules_of(), [(START, command) for command in commands])
    (line,) = line_histories(books)
    topup = replace(line.past[1].topup, line_state=None)
    late = replace(topup, at=day(30))

    def state_of(one: TopUpRecord) -> LineState | None:
        past = (line.past[0], PastTopUp(topup=one))
        *_, last = replay(replace(line, past=past), rules_of())
        return last.facts.state

    assert [state_of(one) for one in (topup, late)] == [LineState.ACTIVE, LineState.GRACE]


def allow_return() -> AllowReactivation:
    """Let the line that `import_line` makes come back."""
    return AllowReactivation(caller="cli", request_key="return", line_id=11, actor=STAFF)


def rules_of(*promotions: Promotion) -> Rules:
    """Return the histories' rules with these promotions; days add up."""
    return with_rules(history_rules(ValidityPolicy.ADD), promotions=promotions)

"""A preview says what then happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace as with_rules
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tambah.domain.commands import Command
from tambah.domain.gift import GiftKind
from tambah.domain.line import LineState
from tambah.domain.previewing import PastTopUp, Preview, past_of, preview
from tambah.domain.promotion import Promotion
from tambah.domain.records import replace
from tambah.domain.refusals import Refusal
from tambah.domain.validity import ValidityPolicy

from .histories import PROMOTIONS, histories, history_rules
from .memory_books import MemoryBooks
from .world import ALWAYS, RM, START, day, fund, import_line, redeem, reverse, top_up
from .world import code as card

WANTED = tuple(replace(one, since=ALWAYS, until=None) for one in PROMOTIONS)
"""Each of the histories' promotions, as if it were always in force."""


def run(
    history: list[tuple[int, Command]], policy: ValidityPolicy, promotions: tuple[Promotion, ...]
) -> MemoryBooks:
    """Run a history with promotions in force."""
    rules = with_rules(history_rules(policy), promotions=promotions)
    books, now = MemoryBooks(rules), START
    for seconds, command in history:
        now += timedelta(seconds=seconds)
        try:
            books.submit(command, now)
        except Refusal:
            continue
    return books


def past(books: MemoryBooks) -> list[PastTopUp]:
    """Return the books' top-ups as a preview sees them."""
    found: list[PastTopUp] = []
    for topup in books.topups.values():
        if topup.reversed_at is not None:
            continue
        line = books.lines[topup.line_id].line
        payment = books.payments.get((topup.line_id, topup.payment_no or 0))
        found.append(
            past_of(
                topup,
                plan=line.plan,
                activated_at=line.activated_at,
                promised_at=payment.payment.created_at if payment else None,
            )
        )
    return found


def given_by(books: MemoryBooks, name: str) -> Counter[object]:
    """Return what a promotion gave with top-ups that were not reversed."""
    given: Counter[object] = Counter()
    for topup in books.topups.values():
        gifts = [gift for gift in topup.gifts if gift.promotion == name]
        if topup.reversed_at is None and gifts:
            given["matched"] += 1
            for gift in gifts:
                given[gift.kind] += gift.amount
    return given


def counted(seen: Preview) -> Counter[object]:
    """Return a preview as what was given is counted."""
    return +Counter[object](
        {
            "matched": seen.matched,
            GiftKind.BONUS: seen.bonus_micros,
            GiftKind.DAYS: seen.valid_days,
            GiftKind.SECONDS: seen.seconds,
            GiftKind.MESSAGES: seen.messages,
            GiftKind.BYTES: seen.bytes,
        }
    )


QUICK = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@QUICK
@given(
    history=histories(40),
    wanted=st.sampled_from(WANTED),
    policy=st.sampled_from(list(ValidityPolicy)),
)
def test_a_preview_equals_what_was_given_with_the_promotion_in_force(
    history: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    others = tuple(one for one in PROMOTIONS if one.name != wanted.name)
    books = run(history, policy, (*others, wanted))

    seen = preview((*others, wanted), wanted.name, past(books))

    assert counted(seen) == given_by(books, wanted.name)


@QUICK
@given(
    history=histories(40),
    # Days change what lines may do later, so the same top-ups would not be made.
    wanted=st.sampled_from([one for one in WANTED if not one.extra_days]),
    policy=st.sampled_from(list(ValidityPolicy)),
)
def test_a_preview_of_what_is_not_in_force_equals_what_the_same_history_then_gives(
    history: list[tuple[int, Command]], wanted: Promotion, policy: ValidityPolicy
) -> None:
    others = tuple(one for one in PROMOTIONS if one.name != wanted.name)
    before = run(history, policy, others)
    after = run(history, policy, (*others, wanted))

    seen = preview((*others, wanted), wanted.name, past(before))

    assert counted(seen) == given_by(after, wanted.name)
    bonus = [
        sum(t.bonus_micros for t in books.topups.values() if t.reversed_at is None)
        for books in (before, after)
    ]
    assert seen.more_micros == bonus[1] - bonus[0]


def test_a_preview_counts_what_it_looks_at_and_where_it_is_beaten() -> None:
    ours = Promotion(name="ours", since=day(90), bonus_micros=RM, least_micros=10 * RM)
    better = Promotion(name="better", since=ALWAYS, bonus_micros=2 * RM, least_micros=30 * RM)
    worse = Promotion(name="worse", since=ALWAYS, bonus_micros=RM // 4, least_micros=10 * RM)
    history = [import_line(), fund("f"), *(top_up(f"{amount}", amount) for amount in (5, 10, 30))]
    books = run([(0, command) for command in history], ValidityPolicy.ADD, (better, worse))

    seen = preview((ours, better, worse), "ours", past(books))

    assert seen == Preview(
        looked_at=3, matched=1, beaten=1, bonus_micros=RM, more_micros=RM - RM // 4
    )


def test_a_preview_of_a_promotion_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        preview(PROMOTIONS, "none", [])


def test_a_top_up_before_its_line_s_state_was_kept_is_read_off_its_dates() -> None:
    books = run(
        [(0, import_line()), (0, fund("f")), (0, redeem("1", card(101))), (0, top_up("2", 10))],
        ValidityPolicy.ADD,
        (),
    )
    topup = replace(books.topups[11, 2], line_state=None)
    late = replace(topup, at=day(30))

    assert [past_of(one, plan="", activated_at=None).facts.state for one in (topup, late)] == [
        LineState.ACTIVE,
        LineState.GRACE,
    ]


def test_reversed_top_ups_are_left_out_by_whoever_reads_them() -> None:
    commands = [import_line(), fund("f"), top_up("1", 10), reverse("2", 1)]
    books = run([(0, command) for command in commands], ValidityPolicy.ADD, PROMOTIONS)

    assert past(books) == []

"""What promotions give with an offer: for whom, when, which of several, rounded how."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.balance import BucketKind
from tambah.domain.catalog import Denomination
from tambah.domain.gift import GiftKind, Promised
from tambah.domain.line import LineState
from tambah.domain.money import permille_of
from tambah.domain.promotion import (
    NOTHING_GIVEN,
    Allowance,
    Facts,
    Given,
    Promotion,
    apply,
    keep_promise,
    promise,
)
from tambah.domain.records import replace
from tambah.domain.state import TopUpSource

from .world import ALWAYS, RM, day, denomination

NOW = day(3)
TEN = denomination(10)
THIRTY = denomination(30, bonus=2)
GIGABYTE = Allowance(kind=BucketKind.BYTES, amount=2**30, days=7)
HOUR = Allowance(kind=BucketKind.SECONDS, amount=3600, days=7)
FACTS = Facts(
    source=TopUpSource.PARTNER,
    state=LineState.ACTIVE,
    plan="standard",
    is_first=False,
    activated_at=day(1),
)
NOBODY = Facts(source=TopUpSource.PARTNER)


def promotion(name: str = "p", **fields: object) -> Promotion:
    """Return a promotion that gives a ringgit, unless told otherwise."""
    values: dict[str, object] = {"since": ALWAYS, "bonus_micros": RM, **fields}
    return Promotion(name=name, **values)  # type: ignore[arg-type]


def bonus(name: str, amount: int, days: int = 30) -> Promised:
    """Return a bonus that is promised, in micro-ringgit."""
    return Promised(promotion=name, kind=GiftKind.BONUS, amount=amount, days=days)


def test_a_promotion_gives_all_that_it_has() -> None:
    rule = promotion(
        extra_permille=100,
        bonus_days=5,
        extra_days=3,
        allowances=(GIGABYTE, HOUR),
    )

    given = apply([rule], THIRTY, FACTS, NOW)

    assert given.gifts == (
        bonus("p", 4 * RM, 5),
        Promised(promotion="p", kind=GiftKind.DAYS, amount=3),
        Promised(promotion="p", kind=GiftKind.BYTES, amount=2**30, days=7),
        Promised(promotion="p", kind=GiftKind.SECONDS, amount=3600, days=7),
    )
    assert (given.bonus_micros, given.valid_days) == (4 * RM, 3)
    assert [gift.kind for gift in given.allowances] == [GiftKind.BYTES, GiftKind.SECONDS]


@pytest.mark.parametrize(
    ("fields", "offer", "facts", "matches"),
    [
        ({"denominations": (10 * RM, 20 * RM)}, TEN, FACTS, True),
        ({"denominations": (20 * RM,)}, TEN, FACTS, False),
        ({"least_micros": 10 * RM}, TEN, FACTS, True),
        ({"least_micros": 10 * RM + 1}, TEN, FACTS, False),
        ({"sources": (TopUpSource.PARTNER,)}, TEN, FACTS, True),
        ({"sources": (TopUpSource.VOUCHER, TopUpSource.PAYMENT)}, TEN, FACTS, False),
        ({"states": (LineState.GRACE, LineState.ACTIVE)}, TEN, FACTS, True),
        ({"states": (LineState.GRACE,)}, TEN, FACTS, False),
        ({"states": (LineState.ACTIVE,)}, TEN, NOBODY, False),
        ({"plans": ("standard",)}, TEN, FACTS, True),
        ({"plans": ("tourist",)}, TEN, FACTS, False),
        ({"plans": ("standard",)}, TEN, NOBODY, False),
        ({"first_topup": True}, TEN, FACTS, False),
        ({"first_topup": True}, TEN, replace(FACTS, is_first=True), True),
        ({"first_topup": True}, TEN, NOBODY, False),
        ({"activated_within_days": 2}, TEN, FACTS, False),
        ({"activated_within_days": 3}, TEN, FACTS, True),
        ({"activated_within_days": 3}, TEN, NOBODY, False),
        ({}, TEN, NOBODY, True),
    ],
)
def test_a_promotion_is_for_certain_top_ups(
    fields: dict[str, object], offer: Denomination, facts: Facts, matches: bool
) -> None:
    given = apply([promotion(**fields)], offer, facts, NOW)

    assert given == (Given(gifts=(bonus("p", RM),)) if matches else NOTHING_GIVEN)


@pytest.mark.parametrize(
    ("now", "is_running"),
    [
        (day(2) - timedelta(microseconds=1), False),
        (day(2), True),
        (day(5) - timedelta(microseconds=1), True),
        (day(5), False),
    ],
)
def test_a_promotion_runs_from_its_first_instant_to_before_its_last(
    now: object, is_running: bool
) -> None:
    rule = promotion(since=day(2), until=day(5))

    assert (apply([rule], TEN, FACTS, now) != NOTHING_GIVEN) is is_running  # type: ignore[arg-type]


BEST = [
    # Better first, by one step of the rule each.
    promotion("z", bonus_micros=2 * RM),
    promotion("z", extra_days=9),
    promotion("z", extra_days=8, allowances=(GIGABYTE, GIGABYTE)),
    promotion("z", extra_days=8, allowances=(GIGABYTE, HOUR)),
    promotion("z", extra_days=8, allowances=(GIGABYTE,)),
    promotion("z", extra_days=8, allowances=(HOUR,)),
    promotion(
        "z", extra_days=8, allowances=(Allowance(kind=BucketKind.MESSAGES, amount=9, days=1),)
    ),
    promotion("a", extra_days=8),
    promotion("b", extra_days=8),
]


@pytest.mark.parametrize("place", range(len(BEST) - 1))
def test_within_a_group_the_single_best_counts(place: int) -> None:
    better, worse = BEST[place], replace(BEST[place + 1], name=BEST[place + 1].name + "*")
    alone = apply([better], TEN, FACTS, NOW)

    assert apply([better, worse], TEN, FACTS, NOW) == alone
    assert apply([worse, better], TEN, FACTS, NOW) == alone


def test_groups_add_up_in_the_order_of_their_names() -> None:
    rules = [
        promotion("late", group="b", bonus_micros=3 * RM),
        promotion("data", group="a", bonus_micros=0, allowances=(GIGABYTE,)),
        promotion("small", group="b"),
        promotion("plain"),
    ]

    given = apply(rules, TEN, FACTS, NOW)

    assert [gift.promotion for gift in given.gifts] == ["plain", "data", "late"]
    assert given.bonus_micros == 4 * RM


def test_a_promotion_that_comes_to_nothing_stands_in_nobodys_way() -> None:
    rules = [
        promotion("a", bonus_micros=0, extra_permille=1),
        promotion("b", bonus_micros=0, extra_days=1),
    ]

    given = apply(rules, denomination(1), FACTS, NOW)

    assert [gift.promotion for gift in given.gifts] == ["b"]


@pytest.mark.parametrize(
    ("amount", "permille", "extra"),
    [
        (10_000_000, 100, 1_000_000),
        (18_870_000, 100, 1_890_000),
        (9_430_000, 33, 310_000),
        (5_000_000, 1, 10_000),
        (4_990_000, 1, 0),
        (0, 100, 0),
        (10_000_000, 0, 0),
    ],
)
def test_a_part_of_the_credit_is_whole_sen_half_a_sen_up(
    amount: int, permille: int, extra: int
) -> None:
    assert permille_of(amount, permille) == extra


FIRST = promotion("first", bonus_micros=5 * RM, first_topup=True)
ANY = promotion("any")


def test_a_promise_says_what_holds_if_it_is_not_the_first_after_all() -> None:
    promised = promise([FIRST, ANY], TEN, replace(FACTS, is_first=True), NOW)

    assert keep_promise(promised, is_first=True).gifts == (bonus("first", 5 * RM),)
    assert keep_promise(promised, is_first=False).gifts == (bonus("any", RM),)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_promise_that_hangs_on_nothing_is_kept(is_first: bool) -> None:
    promised = promise([ANY], TEN, replace(FACTS, is_first=is_first), NOW)

    assert promised == (bonus("any", RM),)
    assert keep_promise(promised, is_first=True) == keep_promise(promised, is_first=False)


def test_a_line_that_was_topped_up_is_promised_no_first_top_up() -> None:
    promised = promise([FIRST, ANY], TEN, FACTS, NOW)

    assert keep_promise(promised, is_first=True).gifts == (bonus("any", RM),)


_RULES = st.lists(
    st.builds(
        Promotion,
        name=st.sampled_from("abcdef"),
        since=st.just(ALWAYS),
        group=st.sampled_from(["", "x", "y"]),
        extra_permille=st.integers(0, 300),
        bonus_micros=st.sampled_from([0, RM, 3 * RM]),
        extra_days=st.integers(0, 3),
        first_topup=st.booleans(),
        sources=st.sampled_from([(), (TopUpSource.VOUCHER,), (TopUpSource.PARTNER,)]),
    ),
    unique_by=lambda rule: rule.name,
    max_size=5,
)


@settings(deadline=None)
@given(rules=_RULES, is_first=st.booleans())
def test_more_promotions_never_give_less_bonus(rules: list[Promotion], is_first: bool) -> None:
    facts = replace(FACTS, is_first=is_first)
    given = apply(rules, THIRTY, facts, NOW)
    by_group: dict[str, set[str]] = {}
    for rule in rules:
        alone = apply([rule], THIRTY, facts, NOW)
        assert alone.bonus_micros <= given.bonus_micros
    for gift in given.gifts:
        group = next(rule.group for rule in rules if rule.name == gift.promotion)
        by_group.setdefault(group, set()).add(gift.promotion)
    assert all(len(names) == 1 for names in by_group.values())
    assert apply(reversed(rules), THIRTY, facts, NOW) == given


@settings(deadline=None)
@given(rules=_RULES, is_first=st.booleans(), is_first_then=st.booleans())
def test_a_promise_is_what_the_rules_give_when_it_is_known(
    rules: list[Promotion], is_first: bool, is_first_then: bool
) -> None:
    promised = promise(rules, THIRTY, replace(FACTS, is_first=is_first), NOW)

    # Nobody becomes the first to top up once somebody was.
    then = is_first and is_first_then
    expected = apply(rules, THIRTY, replace(FACTS, is_first=then), NOW)
    assert keep_promise(promised, is_first=then) == expected


@pytest.mark.parametrize(
    ("since", "until", "standing"),
    [
        (-1, None, "running"),
        (-1, 1, "running"),
        (0, None, "running"),
        (-2, 0, "over"),
        (-2, -1, "over"),
        (1, None, "upcoming"),
        (1, 2, "upcoming"),
        (2, -1, "over"),
        (2, 1, "over"),
    ],
)
def test_a_promotion_that_ended_before_it_began_is_over(
    since: int, until: int | None, standing: str
) -> None:
    end = None if until is None else NOW + timedelta(days=until)
    one = Promotion(name="x", since=NOW + timedelta(days=since), until=end, bonus_micros=RM)
    assert one.standing(NOW) == standing

"""The warning that credit outlives its line, and the amount that mends it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.balance import Bucket, BucketKind
from tambah.domain.catalog import Catalog, OwnAmount
from tambah.domain.line import Language, Line, LineState, extend_line
from tambah.domain.outliving import Outlived, warning
from tambah.domain.records import replace
from tambah.domain.rules import Rules
from tambah.domain.validity import ValidityPolicy

from .world import ALICE, RM, START, day, denomination, rules_for

LINE = Line(
    line_id=11,
    msisdn=ALICE,
    language=Language.EN,
    plan="standard",
    state=LineState.ACTIVE,
    last_at=START,
    active_until=day(10),
    grace_until=day(60),
)
MAIN = Bucket(owner_id=11, bucket_id=1, kind=BucketKind.MAIN, remaining_micros=18 * RM)


def bonus(until: datetime, *, bucket_id: int = 2, left: int = 2) -> Bucket:
    """Return bonus credit that ends then, in ringgit."""
    return Bucket(
        owner_id=11,
        bucket_id=bucket_id,
        kind=BucketKind.BONUS,
        remaining_micros=left * RM,
        expires_at=until,
    )


def test_ten_ringgit_for_a_package_of_thirty_days_is_warned_of() -> None:
    package = bonus(day(30))

    found = warning(LINE, [MAIN, package], rules_for(ValidityPolicy.ADD), START)

    assert found == Outlived(
        bucket=package,
        ends_at=day(30),
        active_until=day(10),
        price_micros=20 * RM,
        mended_until=day(30),
    )


@pytest.mark.parametrize(
    ("policy", "price", "until"),
    [
        (ValidityPolicy.ADD, 15, 25),
        (ValidityPolicy.ADD_WITH_CAP, 15, 25),
        # Days bought end with a day, counted from today.
        (ValidityPolicy.MAX, 24, 25),
        (ValidityPolicy.REPLACE, 24, 25),
    ],
)
def test_the_amount_follows_the_policy(policy: ValidityPolicy, price: int, until: int) -> None:
    found = warning(LINE, [bonus(day(25))], rules_for(policy), START)

    assert found is not None
    assert (found.price_micros, found.mended_until) == (price * RM, day(until))


def test_a_denomination_that_gives_more_days_is_the_smaller_amount() -> None:
    catalog = Catalog(
        denominations=(denomination(12, days=90),),
        own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM),
    )

    found = warning(LINE, [bonus(day(60))], rules_for(catalog=catalog), START)

    assert found is not None
    assert (found.price_micros, found.mended_until) == (12 * RM, day(100))


def test_of_several_the_last_to_end_counts() -> None:
    first, last = bonus(day(20), bucket_id=2), bonus(day(40), bucket_id=3)

    found = warning(LINE, [last, first], rules_for(), START)

    assert found is not None
    assert (found.bucket, found.price_micros) == (last, 30 * RM)


def test_when_no_single_top_up_reaches_so_far_none_is_named() -> None:
    rules = rules_for(ValidityPolicy.ADD_WITH_CAP, cap_days=20)

    found = warning(LINE, [bonus(day(60))], rules, START)

    assert found == Outlived(bucket=bonus(day(60)), ends_at=day(60), active_until=day(10))


@pytest.mark.parametrize(
    ("line", "buckets"),
    [
        (LINE, []),
        (LINE, [MAIN]),
        (LINE, [bonus(day(10))]),
        (LINE, [bonus(day(30), left=0)]),
        (replace(LINE, state=LineState.EXPIRED), [bonus(day(30))]),
        (replace(LINE, state=LineState.PRE_ACTIVE, active_until=None), [bonus(day(30))]),
        (replace(LINE, state=LineState.GRACE, active_until=day(-5)), [bonus(day(-1))]),
    ],
)
def test_where_nothing_is_lost_nothing_is_warned_of(line: Line, buckets: list[Bucket]) -> None:
    assert warning(line, buckets, rules_for(), START) is None


def test_a_line_in_grace_is_told_what_would_take_it_past_its_bonus() -> None:
    line = replace(LINE, state=LineState.GRACE, active_until=day(-5))

    found = warning(line, [bonus(day(9))], rules_for(), START)

    assert found is not None
    assert (found.price_micros, found.mended_until) == (8 * RM, day(9))


@given(
    policy=st.sampled_from(ValidityPolicy),
    left=st.integers(1, 60),
    ends=st.integers(1, 120),
)
@settings(deadline=None)
def test_the_amount_mends_it_and_the_next_smaller_would_not(
    policy: ValidityPolicy, left: int, ends: int
) -> None:
    rules: Rules = rules_for(policy)
    line = replace(LINE, active_until=day(left))
    buckets = [bonus(day(ends))]

    found = warning(line, buckets, rules, START)

    assert (found is None) == (ends <= left)
    if found is None or found.price_micros is None:
        return
    for price_micros in range(RM, found.price_micros + RM, RM):
        offer = rules.catalog.offer(price_micros, START)
        after = extend_line(line, offer.valid_days, rules.life, rules.validity, START)
        assert (warning(after, buckets, rules, START) is None) == (
            price_micros == found.price_micros
        )

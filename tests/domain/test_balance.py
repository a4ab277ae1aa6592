"""Paying from buckets."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.balance import Bucket, BucketKind, draw_down, is_live, total_micros
from tambah.domain.records import replace
from tambah.domain.refusals import CreditTooLow

from .world import START, day

MAIN, BONUS = BucketKind.MAIN, BucketKind.BONUS


def bucket(bucket_id: int, micros: int, expires_at: datetime | None = None) -> Bucket:
    return Bucket(
        owner_id=1,
        bucket_id=bucket_id,
        kind=MAIN if expires_at is None else BONUS,
        remaining_micros=micros,
        expires_at=expires_at,
    )


HELD = [bucket(1, 100), bucket(2, 20, day(9)), bucket(3, 30, day(5)), bucket(4, 5, day(5))]


@pytest.mark.parametrize(
    ("price", "now", "parts"),
    [
        (0, START, []),
        (30, START, [(3, 30)]),
        (31, START, [(3, 30), (4, 1)]),
        (36, START, [(3, 30), (4, 5), (2, 1)]),
        (56, START, [(3, 30), (4, 5), (2, 20), (1, 1)]),
        (155, START, [(3, 30), (4, 5), (2, 20), (1, 100)]),
        (30, day(5), [(2, 20), (1, 10)]),
        (120, day(5), [(2, 20), (1, 100)]),
        (100, day(9), [(1, 100)]),
    ],
)
def test_draw_down_spends_soonest_expiring_credit_first(
    price: int, now: datetime, parts: list[tuple[int, int]]
) -> None:
    drawn = draw_down(HELD, price, now)
    assert [(b.bucket_id, part) for b, part in drawn] == parts
    before = {b.bucket_id: b for b in HELD}
    for after, part in drawn:
        held = before[after.bucket_id]
        assert after == replace(held, remaining_micros=held.remaining_micros - part)


@pytest.mark.parametrize(
    ("price", "now", "missing"),
    [(156 * 10_000, START, "1.559845"), (121, day(5), "0.000001"), (101, day(9), "0.000001")],
)
def test_draw_down_takes_the_price_or_nothing(price: int, now: datetime, missing: str) -> None:
    with pytest.raises(CreditTooLow) as refused:
        draw_down(HELD, price, now)
    assert refused.value.params == {"missing": missing}


def test_a_price_is_never_negative() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        draw_down(HELD, -1, START)


def test_a_bucket_lapses_at_its_instant_exactly() -> None:
    assert is_live(HELD[2], day(4.99999))
    assert not is_live(HELD[2], day(5))
    assert is_live(HELD[0], day(99999))


def test_total_counts_what_is_live_of_one_kind() -> None:
    assert total_micros(HELD, BONUS, START) == 55
    assert total_micros(HELD, BONUS, day(5)) == 20
    assert total_micros(HELD, MAIN, day(5)) == 100
    assert total_micros([], MAIN, START) == 0


@given(
    amounts=st.lists(st.tuples(st.integers(0, 50), st.integers(-3, 9) | st.none()), max_size=6),
    price=st.integers(0, 200),
)
def test_draw_down_pays_exactly_or_refuses(
    amounts: list[tuple[int, int | None]], price: int
) -> None:
    held = [
        bucket(place, micros, None if days is None else day(days))
        for place, (micros, days) in enumerate(amounts)
    ]
    spendable = sum(b.remaining_micros for b in held if is_live(b, START))
    if spendable < price:
        with pytest.raises(CreditTooLow):
            draw_down(held, price, START)
        return
    drawn = draw_down(held, price, START)
    assert sum(part for _, part in drawn) == price
    assert all(part > 0 and after.remaining_micros >= 0 for after, part in drawn)
    assert len({after.bucket_id for after, _ in drawn}) == len(drawn)


def test_what_a_session_holds_pays_nothing_else() -> None:
    held = [replace(bucket(3, 30, day(5)), held=20), replace(bucket(1, 100), held=95)]
    drawn = draw_down(held, 15, START)
    assert [(b.bucket_id, part, b.free) for b, part in drawn] == [(3, 10, 0), (1, 5, 0)]
    with pytest.raises(CreditTooLow):
        draw_down(held, 16, START)

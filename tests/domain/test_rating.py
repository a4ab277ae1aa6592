"""Prices: what units cost under every rounding, and how far money reaches."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.rating import Rate, Rounding, charged_units, cost, units_for

SEN = 10_000
MINUTE = Rate(price_micros=200_000, per_units=60, first_units=60, next_units=60)
HALVES = Rate(price_micros=200_000, per_units=60, first_units=30, next_units=30)
SECONDS = Rate(
    price_micros=100_000,
    connection_micros=50_000,
    per_units=60,
    rounding=Rounding.UP,
    round_to_micros=SEN,
)
MESSAGE = Rate(price_micros=80_000)
FREE = Rate(price_micros=0)
FEE_ONLY = Rate(price_micros=0, connection_micros=300_000)


def rates(price: int = 0) -> st.SearchStrategy[Rate]:
    """Draw prices, from `price` micro-ringgit on."""
    return st.builds(
        Rate,
        price_micros=st.integers(price, 2_000_000),
        connection_micros=st.sampled_from([0, 1, 50_000, 123_457]),
        per_units=st.sampled_from([1, 6, 7, 60, 1024, 1 << 20]),
        first_units=st.integers(1, 200),
        next_units=st.integers(1, 200),
        rounding=st.sampled_from(Rounding),
        round_to_micros=st.sampled_from([1, 7, SEN, 50_000]),
    )


@pytest.mark.parametrize(
    ("rate", "units", "micros"),
    [
        (MINUTE, 0, 0),
        (MINUTE, 1, 200_000),
        (MINUTE, 60, 200_000),
        (MINUTE, 61, 400_000),
        (HALVES, 31, 200_000),
        (HALVES, 90, 300_000),
        (SECONDS, 0, 0),
        (SECONDS, 1, 60_000),  # 5 sen and a sixth of one
        (SECONDS, 6, 60_000),
        (SECONDS, 7, 70_000),
        (MESSAGE, 3, 240_000),
        (FREE, 10_000, 0),
        (FEE_ONLY, 0, 0),
        (FEE_ONLY, 10_000, 300_000),
    ],
)
def test_cost(rate: Rate, units: int, micros: int) -> None:
    assert cost(rate, units) == micros


@pytest.mark.parametrize(
    ("rounding", "units", "micros"),
    [
        (Rounding.UP, 1, SEN),
        (Rounding.UP, 2, SEN),
        (Rounding.UP, 3, 2 * SEN),
        (Rounding.NEAREST, 1, SEN),  # half a sen goes up
        (Rounding.NEAREST, 2, SEN),
        (Rounding.NEAREST, 5, 3 * SEN),
        (Rounding.DOWN, 1, 0),
        (Rounding.DOWN, 2, SEN),
        (Rounding.DOWN, 3, SEN),
    ],
)
def test_roundings_of_half_a_sen(rounding: Rounding, units: int, micros: int) -> None:
    rate = Rate(price_micros=5_000, rounding=rounding, round_to_micros=SEN)

    assert cost(rate, units) == micros


@pytest.mark.parametrize(
    ("rate", "micros", "used", "units"),
    [
        (MINUTE, 199_999, 0, 0),
        (MINUTE, 200_000, 0, 60),
        (MINUTE, 0, 1, 59),  # the minute that is paid already
        (MINUTE, 0, 60, 0),
        (MINUTE, 650_000, 10, 230),
        (SECONDS, 50_000, 0, 0),
        (SECONDS, 59_999, 0, 0),
        (SECONDS, 60_000, 0, 6),
        (SECONDS, 10_000, 6, 6),
        (MESSAGE, 1_000_000, 0, 12),
        (FREE, 0, 0, None),
        (FEE_ONLY, 299_999, 0, 0),
        (FEE_ONLY, 300_000, 0, None),
        (FEE_ONLY, 0, 1, None),
    ],
)
def test_units_for(rate: Rate, micros: int, used: int, units: int | None) -> None:
    assert units_for(rate, micros, used) == units


@given(rates(), st.integers(0, 100_000))
def test_cost_is_the_exact_charge_rounded(rate: Rate, units: int) -> None:
    charged = charged_units(rate, units)
    exact = Fraction(charged * rate.price_micros, rate.per_units) + rate.connection_micros
    steps = exact / rate.round_to_micros
    rounded = {
        Rounding.UP: ceil(steps),
        Rounding.DOWN: floor(steps),
        Rounding.NEAREST: floor(steps + Fraction(1, 2)),
    }[rate.rounding]

    assert cost(rate, units) == (rounded * rate.round_to_micros if units else 0)


@given(rates(), st.integers(0, 5_000), st.integers(1, 500))
def test_more_units_never_cost_less(rate: Rate, units: int, more: int) -> None:
    assert cost(rate, units) <= cost(rate, units + more)
    assert charged_units(rate, units) <= charged_units(rate, units + more)
    assert units <= charged_units(rate, units) < units + max(rate.first_units, rate.next_units)


@given(rates(1), st.integers(0, 20_000_000), st.integers(0, 5_000))
def test_units_for_is_the_inverse_of_cost(rate: Rate, micros: int, used: int) -> None:
    more = units_for(rate, micros, used)

    assert more is not None
    assert more >= 0
    assert cost(rate, used + more) - cost(rate, used) <= micros
    assert cost(rate, used + more + 1) - cost(rate, used) > micros
    # To the end of an interval: what is paid is all used.
    assert more == 0 or charged_units(rate, used + more) == used + more


@given(rates(1), st.integers(0, 20_000_000), st.integers(0, 5_000), st.data())
def test_money_reaches_as_far_in_two_parts(
    rate: Rate, micros: int, used: int, data: st.DataObject
) -> None:
    whole = units_for(rate, micros, used)
    assert whole is not None
    first = data.draw(st.integers(0, whole))
    spent = cost(rate, used + first) - cost(rate, used)

    assert units_for(rate, micros - spent, used + first) == whole - first


@given(st.sampled_from([FREE, FEE_ONLY]), st.integers(0, 500_000), st.integers(0, 100))
def test_what_is_free_is_free_without_end(rate: Rate, micros: int, used: int) -> None:
    more = units_for(rate, micros, used)

    assert (more is None) == (cost(rate, used + 10**12) - cost(rate, used) <= micros)
    assert more in {None, 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_micros": -1},
        {"price_micros": 1, "connection_micros": -1},
        {"price_micros": 1, "per_units": 0},
        {"price_micros": 1, "first_units": 0},
        {"price_micros": 1, "next_units": 0},
        {"price_micros": 1, "round_to_micros": 0},
    ],
)
def test_what_is_no_price_is_not_made(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"negative|one or more"):
        Rate(**wrong)  # type: ignore[arg-type]


def test_negative_units_and_money_are_bugs() -> None:
    with pytest.raises(ValueError, match="nobody"):
        cost(MINUTE, -1)
    with pytest.raises(ValueError, match="nothing is paid"):
        units_for(MINUTE, -1)

"""Ringgit in and out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.money import divide_half_up, parse_ringgit, require_ringgit, ringgit
from tambah.domain.refusals import AmountMalformed, AmountTooPrecise, CurrencyNotAccepted


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("10.00", 10_000_000),
        ("10", 10_000_000),
        ("10.5", 10_500_000),
        ("0.01", 10_000),
        ("0.00", 0),
        ("007.10", 7_100_000),
        ("1.230000", 1_230_000),
        ("999999999999.99", 999_999_999_999_990_000),
    ],
)
def test_parse_ringgit_reads_plain_decimals(text: str, micros: int) -> None:
    assert parse_ringgit(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "10.",
        ".50",
        "-1.00",
        "+1.00",
        "1,000.00",
        "1 000",
        "1e3",
        "0x10",
        "10.00\n",
        " 10.00",
        "RM10",
        "NaN",
        "Infinity",
        "１０.００",
        "٣.٠٠",
        "1.2.3",
        "1" * 13,
        "1." + "0" * 19,
        10,
        10.0,
        True,
        None,
        ["10.00"],
        {"amount": "10.00"},
    ],
)
def test_parse_ringgit_refuses_everything_else(text: object) -> None:
    with pytest.raises(AmountMalformed):
        parse_ringgit(text)


@pytest.mark.parametrize("text", ["0.001", "10.005", "1.000000000000000001", "1.019"])
def test_parse_ringgit_refuses_fractions_of_a_sen(text: str) -> None:
    with pytest.raises(AmountTooPrecise):
        parse_ringgit(text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00"),
        (10_000, "0.01"),
        (10_000_000, "10.00"),
        (-3_500_000, "-3.50"),
        (-10_000, "-0.01"),
        (1, "0.000001"),
        (1_234_560, "1.23456"),
        (10**15, "1000000000.00"),
    ],
)
def test_ringgit_writes_two_places_or_as_many_as_needed(micros: int, text: str) -> None:
    assert ringgit(micros) == text


@given(st.integers(0, 10**13))
def test_whole_sen_come_back_as_they_were(sen: int) -> None:
    assert parse_ringgit(ringgit(sen * 10_000)) == sen * 10_000


def test_only_ringgit_are_accepted() -> None:
    require_ringgit("MYR")
    for other in ("myr", "SGD", "", None, 458):
        with pytest.raises(CurrencyNotAccepted):
            require_ringgit(other)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(0, 3, 0), (1, 3, 0), (1, 2, 1), (2, 3, 1), (3, 2, 2), (5, 2, 3), (10**30, 4, 10**30 // 4)],
)
def test_divide_half_up(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_half_up(numerator, denominator) == quotient


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 3), (1, 0), (1, -3)])
def test_divide_half_up_knows_no_negative_amounts(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="cannot divide"):
        divide_half_up(numerator, denominator)

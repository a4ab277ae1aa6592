"""Numbers as people write them."""

from __future__ import annotations

import pytest

from tambah.domain.numbering import (
    NumberPlan,
    fold_iccid,
    fold_imsi,
    fold_msisdn,
    fold_prefix,
    luhn_remainder,
    mask_msisdn,
    show_msisdn,
)
from tambah.domain.refusals import FieldMalformed, NumberMalformed

MALAYSIA = NumberPlan()
SINGAPORE = NumberPlan(
    country_code="65", trunk_prefix="", mobile_prefixes=("8", "9"), national_lengths=(8,)
)


@pytest.mark.parametrize(
    "text",
    [
        "0123456789",
        "012-345 6789",
        "012-3456789",
        "(012) 345 6789",
        "012.345.6789",
        "012/3456789",
        "012\u2011345\u20136789",
        "012\u2212345\u00a06789",
        "  0123456789\n",
        "+60123456789",
        "+60 12-345 6789",
        "+60 012-345 6789",
        "+60 (0)12-345 6789",
        "60123456789",
        "60 12 345 6789",
        "60 012 345 6789",
        "0060123456789",
        "00 60 12 345 6789",
        "0060 012 345 6789",
        "123456789",
        "０１２３４５６７８９",
        "＋６０１２３４５６７８９",
        "\u202a+60 12-345 6789\u202c",
        "\u200e012\u00ad3456789\u200b",
    ],
)
def test_fold_msisdn_reads_what_people_write(text: str) -> None:
    assert fold_msisdn(text, MALAYSIA) == 60123456789


@pytest.mark.parametrize("text", ["011-2345 6789", "+601123456789", "601123456789", "1123456789"])
def test_fold_msisdn_reads_the_longer_011_numbers(text: str) -> None:
    assert fold_msisdn(text, MALAYSIA) == 601123456789


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "0",
        "00",
        "+60",
        "0060",
        "hello",
        "012345678",  # too short
        "012345678901",  # too long
        "+6012345678",
        "+60123456789012",
        "0312345678",  # a telephone in Kuala Lumpur
        "+60312345678",
        "+6591234567",  # Singapore
        "006591234567",
        "+44 7700 900123",
        "+0123456789",
        "++60123456789",
        "0123456789a",
        "012345678٩",  # a digit, but of another script
        "٠١٢٣٤٥٦٧٨٩",
        "6060123456789",
        "+" + "0" * 500,
        "0123456789" * 7,
    ],
)
def test_fold_msisdn_refuses_what_is_no_number_of_this_country(text: str) -> None:
    with pytest.raises(NumberMalformed):
        fold_msisdn(text, MALAYSIA)


@pytest.mark.parametrize("text", ["9123 4567", "+65 9123 4567", "6591234567", "006591234567"])
def test_fold_msisdn_follows_another_countrys_plan(text: str) -> None:
    assert fold_msisdn(text, SINGAPORE) == 6591234567


@pytest.mark.parametrize(
    ("msisdn", "shown", "masked"),
    [
        (60123456789, "012-345 6789", "012-••• 6789"),
        (601123456789, "011-2345 6789", "011-•••• 6789"),
        (6591234567, "+6591234567", "+659••34567"),
    ],
)
def test_numbers_are_shown_in_groups_and_masked(msisdn: int, shown: str, masked: str) -> None:
    assert show_msisdn(msisdn, MALAYSIA) == shown
    assert mask_msisdn(msisdn, MALAYSIA) == masked


@pytest.mark.parametrize("msisdn", [60123456789, 601123456789])
def test_a_shown_number_folds_back(msisdn: int) -> None:
    assert fold_msisdn(show_msisdn(msisdn, MALAYSIA), MALAYSIA) == msisdn


@pytest.mark.parametrize(
    ("digits", "remainder"),
    [("0", 0), ("18", 0), ("79927398713", 0), ("79927398710", 7), ("59", 0)],
)
def test_luhn_remainder(digits: str, remainder: int) -> None:
    assert luhn_remainder(digits) == remainder


GOOD_ICCID = "8991101200003204514"


def test_fold_iccid_reads_19_and_20_digits() -> None:
    assert fold_iccid("8991 1012 0000 3204 514") == GOOD_ICCID
    assert fold_iccid("８９９１-1012-0000-3204-514") == GOOD_ICCID
    twenty = next(f"8960123456789012345{d}" for d in range(10)
                  if luhn_remainder(f"8960123456789012345{d}") == 0)  # fmt: skip
    assert fold_iccid(twenty) == twenty


def test_fold_iccid_notices_every_single_wrong_digit() -> None:
    for place in range(2, len(GOOD_ICCID)):
        for digit in "0123456789":
            if digit != GOOD_ICCID[place]:
                with pytest.raises(FieldMalformed):
                    fold_iccid(GOOD_ICCID[:place] + digit + GOOD_ICCID[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "89", GOOD_ICCID[:-1], GOOD_ICCID + "00", "1" + GOOD_ICCID[1:], "89" + "x" * 17]
)
def test_fold_iccid_refuses_other_shapes(text: str) -> None:
    with pytest.raises(FieldMalformed) as refused:
        fold_iccid(text)
    assert refused.value.params == {"field": "iccid"}


@pytest.mark.parametrize(
    ("text", "imsi"),
    [
        ("502121234567890", "502121234567890"),
        ("502 12 1234567890", "502121234567890"),
        ("50212123456789", "50212123456789"),
        ("５０２121234567890", "502121234567890"),
    ],
)
def test_fold_imsi_reads_14_or_15_digits(text: str, imsi: str) -> None:
    assert fold_imsi(text) == imsi


@pytest.mark.parametrize("text", ["", "5021212345678", "5021212345678901", "50212123456789a"])
def test_fold_imsi_refuses_other_shapes(text: str) -> None:
    with pytest.raises(FieldMalformed) as refused:
        fold_imsi(text)
    assert refused.value.params == {"field": "imsi"}


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [
        ("012", "6012"),
        ("6012", "6012"),
        ("+60 12-3", "60123"),
        ("0060 12", "6012"),
        ("12", "6012"),
        ("０１２", "6012"),
        ("0", "60"),
        ("+65 8", "658"),
        ("", ""),
        ("abc", ""),
    ],
)
def test_the_first_digits_of_numbers_are_read_as_people_write_them(
    typed: str, prefix: str
) -> None:
    assert fold_prefix(typed, NumberPlan()) == prefix

"""Numbers anywhere, as people write them."""

from __future__ import annotations

import pytest

from tambah.domain.dialling import fold_destination
from tambah.domain.numbering import NumberPlan
from tambah.domain.refusals import NumberMalformed


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+86 755 1234 5678", "8675512345678"),
        ("0086-755-12345678", "8675512345678"),
        ("8675512345678", "8675512345678"),
        (" 86", "86"),
        ("+86", "86"),
        ("\uff0b\uff18\uff16", "86"),
        ("012-345 6789", "60123456789"),
        ("12-345 6789", "60123456789"),
        ("03-1234 5678", "60312345678"),
        ("+60 012-345 6789", "60123456789"),
        ("60123456789", "60123456789"),
        ("1300 80 0000", "601300800000"),
        ("999", "999"),
        ("15999", "15999"),
    ],
)
def test_what_people_write_is_read(text: str, digits: str) -> None:
    assert fold_destination(text, NumberPlan()) == digits


@pytest.mark.parametrize("text", ["", "+", "00", "China", "+86 x", "1234567890123456", "٨٦"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NumberMalformed):
        fold_destination(text, NumberPlan(mobile_prefixes=("9",)))


def test_a_country_without_trunk_prefix_keeps_its_noughts() -> None:
    italy = NumberPlan(country_code="39", trunk_prefix="", mobile_prefixes=("3",))

    assert fold_destination("+39 06 1234 5678", italy) == "390612345678"
    assert fold_destination("0612345678", italy) == "0612345678"

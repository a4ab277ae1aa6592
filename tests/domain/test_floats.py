"""References under which dealers buy float."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tambah.domain.floats import bank_reference, float_reference, partner_of
from tambah.domain.payment import fold_reference


@given(st.integers(1, 2**40 - 1))
def test_a_reference_stands_for_its_dealer_and_is_checked(partner_id: int) -> None:
    reference = float_reference(partner_id)

    assert fold_reference(reference.lower()) == reference
    assert partner_of(reference) == partner_id


def test_neighbours_are_not_alike() -> None:
    one, other = float_reference(503), float_reference(504)

    assert sum(a != b for a, b in zip(one, other, strict=True)) > 4


def test_hardly_any_reference_is_a_dealers() -> None:
    assert [partner_of(stem) for stem in ("2222222222", "23456789A5", "7K4M2XH9PH")] == [None] * 3


def test_an_entry_is_called_by_its_name() -> None:
    assert bank_reference("ab12") == "bank ab12"

"""Passkeys: what they are called, when a counter has fallen, and that one factor stays."""

import pytest

from tambah.domain.passkey import (
    MOST_NAME,
    fold_passkey_name,
    has_fallen,
    require_another,
    require_passkey,
)
from tambah.domain.refusals import FieldMissing, LastSecondFactor


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  blue\tkey  ", "blue key"),
        ("ｋｅｙ\u200b", "key"),
        ("மஞ்சள் சாவி", "மஞ்சள் சாவி"),
        ("x" * 100, "x" * MOST_NAME),
    ],
)
def test_a_passkey_is_called_what_was_typed_without_what_cannot_be_seen(typed: str, stored: str):
    assert fold_passkey_name(typed) == stored


@pytest.mark.parametrize("typed", ["", "  ", "\u200b\n"])
def test_a_passkey_has_a_name(typed: str):
    with pytest.raises(FieldMissing):
        fold_passkey_name(typed)


@pytest.mark.parametrize(
    ("before", "shown", "fallen"),
    [(0, 0, False), (0, 1, False), (5, 6, False), (5, 5, True), (5, 4, True), (5, 0, True)],
)
def test_a_counter_must_rise_unless_it_never_counts(before: int, shown: int, fallen: bool):
    assert has_fallen(before, shown) is fallen


@pytest.mark.parametrize(
    ("has_authenticator", "passkeys"), [(True, 1), (True, 2), (False, 2), (False, 10)]
)
def test_a_passkey_may_go_while_another_factor_stays(has_authenticator: bool, passkeys: int):
    require_another(has_authenticator=has_authenticator, passkeys=passkeys)


def test_the_last_second_factor_stays():
    with pytest.raises(LastSecondFactor):
        require_another(has_authenticator=False, passkeys=1)


def test_an_authenticator_goes_only_where_a_passkey_stays() -> None:
    require_passkey(1)
    with pytest.raises(LastSecondFactor):
        require_passkey(0)

"""operator.toml as it is read: what is misspelt or too long is refused, and said in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.config import ConfigError, read_operator

Changed = Callable[[str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Return what writes the demo's file with something in it changed once."""

    def change(before: str, after: str) -> Path:
        text = DEMO_OPERATOR.read_text(encoding="utf-8")
        assert before in text
        path = tmp_path / "operator.toml"
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        return path

    return change


def test_the_demos_file_is_read() -> None:
    assert read_operator(DEMO_OPERATOR).brand.name == "KampungTel"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("hotline =", "hotlin =", "brand: there is no entry 'hotlin'; did you mean 'hotline'?"),
        ("[payments]", "[payment]", "there is no entry 'payment'; did you mean 'payments'?"),
        ("[payments]", "[weather]", "there is no entry 'weather'"),
        (
            "amount = 10, unit",
            "amont = 10, unit",
            "packages[0].allowances[0]: there is no entry 'amont'; did you mean 'amount'?",
        ),
        ("account_name", "acount_name", "bank: there is no entry 'acount_name'"),
        ("valid_days = 5\n", 'valid_days = "5"\n', "denominations[0].valid_days: Expected `int`"),
        ('"#0b5d57"', '"purple"', "brand: colour: 'purple' is not a colour such as #0b5d57"),
        ('"1300 80 0000"', '"call us"', "brand: hotline: 'call us' is no telephone number"),
        (
            'short_name = "KampungTel"',
            'short_name = "KampungTelMobile"',
            "brand: short_name is longer than 11 characters",
        ),
        (
            'name = "KampungTel"\nshort_name = "KampungTel"\n',
            'name = "Kampung Telecommunications"\n',
            "brand: name is longer than 11 characters; give a short_name for messages",
        ),
        ('name = "KampungTel"', 'name = ""', "brand.name: Expected `str` of length >= 1"),
        ("[brand]", "[brand", "Expected ']'"),
    ],
)
def test_what_is_wrong_is_named(changed: Changed, before: str, after: str, said: str) -> None:
    path = changed(before, after)

    with pytest.raises(ConfigError) as caught:
        read_operator(path)

    assert str(caught.value).startswith(f"{path}: {said}")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"operator\.toml: 'utf-8' codec"):
        read_operator(path)

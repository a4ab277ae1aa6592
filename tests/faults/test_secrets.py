"""The search for secrets finds what there is to find."""

from __future__ import annotations

import pytest

from tests.faults.secrets import find_codes, find_secrets

CODE = "2345678901234567"


@pytest.mark.parametrize(
    "text",
    [
        "x 2345678901234567 y",
        "2345 6789 0123 4567",
        "2345-6789-0123-4567",
        "code=2345%206789%200123%204567&number=1",
        "code=2345+6789+0123+4567",
        "CDHJ MPTW 01CD HJMP",
        "cdhjmptw01cdhjmp",
        "0002345678901234567000",
    ],
)
def test_find_codes_finds_every_form(text: str) -> None:
    assert find_codes(text, [CODE, "1111111111111111"]) == {CODE}


@pytest.mark.parametrize(
    "text", ["", "234567890123456", "2345678901\n234567", "2345678901\t23456"]
)
def test_find_codes_finds_nothing_where_nothing_is(text: str) -> None:
    assert find_codes(text, [CODE]) == set()


def test_find_secrets_names_the_place_and_not_the_secret() -> None:
    key = "tk_test_abcdefghijklmnop"

    findings = find_secrets({"log": f"{key} {CODE}", "dump": "tk_test_abcdef"}, [CODE], [key])

    assert findings == [
        "log holds 1 codes in the clear",
        "log holds the API key tk_test_abcdef… in the clear",
    ]

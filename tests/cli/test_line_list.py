"""tambah lines list: by number, filtered, and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Tambah

LINES = """msisdn,plan,language,active_until,balance
012-345 6789,standard,en,2099-12-31,10.00
011-2345 6789,tourist,ms,2098-12-31,0.00
012-999 0000,standard,ta,,0.00
013-111 2222,tourist,zh-Hans,2099-06-30,7.50
"""


@pytest.fixture
def imported(tambah: Tambah, tmp_path: Path) -> Tambah:
    path = tmp_path / "lines.csv"
    path.write_text(LINES)
    assert tambah("lines", "import", path, "--reason", "x").status == 0
    return tambah


def numbers(tambah: Tambah, *options: object) -> list[str]:
    """Return the numbers that a list has."""
    said = tambah("lines", "list", *options, "--json")
    return [one["msisdn"] for one in said.document["items"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["60123456789", "60129990000", "60131112222", "601123456789"]),
        (("--starts", "012"), ["60123456789", "60129990000"]),
        (("--starts", "+60 12-3"), ["60123456789"]),
        (("--starts", "11"), ["601123456789"]),
        (("--starts", "019"), []),
        (("--state", "pre_active"), ["60129990000"]),
        (("--plan", "tourist"), ["60131112222", "601123456789"]),
        (("--plan", "gone"), []),
        (("--before", "2099-07-01"), ["60131112222", "601123456789"]),
        (
            ("--before", "2099-07-01", "--state", "active", "--starts", "60"),
            ["60131112222", "601123456789"],
        ),
        (("--after", "012-999 0000"), ["60131112222", "601123456789"]),
    ],
)
def test_lines_are_listed_in_the_order_of_their_numbers(
    imported: Tambah, options: tuple[str, ...], expected: list[str]
) -> None:
    assert numbers(imported, *options) == expected


def test_a_list_is_gone_on_with(imported: Tambah) -> None:
    first = imported("lines", "list", "--limit", 3, "--json").document
    text = imported("lines", "list", "--limit", 3).out

    assert first["next"] == "60131112222"
    assert numbers(imported, "--after", first["next"]) == ["601123456789"]
    assert "012-345 6789  active  standard  en  RM10.00  until 2099-12-31" in text
    assert "012-999 0000  pre_active  standard  ta  RM0.00  not active yet" in text
    assert text.endswith("More: --after 60131112222\n")
    assert imported("lines", "list", "--after", "nobody", "--json").error == "number_malformed"
    assert imported("lines", "list", "--starts", "019").out == "There is none.\n"

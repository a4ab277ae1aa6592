"""tambah tariff: loading sheets, by one or by two, and asking what a call costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tambah.jobs.demo import TARIFF
from tests.conftest import Fresh

from .conftest import Tambah
from .test_requests import approve, at

WHY = ("--reason", "new prices", "--json")
SHEET = """service,destination,hours,price,first,next,class,name
voice,60,,0.15,30,30,domestic,Malaysia
voice,60,00:00-07:00,0.10,30,30,domestic,Malaysia
voice,86,,0.12,,,idd-1,China
voice,86755,,0.10,,,idd-1,"China, Shenzhen"
"""
BAD = SHEET + "voice,86755,,0.20,,,idd-1,\nfax,1,,0.10,,,idd-1,\n"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Return a file of rates."""
    path = tmp_path / "rates.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


def test_a_sheet_is_looked_at_loaded_and_asked(tambah: Tambah, sheet: Path) -> None:
    load = ("tariff", "load", sheet, "--from", "now")
    assert tambah("tariff", "list").out == "There is no sheet.\n"
    seen = tambah(*load, "--dry-run", "--json").document
    assert (seen["came"], seen["difference"]["added"], seen["sheet"]) == ("seen", 4, None)
    assert tambah(*load, "--json").error == "reason_missing"
    assert tambah(*load, *WHY).document["came"] == "loaded"
    assert tambah(*load, *WHY).document["came"] == "same"

    quoted = tambah("tariff", "quote", "+86 755 1234 5678", "--json").document

    assert (quoted["price"], quoted["per"], quoted["name"]) == ("0.10", 60, "China, Shenzhen")
    assert quoted["costs"] == {"60": "0.10", "300": "0.50", "600": "1.00"}
    night = tambah("tariff", "quote", "012-345 6789", "--at", "2090-06-03T03:00+08:00", "--json")
    assert (night.document["price"], night.document["until"]) == (
        "0.10",
        "2090-06-02T23:00:00+00:00",
    )
    told = tambah("tariff", "quote", "012-345 6789", "--at", "2090-06-03T12:00+08:00").out
    assert "RM0.15 for 60 seconds, charged by 30 and then 30." in told
    assert "A call of 1 min RM0.15, 5 min RM0.75, 10 min RM1.50." in told
    assert "Until 2090-06-04 00:00 MYT." in told
    assert "standard · sheet 1" in tambah("tariff", "list").out
    assert tambah("tariff", "quote", "+49 30 1", "--json").error == "rate_unknown"
    assert tambah("tariff", "quote", "--json").error == "number_missing"
    assert tambah("tariff", "quote", "China", "--json").error == "number_malformed"


def test_a_change_is_told_with_the_biggest_first(tambah: Tambah, sheet: Path) -> None:
    tambah("tariff", "load", sheet, "--from", "now", *WHY)
    sheet.write_text(SHEET.replace("0.12", "0.90").replace("0.10,,", "0.05,,"), encoding="utf-8")

    told = tambah("tariff", "load", sheet, "--from", "2090-01-01", "--reason", "dearer")

    assert "against sheet 1: 1 dearer, 1 cheaper." in told.out
    assert "Dearer: voice 86 China, 60 seconds: RM0.12 → RM0.90" in told.out
    assert "Cheaper: voice 86755 China, Shenzhen, 60 seconds: RM0.10 → RM0.05" in told.out
    # Not before its day, which begins at midnight of the operator's.
    early = tambah("tariff", "quote", "+861", "--at", "2089-12-31T23:59:59+08:00", "--json")
    late = tambah("tariff", "quote", "+861", "--at", "2090-01-01", "--json")
    assert (early.document["price"], late.document["price"]) == ("0.12", "0.90")
    assert "(still to come)" in tambah("tariff", "list").out


def test_every_bad_row_is_told_with_its_line(tambah: Tambah, sheet: Path, tmp_path: Path) -> None:
    sheet.write_text(BAD, encoding="utf-8")
    report = tmp_path / "bad.jsonl"

    told = tambah("tariff", "load", sheet, "--from", "now", "--report", report, *WHY)

    assert told.status == 1
    assert [(row["line"], row["code"]) for row in told.document["rows"]] == [
        (6, "rate_repeated"),
        (7, "field_malformed"),
    ]
    assert len([json.loads(line) for line in report.read_text().splitlines()]) == 2
    assert tambah("tariff", "list").out == "There is no sheet.\n"


def test_a_past_day_is_refused(tambah: Tambah, sheet: Path) -> None:
    assert tambah("tariff", "load", sheet, "--from", "2020-01-01", *WHY).error == "field_malformed"
    assert tambah("tariff", "load", sheet, "--from", "soon", *WHY).status == 2


def test_where_two_could_decide_a_sheet_waits_for_one(
    tambah: Tambah, sheet: Path, environment: Fresh
) -> None:
    for name in ("ada", "eve"):
        assert tambah("staff", "add", name, "--role", "marketing", *WHY).status == 0
    accept = "UPDATE staff SET state = 2, password = 'argon2', totp = '\\x00'::bytea"
    at(environment, lambda database: database.execute(accept))
    load = ("tariff", "load", sheet, "--from", "now")

    asked = tambah(*load, *WHY).document

    assert (asked["came"], asked["request"]["deed"]) == ("asked", "load_tariff")
    assert asked["request"]["params"]["added"] == 4
    assert tambah("tariff", "quote", "+86", "--json").error == "rate_unknown"
    assert "not agreed to" in tambah("tariff", "list").out
    # From now on is another sheet each time; from a day on, it is the same request.
    later = ("tariff", "load", sheet, "--from", "2090-01-01", *WHY)
    assert tambah(*later).document["request"] == tambah(*later).document["request"]
    approve(environment, asked["request"]["request"])


def test_the_demos_sheet_can_be_tried(tambah: Tambah) -> None:
    seen = tambah("tariff", "load", TARIFF, "--from", "now", "--dry-run", "--json").document

    assert (seen["came"], seen["refused"]) == ("seen", 0)

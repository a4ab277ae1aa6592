"""tambah books at the command line, on a fresh database."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Tambah

A_DAY = timedelta(days=1)
WHY = ("--reason", "the day is over")


@pytest.fixture
def today() -> Any:
    """Return the operator's local day."""
    return datetime.now(UTC).astimezone(ZoneInfo("Asia/Kuala_Lumpur")).date()


def fund(tambah: Tambah) -> None:
    """Make a partner and fund its float."""
    made = tambah("partners", "add", "Kedai Ali", "--reason", "new", "--json").document
    args = ("partners", "fund", made["partner"], "100.00", "--reference", "cheque 1")
    assert tambah(*args, "--reason", "paid in").status == 0


def test_days_are_closed_shown_and_listed(tambah: Tambah, today: Any) -> None:
    day = today - 4 * A_DAY  # the last is not settled in its first minutes
    assert tambah("books", "show").out == "Nothing is closed yet.\n"
    assert tambah("books", "close", "--day", day, "--json").error == "reason_missing"

    first = tambah("books", "close", "--day", day, *WHY, "--json").document
    again = tambah("books", "close", "--day", day, *WHY)
    after = tambah("books", "close", "--day", today, *WHY, "--json")
    skipped = tambah("books", "close", "--day", day + 2 * A_DAY, *WHY, "--json")

    assert (first["new"], first["seq"], first["period"]) == (True, 1, str(day))
    assert again.out.endswith(f"{day}: was closed already.\n")
    assert (after.error, skipped.error) == ("period_not_over", "period_out_of_order")
    early = tambah("books", "close", "--day", day - A_DAY, *WHY, "--json")
    assert (early.status, early.error) == (1, "period_too_early")
    in_words = tambah("books", "close", "--day", today, *WHY).err
    assert in_words.endswith("(MYT) (period_not_over)\n")
    assert " MYT by cli:" in again.out
    shown = tambah("books", "show", "--day", day, "--json").document
    assert (shown["hash"], shown["broken_at"]) == (first["hash"], None)
    assert tambah("books", "show").out.startswith(f"{day}  ")
    assert tambah("books", "show", "--month", "2020-01", "--json").error == "period_unknown"
    assert tambah("books", "close", "--month", f"{today:%Y-%m}", *WHY, "--json").status == 1


def test_a_period_is_a_day_or_a_month(tambah: Tambah, today: Any) -> None:
    for options in ((), ("--day", today, "--month", "2026-01"), ("--month", "2026-1x")):
        assert tambah("books", "close", *options, *WHY).status == 2


def test_reconciling_says_what_is_unexplained(tambah: Tambah, today: Any) -> None:
    clean = tambah("books", "reconcile", "--from", today, "--to", today, "--json")
    assert (clean.status, clean.document["clean"]) == (0, True)
    assert clean.document["unexplained"] == "0.00"
    assert tambah("books", "reconcile", "--from", today, "--to", today - A_DAY).status == 2
    ahead = tambah("books", "reconcile", "--from", today, "--to", today + A_DAY, "--json")
    assert (ahead.status, ahead.error) == (1, "period_ahead")
    words = tambah("books", "reconcile").out
    assert words.endswith("RM0.00 unexplained.\n")


def test_the_journal_is_written_once_with_own_codes(
    tambah: Tambah, today: Any, tmp_path: Path
) -> None:
    fund(tambah)
    path = tmp_path / "journal.csv"
    args = ("books", "export", "--from", today, "--to", today, path)
    assert tambah(*args, "--json").error == "reason_missing"
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []

    done = tambah(*args, *WHY, "--json")

    assert done.document["lines"] == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["debit_account"], row["credit_account"]) == ("funding", "float")
    assert (row["debit_code"], row["credit_code"], row["amount"]) == ("1200", "2130", "100.00")
    assert tambah(*args, *WHY, "--json").error == "file"
    every = tmp_path / "every.csv"
    assert tambah(*args[:-1], every, "--each", *WHY).status == 0
    assert "cheque 1" in every.read_text(encoding="utf-8")

"""tambah promotions: what is in force, and what a promotion would have given."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tambah.cli.desk import Desk, at_desk
from tambah.cli.promotions import _count_in_words
from tambah.domain.commands import TopUp
from tambah.domain.previewing import Preview
from tests.engine.books import RM, add_line, add_partner

from .conftest import Tambah

NUMBER = 60123456789

NEXT = """
[[promotions]]
name = "next-month"
since = "2090-01-01"
until = "2090-02-01"
group = "next"
extra_permille = 100
extra_days = 2
allowances = [{ amount = 500, unit = "MB", days = 7 }]
denominations = ["10.00"]
"""


@pytest.fixture
def next_file(tmp_path: Path) -> Path:
    """Return a file with a promotion that is not in force yet."""
    file = tmp_path / "next.toml"
    file.write_text(NEXT, encoding="utf-8")
    return file


def sell(*ringgit: int) -> None:
    """Bring a line along and have a partner top it up."""

    async def work(desk: Desk) -> None:
        async with desk.engine() as engine:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            await add_line(engine, desk.database, NUMBER, activated_at=long_ago)
            partner_id = await add_partner(desk.database)
            for place, amount in enumerate(ringgit):
                await engine.submit(
                    TopUp(
                        caller="shop",
                        request_key=str(place),
                        msisdn=NUMBER,
                        partner_id=partner_id,
                        amount_micros=amount * RM,
                        reference=str(place),
                    )
                )

    at_desk(work)


def test_list_says_what_each_gives_and_whether_it_runs(tambah: Tambah, next_file: Path) -> None:
    shown = tambah("promotions", "list", "--file", next_file)
    document = tambah("promotions", "list", "--file", next_file, "--json").document

    assert [(one["name"], one["state"]) for one in document] == [
        ("first-topup", "running"),
        ("data-with-30", "running"),
        ("next-month", "upcoming"),
    ]
    assert document[2]["allowances"] == [{"unit": "bytes", "amount": 500 * 2**20, "days": 7}]
    assert shown.out.splitlines()[2] == (
        "next-month: upcoming, from 2090-01-01 to 2090-01-31, group next; gives 10 % of the credit"
        " as bonus, 2 more days of validity, 500 MB of data for 7 days"
    )


def test_a_preview_of_nothing_is_nothing(tambah: Tambah) -> None:
    said = tambah("promotions", "preview", "data-with-30")

    assert (said.status, said.out) == (
        0,
        "Of the last 0 top-ups, data-with-30 would have given something with 0.\n"
        "In all: RM0.00 of bonus, 0 days of validity.\n",
    )


def test_a_promotion_that_is_not_there_is_refused(tambah: Tambah, next_file: Path) -> None:
    assert tambah("promotions", "preview", "next-month", "--json").error == "promotion_unknown"
    assert tambah("promotions", "preview", "next-month", "--file", next_file).status == 0


def test_a_file_that_cannot_be_used_is_refused(tambah: Tambah, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[[promotions]]\nname = "x"\nsince = "2090-01-01"\n', encoding="utf-8")

    said = tambah("promotions", "preview", "x", "--file", file)

    assert (said.status, "promotions.x: it gives nothing" in said.err) == (1, True)


def test_a_preview_says_what_the_latest_top_ups_would_have_got(
    tambah: Tambah, next_file: Path
) -> None:
    sell(30, 10, 10, 5)
    asked = ("promotions", "preview", "next-month", "--file", next_file)

    said = tambah(*asked)

    assert said.out == (
        "Of the last 4 top-ups, next-month would have given something with 2.\n"
        "In all: RM2.00 of bonus, 4 days of validity, 1000 MB of data.\n"
    )
    assert tambah(*asked, "--last", 2, "--json").document == {
        "looked_at": 2,
        "untold": 0,
        "matched": 1,
        "beaten": 0,
        "bonus": "1.00",
        "more_bonus": "1.00",
        "valid_days": 2,
        "seconds": 0,
        "messages": 0,
        "bytes": 500 * 2**20,
    }
    # What was given in truth: the demo operator's data with RM30.
    seen = tambah("promotions", "preview", "data-with-30", "--json").document
    assert (seen["matched"], seen["bytes"]) == (1, 2**30)
    shown = tambah("lines", "show", NUMBER)
    assert "bonus RM2.00, 1 GB of data" in shown.out
    assert tambah("verify", "--json").document["allowances"] == {
        "line_bytes": 2**30,
        "bytes_given": -(2**30),
    }


def test_a_preview_says_what_it_cannot_tell_and_what_it_takes_from_others() -> None:
    seen = Preview(
        looked_at=9, untold=2, matched=5, beaten=1, bonus_micros=RM, more_micros=-RM, valid_days=10
    )

    assert _count_in_words("days", seen) == (
        "Of the last 9 top-ups, days would have given something with 5.\n"
        "In all: RM1.00 of bonus, 10 days of validity.\n"
        "With 1 another of its group would have been better.\n"
        "With what others give, bonus would have come to RM1.00 less than what was given.\n"
        "2 of them are not counted: the line would have expired at another time, and nobody knows"
        " what would have been asked of it then."
    )

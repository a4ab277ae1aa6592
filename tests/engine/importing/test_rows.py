"""Rows read without a database."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from tambah.domain.numbering import NumberPlan, fold_iccid, fold_msisdn, luhn_remainder
from tambah.domain.refusals import Refusal
from tambah.engine.importing import RowRules
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.reading import COLUMNS, Table
from tambah.engine.importing.rows import ReadRow, RowReader, _is_plain_iccid, _plain_number


def read(row_rules: RowRules, **fields: str) -> ReadRow:
    """Read one row with the given fields."""
    values = {"msisdn": "60123456789", **fields}
    return RowReader(tuple(values), tuple(values), row_rules).read(list(values.values()))


@pytest.mark.parametrize(
    ("fields", "column", "code"),
    [
        ({"msisdn": ""}, "msisdn", "field_missing"),
        ({"msisdn": "12345"}, "msisdn", "number_malformed"),
        ({"iccid": "8960000000000000008"}, "iccid", "field_malformed"),
        ({"iccid": "89"}, "iccid", "field_malformed"),
        ({"language": "fr"}, "language", "field_malformed"),
        ({"plan": "gold"}, "plan", "field_malformed"),
        ({"barred": "maybe"}, "barred", "field_malformed"),
        ({"activated_on": "2026-01-01"}, "active_until", "field_missing"),
        ({"grace_until": "2026-01-01"}, "active_until", "field_missing"),
        ({"active_until": "31/12/2026"}, "active_until", "field_malformed"),
        ({"active_until": "2026-W53-4"}, "active_until", "field_malformed"),
        ({"active_until": "0001-01-01"}, "active_until", "field_malformed"),
        ({"active_until": "9999-12-31"}, "active_until", "field_malformed"),
        (
            {"active_until": "2026-12-31", "activated_on": "2026-06-02"},
            "activated_on",
            "field_malformed",
        ),
        (
            {"active_until": "2025-12-31", "activated_on": "2026-01-01"},
            "active_until",
            "field_malformed",
        ),
        (
            {"active_until": "2026-12-31", "grace_until": "2026-12-30"},
            "grace_until",
            "field_malformed",
        ),
        ({"name": "a\tb"}, "name", "field_malformed"),
        ({"birth_date": "1990-13-01"}, "birth_date", "field_malformed"),
        ({"balance": "1e3"}, "balance", "amount_malformed"),
    ],
)
def test_read_refuses_what_cannot_be(
    row_rules: RowRules, fields: dict[str, str], column: str, code: str
) -> None:
    with pytest.raises(BadRow) as bad:
        read(row_rules, **fields)

    assert (bad.value.column, bad.value.code) == (column, code)


def test_read_takes_the_last_day_whole(row_rules: RowRules) -> None:
    row = read(
        row_rules,
        activated_on="2026-06-01",
        active_until="2026-06-01",
        grace_until="2026-06-01",
        birth_date="2026-06-01",
        barred="YES",
        suspended="0",
        language="zh-CN",
    )

    assert row.instants == (
        datetime(2026, 5, 31, 16, tzinfo=UTC),
        datetime(2026, 6, 1, 16, tzinfo=UTC),
        datetime(2026, 6, 1, 16, tzinfo=UTC),
    )
    assert (row.barred, row.suspended, row.language.tag) == (True, False, "zh-Hans")


@pytest.mark.parametrize("field", [c for c in COLUMNS if c != "msisdn"])
def test_digest_differs_with_every_field(row_rules: RowRules, field: str) -> None:
    other = {
        "iccid": "8960000000000000007",
        "language": "ta",
        "plan": "tourist",
        "activated_on": "2026-01-01",
        "active_until": "2026-12-30",
        "grace_until": "2027-12-31",
        "balance": "0.01",
        "barred": "yes",
        "suspended": "yes",
        "birth_date": "1990-01-01",
    }
    common = {"active_until": "2026-12-31"}

    plain = read(row_rules, **common)
    changed = read(row_rules, **{**common, field: other.get(field, "x")})

    assert plain.digest != changed.digest


@pytest.mark.parametrize(
    "text",
    ["60123456789", "+60123456789", "6012345678", "601234567890", "60223456789", "601123456789"],
)
def test_short_way_of_numbers_reads_as_the_long_one(text: str) -> None:
    plan = NumberPlan()
    try:
        wanted: int | None = fold_msisdn(text, plan)
    except Refusal:
        wanted = None
    found = _plain_number(plan).fullmatch(text)

    if found:
        assert int(found[1]) == wanted


def test_short_way_of_numbers_is_shut_where_a_number_could_be_national() -> None:
    plan = NumberPlan(country_code="1", mobile_prefixes=("1", "2"), national_lengths=(10,))

    assert _plain_number(plan).fullmatch("12025550123") is None


def test_short_way_of_iccids_agrees_with_the_rule() -> None:
    for number in range(200):
        text = f"8960{number * 7919:015d}"
        assert _is_plain_iccid(text) is (luhn_remainder(text) == 0)
        if _is_plain_iccid(text):
            assert fold_iccid(text) == text


def test_table_reads_long_files_in_small_pieces_with_line_numbers() -> None:
    content = b"number\n" + b"".join(b"%d\n" % number for number in range(300_000))

    table = Table(io.BytesIO(content))
    rows = list(table.rows())

    assert (rows[0], rows[-1]) == ((2, ["0"]), (300_001, ["299999"]))
    assert (len(rows), table.bytes_done) == (300_000, len(content))

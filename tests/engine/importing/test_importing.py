"""Importing lines on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tambah.domain.actor import Actor
from tambah.domain.refusals import ReasonMissing
from tambah.engine.engine import Engine
from tambah.engine.importing import FileRefused, ImportRequest, RowRules, import_lines
from tambah.engine.importing.people import FactKind, fact_digest, open_person
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.store.database import Database

from .conftest import Bring

RM = 1_000_000
HEADER = "msisdn,iccid,language,plan,activated_on,active_until,balance\n"
PEOPLE = "msisdn,active_until,name,document,birth_date,contact\n"


def plain(first: int, count: int) -> str:
    """Return so many good rows."""
    return HEADER + "".join(
        f"6012{number:07d},,ms,,2026-01-01,2026-12-31,10.00\n"
        for number in range(first, first + count)
    )


async def test_import_makes_lines_with_dates_and_balance(bring: Bring, database: Database) -> None:
    result, refused = await bring(
        HEADER + "012-345 6789,8960000000000000007,zh-Hans,tourist,2026-01-02,2026-12-31,12.34\n"
    )

    assert (result.created, result.unchanged, result.refused, refused) == (1, 0, 0, [])
    row = await database.fetch_row(
        "SELECT msisdn, language, plan, iccid, state, activated_at, active_until, grace_until,"
        " remaining_micros FROM line JOIN bucket ON owner_id = line_id"
    )
    assert row is not None
    assert tuple(row) == (
        60123456789,
        3,
        "tourist",
        "8960000000000000007",
        2,
        datetime(2026, 1, 1, 16, tzinfo=UTC),
        datetime(2026, 12, 31, 16, tzinfo=UTC),
        datetime(2027, 2, 19, 16, tzinfo=UTC),
        12_340_000,
    )
    assert (await verify(database, full=True)).findings == ()


async def test_import_of_the_same_file_again_changes_nothing(
    bring: Bring, database: Database
) -> None:
    await bring(plain(1, 700))

    again, refused = await bring(plain(1, 700))

    assert (again.created, again.unchanged, again.refused, refused) == (0, 700, 0, [])
    assert await database.fetch_value("SELECT count(*) FROM line") == 700
    assert await database.fetch_value("SELECT sum(remaining_micros) FROM bucket") == 7000 * RM


async def test_import_knows_a_row_however_it_is_spelt(bring: Bring) -> None:
    await bring(
        "msisdn,language,plan,active_until,balance,barred\n60123456789,en,,2026-12-31,1,no\n"
    )

    again, _ = await bring(
        "Balance;Number;ACTIVE_UNTIL;Plan\r\n1.00;\u200e+60 12-345 6789;2026-12-31;standard\r\n"
    )

    assert (again.created, again.unchanged) == (0, 1)


async def test_import_reports_a_changed_row_as_number_in_use(bring: Bring) -> None:
    await bring(plain(1, 1))

    result, refused = await bring(plain(1, 1).replace("10.00", "11.00"))

    assert (result.created, result.refused) == (0, 1)
    assert [(row.line, row.column, row.code) for row in refused] == [
        (2, "msisdn", "number_in_use")
    ]


async def test_import_without_dates_makes_a_pre_active_line(
    bring: Bring, database: Database
) -> None:
    await bring("number\n0123456789\n")

    assert await database.fetch_value("SELECT state FROM line") == 1


async def test_import_takes_the_good_rows_of_a_nasty_file(bring: Bring) -> None:
    rows: list[bytes] = [
        b"\xef\xbb\xbfmsisdn,name,balance,active_until",
        b'60120000001,"Siti, binti ""Ali""",1.00,2026-12-31',
        b"",
        b"60120000002,NU\x00L,1.00,2026-12-31",
        b"60120000003,too,1.00,2026-12-31,many",
        b"60120000004,few",
        b"60120000005,caf\xe9,1.00,2026-12-31",
        b'60120000006,"never closed,1.00,2026-12-31',
        b"60120000007,good,1.00,2026-12-31",
        b"60120000008," + b"x" * 20_000 + b",1.00,2026-12-31",
        b"60120000009," + b"y" * 3_000_000 + b",1.00,2026-12-31",
        b"60120000007,good,1.00,2026-12-31",
        b"60120000007,other,1.00,2026-12-31",
        b",,,",
        b"   ",
        b"60120000010,,-1.00,2026-12-31",
        b"60120000011,,1.001,2026-12-31",
        b"60120000012,,1.00,2026-02-30",
        b"60120000013,,99999.00,2026-12-31",
        b"+4420123456,,1.00,2026-12-31",
        b"60120000014,last without an end,1.00,2026-12-31",
    ]

    result, refused = await bring(b"\r\n".join(rows))

    assert (result.created, result.unchanged, result.refused) == (3, 1, 13)
    assert [(row.line, row.column, row.code) for row in refused] == [
        (4, "name", "field_malformed"),
        (5, "", "row_malformed"),
        (6, "", "row_malformed"),
        (7, "", "row_malformed"),
        (8, "", "row_malformed"),
        (10, "", "row_malformed"),
        (11, "", "row_malformed"),
        (13, "msisdn", "number_in_use"),
        (16, "balance", "amount_malformed"),
        (17, "balance", "amount_too_precise"),
        (18, "active_until", "field_malformed"),
        (19, "balance", "balance_too_high"),
        (20, "msisdn", "number_malformed"),
    ]
    assert all(row.reason.endswith(".") for row in refused)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"msisdn,colour\n1,2\n", "colour"),
        (b"msisdn,name,NAME\n1,2,3\n", "name"),
        (b"msisdn,number\n1,2\n", "msisdn"),
        (b"name\nx\n", "msisdn"),
        (b"", "first line"),
        (b"msisdn,na\xe9me\n1,2\n", "UTF-8"),
        (b'msisdn,"name\n1,2\n', "quotation"),
        (b"msisdn,\n1,2\n", "(empty)"),
    ],
)
async def test_import_refuses_a_wrong_header_by_name(
    bring: Bring, content: bytes, named: str
) -> None:
    with pytest.raises(FileRefused, match=named.replace("(", r"\(").replace(")", r"\)")):
        await bring(content)


async def test_import_all_or_nothing_imports_none_of_a_bad_file(
    bring: Bring, database: Database
) -> None:
    await bring(plain(900, 1))
    content = plain(1, 3) + "60120000001,,ta,,,,\n" + "60120000900,,en,,,,\n" + "nobody,,,,,,\n"

    result, refused = await bring(content, all_or_nothing=True)

    assert (result.created, result.refused, result.is_written) == (3, 3, False)
    assert [(row.line, row.code) for row in refused] == [
        (5, "number_in_use"),
        (6, "number_in_use"),
        (7, "number_malformed"),
    ]
    assert await database.fetch_value("SELECT count(*) FROM line") == 1


async def test_import_all_or_nothing_imports_all_of_a_good_file(bring: Bring) -> None:
    result, _ = await bring(plain(1, 30) + plain(1, 1).removeprefix(HEADER), all_or_nothing=True)

    assert (result.created, result.unchanged, result.is_written) == (30, 1, True)


async def test_import_dry_run_says_what_an_import_does_and_does_nothing(
    bring: Bring, database: Database
) -> None:
    await bring(plain(5, 2))
    content = plain(1, 8) + plain(1, 1).removeprefix(HEADER) + "60120000002,,,,,,\nnobody,,,,,,\n"

    dry, dry_refused = await bring(content, dry_run=True, why="")
    before = await database.fetch_value("SELECT count(*) FROM line")
    wet, wet_refused = await bring(content)

    assert (before, dry.is_written, wet.is_written) == (2, False, True)
    assert (dry.created, dry.unchanged, dry.refused) == (6, 3, 2)
    assert (wet.created, wet.unchanged, wet.refused) == (6, 3, 2)
    assert dry_refused == wet_refused


async def test_import_leaves_one_audit_row(bring: Bring, database: Database) -> None:
    content = plain(1, 3)

    with pytest.raises(ReasonMissing):
        await bring(content, why=" ")
    await bring(content)

    rows = await database.fetch("SELECT who, action, subject, why, after FROM audit")
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert [tuple(row)[:4] for row in rows] == [
        ("test", "ImportLines", "file:lines.csv", "moving in")
    ]
    assert rows[0]["after"] == (
        '{"complete":true,"created":3,"refused":0,"sha256":"' + digest + '","unchanged":0}'
    )


async def test_import_broken_off_goes_on_when_started_again(
    engine: Engine, database: Database, row_rules: RowRules, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(plain(1, 4000))
    halfway = asyncio.Event()

    def watch(done: int, _total: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 40:
            halfway.set()

    seen = 0
    request = ImportRequest(path=path, actor=Actor(who="t", why="t"), progress=watch)
    task = asyncio.create_task(import_lines(engine, database, request, row_rules))
    await halfway.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    there = await database.fetch_value("SELECT count(*) FROM line")

    result = await import_lines(engine, database, request, row_rules)

    assert 0 < there < 4000
    assert (result.created, result.unchanged) == (4000 - there, there)
    audits = await database.fetch("SELECT after FROM audit ORDER BY seq")
    assert [f'"created":{there},' in row[0] for row in audits] == [True, False]
    assert '"complete":false' in audits[0][0]
    assert (await verify(database, full=True)).findings == ()


async def test_import_stores_people_sealed_and_found_by_digest(
    bring: Bring, database: Database, keys: Keys, fresh: Any
) -> None:
    content = PEOPLE + (
        "60123456789,2026-12-31,Siti Nurhaliza,901231-14-5678,1990-12-31,Siti@Example.com\n"
        "60123456780,2026-12-31,陈小明,A1234567,1985-02-03,+60 12 345 6789\n"
        "60123456781,2026-12-31,,,,\n"
        "60123456782,2026-12-31,Born Tomorrow,X-77,2999-01-01,\n"
    )

    result, refused = await bring(content)

    assert (result.created, result.refused) == (3, 1)
    assert (refused[0].code, refused[0].column) == ("field_malformed", "birth_date")
    assert "2999" not in refused[0].reason
    assert "Born" not in refused[0].reason
    people = await database.fetch("SELECT line_id, sealed, key_id FROM person ORDER BY line_id")
    assert [open_person(keys, row[0], row[1])["name"] for row in people] == [
        "Siti Nurhaliza",
        "陈小明",
    ]
    for kind, written in (
        (FactKind.DOCUMENT, "901231145678"),
        (FactKind.NAME, "  SITI  nurhaliza"),
        (FactKind.CONTACT, "siti@example.COM"),
        (FactKind.BIRTH_DATE, "1990-12-31"),
    ):
        found = await database.fetch(
            "SELECT line_id, kind FROM person_fact WHERE digest = $1",
            fact_digest(keys, kind, written),
        )
        assert [tuple(row) for row in found] == [(people[0][0], kind)]
    assert (
        await _found_in_clear(
            fresh.owner_dsn,
            ("siti", "nurhaliza", "901231", "1990-12-31", "example", "陈小明", "A1234567"),
        )
        == []
    )


async def _found_in_clear(dsn: str, words: tuple[str, ...]) -> list[str]:
    """Return the tables that have one of the words in them, as text or as bytes."""
    connection: Any = await asyncpg.connect(dsn)
    tables = [
        row[0]
        for row in await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    ]
    found: list[str] = []
    for table in tables:
        for row in await connection.fetch(f'SELECT * FROM "{table}"'):
            text = " ".join(
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                for value in row
            ).lower()
            found += [table for word in words if word.lower() in text]
    await connection.close()
    return found


async def test_import_of_an_unchanged_row_leaves_its_person_alone(
    bring: Bring, database: Database
) -> None:
    content = PEOPLE + "60123456789,2026-12-31,Siti,901231-14-5678,1990-12-31,siti@example.com\n"
    await bring(content)
    before = await database.fetch("SELECT * FROM person")

    await bring(content)

    assert await database.fetch("SELECT * FROM person") == before
    assert await database.fetch_value("SELECT count(*) FROM person_fact") == 4
    changed, refused = await bring(content.replace("Siti,", "Situ,"))
    assert changed.created == 0
    assert [row.code for row in refused] == ["number_in_use"]


SIM = "8960000000000000007"


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"all_or_nothing": True}])
async def test_a_sim_is_brought_along_by_one_line_alone(
    bring: Bring, database: Database, options: dict[str, bool]
) -> None:
    await bring(HEADER + f"60123456789,{SIM},,,,,\n")
    other = "8960000000000000015"

    result, refused = await bring(
        HEADER
        + f"60123456789,{SIM},,,,,\n"
        + f"60123456788,{SIM},,,,,\n"
        + f"60123456787,{other},,,,,\n"
        + f"60123456787,{other},,,,,\n"
        + f"60123456786,{other},,,,,\n",
        **options,
    )

    assert (result.created, result.unchanged, result.refused) == (1, 2, 2)
    assert [(row.line, row.column, row.code) for row in refused] == [
        (3, "iccid", "sim_not_usable"),
        (6, "iccid", "sim_not_usable"),
    ]
    kept = await database.fetch("SELECT iccid, state FROM sim ORDER BY iccid")
    assert [tuple(row) for row in kept] == [(SIM, 2), (other, 2)][: 1 if options else 2]

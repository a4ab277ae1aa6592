"""Loading sheets of rates, and the book that they make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tambah.app import DEMO_OPERATOR
from tambah.config import read_operator
from tambah.domain.actor import Actor
from tambah.domain.rating import Rate, Rounding, Service
from tambah.domain.refusals import FieldMalformed, RateUnknown, ReasonMissing
from tambah.domain.tariff import Usage
from tambah.engine.importing import FileRefused, RefusedRow
from tambah.engine.tariffs import TariffRequest, TariffResult, load_tariff, read_book
from tambah.engine.tariffs.loading import Came
from tambah.jobs.demo import TARIFF
from tambah.store.database import Database
from tambah.store.tariffs import list_sheets, read_sheet, sheet_rows

KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
NOW = datetime(2026, 6, 3, 4, tzinfo=UTC)
HEADER = "service,origin,destination,on_net,hours,connection,price,per,first,next,class,name\n"
HOME = "voice,,60,,,,0.15,60,30,30,domestic,Malaysia\n"
NIGHT = "voice,,60,,00:00-07:00,,0.10,60,30,30,domestic,Malaysia\n"
CHINA = "voice,,+86,no,,0.05,0.12,,,,idd-1,China\n"
SHEET = HEADER + HOME + NIGHT + CHINA

Load = Callable[..., Awaitable[tuple[TariffResult, list[RefusedRow]]]]


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    """Return what loads a text and gives back the result and the bad rows."""

    async def load(
        content: str, *, why: str = "new prices", **options: object
    ) -> tuple[TariffResult, list[RefusedRow]]:
        path = tmp_path / "rates.csv"
        path.write_text(content, encoding="utf-8")
        refused: list[RefusedRow] = []
        request = TariffRequest(
            path=path,
            tariff="standard",
            actor=Actor(who="cli:test", why=why),
            now=NOW,
            zones=("zone-1",),
            on_refused=refused.append,
        )
        return await load_tariff(database, replace(request, **options)), refused  # type: ignore[arg-type]

    return load


async def price_of(
    database: Database, to: str, at: datetime = NOW, tariff: str = "standard"
) -> int:
    """Return what a unit of a call costs, by the book, in micro-ringgit."""
    book = await read_book(database, {}, NOW)
    usage = Usage(service=Service.VOICE, to=to)
    return book.quote(tariff, usage, at, KUALA_LUMPUR).rate.price_micros


async def test_a_sheet_is_loaded_and_in_force_from_its_day(load: Load, database: Database) -> None:
    later = NOW + timedelta(days=3)

    result, refused = await load(SHEET, effective_from=later)

    assert refused == []
    assert (result.came, result.rates, result.sheet_id) == (Came.LOADED, 3, 1)
    assert (result.difference.added, result.compared_with) == (3, None)
    assert await price_of(database, "8613800138000", later) == 120_000
    with pytest.raises(RateUnknown):
        await price_of(database, "8613800138000")


async def test_rows_are_kept_as_they_were_written(load: Load, database: Database) -> None:
    await load(SHEET)

    china = (await sheet_rows(database, 1))[2]

    assert (china.pattern, china.destination_class, china.name) == ("86", "idd-1", "China")
    assert china.rate == Rate(
        connection_micros=50_000, price_micros=120_000, per_units=60, rounding=Rounding.UP
    )


async def test_the_same_file_again_changes_nothing(load: Load, database: Database) -> None:
    await load(SHEET)

    again, _ = await load(SHEET)
    other_order, _ = await load(HEADER + CHINA + NIGHT + HOME)

    assert (again.came, again.sheet_id) == (Came.SAME, 1)
    assert other_order.came is Came.SAME
    assert len(await list_sheets(database)) == 1


async def test_a_new_load_is_told_against_the_sheet_it_replaces(
    load: Load, database: Database
) -> None:
    await load(SHEET)
    dearer = SHEET.replace("0.12", "0.30") + "voice,,1,,,,0.20,,,,idd-1,\n"

    seen, _ = await load(dearer, dry_run=True, why="")
    result, _ = await load(dearer, effective_from=NOW + timedelta(days=1))

    assert seen.came is Came.SEEN
    assert seen.difference == result.difference
    assert (result.difference.added, result.difference.dearer, result.compared_with) == (1, 1, 1)
    (change,) = result.difference.most_dearer
    assert (change.pattern, change.before_micros, change.after_micros) == ("86", 170_000, 350_000)
    stored = await read_sheet(database, 2)
    assert stored is not None
    assert stored.difference == result.difference


async def test_a_dry_run_writes_nothing(load: Load, database: Database) -> None:
    await load(SHEET, dry_run=True)

    assert await list_sheets(database) == []
    assert await database.fetch_value("SELECT count(*) FROM audit") == 0


async def test_going_back_to_an_old_sheet_is_a_new_one(load: Load, database: Database) -> None:
    await load(SHEET)
    await load(SHEET.replace("0.12", "0.30"), now=NOW + timedelta(hours=1))

    back, _ = await load(SHEET, now=NOW + timedelta(hours=2))

    assert (back.came, back.sheet_id) == (Came.LOADED, 3)
    assert await price_of(database, "86", NOW + timedelta(hours=3)) == 120_000


async def test_a_sheet_that_is_asked_for_is_not_in_force(load: Load, database: Database) -> None:
    asked, _ = await load(SHEET, asks=True)
    again, _ = await load(SHEET, asks=True)

    assert (asked.came, asked.sheet_id) == (Came.ASKED, 1)
    assert (again.came, again.sheet_id) == (Came.ASKED, 1)
    with pytest.raises(RateUnknown):
        await price_of(database, "86")


async def test_a_load_is_audited(load: Load, database: Database) -> None:
    await load(SHEET)

    row = await database.fetch_row("SELECT who, action, subject, why FROM audit")
    assert row is not None
    assert tuple(row) == ("cli:test", "LoadTariff", "tariff_sheet:1", "new prices")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"why": " "}, ReasonMissing),
        ({"tariff": "Standard rates"}, FieldMalformed),
        ({"effective_from": NOW - timedelta(seconds=1)}, FieldMalformed),
        ({"content": HEADER}, FileRefused),
        ({"content": "destination,price\n"}, FileRefused),
    ],
)
async def test_what_cannot_be_loaded_at_all(
    load: Load, options: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await load(**{"content": SHEET, **options})


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("call,,60,,,,0.15,,,,domestic,", "service", "field_malformed"),
        (",,60,,,,0.15,,,,domestic,", "service", "field_missing"),
        ("voice,zone-9,60,,,,0.15,,,,domestic,", "origin", "field_malformed"),
        ("voice,,,,,,0.15,,,,domestic,", "destination", "field_missing"),
        ("voice,,6o,,,,0.15,,,,domestic,", "destination", "field_malformed"),
        ("voice,,1234567890123456,,,,0.15,,,,domestic,", "destination", "field_malformed"),
        ("sms,,received,,,,0.15,,,,domestic,", "destination", "field_malformed"),
        ("data,,60,,,,0.15,,,,data,", "destination", "field_malformed"),
        ("voice,,61,perhaps,,,0.15,,,,domestic,", "on_net", "field_malformed"),
        ("data,,*,yes,,,0.15,,,,data,", "on_net", "field_malformed"),
        ("voice,,60,,always,,0.15,,,,domestic,", "hours", "field_malformed"),
        ("voice,,61,,,,-0.15,,,,domestic,", "price", "field_malformed"),
        ("voice,,61,,,,0.1234567,,,,domestic,", "price", "field_malformed"),
        ("voice,,61,,,,,,,,domestic,", "price", "field_missing"),
        ("voice,,61,,,x,0.15,,,,domestic,", "connection", "field_malformed"),
        ("voice,,61,,,,0.15,0,,,domestic,", "per", "field_malformed"),
        ("voice,,61,,,,0.15,1 MB,,,domestic,", "per", "field_malformed"),
        ("voice,,61,,,,0.15,,-1,,domestic,", "first", "field_malformed"),
        ("voice,,61,,,,0.15,,,x,domestic,", "next", "field_malformed"),
        ("voice,,61,,,,0.15,,,,,", "class", "field_missing"),
        ("voice,,61,,,,0.15,,,,IDD 1,", "class", "field_malformed"),
        ("voice,,61,,,,0.15,,,,idd-1," + "x" * 81, "name", "field_malformed"),
        ("voice,,61,,,,0.15,,,,idd-1,a\x07é", "name", "field_malformed"),
        ("voice,,61", "", "row_malformed"),
        ("voice,,60,,,,0.20,,,,domestic,", "", "rate_repeated"),
        ("voice,,60,,06:00-08:00,,0.20,,,,domestic,", "", "hours_overlap"),
        ("voice,,61,,06:00-08:00,,0.20,,,,domestic,", "", "rate_missing"),
    ],
)
async def test_a_bad_row_is_told_and_nothing_is_loaded(
    load: Load, database: Database, row: str, column: str, code: str
) -> None:
    result, refused = await load(SHEET + row + "\n")

    assert result.came is Came.BAD
    assert [(bad.line, bad.column, bad.code) for bad in refused] == [(5, column, code)]
    assert await list_sheets(database) == []


async def test_every_way_of_writing_a_row_is_read(load: Load, database: Database) -> None:
    content = (
        "service,origin,destination,on_net,hours,price,per,first,next,rounding,round_to,class,name\n"
        "VOICE,home,=999,,24/7,0,,,,,,emergency,Emergency\n"
        "voice,zone-1,received,,,0.5,,60,60,,,received,\n"
        "voice,,*,,,1,,,,,,idd-9,Überall\n"
        "voice,,60,yes,,0.08,,,,,,,\n"
        "data,,*,,,0.10,1 MB,100 KB,102400,nearest,0.01,,\n"
        "data,,social,,,0.05,1GB,,,down,,,\n"
        "sms,,*,,,0.2,,,,,,idd-1,\n"
    )

    result, refused = await load(content)
    rows = await sheet_rows(database, 1)

    assert (refused, result.came) == ([], Came.LOADED)
    assert [(row.pattern, row.hours, row.destination_class) for row in rows] == [
        ("=999", "", "emergency"),
        ("=received", "", "received"),
        ("", "", "idd-9"),
        ("60", "", "on-net"),
        ("", "", "data"),
        ("=social", "", "social"),
        ("", "", "idd-1"),
    ]
    assert rows[4].rate == Rate(
        price_micros=100_000,
        per_units=1 << 20,
        first_units=102_400,
        next_units=102_400,
        rounding=Rounding.NEAREST,
        round_to_micros=10_000,
    )
    assert rows[5].rate.per_units == 1 << 30
    assert rows[6].rate == Rate(price_micros=200_000)


async def test_a_sheet_is_never_edited(load: Load, database: Database) -> None:
    await load(SHEET)

    for statement in (
        "UPDATE tariff_rate SET price_micros = 0",
        "DELETE FROM tariff_rate",
        "DELETE FROM tariff_sheet",
        "UPDATE tariff_sheet SET tariff = 'other'",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await database.execute(statement)  # type: ignore[arg-type]


async def test_the_demos_sheet_has_no_bad_row(database: Database) -> None:
    bad: list[RefusedRow] = []
    request = TariffRequest(
        path=TARIFF,
        tariff="standard",
        actor=Actor(who="demo", why="demo"),
        now=NOW,
        zones=read_operator(DEMO_OPERATOR).tariffs.zones,
        on_refused=bad.append,
    )

    result = await load_tariff(database, request)

    assert bad == []
    assert result.came is Came.LOADED
    assert await price_of(database, "999") == 0
    assert await price_of(database, "8675598765432") == 100_000

"""Importing top-up points, and finding them again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

import pytest

from tambah.domain.commands import Actor
from tambah.domain.refusals import ReasonMissing
from tambah.engine.importing import FileRefused, RefusedRow
from tambah.engine.points import PointsRequest, PointsResult, import_points
from tambah.store.database import Database
from tambah.store.points import (
    EARTH,
    Box,
    PointFilter,
    count_points,
    find_points,
    hours_in_use,
    list_points,
    nearest_points,
    point_id_of,
    towns_with_points,
)

HEADER = (
    "code,name,kind,address,town,state,postcode,latitude,longitude,hours,sells_cards,"
    "sells_reloads,withdrawn\n"
)
KL = (
    "KL1,Demo Store 1,convenience_store,1 Jalan Satu,Kuala Lumpur,WP,50000,3.139003,101.686855,"
    "24/7,yes,yes,\n"
)
IPOH = (
    "IP1,Demo Mart 2,supermarket,2 Jalan Dua,Ipoh,Perak,30000,4.597479,101.090106,"
    "Mo-Sa 09:00-18:00,yes,no,\n"
)
PENANG = (
    "PG1,Demo Fuel 3,petrol station,3 Jalan Tiga,George Town,Pulau Pinang,10000,5.414130,"
    "100.328759,,no,yes,no\n"
)
THREE = HEADER + KL + IPOH + PENANG

Bring = Callable[..., Awaitable[tuple[PointsResult, list[RefusedRow]]]]


@pytest.fixture
def bring(database: Database, tmp_path: Path) -> Bring:
    """Return what imports a text and gives back the result and the report."""

    async def bring(
        content: str, *, why: str = "new shops", **options: bool
    ) -> tuple[PointsResult, list[RefusedRow]]:
        path = tmp_path / "points.csv"
        path.write_text(content, encoding="utf-8")
        refused: list[RefusedRow] = []
        request = PointsRequest(
            path=path,
            actor=Actor(who="test", why=why),
            on_refused=refused.append,
            **options,
        )
        return await import_points(database, request), refused

    return bring


def counts(result: PointsResult) -> tuple[int, int, int, int, int]:
    """Return new, changed, unchanged, withdrawn, refused."""
    return (
        result.created,
        result.changed,
        result.unchanged,
        result.withdrawn,
        result.refused,
    )


async def codes(database: Database, **wanted: object) -> list[str]:
    """Return the codes of the points that match, in their order."""
    found = await find_points(database, PointFilter(**wanted), limit=100)  # type: ignore[arg-type]
    return [one.point.code for one in found]


async def audited(database: Database) -> list[tuple[str, str, dict[str, object]]]:
    """Return what the audit trail says: action, why, after."""
    rows = await database.fetch("SELECT action, why, after FROM audit ORDER BY day, seq")
    return [(row[0], row[1], json.loads(row[2])) for row in rows]


async def test_good_rows_are_imported_and_audited(bring: Bring, database: Database) -> None:
    result, refused = await bring(THREE)

    assert (counts(result), refused, result.is_written) == ((3, 0, 0, 0, 0), [], True)
    assert await codes(database) == ["PG1", "IP1", "KL1"]
    assert await audited(database) == [
        (
            "ImportPoints",
            "new shops",
            {
                "sha256": result.sha256,
                "created": 3,
                "changed": 0,
                "unchanged": 0,
                "withdrawn": 0,
                "refused": 0,
            },
        )
    ]


async def test_the_same_file_again_changes_nothing(bring: Bring, database: Database) -> None:
    await bring(THREE)
    before = await database.fetch("SELECT * FROM point ORDER BY code")

    result, _ = await bring(THREE)

    assert counts(result) == (0, 0, 3, 0, 0)
    assert await database.fetch("SELECT * FROM point ORDER BY code") == before


async def test_a_changed_row_changes_its_point(bring: Bring, database: Database) -> None:
    await bring(THREE)

    result, _ = await bring(HEADER + KL.replace("Jalan Satu", "Jalan Baru"))

    assert counts(result) == (0, 1, 0, 0, 0)
    found = await find_points(database, PointFilter(words=("baru",)), limit=9)
    assert [(one.point_id, one.point.address) for one in found] == [
        (point_id_of("KL1"), "1 Jalan Baru")
    ]
    assert await count_points(database, PointFilter()) == 3


BAD_ROWS = {
    "code": KL.replace("KL1", "K L"),
    "name": KL.replace("Demo Store 1", "x" * 81),
    "kind": KL.replace("convenience_store", "bank"),
    "address": KL.replace("1 Jalan Satu", "1 Jalan\x07Satu"),
    "postcode": KL.replace("50000", "5000"),
    "latitude": KL.replace("3.139003", "91"),
    "longitude": KL.replace("101.686855", "101,5"[:3] + "E"),
    "hours": KL.replace("24/7", "8am-10pm"),
    "sells_cards": KL.replace("yes,yes", "maybe,yes"),
    "withdrawn": KL.replace("yes,yes,", "yes,yes,perhaps"),
}


async def test_bad_rows_are_reported_by_line_and_good_ones_imported(
    bring: Bring, database: Database
) -> None:
    result, refused = await bring(HEADER + IPOH + "".join(BAD_ROWS.values()) + PENANG)

    assert counts(result) == (2, 0, 0, 0, len(BAD_ROWS))
    assert [(row.line, row.column, row.code) for row in refused] == [
        (line, column, "field_malformed") for line, column in enumerate(BAD_ROWS, 3)
    ]
    assert all(row.reason.startswith(f"{row.column} cannot be read. ") for row in refused)
    assert await codes(database) == ["PG1", "IP1"]


async def test_other_ways_of_being_wrong(bring: Bring) -> None:
    rows = [
        KL,
        KL,  # the same again is no mistake
        KL.replace("Satu", "Dua"),
        IPOH.replace("Ipoh", " "),
        IPOH.replace("yes,no", "no,no"),
        "A,B\n",
    ]
    result, refused = await bring(HEADER + "".join(rows))

    assert counts(result) == (1, 0, 1, 0, 4)
    assert [(row.line, row.column, row.code) for row in refused] == [
        (4, "code", "point_repeated"),
        (5, "town", "field_missing"),
        (6, "", "row_malformed"),
        (7, "", "row_malformed"),
    ]


async def test_dry_run_writes_nothing_and_needs_no_reason(
    bring: Bring, database: Database
) -> None:
    result, _ = await bring(THREE + KL.replace("24/7", "x"), why="", dry_run=True)

    assert (counts(result), result.is_written) == ((3, 0, 0, 0, 1), False)
    assert await codes(database) == []
    assert await audited(database) == []


async def test_all_or_nothing_stops_at_a_bad_row(bring: Bring, database: Database) -> None:
    result, _ = await bring(THREE + KL.replace("24/7", "x"), all_or_nothing=True)
    assert (counts(result), result.is_written) == ((3, 0, 0, 0, 1), False)
    assert await codes(database) == []

    result, _ = await bring(THREE, all_or_nothing=True)
    assert (counts(result), result.is_written) == ((3, 0, 0, 0, 0), True)


async def test_a_reason_is_needed(bring: Bring) -> None:
    with pytest.raises(ReasonMissing):
        await bring(THREE, why=" ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "first line"),
        ("code,name\n", "The column kind is missing"),
        (HEADER.replace("town", "city"), "no column city"),
        (HEADER.replace("town", "name"), "name is there twice"),
    ],
)
async def test_a_file_with_another_header_is_refused(
    bring: Bring, content: str, said: str
) -> None:
    with pytest.raises(FileRefused, match=said):
        await bring(content)


async def test_missing_points_are_withdrawn_when_asked(bring: Bring, database: Database) -> None:
    await bring(THREE)
    kept, _ = await bring(HEADER + KL)
    assert (counts(kept), await codes(database)) == ((0, 0, 1, 0, 0), ["PG1", "IP1", "KL1"])

    # A bad row is in the file all the same: its point stays as it is.
    result, _ = await bring(HEADER + KL + IPOH.replace("yes,no", "no,no"), withdraw_missing=True)
    assert (counts(result), result.keeps_missing) == ((0, 0, 1, 1, 1), False)
    assert await codes(database) == ["IP1", "KL1"]
    again, _ = await bring(HEADER + KL, withdraw_missing=True)
    assert counts(again) == (0, 0, 1, 1, 0)
    assert [(point.code, point.withdrawn) for point in await list_points(database, [])] == [
        ("PG1", True),
        ("IP1", True),
        ("KL1", False),
    ]
    back, _ = await bring(THREE)
    assert counts(back) == (0, 2, 1, 0, 0)
    assert await codes(database) == ["PG1", "IP1", "KL1"]


async def test_nothing_is_withdrawn_by_a_file_that_cannot_be_read_whole(
    bring: Bring, database: Database
) -> None:
    await bring(THREE)

    result, _ = await bring(HEADER + KL + "broken\n", withdraw_missing=True)
    assert (result.withdrawn, result.keeps_missing) == (0, True)
    with pytest.raises(FileRefused):
        await bring(HEADER, withdraw_missing=True)
    assert await codes(database) == ["PG1", "IP1", "KL1"]


async def test_points_are_found_by_words_postcode_wares_and_hours(
    bring: Bring, database: Database
) -> None:
    await bring(THREE + KL.replace("KL1", "KL2").replace("24/7,yes,yes,", "24/7,yes,yes,yes"))

    assert await codes(database, words=("kuala",)) == ["KL1"]
    assert await codes(database, words=("pinang", "george")) == ["PG1"]
    assert await codes(database, words=("jalan", "%")) == []
    assert await codes(database, postcode="30") == ["IP1"]
    assert await codes(database, cards=True) == ["IP1", "KL1"]
    assert await codes(database, reloads=True) == ["PG1", "KL1"]
    assert await codes(database, hours=("24/7",)) == ["KL1"]
    assert await codes(database, hours=()) == []
    assert sorted(await hours_in_use(database)) == ["24/7", "Mo-Sa 09:00-18:00"]
    assert await towns_with_points(database, 2) == ["George Town", "Ipoh"]


async def test_the_town_that_is_meant_comes_first(bring: Bring, database: Database) -> None:
    street = KL.replace("KL1", "KL2").replace("Jalan Satu", "Jalan Ipoh").replace("Kuala", "Aaa")
    await bring(THREE + street)

    assert await codes(database, words=("ipoh",)) == ["IP1", "KL2"]
    second = await find_points(database, PointFilter(words=("ipoh",)), skip=1, limit=1)
    assert [one.point.code for one in second] == ["KL2"]


def great_circle(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the metres between two places by the haversine formula."""
    (south, west), (north, east) = (tuple(map(radians, place)) for place in (a, b))
    chord = sin((north - south) / 2) ** 2
    chord += cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * 6_371_009 * asin(sqrt(chord))


async def test_the_nearest_come_first_with_their_distances(
    bring: Bring, database: Database
) -> None:
    await bring(THREE)
    at = (4_000_000, 101_000_000)

    found = await nearest_points(database, PointFilter(), at, EARTH, limit=9)

    assert [one.point.code for one in found] == ["IP1", "KL1", "PG1"]
    for one in found:
        there = (one.point.latitude_microdegrees / 1e6, one.point.longitude_microdegrees / 1e6)
        assert one.metres == pytest.approx(great_circle((4.0, 101.0), there), abs=1)
    box = Box(south=3_000_000, north=4_600_000, west=100_000_000, east=102_000_000)
    boxed = await nearest_points(database, PointFilter(reloads=True), at, box, limit=9)
    assert [one.point.code for one in boxed] == ["KL1"]
    itself = await nearest_points(
        database, PointFilter(), (3_139_003, 101_686_855), EARTH, limit=1
    )
    assert [(one.point.code, one.metres) for one in itself] == [("KL1", 0)]

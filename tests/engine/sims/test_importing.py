"""Importing SIMs on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tambah.domain.actor import Actor
from tambah.domain.numbering import luhn_remainder
from tambah.domain.refusals import ReasonMissing
from tambah.domain.sim import SimKind, SimState
from tambah.engine.engine import Engine
from tambah.engine.importing import FileRefused, ImportRequest, ImportResult, RefusedRow
from tambah.engine.keys import Keys
from tambah.engine.sims import SimRowRules, import_sims, open_code
from tambah.engine.sims.rows import SimRowReader
from tambah.store.database import Database
from tambah.store.views.sims import read_sim
from tests.engine.books import add_line

HEADER = "iccid,imsi,kind,activation_code\n"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SECRET = "K2-1ABCD"
CODE = f"LPA:1$smdp.example.com${SECRET}"
Bring = Callable[..., Awaitable[tuple[ImportResult, list[RefusedRow]]]]


def iccid(place: int) -> str:
    """Return a well-formed SIM number."""
    stem = f"896099{place:012d}"
    return next(stem + d for d in "0123456789" if luhn_remainder(stem + d) == 0)


def plain(first: int, count: int) -> str:
    """Return so many good rows."""
    return HEADER + "".join(
        f"{iccid(place)},50299{place:010d},physical,\n" for place in range(first, first + count)
    )


@pytest.fixture
def bring(database: Database, keys: Keys, tmp_path: Path) -> Bring:
    """Return what imports a text and gives back the result and the report."""

    async def bring(
        content: str, *, why: str = "delivery", **options: bool
    ) -> tuple[ImportResult, list[RefusedRow]]:
        path = tmp_path / "sims.csv"
        path.write_text(content)
        refused: list[RefusedRow] = []
        request = ImportRequest(
            path=path,
            actor=Actor(who="test", why=why),
            on_refused=refused.append,
            **options,
        )
        rules = SimRowRules(
            keys=keys, now=NOW, iccid_prefixes=("896099",), imsi_prefixes=("50299",)
        )
        result = await import_sims(database, request, rules)
        return result, sorted(refused, key=lambda row: row.line)

    return bring


async def count(database: Database) -> tuple[int, int]:
    return (
        await database.fetch_value("SELECT count(*) FROM sim"),
        await database.fetch_value("SELECT count(*) FROM sim_imsi"),
    )


async def test_sims_come_into_the_stock(bring: Bring, database: Database, keys: Keys) -> None:
    result, refused = await bring(
        f"{HEADER}{iccid(1)},502990000000001,,\n{iccid(2)},,,{CODE}\n{iccid(3)},,esim,\n"
    )

    assert (result.created, result.unchanged, result.refused, refused) == (3, 0, 0, [])
    card, esim, bare = [await read_sim(database, iccid(place)) for place in (1, 2, 3)]
    assert card is not None
    assert esim is not None
    assert bare is not None
    assert (card.kind, card.state, card.imsi) == (
        SimKind.PHYSICAL,
        SimState.IN_STOCK,
        "502990000000001",
    )
    assert (esim.kind, esim.smdp_address, esim.has_code) == (
        SimKind.ESIM,
        "SMDP.EXAMPLE.COM",
        True,
    )
    assert (bare.kind, bare.has_code) == (SimKind.ESIM, False)
    sealed = await database.fetch_value("SELECT sealed FROM sim WHERE iccid = $1", iccid(2))
    assert SECRET.encode() not in sealed
    assert open_code(keys, iccid(2), sealed).matching_id == SECRET


async def test_the_same_file_again_changes_nothing(bring: Bring, database: Database) -> None:
    await bring(plain(1, 2_500))

    again, refused = await bring(plain(1, 2_500))

    assert (again.created, again.unchanged, again.refused, refused) == (0, 2_500, 0, [])
    assert await count(database) == (2_500, 2_500)


async def test_a_bad_row_is_named_by_line_and_reason_and_repeats_nothing(bring: Bring) -> None:
    good = iccid(1)
    wrong_digit = good[:-1] + str((int(good[-1]) + 1) % 10)
    other_issuer = "8960000000000000007"
    content = (
        f"{HEADER}{good},502990000000001,,\n"
        f"{wrong_digit},,,\n"
        f"{other_issuer},,,\n"
        f"{iccid(2)},5029912345,,\n"
        f"{iccid(3)},502120000000001,,\n"
        f"{iccid(4)},,plastic,\n"
        f"{iccid(5)},,physical,{CODE}\n"
        f"{iccid(6)},,,1$nowhere${SECRET}\n"
        ",,,\n"
        f",502990000000009,,\n"
        f"{iccid(7)},,\n"
        f"{iccid(8)},502990000000001,,\n"
    )

    result, refused = await bring(content)

    assert (result.created, result.refused) == (1, 10)
    assert [(row.line, row.column, row.code) for row in refused] == [
        (3, "iccid", "field_malformed"),
        (4, "iccid", "field_malformed"),
        (5, "imsi", "field_malformed"),
        (6, "imsi", "field_malformed"),
        (7, "kind", "field_malformed"),
        (8, "kind", "field_malformed"),
        (9, "activation_code", "field_malformed"),
        (11, "iccid", "field_missing"),
        (12, "", "row_malformed"),
        (13, "imsi", "imsi_in_use"),
    ]
    assert not [row for row in refused if SECRET in row.reason or "5029" in row.reason]


async def test_a_row_that_says_otherwise_is_refused(bring: Bring) -> None:
    await bring(f"{HEADER}{iccid(1)},,,{CODE}\n")

    result, refused = await bring(
        f"{HEADER}{iccid(1)},,,{CODE}9\n{iccid(2)},,,\n{iccid(2)},,,\n{iccid(2)},,esim,\n"
    )

    assert (result.created, result.unchanged, result.refused) == (1, 1, 2)
    assert [(row.line, row.code) for row in refused] == [(2, "sim_differs"), (5, "sim_differs")]


@pytest.mark.parametrize("option", ["dry_run", "all_or_nothing"])
async def test_what_is_only_tried_leaves_nothing_and_counts_the_same(
    bring: Bring, database: Database, option: str
) -> None:
    await bring(plain(1, 3))
    content = plain(1, 2_500) + f"{iccid(2)},,esim,\n{iccid(9_999)},502990000000004,,\n"

    tried, refused = await bring(content, **{option: True})

    assert (tried.created, tried.unchanged, tried.refused) == (2_497, 3, 2)
    assert [row.code for row in refused] == ["sim_differs", "imsi_in_use"]
    assert tried.is_written is False
    assert await count(database) == (3, 3)
    done, _ = await bring(content)
    assert (done.created, done.unchanged, done.refused) == (2_497, 3, 2)


async def test_a_good_file_is_imported_whole(bring: Bring, database: Database) -> None:
    result, _ = await bring(plain(1, 2_500), all_or_nothing=True)
    assert (result.created, result.is_written) == (2_500, True)
    assert await count(database) == (2_500, 2_500)
    assert await database.fetch_value("SELECT count(*) FROM audit") == 1


async def test_a_sim_that_came_with_its_line_is_completed(
    bring: Bring, database: Database, engine: Engine
) -> None:
    line_id = await add_line(engine, database, 60123456789, iccid=iccid(1))

    result, _ = await bring(f"{HEADER}{iccid(1)},502990000000001,,{CODE}\n")

    assert (result.created, result.refused) == (1, 0)
    sim = await read_sim(database, iccid(1))
    assert sim is not None
    assert (sim.state, sim.line_id, sim.imsi, sim.has_code) == (
        SimState.ASSIGNED,
        line_id,
        "502990000000001",
        True,
    )


async def test_the_file_again_changes_nothing_of_what_became_of_its_sims(
    bring: Bring, database: Database, engine: Engine
) -> None:
    content = f"{HEADER}{iccid(1)},502990000000001,,{CODE}\n"
    await bring(content)
    line_id = await add_line(engine, database, 60123456789, iccid=iccid(1))
    await database.execute("UPDATE sim SET state = 3, sealed = NULL")

    again, _ = await bring(content)

    assert (again.created, again.unchanged) == (0, 1)
    sim = await read_sim(database, iccid(1))
    assert sim is not None
    assert (sim.state, sim.line_id, sim.has_code) == (SimState.RETIRED, line_id, False)


async def test_an_import_needs_a_reason_and_a_header(bring: Bring) -> None:
    with pytest.raises(ReasonMissing):
        await bring(plain(1, 1), why=" ")
    with pytest.raises(FileRefused, match="iccid is missing"):
        await bring("imsi\n502990000000001\n")
    with pytest.raises(FileRefused, match="no column pin"):
        await bring("iccid,pin\n")


def test_a_sim_of_any_number_is_read_where_no_prefix_is_said(keys: Keys) -> None:
    reader = SimRowReader(("iccid", "imsi"), ("ICCID", "IMSI"), SimRowRules(keys=keys, now=NOW))
    sim = reader.read([" 8960 0000 0000 0000 007 ", "001010123456789"])
    assert (sim.iccid, sim.imsi) == ("8960000000000000007", "001010123456789")

"""Call records from a file: each charged once, at its time's rate, or refused and reported."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tambah.desks.charging import ChargingDesk
from tambah.desks.usage_import import import_usage
from tambah.domain.actor import Actor
from tambah.domain.charging_commands import UnitsGranted
from tambah.domain.charging_rule import SESSIONS_KEPT
from tambah.domain.refusals import ReasonMissing
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.importing import ImportRequest, ImportResult
from tambah.engine.importing.bad_rows import RefusedRow
from tambah.engine.keys import Keys
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tambah.store.views.usage import used_by_line
from tambah.web.site import Site
from tests.charging.nchf.conftest import ALICE, credit, free_micros, make_operator, make_rules
from tests.conftest import make_rules as usual_rules
from tests.engine.books import RM, add_line

WHO = Actor(who="cli:test", why="switch 1")
HEADER = "id,msisdn,service,to,began_at,units,network\n"


@pytest.fixture
def rules() -> Rules:
    """Return rules under which things are charged."""
    return make_rules(usual_rules())


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Keys) -> Site:
    """Return a site with Alice's line and RM1."""
    await add_line(engine, database, ALICE)
    site = Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=make_operator(keys),
        keys=keys,
        clock=Clock(),
        public_url="",
    )
    await credit(site, RM)
    return site


def ago(**told: int) -> str:
    """Return an instant so long ago."""
    return (datetime.now(UTC) - timedelta(**told)).isoformat()


async def bring(site: Site, path: Path, **changes: Any) -> tuple[ImportResult, list[RefusedRow]]:
    """Import a file; return what became of it and its bad rows."""
    bad: list[RefusedRow] = []
    request = ImportRequest(path=path, actor=WHO, on_refused=bad.append, **changes)
    desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
    done = await import_usage(site.database, desk, site.rules, request, datetime.now(UTC))
    return done, bad


def counts(done: ImportResult) -> tuple[int, int, int, bool]:
    """Return what was charged, was charged before, was refused, and whether it is so now."""
    return done.created, done.unchanged, done.refused, done.is_written


async def test_records_are_tried_charged_and_charged_once(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        f"{HEADER}a,0123456789,sms,60111111111,{ago(hours=1)},2,\n"
        f"b,0123456789,sms,60111111111,{ago(days=2)},1,\n"
        f"c,0123456789,sms,60111111111,{ago(hours=1)},100,\n"
        f"d,0199999999,sms,60111111111,{ago(hours=1)},1,\n"
        f"e,0123456789,sms,999111,{ago(hours=1)},1,\n"
        "\n"
        f"a,0123456789,sms,60111111111,{ago(hours=1)},2,\n"
    )
    tried, _ = await bring(site, path, dry_run=True)
    assert counts(tried) == (3, 0, 3, False)
    assert await free_micros(site) == RM

    done, bad = await bring(site, path)
    assert counts(done) == (2, 1, 3, True)
    assert [(one.line, one.code) for one in bad] == [
        (4, "credit_too_low"),
        (5, "number_unknown"),
        (6, "rate_unknown"),
    ]
    assert await free_micros(site) == RM - 450_000
    again, _ = await bring(site, path)
    assert counts(again) == (0, 3, 3, True)
    assert await free_micros(site) == RM - 450_000
    assert (await verify(site.database, full=True)).is_clean
    audited = await site.database.fetch_value(
        "SELECT count(*) FROM audit WHERE action = 'ImportUsage'"
    )
    assert audited == 2


async def test_a_record_has_the_rate_of_when_it_happened(site: Site, tmp_path: Path) -> None:
    here = site.rules.validity.zone
    yesterday = datetime.now(here) - timedelta(days=1)
    path = tmp_path / "calls.csv"
    rows = [
        f"{name},{ALICE},sms,6591111111,{yesterday.replace(hour=hour).isoformat()},1,"
        for name, hour in (("day", 12), ("night", 23))
    ]
    path.write_text(HEADER + "\n".join(rows))
    done, bad = await bring(site, path)
    assert (counts(done), bad) == ((2, 0, 0, True), [])
    assert await free_micros(site) == RM - 400_000 - 200_000
    line_id = await site.database.fetch_value("SELECT line_id FROM line WHERE msisdn = $1", ALICE)
    used = await used_by_line(site.database, line_id, None, 10)
    assert [one.began_at.astimezone(here).hour for one in used] == [23, 12]
    assert all(one.ended_at == one.began_at for one in used)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",0123456789,sms,601,{now},1,", "id"),
        ("a b,0123456789,sms,601,{now},1,", "id"),
        ("a,7,sms,601,{now},1,", "msisdn"),
        ("a,0123456789,fax,601,{now},1,", "service"),
        ("a,0123456789,sms,Bob,{now},1,", "to"),
        ("a,0123456789,sms,601,yesterday,1,", "began_at"),
        ("a,0123456789,sms,601,{later},1,", "began_at"),
        ("a,0123456789,sms,601,{old},1,", "began_at"),
        ("a,0123456789,sms,601,0001-01-01T00:00:00,1,", "began_at"),
        ("a,0123456789,sms,601,{now},0,", "units"),
        ("a,0123456789,sms,601,{now},1.5,", "units"),
        ("a,0123456789,data,,{now},9999999999999999,", "units"),
        ("a,0123456789,sms,601,{now},1,52", "network"),
        ("a,0123456789,sms,601,{now}", ""),
    ],
)
async def test_a_bad_row_is_reported_with_its_line(
    site: Site, tmp_path: Path, row: str, column: str
) -> None:
    path = tmp_path / "calls.csv"
    told = {
        "now": ago(),
        "later": ago(hours=-1),
        "old": ago(days=SESSIONS_KEPT.days, minutes=1),
    }
    path.write_text(HEADER + row.format(**told) + "\n")
    done, bad = await bring(site, path)
    assert (counts(done)[0], [(one.line, one.column) for one in bad]) == (0, [(2, column)])


async def test_all_or_nothing(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    good = f"a,{ALICE},sms,60111111111,{ago(hours=1)},1,\n"
    path.write_text(f"{HEADER}{good}b,7,sms,1,{ago()},1,\n")
    done, _ = await bring(site, path, all_or_nothing=True)
    assert counts(done)[2:] == (1, False)
    assert await free_micros(site) == RM
    path.write_text(HEADER + good)
    done, _ = await bring(site, path, all_or_nothing=True)
    assert counts(done)[2:] == (0, True)


async def test_a_reason_is_needed(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(HEADER)
    desk = ChargingDesk(site.engine, site.database, site.rules, site.clock)
    request = ImportRequest(path=path, actor=Actor(who="cli:test", why=" "))
    with pytest.raises(ReasonMissing):
        await import_usage(site.database, desk, site.rules, request, datetime.now(UTC))


class _Desk:
    """Charges nothing, at once: what is measured is the import itself."""

    async def asks(self, wishes: list[Any]) -> tuple[Any, ...]:
        return tuple(None for _ in wishes)

    async def submit(self, step: Any) -> UnitsGranted:
        return UnitsGranted(msisdn=step.msisdn, request_no=0, grants=(), free_micros=0)


async def test_a_large_file_takes_no_more_memory_than_a_small_one(
    site: Site, tmp_path: Path
) -> None:
    peaks: list[int] = []
    for rows in (2_000, 40_000):
        path = tmp_path / f"{rows}.csv"
        at = ago(hours=1)
        path.write_text(
            HEADER + "".join(f"{n},{ALICE},sms,60111111111,{at},1,\n" for n in range(rows))
        )
        request = ImportRequest(path=path, actor=WHO)
        tracemalloc.start()
        desk: Any = _Desk()
        done = await import_usage(site.database, desk, site.rules, request, datetime.now(UTC))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done.created == rows
    # The file is read in pieces of a megabyte; the larger one has three of them.
    assert peaks[1] < peaks[0] + 6 * 2**20

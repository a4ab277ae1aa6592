"""Rules that are renewed while an engine runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tambah.domain.actor import Actor
from tambah.domain.commands import ImportLine
from tambah.domain.rules import Rules
from tambah.domain.tariff import TariffBook
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.tariffs import TariffRequest, TariffSource, load_tariff
from tambah.jobs.renewing import Renewal
from tambah.store.database import Database

SHEET = "service,destination,price,class\nvoice,60,0.15,domestic\n"


async def bring(database: Database, path: Path, price: str) -> None:
    """Load a sheet with that price, from now on."""
    path.write_text(SHEET.replace("0.15", price), encoding="utf-8")
    request = TariffRequest(
        path=path,
        tariff="standard",
        actor=Actor(who="cli:test", why="test"),
        now=datetime.now(UTC),
    )
    await load_tariff(database, request)


async def test_a_loaded_sheet_is_taken_at_the_next_look(
    database: Database, engine: Engine, tmp_path: Path
) -> None:
    engine.renew(replace(engine.rules, tariffs=TariffBook(plans={"tourist": "visitors"})))
    renewal = Renewal(engine, [TariffSource(database, Clock())])

    assert await renewal.look()
    assert not await renewal.look()
    await bring(database, tmp_path / "rates.csv", "0.15")
    assert await renewal.look()
    first = engine.rules.tariffs
    await bring(database, tmp_path / "rates.csv", "0.20")
    assert await renewal.look()

    second = engine.rules.tariffs
    assert [len(first.sheets["standard"]), len(second.sheets["standard"])] == [1, 2]
    # What is built already is not built again.
    assert second.sheets["standard"][0] is first.sheets["standard"][0]
    assert second.tariff_of("tourist") == "visitors"


async def test_a_sheet_that_was_replaced_long_ago_is_let_go(
    database: Database, engine: Engine, tmp_path: Path
) -> None:
    await bring(database, tmp_path / "rates.csv", "0.15")
    await bring(database, tmp_path / "rates.csv", "0.20")
    later = Clock(offset=timedelta(days=100))

    await Renewal(engine, [TariffSource(database, later)]).look()

    assert [sheet.sheet_id for sheet in engine.rules.tariffs.sheets["standard"]] == [2]


async def test_the_next_batch_is_decided_by_the_new_rules(engine: Engine, rules: Rules) -> None:
    def line(msisdn: int) -> ImportLine:
        return ImportLine(
            caller="test",
            request_key=str(msisdn),
            msisdn=msisdn,
            line_id=msisdn % 1000,
            actor=Actor(who="cli:test", why="test"),
        )

    renewed = replace(rules, most_credit_micros=1)
    engine.renew(renewed)

    assert engine.rules is renewed
    assert all(lane._rules is renewed for lane in engine._lanes)  # noqa: SLF001

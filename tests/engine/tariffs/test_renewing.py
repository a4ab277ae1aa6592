"""Rules that are renewed while an engine runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import TopUp
from tambah.domain.refusals import BalanceTooHigh
from tambah.domain.tariff import TariffBook
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.tariffs import TariffRequest, TariffSource, load_tariff
from tambah.jobs.renewing import Renewal
from tambah.store.database import Database
from tests.engine.books import RM, add_line, add_partner

ALICE = 60123456789
SHEET = "service,destination,price,class\nvoice,60,0.15,domestic\n"


async def bring(database: Database, path: Path, price: str) -> None:
    """Load a sheet with that price, from now on."""
    content = SHEET.replace("0.15", price)
    await asyncio.to_thread(path.write_text, content, encoding="utf-8")
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


async def test_the_next_batch_is_decided_by_the_new_rules(
    engine: Engine, database: Database
) -> None:
    partner_id = await add_partner(database)
    await add_line(engine, database, ALICE)

    def top_up(key: str) -> TopUp:
        return TopUp(
            caller="test",
            request_key=key,
            msisdn=ALICE,
            partner_id=partner_id,
            amount_micros=10 * RM,
            reference=key,
        )

    await engine.submit(top_up("one"))
    engine.renew(replace(engine.rules, most_credit_micros=15 * RM))

    with pytest.raises(BalanceTooHigh):
        await engine.submit(top_up("two"))
    engine.renew(replace(engine.rules, most_credit_micros=20 * RM))
    assert (await engine.submit(top_up("three"))).balance_micros == 20 * RM

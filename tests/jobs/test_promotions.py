"""A promotion that was agreed to elsewhere is noticed, also after the database was away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tambah.domain.promotion import Promotion
from tambah.domain.rules import Rules
from tambah.engine.live_promotions import LivePromotions
from tambah.jobs import promotions
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.promotions import insert_version

SOON = Promotion(name="soon", since=datetime(2020, 1, 1, tzinfo=UTC), extra_days=1)


class Unsteady(LivePromotions):
    """Loses its connection and breaks, once each, before it reads."""

    troubles: list[Exception]

    async def refresh(self) -> None:
        """Raise what is left of the troubles, then read."""
        if self.troubles:
            raise self.troubles.pop()
        await super().refresh()


async def test_new_promotions_are_followed_over_every_trouble(
    database: Database, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotions, "LOOK_SECONDS", 0.001)
    told: asyncio.Queue[Rules] = asyncio.Queue()
    live = Unsteady(database, rules, told.put_nowait)
    live.troubles = [RuntimeError("a bug"), CONNECTION_LOST[0]()]
    task = asyncio.create_task(promotions.follow_promotions_for_ever(live))
    connection = await database.connect_writer()
    await insert_version(connection, SOON, 1, 1, datetime.now(UTC))
    await connection.close()

    now = await told.get()

    assert now.promotions == live.promotions == (*rules.promotions, SOON)
    assert live.troubles == []
    task.cancel()

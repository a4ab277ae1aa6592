"""A promotion that was agreed to elsewhere is noticed, also after the database was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from datetime import UTC, datetime

import pytest

from tambah.domain.promotion import Promotion
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.live_promotions import PromotionSource
from tambah.jobs import renewing
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.promotions import insert_version

SOON = Promotion(name="soon", since=datetime(2020, 1, 1, tzinfo=UTC), extra_days=1)


async def looks() -> AsyncIterator[None]:
    """Let others work, again and again."""
    while True:
        await asyncio.sleep(0.001)
        yield


class Unsteady(PromotionSource):
    """Loses its connection and breaks, once each, before it reads."""

    troubles: list[Exception]

    async def version(self) -> Hashable:
        """Raise what is left of the troubles, then read."""
        if self.troubles:
            raise self.troubles.pop()
        return await super().version()


async def test_new_promotions_are_followed_over_every_trouble(
    engine: Engine, database: Database, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "RENEW_SECONDS", 0.001)
    source = Unsteady(database, rules)
    source.troubles = [RuntimeError("a bug"), CONNECTION_LOST[0]()]
    task = asyncio.create_task(renewing.Renewal(engine, [source]).run())
    connection = await database.connect_writer()
    await insert_version(connection, SOON, 1, 1, datetime.now(UTC))
    await connection.close()

    async for _ in looks():
        if engine.rules.promotions:
            break

    assert engine.rules.promotions == (*rules.promotions, SOON)
    assert source.troubles == []
    task.cancel()

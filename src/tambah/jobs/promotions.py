"""Notice within a second that a promotion was agreed to or ended, in whatever process."""

from __future__ import annotations

import asyncio

import structlog

from tambah.engine.live_promotions import LivePromotions
from tambah.store.database import CONNECTION_LOST

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


async def follow_promotions_for_ever(live: LivePromotions) -> None:
    """Take up new promotions until cancelled; while the database is away, keep those there are."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await live.refresh()
        except CONNECTION_LOST as lost:
            log.warning("promotions not read", reason=type(lost).__name__)
        except Exception as bug:
            log.error("promotions not read", exc_info=bug)

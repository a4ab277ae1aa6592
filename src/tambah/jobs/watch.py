"""Notice within a second that the database is away, also when nobody wants to write."""

from __future__ import annotations

import asyncio

import structlog

from tambah.store.database import CONNECTION_LOST, Database

log = structlog.get_logger(__name__)

WATCH_SECONDS = 1.0


async def watch_for_ever(database: Database) -> None:
    """Ask the database for a sign of life; have an embedded one started again. Until cancelled.

    Pages only read, and a reader that fails says so to its caller: without this a dead embedded
    server would stay away until the next top-up.
    """
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await database.fetch_value("SELECT 1")
        except CONNECTION_LOST as lost:
            log.warning("database away", reason=type(lost).__name__)
            await database.revive()
        except Exception as bug:
            log.error("watch failed", exc_info=bug)

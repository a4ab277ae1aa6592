"""Sessions that were not heard of again: closed by the clock with what they reported."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from tambah.domain.charging_commands import CloseSession
from tambah.domain.refusals import Refusal
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.views.usage import overdue_sessions

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
PAGE = 1000
_AT_ONCE = 200


async def close_overdue(
    engine: Engine, database: Database, now: datetime, *, page: int = PAGE
) -> int:
    """Close every open session whose time is up; return how many.

    Each is closed by a command of its own, which looks again: one that went on meanwhile stays
    open. Two at a time, or one that is killed, change nothing more.
    """
    closed = 0
    while True:
        due = await overdue_sessions(database, now, page)
        done = 0
        for start in range(0, len(due), _AT_ONCE):
            part = due[start : start + _AT_ONCE]
            done += sum(await asyncio.gather(*(_close(engine, *one) for one in part)))
        closed += done
        # What could not be closed now would only be met again.
        if len(due) < page or done == 0:
            return closed


async def close_overdue_for_ever(engine: Engine, database: Database, clock: Clock) -> None:
    """Look for sessions whose time is up every few seconds, until cancelled."""
    while True:
        try:
            await close_overdue(engine, database, clock.now())
        except (*CONNECTION_LOST, *RETRYABLE) as lost:
            log.warning("closing of sessions put off", reason=type(lost).__name__)
        except Exception as bug:
            log.error("closing of sessions failed", exc_info=bug)
        await asyncio.sleep(LOOK_SECONDS)


async def _close(engine: Engine, line_id: int, session: bytes) -> bool:
    try:
        return (await engine.submit(CloseSession(line_id=line_id, session=session))).closed
    except Refusal as refusal:
        log.info("session not closed", code=refusal.code)
        return False

"""The sweep: has lines that are due brought to the present. The truth never waits for it."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from tambah.domain.commands import AgeLine
from tambah.domain.refusals import Refusal
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.views.due import due_lines

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 60.0
PAGE = 20_000
_AT_ONCE = 200


async def sweep_once(
    engine: Engine, database: Database, now: datetime, *, page: int = PAGE
) -> int:
    """Age every line that is due, page by page; return how many.

    Running it twice, or two at a time, changes nothing more. Each line is aged by a command of
    its own, so what a sweep that is killed has done stays done, and the next one does the rest.
    """
    count = 0
    after: tuple[datetime, int] | None = None
    while True:
        due = await due_lines(database, now, after=after, limit=page)
        for start in range(0, len(due), _AT_ONCE):
            part = due[start : start + _AT_ONCE]
            await asyncio.gather(*(_age(engine, line.msisdn) for line in part))
        count += len(due)
        if len(due) < page:
            return count
        after = (due[-1].due_at, due[-1].line_id)


async def sweep_for_ever(engine: Engine, database: Database, clock: Clock) -> None:
    """Sweep every minute until cancelled."""
    while True:
        try:
            await sweep_once(engine, database, clock.now())
        except (*CONNECTION_LOST, *RETRYABLE) as lost:
            log.warning("sweep put off", reason=type(lost).__name__)
        except Exception as bug:
            log.error("sweep failed", exc_info=bug)
        await asyncio.sleep(SWEEP_SECONDS)


async def _age(engine: Engine, msisdn: int) -> None:
    try:
        await engine.submit(AgeLine(msisdn=msisdn))
    except Refusal as refusal:
        log.info("line not aged", code=refusal.code)

"""The sweep: has lines that are due brought to the present. The truth never waits for it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from tambah.domain.commands import AgeLine
from tambah.domain.line import LifeRule
from tambah.domain.refusals import Refusal
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.views.due import due_lines

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 60.0
_AT_ONCE = 200


async def sweep_once(engine: Engine, database: Database, life: LifeRule, now: datetime) -> int:
    """Age every line that is due; return how many. Running it twice changes nothing more."""
    msisdns = await due_lines(
        database,
        now,
        expired_for=timedelta(days=life.reactivation_days),
        quarantined_for=timedelta(days=life.quarantine_days),
    )
    for start in range(0, len(msisdns), _AT_ONCE):
        part = msisdns[start : start + _AT_ONCE]
        await asyncio.gather(*(_age(engine, msisdn) for msisdn in part))
    return len(msisdns)


async def sweep_for_ever(engine: Engine, database: Database, life: LifeRule, clock: Clock) -> None:
    """Sweep every minute until cancelled."""
    while True:
        try:
            await sweep_once(engine, database, life, clock.now())
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

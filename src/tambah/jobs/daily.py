"""Once a day: close the books, so that the next proof goes on from there; forget what is old."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from tambah.domain.charging_rule import SESSIONS_KEPT
from tambah.engine.clock import Clock
from tambah.engine.verifying import close_books
from tambah.store.database import Database
from tambah.store.look_ups import prune_look_ups
from tambah.store.pruning import (
    prune_attempts,
    prune_conversations,
    prune_inbound_sms,
    prune_requests,
    prune_reservations,
    prune_sms_refs,
)
from tambah.store.sellers import prune_seller_sessions
from tambah.store.sessions import prune_sign_ins
from tambah.store.staff_sessions import prune_staff_sessions
from tambah.store.views.closings import last_closing

log = structlog.get_logger(__name__)

LOOK_SECONDS = 900.0
_A_DAY = timedelta(days=1)
_REQUESTS_KEPT = timedelta(days=400)
_ATTEMPTS_KEPT = timedelta(days=7)
_SMS_REFS_KEPT = timedelta(days=30)  # the longest that an SMSC tries for, and more


async def do_daily(database: Database, now: datetime) -> bool:
    """Do the day's work if it is due; say whether it was.

    The books are closed only when they are proved; what disagrees is logged and stays open, and
    `tambah verify` names it.
    """
    closed_at = await last_closing(database)
    if closed_at is not None and now - closed_at < _A_DAY:
        return False
    closed = await close_books(database)
    if closed.closed_at is None:
        log.error("books not closed", findings=len(closed.verdict.findings))
    forgotten = await prune_requests(database, now - _REQUESTS_KEPT)
    forgotten += await prune_attempts(database, now - _ATTEMPTS_KEPT)
    forgotten += await prune_sms_refs(database, now - _SMS_REFS_KEPT)
    forgotten += await prune_reservations(database, now - SESSIONS_KEPT)
    forgotten += await prune_look_ups(database, now - 2 * _A_DAY)  # budgets of a day
    forgotten += await prune_sign_ins(database, now - _A_DAY)
    forgotten += await prune_staff_sessions(database, now - _A_DAY)
    forgotten += await prune_seller_sessions(database, now - _A_DAY)
    forgotten += await prune_conversations(database, now - _A_DAY)
    forgotten += await prune_inbound_sms(database, now - _A_DAY)
    log.info("daily work done", forgotten=forgotten)
    return True


async def daily_for_ever(database: Database, clock: Clock) -> None:
    """Look every quarter of an hour whether the day's work is due, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await do_daily(database, clock.now())
        except Exception as bug:
            log.error("daily work failed", exc_info=bug)

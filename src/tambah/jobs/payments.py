"""The poller: asks providers about payments nobody spoke of, and sends refunds until they went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta

import structlog

from tambah.domain.refusals import Refusal
from tambah.engine.clock import Clock
from tambah.payments.desk import PaymentDesk
from tambah.store.database import CONNECTION_LOST, RETRYABLE, Database
from tambah.store.payment_queue import claim_due_payments, claim_due_refunds

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0
_AT_ONCE = 20
_LEASE = timedelta(seconds=15)


async def poll_once(desk: PaymentDesk, database: Database, clock: Clock) -> int:
    """See to everything that is due; return how many things that were."""
    now = clock.now()
    payments = await claim_due_payments(database, now, _LEASE, _AT_ONCE)
    refunds = await claim_due_refunds(database, now, _LEASE, _AT_ONCE)
    await _all(
        [
            *(desk.look(line_id, no) for line_id, no in payments),
            *(desk.send_refund(line_id, no, ref, tries) for line_id, no, ref, tries in refunds),
        ]
    )
    return len(payments) + len(refunds)


async def poll_for_ever(desk: PaymentDesk, database: Database, clock: Clock) -> None:
    """Poll every two seconds, and at once again while there is more, until cancelled."""
    while True:
        done = 0
        try:
            done = await poll_once(desk, database, clock)
        except (*CONNECTION_LOST, *RETRYABLE) as lost:
            log.warning("poll put off", reason=type(lost).__name__)
        except Exception as bug:
            log.error("poll failed", exc_info=bug)
        if done < _AT_ONCE:
            await asyncio.sleep(POLL_SECONDS)


async def _all(tasks: Sequence[Awaitable[object]]) -> None:
    """Wait for all; one that fails is logged, and due again when its lease ends."""
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Refusal):
            log.info("payment put off", code=outcome.code)
        elif isinstance(outcome, Exception):
            log.error("payment not seen to", exc_info=outcome)

"""The inbox's worker: processes what providers told us, woken by it and every second."""

from __future__ import annotations

import asyncio

import structlog

from tambah.payments.desk import PaymentDesk
from tambah.store.database import CONNECTION_LOST, RETRYABLE

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0


class InboxWorker:
    """Processes events until cancelled; `wake` has it look at once."""

    def __init__(self, desk: PaymentDesk) -> None:
        self._desk = desk
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that something was stored."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            done = 0
            try:
                self._woken.clear()
                done = await self._desk.work()
            except (*CONNECTION_LOST, *RETRYABLE) as lost:
                log.warning("inbox put off", reason=type(lost).__name__)
            except Exception as bug:
                log.error("inbox failed", exc_info=bug)
            if not done:
                look_again = asyncio.get_running_loop().call_later(POLL_SECONDS, self._woken.set)
                await self._woken.wait()
                look_again.cancel()

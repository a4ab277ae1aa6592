"""What two people agreed on and nobody finished: batches of cards, and what a crash left."""

from __future__ import annotations

import asyncio

import structlog

from tambah.engine.approving import Means, carry_out_all

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0


async def carry_out_for_ever(means: Means) -> None:
    """Look every two seconds for what was agreed to and not done, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await carry_out_all(means)
        except Exception as bug:
            log.error("requests not carried out", exc_info=bug)

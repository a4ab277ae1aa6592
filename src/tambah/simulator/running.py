"""Running a day: every act when its time comes, so many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tambah.simulator.day import HOUR_SECONDS, HOURS, Act
from tambah.simulator.report import Done, Report


class Network(Protocol):
    """What does acts."""

    async def do(self, act: Act, name: str) -> Done:
        """Do an act; return what came of it. name: the act's own, within this run."""
        ...


async def run_day(
    network: Network,
    acts: Sequence[Act],
    *,
    minutes: float,
    at_once: int,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """Do everything of a day, which is pressed into so many minutes; 0 for as fast as it goes.

    at_once: acts under way side by side; what does not fit waits, as callers do.
    """
    report, began = Report(), time.monotonic()
    gate = asyncio.Semaphore(at_once)
    pace = minutes * 60 / (HOURS * HOUR_SECONDS)
    done = 0

    async def one(number: int, act: Act) -> None:
        nonlocal done
        try:
            report.add(await network.do(act, str(number)))
        finally:
            gate.release()
        done += 1
        if progress:
            progress(done, len(acts))

    async with asyncio.TaskGroup() as tasks:
        for number, act in enumerate(acts):
            wait = began + act.second * pace - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await gate.acquire()
            tasks.create_task(one(number, act))
    return report

"""Kill after kill on one database under load, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from .house import House, make_codes
from .load import Callers, Ledger
from .proof import Before, Counts, check_finally, check_now, look_before, prove_books
from .secrets import find_secrets, readable

SERVER, BOTH, POSTGRES, BACKEND = "server", "server and postgres", "postgres", "backend"
KINDS = {SERVER: 7, BOTH: 2, POSTGRES: 5, BACKEND: 6}
CALLERS = 16
CODES_FOR_EACH_KILL = 80
BOUND_SECONDS = 30.0
_UNTIL_NEXT_SECONDS = (0.2, 1.2)
_EARLY_SECONDS = (0.05, 1.5)
_EARLY = 0.4
# A request that was begun just before PostgreSQL noticed the kill is no sign of life.
_NOTICING_SECONDS = 0.02
_DRAIN_SECONDS = 60.0
_KILLS_FOR_EACH_CLOSING = 10

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill. after: seconds of service before it; early: it comes before there is any."""

    kind: str
    after: float
    early: bool


@dataclass(slots=True)
class Result:
    """What came of a campaign. back: seconds until the next credit, by kind of kill."""

    seed: int
    kills: list[Kill] = field(default_factory=list[Kill])
    back: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    ledger: Ledger = field(default_factory=Ledger)
    counts: Counts | None = None
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Say whether everything held."""
        return self.counts is not None and not self.ledger.violations


def plan(count: int, seed: int) -> list[Kill]:
    """Draw the kills: of each twenty, as many of each kind as KINDS says, in any order."""
    rng = Random(seed)
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += rng.sample(list(KINDS), counts=list(KINDS.values()), k=sum(KINDS.values()))
    kills: list[Kill] = []
    for kind in kinds[:count]:
        # Only a server that is starting can be met before it serves.
        both_start = bool(kills) and {kind, kills[-1].kind} <= {SERVER, BOTH}
        early = both_start and rng.random() < _EARLY
        after = rng.uniform(*(_EARLY_SECONDS if early else _UNTIL_NEXT_SECONDS))
        kills.append(Kill(kind=kind, after=after, early=early))
    return kills


async def run(count: int, seed: int, say: Say, *, callers: int = CALLERS) -> Result:
    """Make a demo in a folder of its own, load it, kill `count` times, prove the books."""
    folder = Path(tempfile.mkdtemp(prefix="tambah-faults-"))
    house = House(folder / "data", folder / "server.log")
    began = time.monotonic()
    keep = False
    try:
        house.start()
        await house.wait_ready()
        result = await Campaign(house, seed, say).run(plan(count, seed), callers)
        result.seconds = time.monotonic() - began
        keep = not result.is_clean
        return result
    except BaseException:
        keep = True
        raise
    finally:
        house.stop()
        if keep:
            say(f"what is left lies in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


class Campaign:
    """One campaign on one database."""

    def __init__(self, house: House, seed: int, say: Say) -> None:
        self._house = house
        self._say = say
        self._rng = Random(f"victims {seed}")
        self._result = Result(seed)
        self._checked = 0

    async def run(self, kills: list[Kill], callers: int) -> Result:
        """Inflict the kills one after another, checking after each."""
        house, result = self._house, self._result
        demo = house.demo()
        codes = await make_codes(house, CODES_FOR_EACH_KILL * len(kills))
        spare = list(codes)
        msisdns = [line.msisdn for line in demo.lines if line.state == "active"]
        before = await look_before(house, msisdns)
        calling = Callers(house.port, demo.api_key, msisdns, spare, result.seed)
        result.ledger = calling.ledger
        calling.start(callers)
        for place, kill in enumerate(kills):
            is_last = place + 1 == len(kills)
            await self._inflict(kill)
            if is_last or not kills[place + 1].early:
                await self._await_service(kill)
                await self._check()
            self._report(place + 1, len(kills))
        await calling.stop(_DRAIN_SECONDS)
        await self._finish(before, [*codes, *demo.codes], demo.api_key)
        return result

    async def _inflict(self, kill: Kill) -> None:
        await asyncio.sleep(kill.after)
        house = self._house
        self._killed_at = time.monotonic()
        if kill.kind == POSTGRES:
            await self._kill_pid(house.postmaster)
        elif kill.kind == BACKEND:
            await self._kill_pid(lambda: house.backend(self._rng))
        else:
            if kill.kind == BOTH and (postmaster := house.postmaster()):
                _kill(postmaster)
            house.kill()
            house.start()
        self._result.kills.append(kill)

    async def _kill_pid(self, find: Callable[[], int | None]) -> None:
        """Kill what is found as soon as there is one."""
        deadline = time.monotonic() + BOUND_SECONDS
        while (pid := find()) is None:
            assert time.monotonic() < deadline, "there is no PostgreSQL to kill"
            await asyncio.sleep(0.01)
        self._killed_at = time.monotonic()
        _kill(pid)

    async def _await_service(self, kill: Kill) -> None:
        """Wait for a credit that was asked for after the kill; note how long it took."""
        fresh = self._result.ledger.fresh_at
        since = self._killed_at + _NOTICING_SECONDS
        seen = len(fresh)
        while True:
            for begun, at in fresh[max(0, seen - CALLERS) :]:
                if begun >= since:
                    self._result.back.setdefault(kill.kind, []).append(at - self._killed_at)
                    return
            seen = len(fresh)
            waited = time.monotonic() - self._killed_at
            if waited > BOUND_SECONDS:
                self._result.ledger.complain(
                    f"not back {BOUND_SECONDS:.0f} s after kill {len(self._result.kills)}"
                    f" ({kill.kind}); the server is"
                    f" {'up' if self._house.is_alive() else 'down'}"
                )
                raise NotBack(self._house.said())
            await asyncio.sleep(0.01)

    async def _check(self) -> None:
        """Check what was acknowledged since the last check, and have the product prove it."""
        ledger = self._result.ledger
        self._checked += await check_now(self._house, ledger, self._checked)
        closes = len(self._result.kills) % _KILLS_FOR_EACH_CLOSING == 0
        await prove_books(self._house, ledger, closes=closes)

    def _report(self, done: int, of: int) -> None:
        if done % 10 == 0 or done == of:
            ledger = self._result.ledger
            self._say(
                f"{done}/{of} kills, {len(ledger.credits)} credits,"
                f" {ledger.asked_again} asked again, {len(ledger.violations)} violations"
            )

    async def _finish(self, before: Before, codes: list[str], api_key: str) -> None:
        house, ledger = self._house, self._result.ledger
        await self._check()
        await prove_books(house, ledger, full=True)
        self._result.counts = await check_finally(house, ledger, before)
        ledger.violations += find_secrets(readable(house), codes, [api_key])
        if not house.is_alive():
            ledger.complain("the server ended by itself")
        if (status := house.stop()) != 0:
            ledger.complain(f"told to stop, the server ended with status {status}")


class NotBack(Exception):
    """The service did not come back; the text is the last that the server said."""


def table(result: Result) -> str:
    """Return what came of it, as a table and a last line."""
    lines = [f"{'killed':<22}{'times':>6}{'median':>9}{'max':>9}"]
    for kind in KINDS:
        times = sum(kill.kind == kind for kill in result.kills)
        back = result.back.get(kind, [])
        median = f"{statistics.median(back):.2f} s" if back else "-"
        most = f"{max(back):.2f} s" if back else "-"
        lines.append(f"{kind:<22}{times:>6}{median:>9}{most:>9}")
    ledger, counts = result.ledger, result.counts
    early = sum(kill.early for kill in result.kills)
    lines.append(f"of them before the server was up again: {early}")
    lines.append(
        f"asked again under the same key {ledger.asked_again} times, after an answer"
        f" {ledger.repeats} times"
    )
    answers = sorted(ledger.answers.items())
    lines.append("answers: " + ", ".join(f"{name} {times}" for name, times in answers))
    if counts:
        lines.append(
            f"messages {counts.messages}, told twice {counts.told_twice},"
            f" put off by a kill until later {counts.brought_forward}"
        )
    lines += [f"VIOLATION: {text}" for text in ledger.violations[:30]]
    return "\n".join([*lines, summary(result)])


def summary(result: Result) -> str:
    """Return the result in a sentence."""
    kinds = [kill.kind for kill in result.kills]
    back = [seconds for times in result.back.values() for seconds in times] or [0.0]
    counts = result.counts
    told = "the books could not be compared"
    if counts:
        told = f"acknowledged {counts.acknowledged}, lost {counts.lost}, doubled {counts.doubled}"
    servers = kinds.count(SERVER) + kinds.count(BOTH)
    return (
        f"{len(kinds)} kills: server {servers}, postgres {kinds.count(POSTGRES)},"
        f" backends {kinds.count(BACKEND)}; {told};"
        f" back in {statistics.median(back):.2f}/{max(back):.2f} s (median/max)"
    )


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

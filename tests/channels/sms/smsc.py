"""An SMSC of somebody else's making (npm's `smpp`) as a process of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "channels" / "smsc" / "smsc.js"
PASSWORD = "hush"


@functools.cache
def find_smsc() -> tuple[str, str] | None:
    """Return node and the modules' folder, setting them up the first time; None without them."""
    done = subprocess.run(
        [ROOT / "tools" / "setup-smsc"], capture_output=True, text=True, check=False, timeout=240
    )
    if done.returncode != 0:
        print(f"\n*** NO SMSC: {done.stderr.strip()}\n")
        return None
    node, modules = done.stdout.split()
    return node, modules


def need_smsc() -> tuple[str, str]:
    found = find_smsc()
    if found is None:
        warnings.warn("no SMSC: node or npm's `smpp` cannot be had", pytest.PytestWarning, 2)
        pytest.skip("NO SMSC: node or npm's `smpp` cannot be had; see tools/setup-smsc")
    return found


class Smsc:
    """The process. `port` stays the same when it is started again."""

    def __init__(self, store: Path, **options: object) -> None:
        self.node, self.modules = need_smsc()
        self.store = store
        self.options = options
        self.port = 0
        self.events: list[dict[str, Any]] = []
        self._told = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> Smsc:
        options = {**self.options, "port": self.port, "password": PASSWORD}
        self._process = await asyncio.create_subprocess_exec(
            self.node,
            str(SCRIPT),
            str(self.store),
            json.dumps(options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "SMSC_MODULES": self.modules},
        )
        self._reading = asyncio.create_task(self._read(self._process.stdout))
        before = len(self.events)
        self.port = (await self.wait(lambda event: "port" in event, since=before))["port"]
        return self

    async def _read(self, stdout: Any) -> None:
        while line := await stdout.readline():
            async with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()

    async def wait(
        self, wanted: Callable[[dict[str, Any]], bool], *, since: int = 0
    ) -> dict[str, Any]:
        """Return the first event that is wanted, which may have been told already."""

        def found() -> dict[str, Any] | None:
            return next((event for event in self.events[since:] if wanted(event)), None)

        async with asyncio.timeout(20), self._told:
            await self._told.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    async def do(self, what: str, **command: object) -> None:
        """Give a command and wait until it was heard."""
        assert self._process is not None
        assert self._process.stdin is not None
        before = len(self.events)
        self._process.stdin.write(json.dumps({"do": what, **command}).encode() + b"\n")
        await self.wait(lambda event: event.get("done") == what, since=before)

    async def deliver(self, mark: str, **pdu: object) -> int:
        """Deliver a message to us; return the status that it was answered with."""
        before = len(self.events)
        await self.do("deliver", mark=mark, pdu=pdu)
        told = await self.wait(lambda event: event.get("delivered") == mark, since=before)
        return told["status"]

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()
        if self._reading is not None:
            await self._reading

    def stored(self) -> list[dict[str, Any]]:
        """Return every submit that it took, in order."""
        if not self.store.exists():
            return []
        return [json.loads(line) for line in self.store.read_text().splitlines()]

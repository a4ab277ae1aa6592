"""Whole top-up calls at the AGI socket: the hotline here, its callers in another process."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tambah.app import spare_collector
from tambah.channels.attendant import Attendant, Door
from tambah.channels.ivr.agi import AgiServer
from tambah.channels.ivr.agi_call import AgiCalls
from tambah.channels.ivr.prompts import Prompts
from tambah.channels.ivr.speech import PromptSpeech
from tambah.channels.talk import Medium
from tambah.config import read_operator
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.operator import operator_rules
from tambah.i18n import LANGUAGES
from tambah.i18n.spoken.clips import every_clip
from tambah.store.database import Database
from tambah.web.site import Site

from .engine_runs import OPERATOR
from .ground import FIRST_NUMBER, Ground


@dataclass(frozen=True)
class Calls:
    """How calls went. cpu_ms: of the hotline's process, for each."""

    rate: float
    p50_ms: float
    commands: float
    cpu_ms: float


async def top_up_calls(ground: Ground, at_once: int, codes: list[str], first: int) -> Calls:
    """Make a call for each code, so many at once; each chooses a language and redeems its code.

    first: the line of the first call; each has a line of its own, so that all are first calls.
    """
    site = await open_site(ground)
    await site.engine.start()
    with tempfile.TemporaryDirectory(prefix="tambah-bench-prompts-") as folder:
        prompts = Prompts(recordings=None, drafts=Path(folder))
        _draft_silently(prompts)
        door = Door(name="hotline", caller="hotline", medium=Medium.VOICE, trusted=True)
        speech = PromptSpeech(prompts, site.rules.validity.zone)
        server = AgiServer(AgiCalls(door, Attendant(site), speech))
        await server.start("127.0.0.1", 0)
        spare_collector()
        calls = await _measured(server.port, at_once, codes, first)
        await server.stop()
    await site.engine.stop()
    await site.database.close()
    return calls


async def open_site(ground: Ground) -> Site:
    """Return a site on the ground's database, its engine not yet started."""
    database = Database(ground.dsn)
    await database.open(readers=8)
    operator = read_operator(OPERATOR)
    rules = operator_rules(operator)
    return Site(
        engine=Engine(database, rules=rules, keys=ground.keys, clock=Clock()),
        database=database,
        rules=rules,
        operator=operator,
        keys=ground.keys,
        clock=Clock(),
        public_url="http://127.0.0.1",
    )


def _draft_silently(prompts: Prompts) -> None:
    """Let every clip be there: nothing is played here."""
    for tag in LANGUAGES:
        for clip in every_clip(tag):
            path = prompts.draft_path(tag, clip)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


async def _measured(port: int, at_once: int, codes: list[str], first: int) -> Calls:
    callers = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.calling", str(port), str(at_once), str(first)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    before = time.process_time()
    said, _ = await callers.communicate("\n".join(codes).encode())
    cpu_ms = (time.process_time() - before) * 1000 / len(codes)
    told = json.loads(said)
    return Calls(told["rate"], told["p50_ms"], told["commands"], cpu_ms)


async def call_all(port: int, at_once: int, first: int, codes: list[str]) -> dict[str, float]:
    """Make the calls, as an Asterisk would whose callers hear every prompt out in no time."""
    waiting = list(enumerate(codes))
    seconds: list[float] = []
    commands = 0

    async def calls() -> None:
        nonlocal commands
        while waiting:
            place, code = waiting.pop()
            began = time.perf_counter()
            came = await _call(port, FIRST_NUMBER + first + place, f"11{code}1")
            commands += came
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(calls() for _ in range(at_once)))
    rate = len(codes) / (time.perf_counter() - began)
    middle = sorted(seconds)[len(seconds) // 2] * 1000
    return {"rate": rate, "p50_ms": middle, "commands": commands / len(codes)}


async def _call(port: int, msisdn: int, keys: str) -> int:
    """Make one call, key what is to be keyed, and hang up; return how many commands came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"agi_uniqueid: 1.0\nagi_callerid: %d\n\n" % msisdn)
    left, commands = list(keys), 0
    while line := await reader.readline():
        commands += 1
        if not line.startswith(b"WAIT FOR DIGIT"):
            writer.write(b"200 result=0 endpos=0\n")
        elif line.endswith(b'"100"\n'):  # only listens while the house works
            await asyncio.sleep(0.1)
            writer.write(b"200 result=0\n")
        elif left:
            writer.write(b"200 result=%d\n" % ord(left.pop(0)))
        else:
            writer.write(b"200 result=-1\nHANGUP\n")
            break
    writer.close()
    await writer.wait_closed()
    return commands


if __name__ == "__main__":
    told = uvloop.run(call_all(*map(int, sys.argv[1:4]), codes=sys.stdin.read().split()))
    print(json.dumps(told))

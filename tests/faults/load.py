"""Callers over HTTP who write down what they were promised, and never give up on a key."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from .wire import LOST, Answer, Wire

REDEEMING = 0.3
IMPATIENT = 0.03
REPEATING = 0.05
_THINK_SECONDS = 0.04
_PAUSE_SECONDS = (0.05, 0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One credit that a caller wants, under one key for as long as it takes.

    reference: of a top-up, "" for a code. path: where it is posted.
    """

    msisdn: str
    key: str
    path: str
    body: bytes = field(repr=False)
    reference: str = ""
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A credit that was acknowledged. Micro-ringgit; at: monotonic seconds."""

    wish: Wish
    topup_no: int
    receipt: str
    credited_micros: int
    bonus_micros: int
    at: float


@dataclass(slots=True)
class Ledger:
    """What all callers know. Everything asked for is in one of these."""

    credits: list[Credit] = field(default_factory=list[Credit])
    open: dict[str, Wish] = field(default_factory=dict[str, Wish])
    violations: list[str] = field(default_factory=list[str])
    asked_again: int = 0
    repeats: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    fresh_at: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """(begun, acknowledged) of requests that got their credit at the first try."""

    def complain(self, text: str) -> None:
        """Write down something that must not happen."""
        self.violations.append(text)


class Callers:
    """Some callers, each on a connection of its own."""

    def __init__(
        self, port: int, api_key: str, msisdns: list[str], codes: list[str], seed: int
    ) -> None:
        self.ledger = Ledger()
        self._port = port
        self._headers = {
            "authorization": f"Bearer {api_key}",
            "content-type": "application/json",
        }
        self._msisdns = msisdns
        self._codes = codes
        self._seed = seed
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, count: int) -> None:
        """Let them call."""
        self._tasks = [asyncio.create_task(self._call(number)) for number in range(count)]

    async def stop(self, seconds: float) -> None:
        """Have each get its last answer, then end. What is still open is a violation."""
        self._stopping = True
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                self.ledger.complain(f"a caller broke: {result!r}")
        for wish in self.ledger.open.values():
            self.ledger.complain(f"never answered: key {wish.key}, line {wish.msisdn}")

    async def _call(self, number: int) -> None:
        rng = Random(f"{self._seed}-{number}")
        wire = Wire(self._port)
        made = 0
        while not self._stopping:
            made += 1
            wish = self._wish(rng, f"{number}-{made}")
            await self._fulfil(wire, rng, wish)
            await asyncio.sleep(rng.uniform(0, 2 * _THINK_SECONDS))
        wire.drop()

    def _wish(self, rng: Random, name: str) -> Wish:
        msisdn = rng.choice(self._msisdns)
        if self._codes and rng.random() < REDEEMING:
            code = self._codes.pop()
            body = msgspec.json.encode({"code": code})
            path = f"/api/v1/lines/{msisdn}/redemptions"
            return Wish(msisdn=msisdn, key=f"r-{name}", path=path, body=body, code=code)
        reference = f"faults/{name}"
        amount = f"{rng.randint(1, 4)}.00"
        body = msgspec.json.encode({"amount": amount, "currency": "MYR", "reference": reference})
        path = f"/api/v1/lines/{msisdn}/topups"
        return Wish(msisdn=msisdn, key=f"t-{name}", path=path, body=body, reference=reference)

    async def _fulfil(self, wire: Wire, rng: Random, wish: Wish) -> None:
        """Ask under the same key until there is an answer; now and then ask once more."""
        ledger = self.ledger
        ledger.open[wish.key] = wish
        headers = {**self._headers, "idempotency-key": wish.key}
        if rng.random() < IMPATIENT:
            await self._hang_up(wire, rng, wish, headers)
        tries = 0
        while True:
            begun = time.monotonic()
            answer = await self._try(wire, wish, headers)
            if answer is not None:
                break
            tries += 1
            ledger.asked_again += 1
            await asyncio.sleep(rng.uniform(*_PAUSE_SECONDS))
        del ledger.open[wish.key]
        if answer.status != 201:
            ledger.complain(f"refused: key {wish.key}: {answer.status} {answer.code}")
            return
        credit = _credit(wish, answer)
        ledger.credits.append(credit)
        if tries == 0:
            ledger.fresh_at.append((begun, credit.at))
        if rng.random() < REPEATING:
            await self._repeat(wire, wish, headers, answer)

    async def _hang_up(self, wire: Wire, rng: Random, wish: Wish, headers: dict[str, str]) -> None:
        """Hang up before the answer: the repeat overtakes or meets the first in the queue."""
        self.ledger.answers["hung up"] += 1
        with contextlib.suppress(*LOST):
            await wire.send_and_leave(wish.path, headers, wish.body, rng.uniform(0, 0.01))

    async def _try(self, wire: Wire, wish: Wish, headers: dict[str, str]) -> Answer | None:
        """Return the answer, None when the outcome is unknown or it is too early."""
        try:
            answer = await wire.ask("POST", wish.path, headers, wish.body)
        except LOST:
            self.ledger.answers["lost"] += 1
            return None
        self.ledger.answers[str(answer.status)] += 1
        if answer.status == 500:
            # A database that is away is no bug: the promise is 503, "try again".
            self.ledger.complain(f"answered 500: key {wish.key}")
        return None if answer.status >= 500 or answer.status == 429 else answer

    async def _repeat(
        self, wire: Wire, wish: Wish, headers: dict[str, str], first: Answer
    ) -> None:
        again = await self._try(wire, wish, headers)
        if again is None:
            return
        self.ledger.repeats += 1
        if (again.status, again.body) != (first.status, first.body):
            self.ledger.complain(f"a repeat got another answer: key {wish.key}: {again.status}")


def _credit(wish: Wish, answer: Answer) -> Credit:
    body: dict[str, Any] = answer.json()
    return Credit(
        wish=wish,
        topup_no=body["topup_no"],
        receipt=body["receipt"],
        credited_micros=_micros(body["credited"]),
        bonus_micros=_micros(body["bonus"]),
        at=time.monotonic(),
    )


def _micros(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))

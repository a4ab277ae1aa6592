"""Steps of the dialogue a second: kept between requests as USSD's are, and the pure ones alone."""

from __future__ import annotations

import asyncio
import time
from itertools import count

from tambah.channels.attendant import Attendant, Call, Door
from tambah.channels.dialogue import Dialogue
from tambah.channels.sessions import Opened, Sessions
from tambah.channels.talk import Do, Keys, Medium, Opening, Standing
from tambah.domain.numbering import NumberPlan

from .calling import open_site
from .ground import FIRST_NUMBER, Ground

DOOR = Door(name="bench", caller="ussd", medium=Medium.SCREEN, trusted=True)
LINES = 10_000
_PURE_SECONDS = 1.0


async def kept_steps(ground: Ground, at_once: int, seconds: float) -> float:
    """Have so many callers ask for their balance; return steps a second, each kept in its row.

    A session has two: the menu, and the balance.
    """
    site = await open_site(ground)
    sessions = Sessions(site, Attendant(site))
    numbers = count(int(time.time() * 1000))
    until = time.perf_counter() + seconds
    steps = 0

    async def caller() -> None:
        nonlocal steps
        while time.perf_counter() < until:
            session = next(numbers)
            sender = f"+{FIRST_NUMBER + session % LINES}"
            call = Call(door=DOOR, session=str(session), sender=sender)
            await sessions.take(call, "", Opened(), lambda _: None)
            await sessions.take(call, "2", Opened(), lambda _: (Keys("2"),))
            steps += 2

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    rate = steps / (time.perf_counter() - began)
    await site.database.close()
    return rate


def pure_steps() -> float:
    """Return how many steps a second the dialogue itself takes: a caller's balance by voice."""
    dialogue = Dialogue(NumberPlan())
    opening = Opening(medium=Medium.VOICE, caller=FIRST_NUMBER)
    standing = Standing(standing="active", balance_micros=10_000_000, bonus_micros=0)
    began = time.perf_counter()
    steps = 0
    while time.perf_counter() - began < _PURE_SECONDS:
        talk, _ = dialogue.begin(opening)
        talk, turn = dialogue.step(talk, Keys("2"))
        assert isinstance(turn, Do), "a balance is looked up"
        dialogue.step(talk, standing)
        steps += 3
    return steps / (time.perf_counter() - began)

"""A day of subscribers, made up: who does what at which second. The same seed, the same day."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

HOURS = 24
HOUR_SECONDS = 3600
_MIB = 1_048_576


class Kind(StrEnum):
    """What a subscriber does."""

    CALL = "call"
    TEXT = "text"
    BROWSE = "browse"
    BUY = "buy"
    TOP_UP = "top_up"


class Act(NamedTuple):
    """One thing that a subscriber does. second: of the day; units: seconds, messages, bytes.

    to: whom is called or written to, E.164 digits. amount_sen: of a top-up.
    """

    second: int
    kind: Kind
    msisdn: str
    units: int = 0
    to: str = ""
    amount_sen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How often each thing happens for a subscriber on a day, on average."""

    calls: float = 3.0
    texts: float = 1.5
    sessions: float = 5.0
    packages: float = 0.08
    top_ups: float = 0.15


# Of a thousand, by hour from midnight: little at night, a rise till noon, the most after dinner.
_TALK = (6, 4, 2, 2, 3, 8, 22, 40, 55, 60, 62, 64, 66, 60, 58, 58, 60, 66, 70, 74, 72, 50, 26, 12)
_DATA = (
    22,
    12,
    8,
    6,
    6,
    10,
    22,
    34,
    40,
    42,
    44,
    48,
    52,
    50,
    46,
    46,
    48,
    52,
    56,
    68,
    84,
    92,
    70,
    42,
)
_SHOP = (2, 1, 1, 1, 1, 3, 10, 28, 48, 62, 68, 72, 78, 70, 64, 64, 70, 84, 86, 78, 58, 32, 14, 5)
CURVES = {
    Kind.CALL: _TALK,
    Kind.TEXT: _TALK,
    Kind.BROWSE: _DATA,
    Kind.BUY: _DATA,
    Kind.TOP_UP: _SHOP,
}
"""How each thing is spread over the day's hours."""

_ABROAD = ("8675512345678", "6281234567890", "6565551234", "919812345678", "8801712345678")
_LANDLINES = ("60388881234", "60322221111", "6044441234")
_TOP_UPS_SEN = (500, 1000, 1000, 1000, 2000, 3000)
_ABROAD_SHARE, _LANDLINE_SHARE = 0.06, 0.10


def plan_day(msisdns: Sequence[str], *, seed: int, habits: Habits | None = None) -> list[Act]:
    """Return everything that the subscribers do in a day, in order of time."""
    source = random.Random(seed)  # noqa: S311 - a made-up day, and the same one each time
    habits = habits or Habits()
    often = {
        Kind.CALL: habits.calls,
        Kind.TEXT: habits.texts,
        Kind.BROWSE: habits.sessions,
        Kind.BUY: habits.packages,
        Kind.TOP_UP: habits.top_ups,
    }
    acts = [
        act
        for msisdn in msisdns
        for kind, mean in often.items()
        for act in _acts_of(source, kind, mean, msisdn, msisdns)
    ]
    return sorted(acts)


def _acts_of(
    source: random.Random, kind: Kind, mean: float, msisdn: str, others: Sequence[str]
) -> Iterator[Act]:
    for _ in range(_how_often(source, mean)):
        hour = source.choices(range(HOURS), CURVES[kind])[0]
        second = hour * HOUR_SECONDS + source.randrange(HOUR_SECONDS)
        match kind:
            case Kind.CALL:
                # Most calls are short, a few are long.
                units = 1 + int(source.expovariate(1 / 110))
                yield Act(second, kind, msisdn, units, _callee(source, others))
            case Kind.TEXT:
                yield Act(second, kind, msisdn, 1, source.choice(others))
            case Kind.BROWSE:
                units = int(source.lognormvariate(2.0, 1.2) * _MIB)
                yield Act(second, kind, msisdn, units)
            case Kind.BUY:
                yield Act(second, kind, msisdn)
            case Kind.TOP_UP:
                amount = source.choice(_TOP_UPS_SEN)
                yield Act(second, kind, msisdn, amount_sen=amount)


def _how_often(source: random.Random, mean: float) -> int:
    """Draw from Poisson's distribution: independent things that happen so often on average."""
    count, passed = 0, source.expovariate(1.0)
    while passed < mean:
        count += 1
        passed += source.expovariate(1.0)
    return count


def _callee(source: random.Random, others: Sequence[str]) -> str:
    where = source.random()
    if where < _ABROAD_SHARE:
        return source.choice(_ABROAD)
    if where < _ABROAD_SHARE + _LANDLINE_SHARE:
        return source.choice(_LANDLINES)
    return source.choice(others)

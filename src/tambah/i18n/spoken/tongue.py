"""What a language needs to say numbers and dates from clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

MOST_COUNT = 999_999
"""The largest number that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """How one language says numbers and dates.

    said: what is said on each shared clip, by its name; nothing that is never asked for.
    count: the clips of a number from 0 to MOST_COUNT, as it is said before what is counted.
    date: the clips of a day.
    """

    said: Mapping[str, str]
    count: Callable[[int], list[str]]
    date: Callable[[date], list[str]]


def numbered(prefix: str, texts: Mapping[int, str]) -> dict[str, str]:
    """Return clips named by their numbers: `num.21`."""
    return {f"{prefix}.{number}": text for number, text in texts.items()}


def row(texts: str) -> list[str]:
    """Return words that stand in a row, parted by spaces."""
    return texts.split()


def listed(prefix: str, texts: str) -> dict[str, str]:
    """Return clips of words that stand in a row, numbered from 1."""
    return numbered(prefix, dict(enumerate(row(texts), 1)))

"""What a sheet changes, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tambah.console.facts import Fact, Wording
from tambah.domain.rating import Service
from tambah.domain.tariff import EXACT, HOME
from tambah.domain.tariff_difference import Change, Difference
from tambah.engine.tariffs.rows import EVERYTHING
from tambah.i18n import Texts

COUNTS = ("added", "dropped", "dearer", "cheaper", "mixed", "reworded")
"""Each a fact `tariff_<word>`."""


class ToldChange(NamedTuple):
    """A rate that changed: what it is for, what it cost and costs, for how much use."""

    what: str
    before: str
    after: str
    units: str


def count_facts(difference: Difference) -> list[Fact]:
    """Return how many rates a sheet adds, drops and changes."""
    return [_count(word, getattr(difference, word)) for word in COUNTS]


def asked_facts(params: Mapping[str, Any], say: Wording) -> list[Fact]:
    """Return the same of a request, with the biggest changes."""
    found = [_count(word, params[word]) for word in COUNTS]
    for word in ("most_dearer", "most_cheaper"):
        for one in params[word]:
            told = change_words(_read(one), say.texts)
            after = f"{told.after} ({told.units})"
            found.append(Fact(f"tariff_{word}", f"{told.what}: {after}", was=told.before))
    return found


def change_words(change: Change, texts: Texts) -> ToldChange:
    """Put a change into words."""
    pattern = change.pattern
    shown = (pattern if pattern[1:].isdigit() else pattern.removeprefix(EXACT)) or EVERYTHING
    parts = [
        texts.get(f"console.tariffs.service.{change.service.name.lower()}"),
        shown,
        change.name,
        texts.get("console.tariffs.on_net") if change.on_net else "",
        "" if change.origin == HOME else change.origin,
        change.hours,
    ]
    return ToldChange(
        what=" · ".join(part for part in parts if part),
        before=texts.money(change.before_micros),
        after=texts.money(change.after_micros),
        units=_units(change, texts),
    )


def _units(change: Change, texts: Texts) -> str:
    if change.service is Service.VOICE:
        return texts.plural("rates.seconds", change.units)
    if change.service is Service.DATA:
        return texts.get("rates.bytes", n=f"{change.units:,}")
    return texts.get("console.tariffs.a_message")


def _count(word: str, count: int) -> Fact:
    return Fact(f"tariff_{word}", f"{count:,}")


def _read(written: Mapping[str, Any]) -> Change:
    """Return a change as a request has it."""
    return Change(
        service=Service[written["service"].upper()],
        origin=written["origin"],
        pattern=written["pattern"],
        on_net=written["on_net"],
        hours=written["hours"],
        name=written["name"],
        units=written["units"],
        before_micros=written["before_micros"],
        after_micros=written["after_micros"],
    )

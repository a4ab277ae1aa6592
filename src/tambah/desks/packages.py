"""Packages as people see them: on any door's list, and what runs on a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from tambah.domain.balance import BucketKind
from tambah.domain.line import LineState
from tambah.domain.package import Package, on_sale, why_not
from tambah.domain.rules import Rules
from tambah.i18n import Texts
from tambah.store.views.lines import LineView
from tambah.store.views.subscriptions import Running

FILTERS = {
    "data": BucketKind.BYTES,
    "calls": BucketKind.SECONDS,
    "messages": BucketKind.MESSAGES,
}
"""What the list can be narrowed to, with a text `packages.kind.<name>`."""

CLASSES = frozenset(
    {"on-net", "domestic", "idd-1", "idd-2", "idd-3", "internet", "social", "video"}
)
"""Classes with a text `packages.class.<name>`; an operator's others are shown as written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A package that runs, as pages show it: what is left of each part, and its last day.

    parts: what is left in words, and in hundredths.
    """

    running: Running
    name: str
    until: date
    parts: list[tuple[str, int]]


def listed(packages: Iterable[Package], now: datetime, kind: str = "") -> list[Package]:
    """Return what is on sale, all of it or of one kind (a name of FILTERS)."""
    wanted = FILTERS.get(kind)
    found = on_sale(packages, now)
    return [one for one in found if wanted is None or wanted in one.kinds]


def buyable(packages: Iterable[Package], view: LineView, running: list[Running]) -> list[Package]:
    """Return what a line may buy as it stands, whether or not its credit suffices."""
    if view.state is not LineState.ACTIVE or view.line.barred or view.line.suspended:
        return []
    codes = {one.subscription.package for one in running}
    return [
        one
        for one in on_sale(packages, view.at)
        if why_not(one, view.line, codes, view.at) is None
    ]


def part_words(texts: Texts, kind: BucketKind, amount: int, scope: str) -> str:
    """Write a part of a package: 300 minutes of calls (local calls)."""
    what = texts.allowance(kind.name.lower(), amount)
    if not scope:
        return what
    return texts.get("packages.part", what=what, classes=class_words(texts, scope))


def class_words(texts: Texts, scope: str) -> str:
    """Write the classes that an allowance is for."""
    return ", ".join(
        texts.get(f"packages.class.{one}") if one in CLASSES else one for one in scope.split()
    )


def length_words(texts: Texts, package: Package) -> str:
    """Write how long a package lasts."""
    if package.hours:
        return texts.plural("packages.hours", package.hours)
    if package.days:
        return texts.plural("portal.days", package.days)
    return texts.get("packages.today")


def show_running(texts: Texts, rules: Rules, running: list[Running]) -> list[Bought]:
    """Return what runs as pages show it."""
    return [
        Bought(
            running=one,
            name=one.subscription.names[texts.tag],
            until=rules.validity.last_day(one.subscription.until),
            parts=[
                (
                    texts.get(
                        "packages.left",
                        left=texts.allowance(part.granted.kind.name.lower(), part.left),
                        all=part_words(
                            texts, part.granted.kind, part.granted.amount, part.granted.scope
                        ),
                    ),
                    part.part,
                )
                for part in one.left
            ],
        )
        for one in running
    ]


_GB, _MB, _MINUTE = 2**30, 2**20, 60


def spoken_part(kind: BucketKind, amount: int) -> tuple[str, int]:
    """Return a part of a package as it is said: its unit and how many, never more than it is."""
    if kind is BucketKind.BYTES:
        return ("gb", amount // _GB) if amount >= _GB else ("mb", amount // _MB)
    if kind is BucketKind.SECONDS:
        return "minutes", amount // _MINUTE
    return "sms", amount


def spoken_length(package: Package) -> tuple[str, int]:
    """Return how long a package lasts as it is said: `days`, `hours` or `today`."""
    if package.hours:
        return "hours", package.hours
    return ("days", package.days) if package.days else ("today", 0)

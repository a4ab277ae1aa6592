"""What came of a day: counts, money, how long answers took; as a document and as a picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from tambah.domain.money import MICROS_PER_RINGGIT, ringgit
from tambah.simulator.day import HOUR_SECONDS, HOURS, Kind

_MICROS_PER_MILLI = 1000


class Done(NamedTuple):
    """What came of one act. micros: charged, or topped up; requests: how many it took.

    refused: a refusal's code, empty for none. seconds: how long its slowest answer took.
    """

    second: int
    kind: Kind
    micros: int
    requests: int
    refused: str
    seconds: float


@dataclass(slots=True)
class Report:
    """Everything that was done, added up by hour and kind."""

    counts: Counter[tuple[int, Kind]] = field(default_factory=Counter[tuple[int, Kind]])
    micros: Counter[tuple[int, Kind]] = field(default_factory=Counter[tuple[int, Kind]])
    refused: Counter[str] = field(default_factory=Counter[str])
    requests: int = 0
    slowest: list[float] = field(default_factory=list[float])

    def add(self, done: Done) -> None:
        """Add what came of an act."""
        place = (done.second // HOUR_SECONDS, done.kind)
        self.counts[place] += 1
        self.micros[place] += done.micros
        self.requests += done.requests
        self.slowest.append(done.seconds)
        if done.refused:
            self.refused[done.refused] += 1

    @property
    def revenue_micros(self) -> int:
        """Return what was charged for use and packages."""
        return sum(v for (_, kind), v in self.micros.items() if kind is not Kind.TOP_UP)

    @property
    def topped_up_micros(self) -> int:
        """Return what was topped up."""
        return sum(v for (_, kind), v in self.micros.items() if kind is Kind.TOP_UP)

    def document(self, seconds: float) -> dict[str, object]:
        """Return the summary. seconds: how long all of it took."""
        answers = sorted(self.slowest)
        return {
            "acts": {kind.value: self._count(kind) for kind in Kind},
            "requests": self.requests,
            "requests_per_second": round(self.requests / seconds, 1) if seconds else None,
            "revenue": ringgit(self.revenue_micros),
            "topped_up": ringgit(self.topped_up_micros),
            "refused": dict(sorted(self.refused.items())),
            "milliseconds": {"median": _at(answers, 0.5), "p99": _at(answers, 0.99)},
            "seconds": round(seconds, 1),
        }

    def text(self, seconds: float) -> str:
        """Return the summary for people."""
        acts = ", ".join(f"{self._count(kind)} {_WORDS[kind]}" for kind in Kind)
        lines = [
            f"A day of {acts}.",
            f"{self.requests} requests in {seconds:.1f} s.",
            f"Charged RM{ringgit(self.revenue_micros)},"
            f" topped up RM{ringgit(self.topped_up_micros)}.",
        ]
        if self.refused:
            refused = ", ".join(f"{n} {code}" for code, n in sorted(self.refused.items()))
            lines.append(f"Refused: {refused}.")
        return "\n".join(lines)

    def _count(self, kind: Kind) -> int:
        return sum(self.counts[hour, kind] for hour in range(HOURS))


_WORDS = {
    Kind.CALL: "calls",
    Kind.TEXT: "messages",
    Kind.BROWSE: "data sessions",
    Kind.BUY: "packages",
    Kind.TOP_UP: "top-ups",
}


def _at(answers: list[float], share: float) -> float | None:
    if not answers:
        return None
    place = min(len(answers) - 1, int(share * len(answers)))
    return round(answers[place] * _MICROS_PER_MILLI, 1)


# The picture

_WIDTH, _HALF = 760, 190
_LEFT, _TOP, _FOOT = 64, 34, 26
_COLOURS = {
    Kind.CALL: "#1f5fa8",
    Kind.TEXT: "#5b8a1f",
    Kind.BROWSE: "#b3541e",
    Kind.BUY: "#7a3e9d",
    Kind.TOP_UP: "#0f766e",
}


def draw(report: Report) -> str:
    """Return an SVG of the day: what was done in each hour above, its money below."""
    height = 2 * (_HALF + _TOP) + _FOOT
    traffic = _panel(report.counts, 0, "Things done in each hour", 1)
    money = _panel(report.micros, _HALF + _TOP, "Ringgit in each hour", MICROS_PER_RINGGIT)
    legend = "".join(
        f'<rect x="{_LEFT + place * 132}" y="{height - 16}" width="10" height="10"'
        f' fill="{_COLOURS[kind]}"/>'
        f'<text x="{_LEFT + place * 132 + 14}" y="{height - 7}">{_WORDS[kind]}</text>'
        for place, kind in enumerate(Kind)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        ' font-family="sans-serif" font-size="12">'
        "<title>A simulated day: traffic and money by hour</title>"
        f"<desc>{escape(report.text(0.0))}</desc>"
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>{traffic}{money}{legend}</svg>\n'
    )


def _panel(sums: Counter[tuple[int, Kind]], top: int, title: str, unit: int) -> str:
    totals = [sum(sums[hour, kind] for kind in Kind) for hour in range(HOURS)]
    most = max(*totals, 1)
    step = (_WIDTH - _LEFT - 12) / HOURS
    floor = top + _TOP + _HALF - 24
    room = _HALF - 24
    parts = [f'<text x="{_LEFT}" y="{top + 20}" font-weight="bold">{title}</text>']
    for share in (0, 1, 2):
        y = floor - room * share / 2
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - 12}" stroke="#ccc"/>')
        text = f"{most * share / 2 / unit:,.0f}"
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for hour in range(HOURS):
        y = float(floor)
        for kind in Kind:
            tall = room * sums[hour, kind] / most
            if tall:
                y -= tall
                parts.append(
                    f'<rect x="{_LEFT + hour * step + 2:.1f}" y="{y:.1f}" width="{step - 4:.1f}"'
                    f' height="{tall:.1f}" fill="{_COLOURS[kind]}"/>'
                )
        if hour % 3 == 0:
            x = _LEFT + (hour + 0.5) * step
            parts.append(f'<text x="{x:.1f}" y="{floor + 15}" text-anchor="middle">{hour}</text>')
    return "".join(parts)

"""Charts drawn as SVG by the server: bars, stacked, with a title, a description and a table.

No script and no library. Colours and letters come from the stylesheet, so that day and night, and
whoever prefers more contrast, are served; parts of a bar differ in pattern as well as in colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT = 68, 14
_TOP, _BOTTOM = 14, 30
_GAP = 0.25
_WIDEST = 96
_WHOLE = 100
_MOST_LABELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A kind of thing that is counted: its name, and a count for each bar."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    word: tells it apart on its page. labels: of the bars, in the picture; names: the same in full,
    in the table. unit: `%` for shares.
    """

    word: str
    title: str
    description: str
    head: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = ""

    @property
    def totals(self) -> tuple[int, ...]:
        """Return each bar's whole."""
        return tuple(
            sum(counts) for counts in zip(*(one.counts for one in self.series), strict=True)
        )

    @property
    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """Return the table: each bar's name and counts."""
        return [
            (name, tuple(one.counts[place] for one in self.series))
            for place, name in enumerate(self.names)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A part of a bar, in the picture's own measure. series: which it is of."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A text beside an axis."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a template draws of a chart."""

    bars: tuple[Bar, ...]
    levels: tuple[Tick, ...]
    labels: tuple[Tick, ...]


def draw(chart: Chart) -> Drawing:
    """Return where everything of a chart stands."""
    # A share is of the whole, whatever the largest is.
    top = _WHOLE if chart.unit == "%" else nice_top(max(chart.totals, default=0))
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - LEFT - RIGHT) / max(1, len(chart.labels))
    width = min(_WIDEST, step * (1 - _GAP))
    bars: list[Bar] = []
    for place in range(len(chart.labels)):
        below = 0
        for number, one in enumerate(chart.series):
            count = one.counts[place]
            if count:
                height = room * count / top
                bars.append(
                    Bar(
                        x=round(LEFT + step * (place + 0.5) - width / 2, 2),
                        y=round(floor - room * below / top - height, 2),
                        width=round(width, 2),
                        height=round(height, 2),
                        series=number,
                    )
                )
            below += count
    return Drawing(
        bars=tuple(bars),
        levels=tuple(
            Tick(x=LEFT, y=round(floor - room * part / 2, 2), text=_level(top * part // 2, chart))
            for part in range(3)
        ),
        labels=tuple(
            Tick(x=round(LEFT + step * (place + 0.5), 2), y=HEIGHT - 8, text=label)
            for place, label in shown_labels(chart.labels)
        ),
    )


def nice_top(most: int) -> int:
    """Return where an axis ends: an even number of one digit and zeros, no less than `most`."""
    power = 10 ** max(0, len(str(most)) - 1)
    for step in (2, 4, 6, 8, 10):
        if most <= step * power:
            return step * power
    raise AssertionError("ten times its power of ten is more than any number")


def shown_labels(labels: Sequence[str]) -> list[tuple[int, str]]:
    """Return as many of the labels as have room, the last among them."""
    every = -(-len(labels) // _MOST_LABELS) if labels else 1
    last = len(labels) - 1
    return [(n, label) for n, label in enumerate(labels) if (last - n) % every == 0]


def _level(value: int, chart: Chart) -> str:
    return f"{value:,}{chart.unit}"

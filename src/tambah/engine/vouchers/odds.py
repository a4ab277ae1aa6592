"""How likely it is that somebody guesses a code, with the stock and the lock-outs of today."""

import math
from dataclasses import dataclass

from tambah.domain.guessing import GuessingRule, tries_per_year
from tambah.engine.vouchers.codes import CODE_SPACE
from tambah.store.views.stock import Exposure

_HOURS_PER_YEAR = 8766


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The figures that `doctor` shows.

    chance_per_guess: that one well-formed guess is a card that redeems now. guesses_per_line: in a
    year on one line, at the lock-outs. guesses_per_year: of strangers over all lines, at the
    lock-outs and under the figure for the whole. chance_per_year: that any of these finds a card.
    chance_per_own_line: the same for one owner who guesses on a line of their own for a year.
    """

    live_vouchers: int
    lines: int
    chance_per_guess: float
    guesses_per_line: float
    guesses_per_year: float
    chance_per_year: float
    chance_per_own_line: float


def work_out_odds(exposure: Exposure, rule: GuessingRule) -> Odds:
    """Return the odds for so many live vouchers and lines. The check digit is nobody's secret."""
    chance = min(1.0, exposure.live_vouchers / CODE_SPACE)
    per_line = tries_per_year(rule)
    guesses = min(per_line * exposure.lines, float(rule.guests_hourly * _HOURS_PER_YEAR))
    return Odds(
        live_vouchers=exposure.live_vouchers,
        lines=exposure.lines,
        chance_per_guess=chance,
        guesses_per_line=per_line,
        guesses_per_year=guesses,
        chance_per_year=_at_least_once(chance, guesses),
        chance_per_own_line=_at_least_once(chance, per_line),
    )


def _at_least_once(chance: float, tries: float) -> float:
    """Return 1 - (1 - chance) ** tries, exact for chances that a float would round away."""
    return 1.0 if chance >= 1 else -math.expm1(tries * math.log1p(-chance))

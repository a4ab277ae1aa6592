"""The odds of guessing a code."""

from __future__ import annotations

import pytest

from tambah.domain.guessing import GuessingRule, tries_per_year
from tambah.engine.vouchers import work_out_odds
from tambah.store.views.stock import Exposure


def test_odds_of_one_guess_are_live_cards_among_all_codes() -> None:
    odds = work_out_odds(Exposure(live_vouchers=10_000_000, lines=1), GuessingRule())

    assert odds.chance_per_guess == 1e-8
    assert odds.guesses_per_line == tries_per_year(GuessingRule())
    assert odds.guesses_per_year == odds.guesses_per_line
    assert odds.chance_per_year == odds.chance_per_own_line
    assert odds.chance_per_year == pytest.approx(odds.guesses_per_year * 1e-8, rel=1e-5)


def test_odds_of_strangers_are_capped_by_the_figure_for_the_whole() -> None:
    rule = GuessingRule(guests_hourly=100)
    odds = work_out_odds(Exposure(live_vouchers=1_000_000, lines=50_000_000), rule)

    assert odds.guesses_per_year == 876_600
    assert odds.chance_per_year == pytest.approx(0.00087622, rel=1e-4)


def test_odds_are_nothing_without_stock_or_lines() -> None:
    none = work_out_odds(Exposure(live_vouchers=0, lines=0), GuessingRule())

    assert (none.chance_per_guess, none.chance_per_year) == (0, 0)


def test_odds_are_certain_when_every_code_is_live() -> None:
    odds = work_out_odds(Exposure(live_vouchers=10**15, lines=1), GuessingRule())

    assert (odds.chance_per_guess, odds.chance_per_year) == (1, 1)

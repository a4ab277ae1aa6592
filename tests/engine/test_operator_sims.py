"""What operator.toml may say of SIMs."""

from __future__ import annotations

from typing import Any

import pytest

from tambah.config import Brand, ConfigError, Operator, SimsEntry
from tambah.domain.sim_rule import SimRule
from tambah.engine.operator import operator_rules


def operator(**sims: Any) -> Operator:
    """Return an operator with entries of [sims]."""
    return Operator(brand=Brand(name="Testel"), denominations=(), sims=SimsEntry(**sims))


def test_the_hold_is_a_day_unless_told() -> None:
    assert operator_rules(operator()).sims == SimRule(hold_hours=24)
    assert operator_rules(operator(hold_hours=0)).sims == SimRule(hold_hours=0)


@pytest.mark.parametrize(
    "entries", [{"hold_hours": -1}, {"hold_hours": 721}, {"iccid_prefixes": ("89a",)}]
)
def test_what_makes_no_sense_is_refused(entries: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="sims"):
        operator_rules(operator(**entries))

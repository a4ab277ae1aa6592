"""The door as a process of its own, with the tests' tariff: arguments are those of `tambah`.

`tambah charging nchf` itself, but for where the tariff comes from.
"""

from __future__ import annotations

import sys

from tambah.app import house
from tambah.cli import _root
from tambah.config import Operator, Settings
from tambah.domain.rules import Rules
from tambah.engine.tariffs import TariffSource

from .conftest import make_rules

_read_rules = house.read_rules


class OurTariff(TariffSource):
    """The tests' tariff, in place of what is stored."""

    async def renew(self, rules: Rules) -> Rules:
        """Return the rules with it."""
        return make_rules(rules)


def read_rules(settings: Settings, *, demo: bool = False) -> tuple[Operator, Rules]:
    """Return the operator's rules with the tests' tariff."""
    operator, rules = _read_rules(settings, demo=demo)
    return operator, make_rules(rules)


if __name__ == "__main__":
    house.TariffSource = OurTariff  # type: ignore[misc]
    house.read_rules = read_rules  # type: ignore[assignment]
    _root()(args=sys.argv[1:], prog_name="tambah")

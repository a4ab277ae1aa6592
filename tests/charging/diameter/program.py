"""The program with the tests' tariff: `python -m tests.charging.diameter.program charging …`."""

from __future__ import annotations

from typing import Any

import tambah.app.charging as opening
from tambah.app import house
from tambah.cli import main
from tambah.domain.rules import Rules
from tambah.engine.tariffs import TariffSource
from tests.charging.diameter.world import replace_rules


class OurTariff(TariffSource):
    """The tests' tariff, in place of what is stored."""

    async def renew(self, rules: Rules) -> Rules:
        """Return the rules with it."""
        return replace_rules(rules)


def with_tariff() -> None:
    """Have the rules of operator.toml come with the tests' tariff."""
    whole: Any = opening.read_rules

    def read_rules(*args: Any, **named: Any) -> Any:
        operator, rules = whole(*args, **named)
        return operator, replace_rules(rules)

    opening.read_rules = read_rules
    house.TariffSource = OurTariff  # type: ignore[misc]


if __name__ == "__main__":
    with_tariff()
    main()

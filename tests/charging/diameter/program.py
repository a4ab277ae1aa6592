"""The program with the tests' tariff: `python -m tests.charging.diameter.program charging …`."""

from __future__ import annotations

from typing import Any

import tambah.app.charging as opening
from tambah.cli import main
from tests.charging.diameter.world import replace_rules


def with_tariff() -> None:
    """Have the rules of operator.toml come with the tests' tariff."""
    whole: Any = opening.read_rules

    def read_rules(*args: Any, **named: Any) -> Any:
        operator, rules = whole(*args, **named)
        return operator, replace_rules(rules)

    opening.read_rules = read_rules


if __name__ == "__main__":
    with_tariff()
    main()

"""Rates of commission as people write them, in percent."""

from __future__ import annotations

import re
from typing import Any

import click

from tambah.domain.dealer import MOST_RATE_BP

_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", re.ASCII)


class Rate(click.ParamType[int]):
    """A rate in percent, "3" or "3.25", read as hundredths of a percent."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return hundredths of a percent."""
        if isinstance(value, int):
            return value
        found = _PERCENT.fullmatch(str(value).strip().removesuffix("%").strip())
        if found is None:
            self.fail("write a rate like 3.25", param, ctx)
        rate_bp = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
        if rate_bp > MOST_RATE_BP:
            self.fail("at most 100 percent", param, ctx)
        return rate_bp


RATE = Rate()

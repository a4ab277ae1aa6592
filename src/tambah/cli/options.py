"""Arguments that several commands take: money, numbers, reasons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from tambah.domain.money import parse_ringgit
from tambah.domain.refusals import Refusal

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Ringgit(click.ParamType[int]):
    """An amount in ringgit, "10.00", read as micro-ringgit. is_signed: it may be less than 0."""

    name = "ringgit"

    def __init__(self, *, is_signed: bool = False) -> None:
        self._is_signed = is_signed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return micro-ringgit."""
        if isinstance(value, int):
            return value
        text = str(value)
        sign, digits = (-1, text[1:]) if self._is_signed and text[:1] == "-" else (1, text)
        try:
            return sign * parse_ringgit(digits.removeprefix("+") if self._is_signed else digits)
        except Refusal:
            self.fail("write an amount like 10.00", param, ctx)


class Day(click.ParamType[date]):
    """A day, "2026-12-31"."""

    name = "day"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
        except ValueError:
            self.fail("write a day like 2026-12-31", param, ctx)


RINGGIT = Ringgit()
SIGNED_RINGGIT = Ringgit(is_signed=True)
DAY = Day()


def reason(function: _Function) -> _Function:
    """Add --reason, which stands in the audit trail."""
    return click.option("--reason", default="", help="Why; it stands in the audit trail.")(
        function
    )


def request_key(function: _Function) -> _Function:
    """Add --key: the same key again gets the first answer, and nothing is done twice."""
    return click.option(
        "--key", "request_key", default=None, help="Repeat safely: a key of your own."
    )(function)


def imports_file(done: str) -> Callable[[_Function], _Function]:
    """Add an import's FILE, --dry-run, --all-or-nothing and --report. done: said of rows."""
    path = click.Path(path_type=Path, dir_okay=False)
    added = (
        click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True)),
        click.option(
            "--dry-run", is_flag=True, help=f"Only say what would be {done} and refused."
        ),
        click.option("--all-or-nothing", is_flag=True, help="Import nothing if any row is bad."),
        click.option(
            "--report", type=path, help="Write each bad row to this file, a JSON document a line."
        ),
    )

    def add(function: _Function) -> _Function:
        for decorate in reversed(added):
            function = decorate(function)
        return function

    return add

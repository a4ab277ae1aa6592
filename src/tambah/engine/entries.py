"""Entries of operator.toml, as people write them."""

from __future__ import annotations

from datetime import date, datetime

from tambah.config import ConfigError
from tambah.domain.money import parse_ringgit
from tambah.domain.refusals import Refusal
from tambah.domain.validity import ValidityRule


def read_day(text: str, where: str, validity: ValidityRule) -> datetime:
    """Return the instant (UTC) at which a local day starts. Raises ConfigError naming `where`."""
    try:
        return validity.start_of(date.fromisoformat(text))
    except ValueError as error:
        raise ConfigError(f"{where}: a day is written 2026-12-31") from error


def read_money(text: str, where: str) -> int:
    """Return an amount in micro-ringgit. Raises ConfigError naming `where`."""
    try:
        return parse_ringgit(text)
    except Refusal as refusal:
        raise ConfigError(f'{where}: an amount is written "10.00"') from refusal

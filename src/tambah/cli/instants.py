"""Instants as the command line shows them: in the operator's zone, and named with it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tambah.app import DEMO_OPERATOR
from tambah.config import ConfigError, read_operator, read_settings
from tambah.i18n.zones import name_zone


def show_instant(at: datetime, zone: tzinfo) -> str:
    """Write an instant, `2026-12-31 18:00 MYT`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {name_zone(str(zone))}"


def operator_zone() -> tzinfo:
    """Return the operator's zone, the machine's own where no operator.toml can be read."""
    try:
        settings = read_settings()
        path = Path(settings.operator_file) if settings.operator_file else DEMO_OPERATOR
        return ZoneInfo(read_operator(path).time_zone)
    except (ConfigError, ZoneInfoNotFoundError):
        return datetime.now().astimezone().tzinfo or ZoneInfo("UTC")

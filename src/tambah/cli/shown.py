"""Amounts as documents show them."""

from __future__ import annotations

from tambah.domain.money import ringgit


def shown_amounts(document: dict[str, object]) -> dict[str, object]:
    """Write amounts as ringgit, under names without the unit."""
    shown: dict[str, object] = {}
    for name, value in document.items():
        if name.endswith("_micros") and isinstance(value, int):
            shown[name.removesuffix("_micros")] = ringgit(value)
        else:
            shown[name] = value
    return shown

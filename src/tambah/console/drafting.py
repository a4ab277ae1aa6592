"""What forms that draft promotions and packages have in common: lists and numbers as typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tambah.console.acts import typed
from tambah.domain.refusals import FieldMalformed
from tambah.web.forms import read_fields
from tambah.web.pages import AnyRequest

_MOST_DIGITS = 6


def listed(fields: Mapping[str, str], word: str) -> list[str]:
    """Return what was typed, or ticked, with commas between."""
    return [one.strip() for one in typed(fields, word).split(",") if one.strip()]


def whole(fields: Mapping[str, str], word: str, otherwise: int = 0) -> int:
    """Return a whole number, or another where nothing was typed. Raises FieldMalformed."""
    text = typed(fields, word)
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise FieldMalformed(field=word)
    return int(text)


def ringgit_of(text: str) -> str:
    """Return an amount without the sign that people put before it."""
    return text.removeprefix("RM").strip()


async def read_ticked(request: AnyRequest, ticked: Collection[str]) -> dict[str, str]:
    """Return what was typed; what was ticked, and carried along, with commas between."""
    every = await read_fields(request)
    return {
        name: ",".join(values) if name in ticked else values[0] for name, values in every.items()
    }

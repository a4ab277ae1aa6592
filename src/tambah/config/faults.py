"""Saying what is wrong with operator.toml, and which entry was perhaps meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

import msgspec

_FAULT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


def fault_in_words(table: type[msgspec.Struct], error: msgspec.ValidationError) -> str:
    """Say what is wrong with a table that was read from a file, and where."""
    found = _FAULT.fullmatch(str(error))
    if found is None:
        return str(error)
    path = found["path"] or ""
    unknown = _UNKNOWN.fullmatch(found["what"])
    what = _unknown_in_words(table, path, unknown["name"]) if unknown else found["what"]
    return f"{path}: {what}" if path else what


def _unknown_in_words(table: type[msgspec.Struct], path: str, name: str) -> str:
    near = get_close_matches(name, _entries_at(table, path), n=1)
    return f"there is no entry {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _entries_at(table: type[msgspec.Struct], path: str) -> tuple[str, ...]:
    """Return the entries of the table at a path such as `packages[0].allowances[1]`."""
    for name in re.findall(r"\w+", re.sub(r"\[.*?\]", "", path)):
        hint: Any = get_type_hints(table)[name]
        table = next(one for one in (hint, *get_args(hint)) if hasattr(one, "__struct_fields__"))
    return table.__struct_fields__

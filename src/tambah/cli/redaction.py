"""Masks what must not be read in a log or an error: codes, keys, peppers, passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

MASK = "[masked]"

_SEPARATOR = r"[ \-‐-―−._·\u00a0]"
# Sixteen digits, apart or together, in whatever script's digits; and the lettered form, sixteen
# characters in one or in fours, of which one at least is a digit or all are capitals.
_DIGITS = re.compile(rf"(?<!\w)(?:\d{_SEPARATOR}{{0,2}}){{15}}\d(?!\w)")
_FOUR = "[0-9A-Za-z]{4}"
_LETTERED = re.compile(
    rf"(?<!\w)(?:{_FOUR}(?:{_SEPARATOR}{{1,2}}{_FOUR}){{3}}|[0-9A-Za-z]{{16}})(?!\w)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"tk_[A-Za-z0-9]+_[A-Za-z0-9_\-]*"), f"tk_{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]+"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)(authorization['\"]?\s*[:=,]\s*b?['\"]?)(?!bearer|basic)[^\s'\",)}\]>]+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)(\b[0-9]{1,4}\s*[:=]\s*)?\b[0-9a-f]{64,}\b"), MASK),
    (re.compile(r"AGE-SECRET-KEY-[0-9A-Za-z]+"), MASK),
    (re.compile(r"(?i)(\w+://[^\s:/@]*:)[^\s@/]+@"), rf"\1{MASK}@"),
    (_DIGITS, MASK),
)
_SECRET_NAMES = re.compile(
    r"(?i)^(.*[_\-])?(authorization|pepper|password|api_?key|cookie|secret|digits|recharge_?code)$"
)


def redact(text: str) -> str:
    """Return a text with everything masked that looks like a secret."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _LETTERED.sub(_mask_lettered, text)


def redact_value(value: object) -> object:
    """Return a value with its texts redacted, however deep they stand."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return redact_mapping(cast("Mapping[object, object]", value))
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item) for item in cast("list[object]", value)]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return MASK if _DIGITS.fullmatch(str(value)) else value
    return redact(repr(value))


def redact_mapping(mapping: Mapping[object, object]) -> dict[str, object]:
    """Return a mapping whose secrets are masked, by their names and by their looks."""
    return {
        redact(str(name)): MASK if _SECRET_NAMES.match(str(name)) else redact_value(value)
        for name, value in mapping.items()
    }


def _mask_lettered(match: re.Match[str]) -> str:
    found = match[0]
    looks_like_a_code = any(character.isdigit() for character in found) or found.isupper()
    return MASK if looks_like_a_code else found

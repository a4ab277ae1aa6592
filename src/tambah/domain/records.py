"""Changing a frozen record: a copy with some fields changed."""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

_Record = TypeVar("_Record")
_FIELDS: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}


def replace(record: _Record, **changes: object) -> _Record:
    """Return a copy of a dataclass with some fields changed.

    The same as `dataclasses.replace`, which looks at each field anew at every call: it took half
    of the time that deciding a top-up takes. For records of two fields or more.
    """
    kind = type(record)
    if kind not in _FIELDS:
        names = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]
        _FIELDS[kind] = (names, attrgetter(*names))
    names, read = _FIELDS[kind]
    values: dict[str, Any] = dict(zip(names, read(record), strict=True))
    values.update(changes)
    return kind(**values)

"""The shape of a list: filters in the address, a page after a place, and how its rows are told.

A list says its filters, its columns and what each row has in them; the page that is drawn of it
and the file that is written of it (`exports`) tell the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Response

from tambah.console.facts import Wording
from tambah.console.pages import ConsolePages
from tambah.domain.staff import Permission
from tambah.i18n import Texts
from tambah.store.views.listed import Listed, fetch_listed
from tambah.web.pages import AnyRequest

PAGE = 50
_MOST_TYPED = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BIGINT = 2**63
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of micro-ringgit in a row."""

    micros: int


@dataclass(frozen=True, slots=True)
class Link:
    """A text in a row that leads to a page of the console. depth: how far down a tree."""

    text: str
    path: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """A text in a row that somebody should see to."""

    text: str


Value = str | int | Money | Link | Marked | datetime | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A filter of one out of several. label: of a value, in a reader's words.

    fallback: what holds when nothing is chosen; empty for all of them.
    """

    name: str
    values: tuple[str, ...]
    label: Callable[[Texts, str], str]
    fallback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A filter of a local day."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A filter of words that somebody types."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asked of a list: filters that hold, each a value that the list knows."""

    filters: Mapping[str, str]
    staff: str
    now: datetime

    def __getitem__(self, name: str) -> str:
        return self.filters.get(name, "")

    def day(self, name: str) -> date | None:
        """Return the day that a filter names."""
        return date.fromisoformat(self[name]) if self[name] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListShape(Generic[_Row]):
    """A list of the console.

    word: of its texts and files; columns: each a text `console.col.<word>`. find: the store's
    statement for what was asked, after a place. cells: what a row has in each column. place: the
    row's sort key, of the kinds that `kinds` says (datetime, int, str).
    """

    word: str
    path: str
    permission: Permission
    filters: tuple[Choice | Day | Typed, ...]
    columns: tuple[str, ...]
    find: Callable[[Asked, Any], Listed[_Row]]
    cells: Callable[[_Row, Wording], tuple[Value, ...]]
    place: Callable[[_Row, Asked], tuple[datetime | int | str, ...]]
    kinds: tuple[type, ...]


def names_of(kind: type[Enum]) -> tuple[str, ...]:
    """Return the values of a choice between the members of an enumeration."""
    return tuple(one.name.lower() for one in kind)


def read_asked(shape: ListShape[Any], request: AnyRequest, staff: str, now: datetime) -> Asked:
    """Read a list's filters from the address; what the list does not know is not asked."""
    filters: dict[str, str] = {}
    for one in shape.filters:
        typed = request.query_params.get(one.name, "")[:_MOST_TYPED]
        if isinstance(one, Choice):
            value = typed if typed in one.values else one.fallback
        elif isinstance(one, Day):
            value = _read_day(typed)
        else:
            value = "".join(c for c in typed if c.isprintable()).strip()
        if value:
            filters[one.name] = value
    return Asked(filters=filters, staff=staff, now=now)


async def draw_list(
    pages: ConsolePages,
    request: AnyRequest,
    shape: ListShape[_Row],
    asked: Asked,
    template: str = "list.html",
    beside: Mapping[str, object] | None = None,
) -> Response[bytes]:
    """Draw a page of a list. beside: what its template shows beside it."""
    place = read_place(request.query_params.get("after", ""), shape.kinds)
    listed = shape.find(asked, place)
    rows = await fetch_listed(pages.site.database, listed, PAGE + 1)
    say = Wording(pages.site, pages.speak(request))
    following = ""
    if len(rows) > PAGE:
        after = write_place(shape.place(rows[PAGE - 1], asked))
        following = address_of(shape.path, {**asked.filters, "after": after})
    return pages.draw(
        request,
        template,
        shape=shape,
        asked_for=asked.filters,
        rows=[[show_value(value, say) for value in shape.cells(row, say)] for row in rows[:PAGE]],
        following=following,
        first=address_of(shape.path, asked.filters) if place is not None else "",
        export=address_of(f"{shape.path}/export", asked.filters),
        type_of=_type_of,
        beside=beside or {},
    )


def _type_of(one: Choice | Day | Typed) -> str:
    """Return the type of a filter's input, empty where one chooses."""
    return "date" if isinstance(one, Day) else "search" if isinstance(one, Typed) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A cell as it is drawn. is_amount: set to the right, so that digits stand under digits."""

    text: str
    path: str = ""
    depth: int = 0
    is_amount: bool = False
    is_marked: bool = False


def show_value(value: Value, say: Wording) -> Shown:
    """Return a cell in a reader's words."""
    match value:
        case Money(micros):
            return Shown(text=say.money(micros), is_amount=True)
        case Link(text, path, depth):
            return Shown(text=text, path=path, depth=depth)
        case Marked(text):
            return Shown(text=text, is_marked=True)
        case datetime():
            return Shown(text=say.when(value))
        case date():
            return Shown(text=say.day(value))
        case int():
            return Shown(text=f"{value:,}", is_amount=True)
        case _:
            return Shown(text=value or "–")


def address_of(path: str, query: Mapping[str, str]) -> str:
    """Return an address of ours with a query, which holds nothing that is empty."""
    held = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(held)}" if held else path


def write_place(values: tuple[datetime | int | str, ...]) -> str:
    """Write a place in a list into a text for an address."""
    plain = [
        (one - _EPOCH) // _MICROSECOND if isinstance(one, datetime) else one for one in values
    ]
    return base64.urlsafe_b64encode(msgspec.json.encode(plain)).decode().rstrip("=")


def read_place(text: str, kinds: tuple[type, ...]) -> tuple[Any, ...] | None:
    """Read a place in a list; None (the beginning) for what is none of that list's."""
    try:
        raw = base64.urlsafe_b64decode(text[:256].encode() + b"=" * (-len(text) % 4))
        plain: list[Any] = msgspec.json.decode(raw, type=list[int | str])
        if len(plain) != len(kinds):
            return None
        return tuple(_read_part(one, kind) for one, kind in zip(plain, kinds, strict=True))
    except (ValueError, OverflowError, binascii.Error, msgspec.MsgspecError):
        return None


def _read_part(plain: int | str, kind: type) -> datetime | int | str:
    if kind is str:
        if not isinstance(plain, str) or not plain.isprintable():
            raise ValueError("no text of ours")
        return plain
    if not isinstance(plain, int) or not -_BIGINT <= plain < _BIGINT:
        raise ValueError("no number of ours")
    return _EPOCH + plain * _MICROSECOND if kind is datetime else plain


def _read_day(typed: str) -> str:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return ""
    # Years at either end of the calendar have instants that no zone can name.
    return day.isoformat() if 1970 <= day.year < 2200 else ""

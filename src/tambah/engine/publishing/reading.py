"""From the operator's file of texts (TOML), as people write it, to articles and answers."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from tambah.domain.article import Article, ArticleKind, Wording
from tambah.domain.line import LANGUAGE_BY_TAG, Language, LineState
from tambah.engine.importing import FileRefused
from tambah.engine.publishing.markup import bad_links
from tambah.store.answers import Answer

_Entry = TypeVar("_Entry")
_Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
_Summary = Annotated[str, msgspec.Meta(min_length=1, max_length=240)]
_Body = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
_State = Literal["pre_active", "active", "grace", "expired"]


class _ArticleEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    slug: _Slug
    kind: Literal["offer", "news"]
    starts_on: date = msgspec.field(name="from")
    ends_on: date | None = msgspec.field(name="until", default=None)
    states: tuple[_State, ...] = ()
    plans: tuple[str, ...] = ()
    promotion: str = ""


class _WordingEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    title: _Title
    summary: _Summary
    body: _Body


class _AnswerEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    slug: _Slug


class _AnswerWordingEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    title: _Title
    body: _Body


def read_articles(path: Path, plans: Collection[str]) -> list[Article]:
    """Read a file of [[articles]]. Raises FileRefused naming the entry that is wrong.

    plans: those that the operator has.
    """
    found = [read_article(place, table, plans) for place, table in _entries(path, "articles")]
    _refuse_twice(one.slug for one in found)
    return found


def read_article(place: str, table: dict[str, Any], plans: Collection[str]) -> Article:
    """Read an article out of a table as the file has it. Raises FileRefused.

    place: what to call it when it is wrong.
    """
    entry, languages = _split(place, table, _ArticleEntry)
    if unknown := sorted(set(entry.plans) - set(plans)):
        raise FileRefused(f"{place}: no such plan: {', '.join(unknown)}")
    if entry.ends_on is not None and entry.ends_on < entry.starts_on:
        raise FileRefused(f"{place}: `until` is before `from`")
    wordings = {language: _wording(place, language, one) for language, one in languages.items()}
    return _article(entry, wordings)


def read_answers(path: Path) -> list[Answer]:
    """Read a file of [[answers]]. Raises FileRefused naming the entry that is wrong."""
    found: list[Answer] = []
    for place, tables in _entries(path, "answers"):
        entry, languages = _split(place, tables, _AnswerEntry)
        for language, table in languages.items():
            where = f"{place}.{language.tag}"
            wording = _convert(where, table, _AnswerWordingEntry)
            found.append(
                Answer(
                    slug=entry.slug,
                    language=language,
                    title=_line(where, "title", wording.title),
                    body=_body(where, wording.body),
                )
            )
    _refuse_twice((one.slug, one.language) for one in found)
    return found


def _article(entry: _ArticleEntry, wordings: Mapping[Language, Wording]) -> Article:
    return Article(
        slug=entry.slug,
        kind=ArticleKind[entry.kind.upper()],
        starts_on=entry.starts_on,
        ends_on=entry.ends_on,
        states=tuple(sorted({LineState[state.upper()] for state in entry.states})),
        plans=tuple(sorted(set(entry.plans))),
        promotion=entry.promotion,
        wordings=wordings,
    )


def _wording(place: str, language: Language, table: object) -> Wording:
    where = f"{place}.{language.tag}"
    entry = _convert(where, table, _WordingEntry)
    return Wording(
        title=_line(where, "title", entry.title),
        summary=_line(where, "summary", entry.summary),
        body=_body(where, entry.body),
    )


def _entries(path: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables [[name]] of a file, each with what to call it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = msgspec.convert(content, dict[str, list[dict[str, Any]]])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise FileRefused(f"{path}: {error}") from error
    if list(tables) != [name]:
        raise FileRefused(f"{path}: a file of [[{name}]], and nothing else, is expected")
    return [
        (f"{name}[{at}] {table.get('slug', '')}", table) for at, table in enumerate(tables[name])
    ]


def _split(
    place: str, table: dict[str, Any], kind: type[_Entry]
) -> tuple[_Entry, dict[Language, object]]:
    """Return an entry and its tables by language; every language must be there."""
    missing = [tag for tag in LANGUAGE_BY_TAG if tag not in table]
    if missing:
        raise FileRefused(f"{place}: not written in {', '.join(missing)}")
    rest = {name: value for name, value in table.items() if name not in LANGUAGE_BY_TAG}
    languages = {language: table[tag] for tag, language in LANGUAGE_BY_TAG.items()}
    return _convert(place, rest, kind), languages


def _convert(place: str, table: object, kind: type[_Entry]) -> _Entry:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise FileRefused(f"{place}: {error}") from error


def _body(place: str, body: str) -> str:
    """Return a body that pages and feeds can carry, and that links nowhere it should not."""
    if any(unicodedata.category(one) == "Cc" for one in body if one not in "\n\r\t"):
        raise FileRefused(f"{place}: a control character, which feeds cannot carry")
    if bad := bad_links(body):
        raise FileRefused(f"{place}: this may not be linked: {bad[0]}")
    return _filled(place, "body", body.strip())


def _refuse_twice(names: Iterable[object]) -> None:
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise FileRefused(f"twice in the file: {name}")
        seen.add(name)


def _line(place: str, name: str, text: str) -> str:
    """Return a text on one line, without what cannot be seen or breaks it."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return _filled(place, name, " ".join(shown.split()))


def _filled(place: str, name: str, text: str) -> str:
    if not text:
        raise FileRefused(f"{place}: `{name}` is empty")
    return text

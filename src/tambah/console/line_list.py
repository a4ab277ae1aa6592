"""`/console/lines`: all numbers with the lines they are, or were last, in their order."""

from __future__ import annotations

from datetime import datetime

from tambah.console.facts import LINES, Wording
from tambah.console.lists import (
    Asked,
    Choice,
    Day,
    Link,
    ListShape,
    Marked,
    Money,
    Typed,
    Value,
    names_of,
)
from tambah.domain.line import Language, LineState
from tambah.domain.numbering import fold_prefix
from tambah.domain.staff import Permission
from tambah.i18n import Texts
from tambah.store.views.line_lists import LineRow, LinesWanted, lines_listed
from tambah.store.views.listed import Listed
from tambah.web.site import Site


def line_list(site: Site) -> ListShape[LineRow]:
    """Return the list of lines. `ends_before`: the local day before which validity ends."""
    numbers, validity = site.rules.numbers, site.rules.validity

    def find(asked: Asked, after: tuple[int] | None) -> Listed[LineRow]:
        before = asked.day("ends_before")
        wanted = LinesWanted(
            state=LineState[asked["line_state"].upper()] if asked["line_state"] else None,
            plan=asked["plan"] or None,
            language=Language[asked["language"].upper()] if asked["language"] else None,
            starts=fold_prefix(asked["starts"], numbers),
            ends_before=validity.start_of(before) if before else None,
        )
        return lines_listed(wanted, after[0] if after else None)

    def cells(row: LineRow, say: Wording) -> tuple[Value, ...]:
        until = row.active_until
        return (
            Link(say.number(row.msisdn), f"{LINES}/{row.msisdn}"),
            _standing(row, say.texts),
            row.plan,
            say.texts.get(f"console.language.{row.language.name.lower()}"),
            Money(row.main_micros),
            validity.last_day(until) if until else None,
        )

    return ListShape(
        word="lines",
        path=LINES,
        permission=Permission.LINES_READ,
        filters=(
            Typed(name="starts"),
            Choice(
                name="line_state",
                values=names_of(LineState),
                label=_state,
            ),
            Choice(name="plan", values=site.operator.plans, label=lambda _, value: value),
            Choice(
                name="language",
                values=names_of(Language),
                label=lambda texts, value: texts.get(f"console.language.{value}"),
            ),
            Day(name="ends_before"),
        ),
        columns=("number", "line_state", "plan", "language", "credit", "active_until"),
        find=find,
        cells=cells,
        place=_place,
        kinds=(int,),
    )


def _place(row: LineRow, _: Asked) -> tuple[datetime | int | str, ...]:
    return (row.msisdn,)


def _state(texts: Texts, value: str) -> str:
    return texts.get(f"portal.state.{value}")


def _standing(row: LineRow, texts: Texts) -> Value:
    """Return a line's state, and what keeps it from being used."""
    said = [_state(texts, row.state.name.lower())]
    if row.barred:
        said.append(texts.get("console.barred"))
    if row.suspended:
        said.append(texts.get("console.suspended"))
    text = " · ".join(said)
    return Marked(text) if len(said) > 1 else text

"""`/console/sessions`: calls and data sessions under way and lately over, the latest first."""

from __future__ import annotations

from datetime import datetime

from tambah.console.facts import Wording
from tambah.console.lists import Asked, Choice, ListShape, Marked, Money, Typed, Value
from tambah.console.sessions import HOME
from tambah.domain.staff import Permission
from tambah.i18n import Texts
from tambah.store.views.listed import Listed
from tambah.store.views.usage import SessionRow, sessions_listed

SESSIONS = f"{HOME}/sessions"
_OPEN = {"open": True, "closed": False}


def session_list() -> ListShape[SessionRow]:
    """Return the list of sessions. Who may read operations may not see whose they are."""

    def find(asked: Asked, after: tuple[datetime, int, str] | None) -> Listed[SessionRow]:
        return sessions_listed(asked["peer"], is_open=_OPEN.get(asked["under_way"]), after=after)

    return ListShape(
        word="sessions",
        path=SESSIONS,
        permission=Permission.OPERATIONS_READ,
        filters=(
            Choice(name="under_way", values=("open", "closed"), label=_under_way),
            Typed(name="peer"),
        ),
        columns=("began", "peer", "session", "service", "heard", "charged", "session_state"),
        find=find,
        cells=_cells,
        place=_place,
        kinds=(datetime, int, str),
    )


def _under_way(texts: Texts, value: str) -> str:
    return texts.get(f"console.session.{value}")


def _cells(row: SessionRow, say: Wording) -> tuple[Value, ...]:
    services = [say.texts.get(f"console.service.{one.name.lower()}") for one in row.services]
    state = _under_way(say.texts, "closed" if row.closed_at else "open")
    short = say.texts.get("console.session.short")
    return (
        row.began_at,
        row.peer,
        row.session_id,
        ", ".join(services),
        row.last_at,
        Money(row.charged_micros),
        Marked(short) if row.limited and row.closed_at is None else state,
    )


def _place(row: SessionRow, _asked: Asked) -> tuple[datetime | int | str, ...]:
    return (row.began_at, row.line_id, row.session.hex())

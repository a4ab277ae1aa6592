"""`/console/audit`: what was done by hand, by whom and why; and the signed ends of its chains."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.actions import ACTIONS, name_action, names_of
from tambah.console.facts import Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.list_pages import list_routes
from tambah.console.lists import Asked, Choice, Day, Link, ListShape, Typed, Value
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.refusals import PageNotFound
from tambah.domain.staff import Permission
from tambah.engine.staff import actor_of
from tambah.engine.trail import write_head
from tambah.i18n import Texts
from tambah.store.views.listed import Listed
from tambah.store.views.trail import TrailRow, TrailWanted, read_trail_row, trail_listed
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

AUDIT = f"{HOME}/audit"
_MOST_SEQ = 2**31


def audit_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the audit trail."""
    site, opt = pages.site, reaches(Permission.AUDIT_READ)

    @get(f"{AUDIT}/{{day:str}}/{{seq:int}}", opt=opt, include_in_schema=False)
    async def show_act(
        request: AnyRequest, day: FromPath[str], seq: FromPath[int]
    ) -> Response[Any]:
        row = await read_trail_row(site.database, *_place(day, seq))
        if row is None:
            raise PageNotFound
        say = Wording(site, pages.speak(request))
        return pages.draw(
            request,
            "audit_row.html",
            title=name_action(say.texts, row.action),
            row=row,
            facts=_facts(row, say),
            changes=_changes(row),
        )

    @post(f"{AUDIT}/head", status_code=200, opt=opt, include_in_schema=False)
    async def send_head(request: AnyRequest) -> Response[bytes]:
        """Hand out the signed ends of the chains, to be kept elsewhere."""
        now, staff = site.clock.now(), signed_in(request).staff
        content = await write_head(site.database, site.keys, actor_of(staff), now)
        name = f"audit-head-{now:%Y%m%d-%H%M%S}.json"
        return Response(
            content,
            media_type="application/json",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "cache-control": "no-store",
            },
        )

    listed = list_routes(pages, audit_list(site), template="audit.html")
    return [*listed, show_act, send_head]


def audit_list(site: Site) -> ListShape[TrailRow]:
    """Return the list of what was done by hand. `since` and `until` are local days, both whole."""
    validity = site.rules.validity

    def find(asked: Asked, after: tuple[datetime, int] | None) -> Listed[TrailRow]:
        since, until = asked.day("since"), asked.day("until")
        wanted = TrailWanted(
            who=asked["who"] or None,
            subject=asked["subject"] or None,
            actions=names_of(asked["action"]) if asked["action"] else (),
            since=validity.start_of(since) if since else None,
            until=validity.start_of(until + timedelta(days=1)) if until else None,
        )
        return trail_listed(wanted, after)

    return ListShape(
        word="audit",
        path=AUDIT,
        permission=Permission.AUDIT_READ,
        filters=(
            Typed(name="who"),
            Typed(name="subject"),
            Choice(name="action", values=tuple(sorted(ACTIONS)), label=_label),
            Day(name="since"),
            Day(name="until"),
        ),
        columns=("at", "who", "action", "subject", "why"),
        find=find,
        cells=_cells,
        place=lambda row, _asked: (row.at, row.seq),
        kinds=(datetime, int),
    )


def _label(texts: Texts, value: str) -> str:
    return texts.get(f"console.action.{value}")


def _cells(row: TrailRow, say: Wording) -> tuple[Value, ...]:
    return (
        row.at,
        row.who,
        Link(name_action(say.texts, row.action), f"{AUDIT}/{row.day}/{row.seq}"),
        row.subject,
        row.why,
    )


def _facts(row: TrailRow, say: Wording) -> list[Fact]:
    return [
        Fact("at", say.when(row.at)),
        Fact("who", row.who),
        Fact("subject", row.subject),
        Fact("why", row.why),
        Fact("place", f"{row.day}/{row.seq}"),
    ]


def _changes(row: TrailRow) -> list[tuple[str, str, str]]:
    """Return what changed: name, before, after; the program's own names, as they are kept."""
    before, after = _decode(row.before), _decode(row.after)
    return [
        (name, _plain(before.get(name)), _plain(after.get(name)))
        for name in sorted(before.keys() | after.keys())
    ]


def _decode(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _place(day: str, seq: int) -> tuple[date, int]:
    """Return a place in the trail. Raises PageNotFound."""
    try:
        return date.fromisoformat(day), seq if 0 < seq < _MOST_SEQ else 0
    except ValueError as error:
        raise PageNotFound from error

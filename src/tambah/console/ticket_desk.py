"""`/console/tickets/{reference}`: a ticket, what was written in it, and answering it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.actions import name_action
from tambah.console.facts import LINES, PAYMENTS, TICKETS, VOUCHERS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.desks.answering import fill, ready_answers, tell_subscriber, values_of
from tambah.domain.payment import show_reference
from tambah.domain.refusals import (
    FieldMissing,
    PageNotFound,
    ReasonMissing,
    Refusal,
    TicketUnknown,
)
from tambah.domain.staff import Permission
from tambah.domain.ticket import (
    MOST_PHOTOS,
    UNREADABLE,
    Author,
    Ticket,
    TicketState,
    fold_ticket,
    show_ticket,
)
from tambah.engine.staff import actor_of
from tambah.engine.tickets import (
    Facts,
    answer_ticket,
    assign_ticket,
    close_by_staff,
    hand_out_photo,
    note_for_staff,
    open_facts,
    read_thread,
)
from tambah.store.tickets import read_assignment, read_ticket
from tambah.store.views.console import acts_on
from tambah.store.views.lines import find_line_id
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site
from tambah.web.status import status_of

MOST_TEXT = 4000
_MOST_FORM_BYTES = 64 * 1024
"""Four thousand Tamil letters, as a form writes them: nine bytes each."""
_MOST_WHY = 200
_ACTS = 20
_EMPTY = {"text": "", "note": "", "ready": "", "why": "", "waits": ""}
_OVER = (TicketState.CLOSED, TicketState.ERASED)
_READ, _WRITE = Permission.TICKETS_READ, Permission.TICKETS_WRITE
_ONE = f"{TICKETS}/{{reference:str}}"


def ticket_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of a ticket."""
    return [*_reading(pages), *_writing(pages), *_seeing_to(pages)]


def _reading(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(_ONE, opt=reaches(_READ), include_in_schema=False)
    async def show_ticket_page(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        return await _draw(pages, request, await require_ticket(site, reference))

    @get(f"{_ONE}/photo/{{photo_no:int}}", opt=reaches(_READ), include_in_schema=False)
    async def show_photo(
        request: AnyRequest, reference: FromPath[str], photo_no: FromPath[int]
    ) -> Response[bytes]:
        """Hand a photo out; who looked at it stands in the audit trail."""
        ticket = await require_ticket(site, reference)
        if not 0 < photo_no <= MOST_PHOTOS:
            raise PageNotFound
        actor = actor_of(signed_in(request).staff)
        photo = await hand_out_photo(
            site.database, site.keys, ticket.reference, photo_no, actor=actor
        )
        return Response(photo, media_type="image/jpeg", headers={"cache-control": "no-store"})

    return [show_ticket_page, show_photo]


def _writing(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @post(f"{_ONE}/answer", status_code=200, opt=reaches(_WRITE), include_in_schema=False)
    async def answer(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Answer, by a ready answer or in one's own words; tell the subscriber by SMS."""
        ticket, fields = await require_ticket(site, reference), await _read(request)
        try:
            after = await answer_ticket(
                site.database,
                site.keys,
                ticket.reference,
                _wordings(site, ticket, fields),
                actor=actor_of(signed_in(request).staff, "answer"),
                now=site.clock.now(),
                waits="waits" in fields,
                notes_seen=_seen(fields),
            )
        except Refusal as refusal:
            return await _draw(pages, request, ticket, refusal, "answer", fields)
        await tell_subscriber(site.engine, after, "ticket_answered")
        return pages.redirect(request, f"{TICKETS}/{after.reference}#thread")

    @post(f"{_ONE}/note", status_code=200, opt=reaches(_WRITE), include_in_schema=False)
    async def add_note(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Add a note that only staff see."""
        ticket, fields = await require_ticket(site, reference), await _read(request)
        try:
            if not fields["note"]:
                raise FieldMissing(field="note")
            await note_for_staff(
                site.database,
                site.keys,
                ticket.reference,
                fields["note"],
                actor=actor_of(signed_in(request).staff, "note"),
                now=site.clock.now(),
                notes_seen=_seen(fields),
            )
        except Refusal as refusal:
            return await _draw(pages, request, ticket, refusal, "note", fields)
        return pages.redirect(request, f"{TICKETS}/{ticket.reference}#thread")

    return [answer, add_note]


def _seeing_to(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @post(f"{_ONE}/close", status_code=200, opt=reaches(_WRITE), include_in_schema=False)
    async def close(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Close the ticket and tell the subscriber."""
        ticket, fields = await require_ticket(site, reference), await _read(request)
        try:
            if not fields["why"]:
                raise ReasonMissing
            after = await close_by_staff(
                site.database,
                site.keys,
                ticket.reference,
                actor=actor_of(signed_in(request).staff, fields["why"]),
                now=site.clock.now(),
            )
        except Refusal as refusal:
            return await _draw(pages, request, ticket, refusal, "close", fields)
        await tell_subscriber(site.engine, after, "ticket_closed")
        return pages.redirect(request, f"{TICKETS}/{after.reference}")

    @post(f"{_ONE}/assign", status_code=200, opt=reaches(_WRITE), include_in_schema=False)
    async def assign(request: AnyRequest, reference: FromPath[str]) -> Response[Any]:
        """Take the ticket, or leave it to anybody (`nobody` was pressed)."""
        ticket, fields = await require_ticket(site, reference), await _read(request)
        me = signed_in(request).staff
        try:
            await assign_ticket(
                site.database,
                ticket.reference,
                None if "nobody" in fields else me.name,
                actor=actor_of(me),
                now=site.clock.now(),
            )
        except Refusal as refusal:
            return await _draw(pages, request, ticket, refusal, "assign", fields)
        return pages.redirect(request, f"{TICKETS}/{ticket.reference}")

    return [close, assign]


async def require_ticket(site: Site, typed: str) -> Ticket:
    """Return a ticket by its reference. Raises TicketUnknown."""
    ticket = await read_ticket(site.database, fold_ticket(typed) or "")
    if ticket is None:
        raise TicketUnknown
    return ticket


async def _read(request: AnyRequest) -> dict[str, str]:
    """Return what was typed, none of it longer than it may be, the texts always there."""
    found = await read_form(request, most_bytes=_MOST_FORM_BYTES)
    kept = {name: value[:MOST_TEXT].strip() for name, value in found.items()}
    texts = {name: kept.get(name, "") for name in ("text", "note", "ready")}
    return {**kept, **texts, "why": kept.get("why", "")[:_MOST_WHY]}


def _seen(fields: dict[str, str]) -> int | None:
    """Return how many notes the page showed; what is no number matches nothing."""
    seen = fields.get("seen", "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < len("1000000") else -1


def _wordings(site: Site, ticket: Ticket, fields: dict[str, str]) -> dict[str, str]:
    """Return the answer: a ready one in every language, or what was typed. Raises FieldMissing."""
    text, code = fields["text"], fields["ready"]
    if bool(text) == bool(code):
        raise FieldMissing(field="text")
    if not code:
        return {"": text}
    wordings = ready_answers(site.operator).get(code)
    if wordings is None:
        raise FieldMissing(field="ready")
    return fill(wordings, values_of(ticket, site.keys, site.rules.numbers))


async def _draw(
    pages: ConsolePages,
    request: AnyRequest,
    ticket: Ticket,
    refusal: Refusal | None = None,
    at: str = "",
    typed: dict[str, str] | None = None,
) -> Response[Any]:
    """Draw a ticket; with what was typed and why it was not done, where it was not."""
    site, me = pages.site, signed_in(request)
    ticket = await require_ticket(site, ticket.reference) if refusal else ticket
    say, tag = Wording(site, pages.speak(request)), ticket.language.tag
    values = values_of(ticket, site.keys, site.rules.numbers)
    return pages.draw(
        request,
        "ticket.html",
        status=status_of(refusal) if refusal else 200,
        ticket=ticket,
        name=show_ticket(ticket.reference),
        state=ticket.state.name.lower(),
        facts=await _facts(site, ticket, say),
        assigned_to=await read_assignment(site.database, ticket.reference),
        thread=await read_thread(site.database, site.keys, ticket.reference, for_staff=True),
        authors=Author,
        ready=[
            (code, fill(wordings, values)[tag], wordings[say.texts.tag])
            for code, wordings in ready_answers(site.operator).items()
        ],
        acts=await acts_on(site.database, f"ticket:{ticket.reference}", _ACTS),
        name_action=name_action,
        may_write=me.may(_WRITE) and ticket.state not in _OVER,
        most_text=MOST_TEXT,
        refusal=refusal,
        refused_at=at,
        typed=_EMPTY | (typed or {}),
    )


async def _facts(site: Site, ticket: Ticket, say: Wording) -> list[Fact]:
    """Return what is true of a ticket; of a card's digits only how many were read."""
    facts = [
        Fact("category", say.texts.get(f"tickets.category.{ticket.category}")),
        Fact("language", say.texts.get(f"console.language.{ticket.language.name.lower()}")),
        Fact("opened", say.when(ticket.opened_at)),
        Fact("changed", say.when(ticket.changed_at)),
        Fact("due", say.when(ticket.due_at)),
    ]
    if ticket.sealed is None:
        return facts
    about = open_facts(site.keys, ticket.reference, ticket.sealed)
    is_line = await find_line_id(site.database, about.msisdn) is not None
    path = f"{LINES}/{about.msisdn}" if is_line else ""
    return [Fact("number", say.number(about.msisdn), path), *facts, *_about(about)]


def _about(about: Facts) -> list[Fact]:
    facts: list[Fact] = []
    if about.payment:
        path = f"{PAYMENTS}/{about.payment}"
        facts.append(Fact("payment", show_reference(about.payment), path))
    if about.refusal:
        facts.append(Fact("refusal", about.refusal))
    if about.serial:
        facts.append(Fact("serial", about.serial, f"{VOUCHERS}/{about.serial}"))
    if about.readable:
        facts.append(Fact("digits_read", str(len(about.readable.replace(UNREADABLE, "")))))
    return facts

"""`/help/ticket/…`: a ticket found by reference and number, and its lasting page."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.desks.tickets import OPEN, Asked, TicketDesk
from tambah.domain.numbering import fold_msisdn, mask_msisdn, show_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import (
    PageNotFound,
    Refusal,
    TicketClosed,
)
from tambah.domain.ticket import MOST_PHOTOS, UNREADABLE, Author, TicketState, show_ticket
from tambah.domain.voucher import CODE_DIGITS
from tambah.engine.tickets import (
    MOST_PHOTO_BYTES,
    Added,
    add_note,
    close_ticket,
    read_photo_of,
    read_thread,
)
from tambah.portal.sessions import Sessions
from tambah.portal.ticket_forms import (
    MOST_TEXT,
    NEVER_KEPT,
    Problems,
    photo_too_large,
    place,
    status_of_form,
    word_problems,
    word_refusal,
)
from tambah.store.tickets import tickets_of_line
from tambah.web.forms import check_token, mint_token, read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.uploads import Upload, read_upload
from tambah.web.visitors import Visitors

FOLLOW = f"{OPEN}/follow"
_HEADERS = {**NEVER_KEPT, "x-robots-tag": "noindex"}


def following_routes(pages: Pages, sessions: Sessions, desk: TicketDesk) -> list[Any]:
    """Return the handlers that find a ticket by what its subscriber knows."""
    visitors = Visitors(pages.site)

    @get(FOLLOW, include_in_schema=False)
    async def show_follow(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.find(request)
        plan = pages.site.rules.numbers
        number = show_msisdn(signed_in.view.line.msisdn, plan) if signed_in else ""
        return _draw_follow(pages, request, {"reference": "", "number": number}, {})

    @post(FOLLOW, status_code=200, include_in_schema=False)
    async def follow(request: AnyRequest) -> Response[Any]:
        """Go to the ticket's page; a wrong reference and a wrong number are answered alike."""
        require_own_origin(request)
        fields = await read_form(request)
        typed = {name: fields.get(name, "")[:64] for name in ("reference", "number")}
        try:
            msisdn = fold_msisdn(typed["number"], pages.site.rules.numbers)
            ticket = await desk.follow(typed["reference"], msisdn, visitors.source(request))
        except Refusal as refusal:
            return _draw_follow(pages, request, typed, place(refusal))
        return pages.redirect(request, desk.path(ticket.reference))

    @get("/account/tickets", include_in_schema=False)
    async def show_own(request: AnyRequest) -> Response[Any]:
        """List the line's tickets."""
        signed_in = await sessions.require(request)
        tickets = await tickets_of_line(pages.site.database, signed_in.line_id)
        return pages.draw(
            request,
            "tickets.html",
            headers=NEVER_KEPT,
            stored=signed_in.view.line.language.tag,
            tickets=[
                (show_ticket(one.reference), desk.path(one.reference), one) for one in tickets
            ],
            now=pages.site.clock.now(),
        )

    return [show_follow, follow, show_own]


def ticket_routes(pages: Pages, desk: TicketDesk) -> list[Any]:
    """Return the handlers of a ticket's page, and of what is done on it."""
    site = pages.site

    @get(f"{OPEN}/{{token:str}}", include_in_schema=False)
    async def show_ticket_page(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
        return await _draw_ticket(pages, desk, request, await desk.find(token), {})

    @get(f"{OPEN}/{{token:str}}/photo/{{photo_no:int}}", include_in_schema=False)
    async def show_photo(
        request: AnyRequest, token: FromPath[str], photo_no: FromPath[int]
    ) -> Response[bytes]:
        """Answer with a photo that was sent, as it was made anew."""
        reference = (await desk.find(token)).ticket.reference
        photo = None
        if 0 < photo_no <= MOST_PHOTOS:
            photo = await read_photo_of(site.database, site.keys, reference, photo_no)
        if photo is None:
            raise PageNotFound
        return Response(photo, media_type="image/jpeg", headers=_HEADERS)

    @post(f"{OPEN}/{{token:str}}/close", status_code=200, include_in_schema=False)
    async def close(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
        """Close the ticket; one that is closed stays so."""
        require_own_origin(request)
        reference = (await desk.find(token)).ticket.reference
        with suppress(TicketClosed):
            await close_ticket(site.database, site.keys, reference, site.clock.now())
        return pages.redirect(request, desk.path(reference))

    return [show_ticket_page, show_photo, close, *_adding_routes(pages, desk)]


def _adding_routes(pages: Pages, desk: TicketDesk) -> list[Any]:
    visitors = Visitors(pages.site)

    @post(f"{OPEN}/{{token:str}}/note", status_code=200, include_in_schema=False)
    async def add(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
        """Add a note, a photo, or both; an answer is owed from then on."""
        require_own_origin(request)
        asked = await desk.find(token)
        source, typed = visitors.source(request), ""
        try:
            await desk.writes.require_left(source)
            upload = await read_upload(request)
            typed = upload.fields.get("text", "")[:MOST_TEXT]
            if not typed.strip() and not upload.files:
                return await _draw_ticket(pages, desk, request, asked, {"text": None})
            await _add(pages, desk, asked, upload)
            await desk.writes.spend(source)
        except Refusal as refusal:
            problems = place(photo_too_large(refusal))
            return await _draw_ticket(pages, desk, request, asked, problems, typed)
        return pages.redirect(request, desk.path(asked.ticket.reference))

    return [add]


async def _add(pages: Pages, desk: TicketDesk, asked: Asked, upload: Upload) -> None:
    site, text = pages.site, upload.fields.get("text", "")[:MOST_TEXT]
    token, raw = upload.fields.get("token", "")[:256], upload.files.get("photo")
    check_token(site.keys, token, site.clock.now())
    added = Added(
        form=site.keys.digest("ticket form", token, text, raw or b""),
        text=text,
        photo=await desk.clean(raw),
    )
    await add_note(
        site.database, site.keys, desk.rule, asked.ticket.reference, added, site.clock.now()
    )


async def _draw_ticket(
    pages: Pages,
    desk: TicketDesk,
    request: AnyRequest,
    asked: Asked,
    problems: Problems,
    typed: str = "",
) -> Response[Any]:
    site, ticket, facts = pages.site, asked.ticket, asked.facts
    now = site.clock.now()
    return pages.draw(
        request,
        "ticket.html",
        status=status_of_form(problems),
        headers=_HEADERS,
        stored=ticket.language.tag,
        ticket=ticket,
        reference=show_ticket(ticket.reference),
        path=desk.path(ticket.reference),
        number=mask_msisdn(facts.msisdn, site.rules.numbers),
        facts=facts,
        payment=show_reference(facts.payment) if facts.payment else "",
        refused=word_refusal(pages.speak(request), facts.refusal),
        readable=CODE_DIGITS - facts.readable.count(UNREADABLE) if facts.readable else 0,
        code_digits=CODE_DIGITS,
        is_overdue=ticket.is_overdue(now),
        is_closed=ticket.state is TicketState.CLOSED,
        thread=await read_thread(site.database, site.keys, ticket.reference),
        ours=Author.STAFF,
        problems=word_problems(pages, request, problems),
        text=typed,
        token=mint_token(site.keys, now),
        most_text=MOST_TEXT,
        most_photo=MOST_PHOTO_BYTES,
    )


def _draw_follow(
    pages: Pages, request: AnyRequest, typed: dict[str, str], problems: Problems
) -> Response[Any]:
    return pages.draw(
        request,
        "ticket_follow.html",
        status=status_of_form(problems),
        headers=NEVER_KEPT,
        typed=typed,
        problems=word_problems(pages, request, problems),
    )

"""`/help/ticket`: something to tell customer care, and the reference of it at once.

The ticket is written and its reference answered before its number is looked up: a number that is
no line's opens one like any other, so that nothing here is a directory of subscribers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask

from tambah.desks.tickets import OPEN, TicketDesk
from tambah.domain.numbering import mask_msisdn, show_msisdn
from tambah.domain.refusals import (
    CodeAlreadyYours,
    CodeNotUsable,
    Refusal,
)
from tambah.domain.ticket import Category
from tambah.engine.tickets import Added
from tambah.portal.results import find_page, said_of
from tambah.portal.sessions import Sessions, SignedIn
from tambah.portal.ticket_forms import (
    About,
    TicketForm,
    draw_form,
    photo_too_large,
    place,
    read_facts,
    seal_about,
)
from tambah.web.forms import check_token, open_notice, read_form, require_own_origin
from tambah.web.pages import AnyRequest, Pages
from tambah.web.uploads import Upload, read_upload
from tambah.web.visitors import Visitors

_CARD_REFUSALS = (CodeNotUsable, CodeAlreadyYours)


def opening_routes(pages: Pages, sessions: Sessions, desk: TicketDesk) -> list[Any]:
    """Return the handlers of opening a ticket."""
    visitors = Visitors(pages.site)

    @get(OPEN, include_in_schema=False)
    async def show_form(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.find(request)
        form = TicketForm(number=_number_of(pages, signed_in))
        return draw_form(pages, request, form, is_signed_in=signed_in is not None)

    @post(f"{OPEN}/about", status_code=200, include_in_schema=False)
    async def show_filled_in(request: AnyRequest) -> Response[Any]:
        """Draw the form with what another page of ours knows: a payment, a refused top-up."""
        fields = await read_form(request)
        if "payment" in fields:
            return draw_form(pages, request, await _about_payment(pages, fields["payment"]))
        form = _about_refusal(pages, fields.get("notice", ""))
        return draw_form(pages, request, replace(form, number=fields.get("number", "")[:64]))

    @post(OPEN, status_code=200, include_in_schema=False)
    async def open_one(request: AnyRequest) -> Response[Any]:
        """Open a ticket, answer with its page, and only then look the number up."""
        require_own_origin(request)
        signed_in = await sessions.find(request)
        try:
            await desk.writes.require_left(visitors.source(request))
            upload = await read_upload(request)
        except Refusal as refusal:
            return draw_form(pages, request, TicketForm(), place(photo_too_large(refusal)))
        form = TicketForm.read(upload.fields)
        if "again" in upload.fields:
            return draw_form(pages, request, form, is_signed_in=signed_in is not None)
        return await _open(pages, desk, request, _Sent(form, upload, signed_in, visitors))

    return [show_form, show_filled_in, open_one]


class _Sent:
    """A form that was sent, with its photo, and who sent it."""

    def __init__(
        self, form: TicketForm, upload: Upload, signed_in: SignedIn | None, visitors: Visitors
    ) -> None:
        self.form = form
        self.photo = upload.files.get("photo")
        self.signed_in = signed_in
        self.visitors = visitors

    def owns(self, msisdn: int) -> bool:
        """Say whether the number is that of whoever is signed in."""
        return self.signed_in is not None and self.signed_in.view.line.msisdn == msisdn


async def _open(pages: Pages, desk: TicketDesk, request: AnyRequest, sent: _Sent) -> Response[Any]:
    site, form = pages.site, sent.form
    facts, category, problems = read_facts(pages, form)
    try:
        photo = await desk.clean(sent.photo)
    except Refusal as refusal:
        problems |= place(refusal)
        photo = None
    had_photo = sent.photo is not None
    is_signed_in = sent.signed_in is not None
    if problems:
        return draw_form(
            pages, request, form, problems, had_photo=had_photo, is_signed_in=is_signed_in
        )
    parts = (form.token, str(facts.msisdn), category, form.text, facts.serial, facts.readable)
    added = Added(form=site.keys.digest("ticket form", *parts), text=form.text, photo=photo)
    try:
        check_token(site.keys, form.token, site.clock.now())
        await desk.writes.spend(sent.visitors.source(request))
        tag = pages.speak(request).tag
        ticket = await desk.open(facts, category, tag, added, is_owner=sent.owns(facts.msisdn))
    except Refusal as refusal:
        again = replace(form, token="")
        return draw_form(
            pages, request, again, place(refusal), had_photo=had_photo, is_signed_in=is_signed_in
        )
    return pages.redirect(
        request,
        desk.path(ticket.reference),
        afterwards=BackgroundTask(desk.tie, ticket.reference, facts.msisdn),
    )


def _number_of(pages: Pages, signed_in: SignedIn | None) -> str:
    if signed_in is None:
        return ""
    return show_msisdn(signed_in.view.line.msisdn, pages.site.rules.numbers)


async def _about_payment(pages: Pages, token: str) -> TicketForm:
    """Return the form as a payment's page fills it in, the number masked. Raises PageNotFound."""
    page = await find_page(pages, token[:64])
    payment = page.payment
    about = About(
        msisdn=page.msisdn,
        payment=payment.reference,
        said=said_of(pages, page),
        amount_micros=payment.total_micros,
        happened_at=payment.created_at,
    )
    return TicketForm(
        number=mask_msisdn(page.msisdn, pages.site.rules.numbers),
        category=Category.FAILED_TOPUP,
        about=seal_about(pages.site.keys, about),
    )


def _about_refusal(pages: Pages, notice: str) -> TicketForm:
    """Return the form as a top-up that was refused fills it in."""
    refusal = open_notice(pages.site.keys, notice)
    if refusal is None:
        return TicketForm()
    is_card = isinstance(refusal, _CARD_REFUSALS)
    return TicketForm(
        category=Category.DAMAGED_CARD if is_card else Category.FAILED_TOPUP,
        about=seal_about(pages.site.keys, About(refusal=refusal.code)),
    )

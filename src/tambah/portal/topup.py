"""`/` and `/topup`: a number in, and a recharge code or an amount; credit out."""

from dataclasses import replace
from typing import Any

from litestar import Response, get, post

from tambah.domain.commands import RedeemVoucher
from tambah.domain.guessing import Audience, lock_minutes, tries_left
from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.domain.refusals import (
    CodeNotUsable,
    Refusal,
    TooManyTries,
    TooManyWrongCodes,
)
from tambah.portal.addresses import page_digest, result_path, result_token
from tambah.portal.forms import (
    CODE,
    NUMBER_REFUSALS,
    TopUpForm,
    draw_form,
    offers_of,
    place,
    read_number_and_code,
    refuse,
)
from tambah.portal.look_ups import LookUps
from tambah.portal.offers import NoticeBoard
from tambah.portal.paying import check
from tambah.portal.sessions import Sessions
from tambah.store.database import CONNECTION_LOST
from tambah.store.views.lines import read_line
from tambah.web.errors import note_incident
from tambah.web.forms import check_token, open_notice, read_form
from tambah.web.pages import AnyRequest, Pages
from tambah.web.visitors import Visitors

CALLER = "web"

TELLING = (*NUMBER_REFUSALS, TooManyTries, TooManyWrongCodes)
"""What a try with any code tells of its number; each costs a look of the source's budget."""


def topup_routes(
    pages: Pages, look_ups: LookUps, board: NoticeBoard, sessions: Sessions
) -> list[Any]:
    """Return the handlers of the home page and of what its form sends."""
    visitors = Visitors(pages.site)
    redeemer = Redeemer(pages, look_ups, sessions)

    @get("/", include_in_schema=False)
    async def show_home(request: AnyRequest) -> Response[bytes]:
        newest = await board.newest(request)
        return draw_form(pages, request, TopUpForm(), newest=newest)

    @post("/", status_code=200, include_in_schema=False)
    async def show_again(request: AnyRequest) -> Response[bytes]:
        """Draw the form with what was typed and what was said: another language, a change."""
        form = TopUpForm.read(await read_form(request))
        refusal = open_notice(pages.site.keys, form.notice)
        problems = [place(refusal)] if refusal else []
        return draw_form(pages, request, form, problems, status=200)

    @get("/topup", include_in_schema=False)
    async def send_home(request: AnyRequest) -> Response[None]:
        return pages.redirect(request, "/")

    @post("/topup", status_code=200, include_in_schema=False)
    async def top_up(request: AnyRequest) -> Response[Any]:
        form = TopUpForm.read(await read_form(request))
        source = visitors.source(request)
        if form.has_code or not offers_of(pages.site).methods:
            return await redeemer.redeem(request, replace(form, amount=CODE), source)
        return await check(pages, look_ups, request, form, source)

    return [show_home, show_again, send_home, top_up]


class Redeemer:
    """Redeems what was typed into the form, for a line's owner who is signed in or for a guest."""

    def __init__(self, pages: Pages, look_ups: LookUps, sessions: Sessions) -> None:
        self._pages = pages
        self._look_ups = look_ups
        self._sessions = sessions

    async def redeem(self, request: AnyRequest, form: TopUpForm, source: bytes) -> Response[Any]:
        """Redeem a code; send to the result's page, or draw the form again with the reason.

        The key of the request is made of the form's token and what was typed: pressing twice,
        sending again or going back and pressing once more is one top-up with one address, and
        another card typed into a page gone back to is another.
        """
        pages, site = self._pages, self._pages.site
        problems, msisdn, digits = read_number_and_code(form, site.rules.numbers)
        if problems:
            return refuse(pages, request, form, problems)
        parts = (form.token, str(msisdn), digits)
        token = result_token(site, *parts)
        audience = Audience.GUEST
        try:
            check_token(site.keys, form.token, site.clock.now())
            audience = await self._audience(request, msisdn)
            command = RedeemVoucher(
                caller=CALLER,
                request_key=site.keys.digest("web key", *parts).hex(),
                msisdn=msisdn,
                digits=digits,
                audience=audience,
                source=source,
                page_token=page_digest(site, token),
                language=LANGUAGE_BY_TAG[pages.speak(request).tag],
            )
            await self._submit(command)
        except Refusal as refusal:
            left = await count_tries_left(pages, refusal, msisdn, audience)
            return refuse(pages, request, form, [place(refusal, left)])
        except Exception as error:  # noqa: BLE001 - the form keeps what was typed, whatever broke
            incident = note_incident(error, request.url.path)
            return refuse(pages, request, form, [place(incident)])
        return pages.redirect(request, result_path(token))

    async def _audience(self, request: AnyRequest, msisdn: int) -> Audience:
        """Say who asks: the line's owner, if signed in to that very line, else a guest.

        While the database is away nobody is known; the engine then says so.
        """
        try:
            signed_in = await self._sessions.find(request)
        except CONNECTION_LOST:
            signed_in = None
        is_own = signed_in is not None and signed_in.view.line.msisdn == msisdn
        return Audience.OWN if is_own else Audience.GUEST

    async def _submit(self, command: RedeemVoucher) -> None:
        """Redeem; what a guest is told of a number costs one of the source's looks.

        An owner is told nothing new of their own number, and pays nothing for it.
        """
        site = self._pages.site
        if command.audience is Audience.OWN:
            await site.engine.submit(command)
            return
        asks = site.keys.digest("source", "by code", command.source)
        await self._look_ups.require_left(asks)
        try:
            await site.engine.submit(command)
        except TELLING:
            await self._look_ups.told(asks)
            raise


async def count_tries_left(
    pages: Pages, refusal: Refusal, msisdn: int, audience: Audience
) -> int | None:
    """Return how many tries are left to whoever asks; None unless the code was at fault.

    0 when this try was the one that locked the line.
    """
    if not isinstance(refusal, CodeNotUsable):
        return None
    rule = pages.site.rules.guessing
    account = await read_line(pages.site.database, msisdn)
    if account is None:
        return None
    line = account.line
    wrong = line.own_wrong if audience is Audience.OWN else line.guest_wrong
    return 0 if lock_minutes(wrong, rule.ladder) else tries_left(line, audience, rule)

"""A top-up that went to a wrong number is moved to the right one: by one person, or asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.console.acts import (
    Act,
    Input,
    actor_for,
    ask_once,
    draw_act,
    is_confirmed,
    reason_input,
    typed,
)
from tambah.console.facts import LINES, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.lines import require_line
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.commands import TopUpMoved
from tambah.domain.refusals import (
    AlreadyReversed,
    FieldMissing,
    NumberUnknown,
    Refusal,
    TopUpUnknown,
)
from tambah.domain.staff import Permission
from tambah.domain.state import LineAccount
from tambah.engine.approving.asks import ask_move
from tambah.engine.foreseeing import foresee_move
from tambah.engine.operator import alone_up_to
from tambah.store.views.lines import LineView, read_line_of
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_MOST_TOPUP = 10**6
_WORDS = ("to_number", "reason")


def topup_move_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of moving a top-up."""
    path = f"{LINES}/{{msisdn:str}}/topups/{{number:int}}/move"
    opt, desk = reaches(Permission.CREDIT_WRITE), TopUpMoves(pages)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_moving(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view = await require_line(desk.site, msisdn)
        return draw_act(pages, request, desk.form(request, view, number, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def move(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_line(desk.site, msisdn), await read_form(request)
        try:
            return await desk.move(request, view, number, fields)
        except Refusal as refusal:
            return draw_act(pages, request, desk.form(request, view, number, fields), refusal)

    return [ask_moving, move]


class TopUpMoves:
    """Draws what a move would do to both lines, and has it done or asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages
        self._alone_micros = alone_up_to(pages.site.operator.console)

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def form(
        self, request: AnyRequest, view: LineView, topup_no: int, fields: Mapping[str, str]
    ) -> Act:
        """Return the form that asks for the right number. Raises TopUpUnknown."""
        if not 0 < topup_no < _MOST_TOPUP:
            raise TopUpUnknown
        say = Wording(self.site, self.pages.speak(request))
        return Act(
            word="move_topup",
            name=say.number(view.line.msisdn),
            path=_path(view),
            facts=[Fact("topup_no", str(topup_no)), Fact("credit", say.money(view.main_micros))],
            inputs=[
                Input(
                    word="to_number",
                    kind="tel",
                    value=typed(fields, "to_number"),
                    hint=True,
                    mode="tel",
                ),
                reason_input(fields),
            ],
        )

    async def move(
        self, request: AnyRequest, view: LineView, topup_no: int, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would happen to both lines; when that was seen, do it or ask for it.

        Raises FieldMissing, NumberMalformed, ReasonMissing, and whatever the rules refuse.
        """
        if not typed(fields, "to_number"):
            raise FieldMissing(field="to_number")
        to = await require_line(self.site, typed(fields, "to_number"))
        actor = actor_for(signed_in(request).staff, fields)
        is_seen = is_confirmed(self.pages, fields)
        command = MoveTopUp(
            caller=actor.who,
            # A top-up is moved once: a repeat gets the first answer.
            request_key=f"move:{topup_no}:{to.line.msisdn}",
            msisdn=view.line.msisdn,
            topup_no=topup_no,
            to_msisdn=to.line.msisdn,
            actor=actor,
        )
        try:
            ahead = await self._foresee(view, to, topup_no)
        except AlreadyReversed:
            if not is_seen:
                raise
            # Pressed twice: the engine gives its first answer again, or refuses as well.
            await self.site.engine.submit(command)
            return self.pages.redirect(request, _path(view))
        takes_two = ahead.taken.main_micros > self._alone_micros
        if not is_seen:
            act = self._sure(request, view, to, ahead, fields)
            return draw_act(self.pages, request, act)
        if takes_two:
            wanted = ask_move(view.line.line_id, to.line.line_id, ahead)
            return await ask_once(self.pages, request, wanted, actor, fields)
        await self.site.engine.submit(command)
        return self.pages.redirect(request, _path(view))

    async def _foresee(self, view: LineView, to: LineView, topup_no: int) -> TopUpMoved:
        site = self.site
        account, receiving = await self._account(view), await self._account(to)
        now = site.clock.now()
        return await foresee_move(site.database, site.rules, account, receiving, topup_no, now)

    def _sure(
        self,
        request: AnyRequest,
        view: LineView,
        to: LineView,
        ahead: TopUpMoved,
        fields: Mapping[str, str],
    ) -> Act:
        say = Wording(self.site, self.pages.speak(request))
        return Act(
            word="move_topup",
            name=say.number(view.line.msisdn),
            path=_path(view),
            facts=[
                *_facts_here(view, ahead, say),
                *_facts_there(to, ahead, say),
                Fact("why", typed(fields, "reason")),
            ],
            carried={one: typed(fields, one) for one in _WORDS},
            takes_two=ahead.taken.main_micros > self._alone_micros,
            is_sure=True,
        )

    async def _account(self, view: LineView) -> LineAccount:
        account = await read_line_of(self.site.database, view.line.line_id)
        if account is None:
            raise NumberUnknown
        return account


def _facts_here(view: LineView, ahead: TopUpMoved, say: Wording) -> list[Fact]:
    """Return what happens to the line that was topped up by mistake."""
    taken = ahead.taken
    facts = [
        Fact("topup_no", str(taken.topup_no)),
        Fact("moved", say.money(taken.main_micros)),
        Fact("spent", say.money(taken.spent_micros)),
        Fact("number", say.number(taken.msisdn)),
        Fact("credit", say.money(taken.balance_micros), was=say.money(view.main_micros)),
    ]
    if taken.bonus_micros:
        facts.append(Fact("bonus_taken", say.money(taken.bonus_micros)))
    until, was = taken.active_until, view.line.active_until
    return [*facts, Fact("active_until", say.last_day(until), was=say.last_day(was))]


def _facts_there(to: LineView, ahead: TopUpMoved, say: Wording) -> list[Fact]:
    """Return what happens to the line that it was meant for."""
    given = ahead.given
    facts = [
        Fact("to_number", say.number(given.msisdn), f"{LINES}/{given.msisdn}"),
        Fact("credit", say.money(given.balance_micros), was=say.money(to.main_micros)),
    ]
    if given.bonus_micros:
        facts.append(Fact("bonus", say.money(given.bonus_micros)))
    until, was = given.active_until, to.line.active_until
    return [*facts, Fact("active_until", say.last_day(until), was=say.last_day(was))]


def _path(view: LineView) -> str:
    return f"{LINES}/{view.line.msisdn}"

"""What is done to a line by hand: its credit put right, a top-up taken back, a bar."""

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
from tambah.domain.commands import AdjustCredit, BarLine, Reversed, ReverseTopUp
from tambah.domain.money import parse_ringgit
from tambah.domain.refusals import (
    AmountMalformed,
    FieldMissing,
    NumberUnknown,
    Refusal,
    TopUpUnknown,
)
from tambah.domain.staff import Permission
from tambah.domain.state import LineAccount
from tambah.engine.approving.asks import ask_credit, ask_reversal
from tambah.engine.foreseeing import adjusted_today, foresee_adjustment, foresee_reversal
from tambah.engine.operator import alone_up_to
from tambah.store.views.lines import LineView, read_line_of
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

BARS: Mapping[str, Mapping[str, bool]] = {
    "bar": {"barred": True},
    "unbar": {"barred": False},
    "suspend": {"suspended": True},
    "resume": {"suspended": False},
}
"""What may be asked of a line's bars: the command's own words."""

_MOST_TOPUP = 10**6


def line_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of what is done to lines by hand."""
    desk = LineActs(pages)
    return [*_credit_routes(desk), *_reversal_routes(desk), *_bar_routes(desk)]


def _credit_routes(desk: LineActs) -> list[Any]:
    path, opt = f"{LINES}/{{msisdn:str}}/credit", reaches(Permission.CREDIT_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_credit_change(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        view = await require_line(desk.site, msisdn)
        return draw_act(desk.pages, request, desk.credit_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def change_credit(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_line(desk.site, msisdn), await read_form(request)
        try:
            return await desk.change_credit(request, view, fields)
        except Refusal as refusal:
            form = desk.credit_form(request, view, fields)
            return draw_act(desk.pages, request, form, refusal)

    return [ask_credit_change, change_credit]


def _reversal_routes(desk: LineActs) -> list[Any]:
    path = f"{LINES}/{{msisdn:str}}/topups/{{number:int}}/reverse"
    opt = reaches(Permission.CREDIT_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_reversing(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view = await require_line(desk.site, msisdn)
        ahead = await desk.foresee_reversal(view, number)
        return draw_act(desk.pages, request, desk.reversal_form(request, view, ahead, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def reverse(
        request: AnyRequest, msisdn: FromPath[str], number: FromPath[int]
    ) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_line(desk.site, msisdn), await read_form(request)
        ahead = await desk.foresee_reversal(view, number)
        try:
            return await desk.reverse(request, view, ahead, fields)
        except Refusal as refusal:
            form = desk.reversal_form(request, view, ahead, fields)
            return draw_act(desk.pages, request, form, refusal)

    return [ask_reversing, reverse]


def _bar_routes(desk: LineActs) -> list[Any]:
    path, opt = f"{LINES}/{{msisdn:str}}/bars", reaches(Permission.LINES_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_bar(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        view = await require_line(desk.site, msisdn)
        return draw_act(desk.pages, request, desk.bar_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def change_bar(request: AnyRequest, msisdn: FromPath[str]) -> Response[Any]:
        view, fields = await require_line(desk.site, msisdn), await read_form(request)
        try:
            return await desk.change_bar(request, view, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.bar_form(request, view, fields), refusal)

    return [ask_bar, change_bar]


class LineActs:
    """Draws what would happen to a line, and has it done or asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages
        self._alone_micros = alone_up_to(pages.site.operator.console)

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def credit_form(self, request: AnyRequest, view: LineView, fields: Mapping[str, str]) -> Act:
        """Return the form for putting a line's credit right."""
        say = self._say(request)
        ways = [(way, say.texts.get(f"acts.way.{way}")) for way in ("more", "less")]
        return Act(
            word="adjust_credit",
            name=say.number(view.line.msisdn),
            path=self._path(view),
            facts=[Fact("credit", say.money(view.main_micros))],
            inputs=[
                Input(
                    word="way",
                    kind="radio",
                    choices=ways,
                    chosen=[fields.get("way", "more")],
                ),
                Input(word="amount", value=typed(fields, "amount"), hint=True, mode="decimal"),
                reason_input(fields),
            ],
        )

    async def change_credit(
        self, request: AnyRequest, view: LineView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would happen; when that was seen, do it or ask for it.

        Raises AmountMalformed, ReasonMissing, and whatever the rules refuse.
        """
        amount_micros, actor = _amount(fields), actor_for(signed_in(request).staff, fields)
        account = await self._account(view)
        after = foresee_adjustment(self.site.rules, account, amount_micros, self.site.clock.now())
        takes_two = await self._takes_two(view, amount_micros)
        if not is_confirmed(self.pages, fields):
            say = self._say(request)
            act = Act(
                word="adjust_credit",
                name=say.number(view.line.msisdn),
                path=self._path(view),
                facts=[
                    Fact(
                        "credit",
                        say.money(after.balance_micros),
                        was=say.money(view.main_micros),
                    ),
                    Fact("why", actor.why),
                ],
                carried={one: typed(fields, one) for one in ("way", "amount", "reason")},
                takes_two=takes_two,
                is_sure=True,
            )
            return draw_act(self.pages, request, act)
        line = view.line
        if takes_two:
            wanted = ask_credit(line.line_id, line.msisdn, amount_micros, view.main_micros)
            return await ask_once(self.pages, request, wanted, actor, fields)
        await self.site.engine.submit(
            AdjustCredit(
                caller=actor.who,
                request_key=fields["token"],
                msisdn=line.msisdn,
                amount_micros=amount_micros,
                actor=actor,
            )
        )
        return self.pages.redirect(request, self._path(view))

    async def _takes_two(self, view: LineView, amount_micros: int) -> bool:
        """Say whether an amount is more than one person may put right of a line in a day."""
        site = self.site
        done_micros = await adjusted_today(
            site.database, view.line.line_id, site.rules.validity, site.clock.now()
        )
        return done_micros + abs(amount_micros) > self._alone_micros

    async def foresee_reversal(self, view: LineView, topup_no: int) -> Reversed:
        """Return what taking a top-up back would come to. Raises TopUpUnknown and the like."""
        if not 0 < topup_no < _MOST_TOPUP:
            raise TopUpUnknown
        account, site = await self._account(view), self.site
        now = site.clock.now()
        return await foresee_reversal(site.database, site.rules, account, topup_no, now)

    def reversal_form(
        self, request: AnyRequest, view: LineView, ahead: Reversed, fields: Mapping[str, str]
    ) -> Act:
        """Return the page that says what taking a top-up back would do."""
        say = self._say(request)
        facts = [
            Fact("topup_no", str(ahead.topup_no)),
            Fact("taken", say.money(ahead.main_micros)),
            Fact("spent", say.money(ahead.spent_micros)),
        ]
        if ahead.bonus_micros:
            facts.append(Fact("bonus_taken", say.money(ahead.bonus_micros)))
        facts += [
            Fact("credit", say.money(ahead.balance_micros), was=say.money(view.main_micros)),
            Fact(
                "active_until",
                say.last_day(ahead.active_until),
                was=say.last_day(view.line.active_until),
            ),
        ]
        return Act(
            word="reverse_topup",
            name=say.number(view.line.msisdn),
            path=self._path(view),
            facts=facts,
            inputs=[reason_input(fields)],
            takes_two=ahead.main_micros > self._alone_micros,
            is_sure=True,
        )

    async def reverse(
        self, request: AnyRequest, view: LineView, ahead: Reversed, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Take a top-up back, or ask for it. Raises ReasonMissing, FormExpired and the rules'."""
        actor, line = actor_for(signed_in(request).staff, fields), view.line
        if not is_confirmed(self.pages, fields):
            return draw_act(self.pages, request, self.reversal_form(request, view, ahead, fields))
        if ahead.main_micros > self._alone_micros:
            wanted = ask_reversal(
                line.line_id, line.msisdn, ahead.topup_no, ahead.main_micros, view.main_micros
            )
            return await ask_once(self.pages, request, wanted, actor, fields)
        await self.site.engine.submit(
            ReverseTopUp(
                caller=actor.who,
                # A top-up is taken back once: a repeat gets the first answer.
                request_key=f"reverse:{ahead.topup_no}",
                msisdn=line.msisdn,
                topup_no=ahead.topup_no,
                actor=actor,
            )
        )
        return self.pages.redirect(request, self._path(view))

    def bar_form(self, request: AnyRequest, view: LineView, fields: Mapping[str, str]) -> Act:
        """Return the form for barring a line and the like: what makes a difference to it now."""
        say, line = self._say(request), view.line
        ways = ["unbar" if line.barred else "bar", "resume" if line.suspended else "suspend"]
        return Act(
            word="bars",
            name=say.number(line.msisdn),
            path=self._path(view),
            inputs=[
                Input(
                    word="bar",
                    kind="radio",
                    choices=[(way, say.texts.get(f"acts.bar.{way}")) for way in ways],
                    chosen=[fields.get("bar", "")],
                ),
                reason_input(fields),
            ],
            is_sure=True,
        )

    async def change_bar(
        self, request: AnyRequest, view: LineView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Bar a line, suspend it, or lift either. Raises FieldMissing, ReasonMissing."""
        change = BARS.get(fields.get("bar", ""))
        if change is None:
            raise FieldMissing(field="bar")
        actor = actor_for(signed_in(request).staff, fields)
        if not is_confirmed(self.pages, fields):
            return draw_act(self.pages, request, self.bar_form(request, view, fields))
        await self.site.engine.submit(
            BarLine(
                caller=actor.who,
                request_key=fields["token"],
                msisdn=view.line.msisdn,
                actor=actor,
                **change,
            )
        )
        return self.pages.redirect(request, self._path(view))

    async def _account(self, view: LineView) -> LineAccount:
        account = await read_line_of(self.site.database, view.line.line_id)
        if account is None:
            raise NumberUnknown
        return account

    def _say(self, request: AnyRequest) -> Wording:
        return Wording(self.site, self.pages.speak(request))

    def _path(self, view: LineView) -> str:
        return f"{LINES}/{view.line.msisdn}"


def _amount(fields: Mapping[str, str]) -> int:
    """Return the amount that was typed, less where that was chosen. Raises AmountMalformed."""
    amount_micros = parse_ringgit(typed(fields, "amount").removeprefix("RM").replace(",", ""))
    if amount_micros == 0:
        raise AmountMalformed
    return -amount_micros if fields.get("way") == "less" else amount_micros

"""Money of dealers moved by hand: float granted and moved, commission paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
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
from tambah.console.dealer_acts import carried, day_typed, dealer_number, money_typed, named
from tambah.console.dealers import require_dealer
from tambah.console.facts import DEALERS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import wanted_facts
from tambah.domain.actor import Actor
from tambah.domain.dealer_commands import MoveFloat, PayCommission
from tambah.domain.floats import require_movable
from tambah.domain.refusals import (
    DealerNotRelated,
    FieldMissing,
    FloatTooLow,
    NothingDue,
    PartnerSuspended,
    Refusal,
)
from tambah.domain.staff import Permission
from tambah.engine.answers import request_digest
from tambah.engine.approving import Wanted
from tambah.engine.approving.asks import ask_funding
from tambah.engine.approving.of_dealers import ask_commission, ask_float_move
from tambah.engine.operator import alone_up_to
from tambah.store.views.dealer_lists import Owed, float_moved_since, owed_until
from tambah.store.views.dealers import DealerView
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_COMMISSION = f"{DEALERS}/commission"


def float_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of floats and commission."""
    desk = FloatActs(pages)
    return [*_fund_routes(desk), *_move_routes(desk), *_commission_routes(desk)]


def _fund_routes(desk: FloatActs) -> list[Any]:
    path, opt = f"{DEALERS}/{{partner_id:int}}/fund", reaches(Permission.FLOAT_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_fund(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view = await require_dealer(desk.site, partner_id)
        return draw_act(desk.pages, request, desk.fund_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def file_fund(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_dealer(desk.site, partner_id), await read_form(request)
        try:
            return await desk.file_fund(request, view, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.fund_form(request, view, fields), refusal)

    return [ask_fund, file_fund]


def _move_routes(desk: FloatActs) -> list[Any]:
    path, opt = f"{DEALERS}/{{partner_id:int}}/move-float", reaches(Permission.FLOAT_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_move(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view = await require_dealer(desk.site, partner_id)
        return draw_act(desk.pages, request, desk.move_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def move(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_dealer(desk.site, partner_id), await read_form(request)
        try:
            return await desk.move(request, view, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.move_form(request, view, fields), refusal)

    return [ask_move, move]


def _commission_routes(desk: FloatActs) -> list[Any]:
    opt = reaches(Permission.FINANCE_WRITE)

    @get(_COMMISSION, opt=opt, include_in_schema=False)
    async def ask_commission(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields = {"dealer": request.query_params.get("dealer", "")}
        return draw_act(desk.pages, request, desk.commission_form(fields))

    @post(_COMMISSION, status_code=200, opt=opt, include_in_schema=False)
    async def pay_commission(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields = await read_form(request)
        try:
            return await desk.pay(request, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.commission_form(fields), refusal)

    return [ask_commission, pay_commission]


class FloatActs:
    """Draws what would happen to floats, and has it done or asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages
        self._alone_micros = alone_up_to(pages.site.operator.console)

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def fund_form(self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]) -> Act:
        """Return the form for float to be granted."""
        say = self._say(request)
        return Act(
            word="fund_partner",
            name=named(view),
            path=_path(view),
            facts=[Fact("float", say.money(view.float_micros))],
            inputs=[
                Input(word="amount", value=typed(fields, "amount"), hint=True, mode="decimal"),
                Input(word="reference", value=typed(fields, "reference"), hint=True),
                reason_input(fields),
            ],
        )

    async def file_fund(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would be granted; when that was seen, ask for it: it makes money.

        Raises FieldMissing, AmountMalformed, FieldMalformed, ReasonMissing.
        """
        amount, reference = _amount(fields), typed(fields, "reference")
        actor = actor_for(signed_in(request).staff, fields)
        wanted = await ask_funding(self.site.database, view.partner_id, amount, reference)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        words = ("amount", "reference", "reason")
        return self._draw_sure(request, view, wanted, fields, words, takes_two=True)

    def move_form(self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]) -> Act:
        """Return the form for float to go to a child or to the parent."""
        say = self._say(request)
        return Act(
            word="move_float",
            name=named(view),
            path=_path(view),
            facts=[Fact("float", say.money(view.float_micros))],
            inputs=[
                Input(word="receiver", value=typed(fields, "receiver"), hint=True, mode="numeric"),
                Input(word="amount", value=typed(fields, "amount"), hint=True, mode="decimal"),
                Input(word="reference", value=typed(fields, "reference"), hint=True),
                reason_input(fields),
            ],
        )

    async def move(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would move; when that was seen, move it or ask for it.

        Raises FieldMissing, AmountMalformed, FieldMalformed, ReasonMissing, and the rules'.
        """
        amount, reference = _amount(fields), typed(fields, "reference")
        to_id = dealer_number(fields, "receiver")
        if to_id is None:
            raise FieldMissing(field="receiver")
        actor = actor_for(signed_in(request).staff, fields)
        taker, token = await require_dealer(self.site, to_id), fields.get("token", "")
        wanted = await ask_float_move(
            self.site.database, view.partner_id, to_id, amount, reference
        )
        # Pressed a second time, it is what it was: its own move counts no more than before.
        this = request_digest(self.site.keys, actor.who, token)
        takes_two = await self._takes_two(view, amount, this)
        if not is_confirmed(self.pages, fields):
            _require_may_move(view, taker, amount)
            words = ("receiver", "amount", "reference", "reason")
            return self._draw_sure(request, view, wanted, fields, words, takes_two=takes_two)
        if takes_two:
            return await ask_once(self.pages, request, wanted, actor, fields)
        await self.site.engine.submit(
            MoveFloat(
                caller=actor.who,
                request_key=token,
                partner_id=view.partner_id,
                to_partner_id=to_id,
                amount_micros=amount,
                reference=reference,
                actor=actor,
            )
        )
        return self.pages.redirect(request, _path(view))

    async def _takes_two(self, view: DealerView, amount_micros: int, this: bytes) -> bool:
        """Say whether it is more than one person may move out of a float in a local day."""
        validity, now = self.site.rules.validity, self.site.clock.now()
        since = validity.start_of(validity.local_day(now))
        done = await float_moved_since(self.site.database, view.partner_id, since, but_for=this)
        return done + amount_micros > self._alone_micros

    def commission_form(self, fields: Mapping[str, str]) -> Act:
        """Return the form for commission to be paid."""
        return Act(
            word="pay_commission",
            name="",
            path=DEALERS,
            inputs=[
                Input(word="until_day", kind="date", value=typed(fields, "until_day"), hint=True),
                Input(
                    word="dealer",
                    value=typed(fields, "dealer"),
                    hint=True,
                    mode="numeric",
                    is_optional=True,
                ),
                reason_input(fields),
            ],
        )

    async def pay(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Say who would be paid what; when that was seen, pay them or ask for it.

        Raises FieldMissing, FieldMalformed, ReasonMissing, DealerUnknown, NothingDue.
        """
        until, only = day_typed(fields, "until_day"), dealer_number(fields, "dealer")
        if until is None:
            raise FieldMissing(field="until_day")
        actor = actor_for(signed_in(request).staff, fields)
        if only is not None:
            await require_dealer(self.site, only)
        before = self.site.rules.validity.start_of(until + timedelta(days=1))
        done = f"{DEALERS}/{only}" if only else DEALERS
        owed = await owed_until(self.site.database, before, only)
        takes_two = sum(one.amount_micros for one in owed) > self._alone_micros
        confirmed = is_confirmed(self.pages, fields)
        if confirmed and not takes_two:
            await self._pay(owed, until, fields["token"], actor)
            return self.pages.redirect(request, done)
        wanted = ask_commission(owed, until, only)
        if confirmed:
            return await ask_once(self.pages, request, wanted, actor, fields)
        facts = wanted_facts(wanted.deed, wanted.params, wanted.before, self._say(request))
        act = Act(
            word=wanted.deed,
            name="",
            path=DEALERS,
            facts=[*facts, Fact("why", actor.why)],
            carried=carried(fields, ("until_day", "dealer", "reason")),
            takes_two=takes_two,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    async def _pay(self, owed: list[Owed], until: date, token: str, actor: Actor) -> None:
        """Pay one after another; what breaks off is gone on with by a second press."""
        for one in owed:
            command = PayCommission(
                caller=actor.who,
                request_key=token,
                partner_id=one.partner_id,
                until=until,
                actor=actor,
            )
            try:
                await self.site.engine.submit(command)
            except NothingDue:
                continue  # somebody else has paid it meanwhile

    def _draw_sure(
        self,
        request: AnyRequest,
        view: DealerView,
        wanted: Wanted,
        fields: Mapping[str, str],
        words: tuple[str, ...],
        *,
        takes_two: bool,
    ) -> Response[Any]:
        facts = wanted_facts(wanted.deed, wanted.params, wanted.before, self._say(request))
        act = Act(
            word=wanted.deed,
            name=named(view),
            path=_path(view),
            facts=[*facts, Fact("why", typed(fields, "reason"))],
            carried=carried(fields, words),
            takes_two=takes_two,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    def _say(self, request: AnyRequest) -> Wording:
        return Wording(self.site, self.pages.speak(request))


def _require_may_move(giver: DealerView, taker: DealerView, amount: int) -> None:
    """Refuse at once what the engine would refuse when it is done."""
    if taker.parent_id != giver.partner_id and giver.parent_id != taker.partner_id:
        raise DealerNotRelated
    if giver.suspended or taker.suspended:
        raise PartnerSuspended
    require_movable(amount)
    if giver.float_micros < amount:
        raise FloatTooLow


def _amount(fields: Mapping[str, str]) -> int:
    amount_micros = money_typed(fields, "amount")
    if not amount_micros:
        raise FieldMissing(field="amount")
    return amount_micros


def _path(view: DealerView) -> str:
    return f"{DEALERS}/{view.partner_id}"

"""What is done to dealers by hand: added to the tree, agreed with anew, suspended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
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
from tambah.console.dealers import KINDS, require_dealer
from tambah.console.facts import DEALERS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import dealer_fact, wanted_facts
from tambah.domain.dealer import MOST_RATE_BP, DealerKind, PaidAs, agreement_at, percent
from tambah.domain.money import parse_ringgit, ringgit
from tambah.domain.refusals import FieldMalformed, FieldMissing, Refusal
from tambah.domain.staff import Permission
from tambah.engine.approving.of_dealers import ask_agreement
from tambah.engine.dealers import (
    Limits,
    NewDealer,
    Terms,
    add_dealer,
    foresee_dealer,
    set_suspended,
)
from tambah.store.views.dealers import DealerView, agreements_with
from tambah.web.forms import fold_digits, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", re.ASCII)
_NEW = ("called", "dealer_kind", "parent", "draws_on", "least_sale", "most_sale", "most_day")
_TERMS = ("rate", "paid_as", "most_sale", "most_day", "since", "reason")
_MOST_NUMBER_DIGITS = 18
PAID_AS = tuple(one.name.lower() for one in PaidAs)
"""How a commission may be paid: texts `dealers.paid_as.<word>`."""


def dealer_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of what is done to dealers by hand."""
    desk = DealerActs(pages)
    return [*_adding_routes(desk), *_agreement_routes(desk), *_standing_routes(desk)]


def _adding_routes(desk: DealerActs) -> list[Any]:
    path, opt = f"{DEALERS}/new", reaches(Permission.DEALERS_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_new_dealer(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields = {"parent": request.query_params.get("parent", "")}
        return draw_act(desk.pages, request, desk.new_form(request, fields))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def add_new_dealer(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields = await read_form(request)
        try:
            return await desk.add(request, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.new_form(request, fields), refusal)

    return [ask_new_dealer, add_new_dealer]


def _agreement_routes(desk: DealerActs) -> list[Any]:
    path = f"{DEALERS}/{{partner_id:int}}/agreement"
    opt = reaches(Permission.DEALERS_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_terms(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view = await require_dealer(desk.site, partner_id)
        form = desk.agreement_form(request, view, await desk.terms_now(view))
        return draw_act(desk.pages, request, form)

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def file_terms(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view, fields = await require_dealer(desk.site, partner_id), await read_form(request)
        try:
            return await desk.file_agreement(request, view, fields)
        except Refusal as refusal:
            form = desk.agreement_form(request, view, fields)
            return draw_act(desk.pages, request, form, refusal)

    return [ask_terms, file_terms]


def _standing_routes(desk: DealerActs) -> list[Any]:
    path = f"{DEALERS}/{{partner_id:int}}/standing"
    opt = reaches(Permission.DEALERS_WRITE)

    @get(path, opt=opt, include_in_schema=False)
    async def ask_standing(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        require_fresh(request)
        view = await require_dealer(desk.site, partner_id)
        return draw_act(desk.pages, request, desk.standing_form(request, view, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def change_standing(request: AnyRequest, partner_id: FromPath[int]) -> Response[Any]:
        """Suspend or resume at once: a theft does not wait for a second person."""
        require_fresh(request)
        view, fields = await require_dealer(desk.site, partner_id), await read_form(request)
        try:
            return await desk.change_standing(request, view, fields)
        except Refusal as refusal:
            form = desk.standing_form(request, view, fields)
            return draw_act(desk.pages, request, form, refusal)

    return [ask_standing, change_standing]


class DealerActs:
    """Draws what would happen to a dealer, and has it done or asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def new_form(self, request: AnyRequest, fields: Mapping[str, str]) -> Act:
        """Return the form for a dealer to be added. Its commission and credit take two: later."""
        say = self._say(request)
        kinds = [(kind, say.texts.get(f"dealers.kind.{kind}")) for kind in KINDS]
        draws = [("yes", say.texts.get("acts.draws_on"))]
        return Act(
            word="add_dealer",
            name="",
            path=DEALERS,
            inputs=[
                Input(word="called", value=typed(fields, "called")),
                _radio("dealer_kind", kinds, fields),
                Input(
                    word="parent",
                    value=typed(fields, "parent"),
                    hint=True,
                    mode="numeric",
                    is_optional=True,
                ),
                Input(
                    word="draws_on",
                    kind="checkbox",
                    choices=draws,
                    chosen=[fields.get("draws_on", "")],
                ),
                _money_input("least_sale", fields, "1.00"),
                _money_input("most_sale", fields, "500.00"),
                _money_input("most_day", fields, ""),
                reason_input(fields),
            ],
        )

    async def add(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Say what would be added; when that was seen, add it.

        A second press of the button finds it there: it is planted once.

        Raises FieldMissing, FieldMalformed, AmountMalformed, DealerUnknown, DealerExists,
        ReasonMissing.
        """
        new, actor = _new(fields), actor_for(signed_in(request).staff, fields)
        parent = await require_dealer(self.site, new.parent_id) if new.parent_id else None
        await foresee_dealer(self.site.database, new)
        if is_confirmed(self.pages, fields):
            partner_id = await add_dealer(self.site.database, new, actor)
            return self.pages.redirect(request, f"{DEALERS}/{partner_id}")
        say, limits = self._say(request), new.limits
        root, none = say.texts.get("dealers.root"), say.texts.get("dealers.none")
        cap = limits.daily_cap_micros
        facts = [
            Fact("called", new.name),
            Fact("dealer_kind", say.texts.get(f"dealers.kind.{new.kind.name.lower()}")),
            dealer_fact("parent", parent.partner_id, parent.name)
            if parent
            else Fact("parent", root),
        ]
        if parent and new.draws_on_parent:
            facts.append(dealer_fact("draws_on", parent.partner_id, parent.name))
        facts += [
            Fact("least_sale", say.money(limits.least_micros)),
            Fact("most_sale", say.money(limits.most_micros)),
            Fact("most_day", none if cap is None else say.money(cap)),
            Fact("why", actor.why),
        ]
        act = Act(
            word="add_dealer",
            name="",
            path=DEALERS,
            facts=facts,
            carried=carried(fields, (*_NEW, "reason")),
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    async def terms_now(self, view: DealerView) -> dict[str, str]:
        """Return what is agreed with a dealer, as the form has it."""
        agreements = await agreements_with(self.site.database, view.partner_id)
        now = agreement_at(agreements, self.site.clock.now())
        if now is None:
            return {}
        most = {"most_sale": now.most_sale_micros, "most_day": now.most_day_micros}
        return {
            "rate": percent(now.rate_bp),
            "paid_as": now.paid_as.name.lower(),
            **{word: ringgit(value) for word, value in most.items() if value is not None},
        }

    def agreement_form(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Act:
        """Return the form for other terms with a dealer."""
        say = self._say(request)
        ways = [(way, say.texts.get(f"dealers.paid_as.{way}")) for way in PAID_AS]
        return Act(
            word="change_agreement",
            name=named(view),
            path=_path(view),
            inputs=[
                Input(word="rate", value=typed(fields, "rate"), hint=True, mode="decimal"),
                _radio("paid_as", ways, fields),
                _money_input("most_sale", fields, "", is_optional=True),
                _money_input("most_day", fields, ""),
                Input(
                    word="since",
                    kind="date",
                    value=typed(fields, "since"),
                    hint=True,
                    is_optional=True,
                ),
                reason_input(fields),
            ],
        )

    async def file_agreement(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would be agreed; when that was seen, ask for it: a rate makes money.

        Raises FieldMissing, FieldMalformed, AmountMalformed, CommissionOutOfTree, ReasonMissing.
        """
        terms, since = _terms(fields), day_typed(fields, "since")
        actor, now = actor_for(signed_in(request).staff, fields), self.site.clock.now()
        effective_at = self.site.rules.validity.start_of(since) if since else None
        database = self.site.database
        wanted = await ask_agreement(database, view.partner_id, terms, effective_at, now)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        facts = wanted_facts(wanted.deed, wanted.params, wanted.before, self._say(request))
        act = Act(
            word=wanted.deed,
            name=named(view),
            path=_path(view),
            facts=[*facts, Fact("why", actor.why)],
            carried=carried(fields, _TERMS),
            takes_two=True,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    def standing_form(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Act:
        """Return the page that suspends a dealer, or lifts that."""
        say = self._say(request)
        states = [say.texts.get(f"dealers.standing.{one}") for one in ("selling", "suspended")]
        was, after = reversed(states) if view.suspended else states
        facts = [Fact("standing", after, was=was)]
        if not view.suspended and view.children:
            facts.append(Fact("effect", say.texts.get("dealers.suspending_more")))
        return Act(
            word="resume_partner" if view.suspended else "suspend_partner",
            name=named(view),
            path=_path(view),
            facts=facts,
            inputs=[reason_input(fields)],
            # What the page says: were it suspended by another meanwhile, nothing is turned round.
            carried={"to": "selling" if view.suspended else "suspended"},
            is_sure=True,
        )

    async def change_standing(
        self, request: AnyRequest, view: DealerView, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Suspend a dealer or lift that, once it was seen. Raises ReasonMissing, FieldMissing."""
        actor = actor_for(signed_in(request).staff, fields)
        if not is_confirmed(self.pages, fields):
            return draw_act(self.pages, request, self.standing_form(request, view, fields))
        to = fields.get("to", "")
        if to not in ("selling", "suspended"):
            raise FieldMissing(field="to")
        await set_suspended(
            self.site.database, view.partner_id, actor, suspended=to == "suspended"
        )
        return self.pages.redirect(request, _path(view))

    def _say(self, request: AnyRequest) -> Wording:
        return Wording(self.site, self.pages.speak(request))


def dealer_number(fields: Mapping[str, str], name: str) -> int | None:
    """Return the dealer's number that was typed, None for nothing. Raises FieldMalformed."""
    text = typed(fields, name)
    digits = fold_digits(text)
    if not text:
        return None
    if not digits or len(digits) > _MOST_NUMBER_DIGITS:
        raise FieldMalformed(field=name)
    return int(digits)


def money_typed(fields: Mapping[str, str], name: str) -> int | None:
    """Return an amount that was typed, micro-ringgit, None for nothing. Raises AmountMalformed."""
    text = typed(fields, name)
    return parse_ringgit(text.removeprefix("RM").replace(",", "").strip()) if text else None


def _new(fields: Mapping[str, str]) -> NewDealer:
    """Return the dealer that was typed. Raises FieldMissing, FieldMalformed, AmountMalformed."""
    name, kind = typed(fields, "called"), fields.get("dealer_kind", "")
    least, most = money_typed(fields, "least_sale"), money_typed(fields, "most_sale")
    if not name:
        raise FieldMissing(field="called")
    if not least:
        raise FieldMissing(field="least_sale")
    if not most:
        raise FieldMissing(field="most_sale")
    if kind not in KINDS:
        raise FieldMissing(field="dealer_kind")
    parent_id, draws = dealer_number(fields, "parent"), fields.get("draws_on") == "yes"
    if parent_id is None and draws:
        raise FieldMissing(field="parent")
    if least > most:
        raise FieldMalformed(field="most_sale")
    return NewDealer(
        name=name,
        kind=DealerKind[kind.upper()],
        parent_id=parent_id,
        draws_on_parent=draws,
        limits=Limits(
            least_micros=least,
            most_micros=most,
            daily_cap_micros=money_typed(fields, "most_day"),
        ),
    )


def _terms(fields: Mapping[str, str]) -> Terms:
    """Return the terms that were typed. Raises FieldMissing, FieldMalformed, AmountMalformed."""
    found = _PERCENT.fullmatch(typed(fields, "rate").removesuffix("%").strip())
    if found is None:
        raise FieldMalformed(field="rate")
    rate_bp = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if rate_bp > MOST_RATE_BP:
        raise FieldMalformed(field="rate")
    paid_as = fields.get("paid_as", "")
    if paid_as not in PAID_AS:
        raise FieldMissing(field="paid_as")
    return Terms(
        rate_bp=rate_bp,
        paid_as=PaidAs[paid_as.upper()],
        most_sale_micros=money_typed(fields, "most_sale"),
        most_day_micros=money_typed(fields, "most_day"),
    )


def day_typed(fields: Mapping[str, str], name: str) -> date | None:
    """Return the day that was typed, None for nothing. Raises FieldMalformed."""
    text = typed(fields, name)
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise FieldMalformed(field=name) from error
    if day is not None and not 1970 <= day.year < 2200:
        raise FieldMalformed(field=name)
    return day


def _radio(word: str, choices: list[tuple[str, str]], fields: Mapping[str, str]) -> Input:
    return Input(word=word, kind="radio", choices=choices, chosen=[fields.get(word, "")])


def _money_input(
    word: str, fields: Mapping[str, str], first: str, *, is_optional: bool | None = None
) -> Input:
    value = typed(fields, word) if word in fields else first
    optional = not first if is_optional is None else is_optional
    return Input(word=word, value=value, mode="decimal", is_optional=optional)


def carried(fields: Mapping[str, str], words: tuple[str, ...]) -> dict[str, str]:
    """Return what a form carries along of what was typed."""
    return {word: typed(fields, word) for word in words if word in fields}


def named(view: DealerView) -> str:
    """Return a dealer's name and number."""
    return f"{view.name} ({view.partner_id})"


def _path(view: DealerView) -> str:
    return f"{DEALERS}/{view.partner_id}"

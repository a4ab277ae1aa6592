"""`/console/promotions`: what is given on top; drafted, looked at and asked for by marketing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as with_rules
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post

from tambah.console.acts import (
    Act,
    actor_for,
    ask_once,
    draw_act,
    is_confirmed,
    reason_input,
    typed,
)
from tambah.console.drafting import read_ticked
from tambah.console.facts import Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.promotion_draft import TICKED, TYPED, draft_inputs, read_draft
from tambah.console.promotion_words import preview_facts, promotion_facts
from tambah.console.sessions import HOME
from tambah.domain.previewing import preview
from tambah.domain.promotion import Promotion
from tambah.domain.refusals import PromotionUnknown, Refusal
from tambah.domain.rules import Rules
from tambah.domain.staff import Permission
from tambah.engine.approving.of_promotions import ask_ending, ask_promotion, read_plain
from tambah.store.promotions import MadePromotion, read_promotions
from tambah.store.views.recent_topups import recent_topups
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

PROMOTIONS = f"{HOME}/promotions"
_LAST = 1000
_OPT = reaches(Permission.CONTENT_WRITE)
_STATES = ("running", "upcoming", "over")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A promotion on the list. made: the version of the console's, None for operator.toml's."""

    promotion: Promotion
    state: str
    facts: list[Fact]
    look: str
    end: str
    made: MadePromotion | None = None


def promotion_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of promotions."""
    return [*_reading_routes(pages), *_drafting_routes(pages), *_ending_routes(pages)]


def _reading_routes(pages: ConsolePages) -> list[Any]:
    site = pages.site

    @get(PROMOTIONS, opt=_OPT, include_in_schema=False)
    async def show_promotions(request: AnyRequest) -> Response[Any]:
        say = Wording(site, pages.speak(request))
        found = await _everything(site, say)
        by_state = {state: [one for one in found if one.state == state] for state in _STATES}
        return pages.draw(request, "promotions.html", by_state=by_state)

    @get(f"{PROMOTIONS}/look", opt=_OPT, include_in_schema=False)
    async def look_back(request: AnyRequest) -> Response[Any]:
        """Say what a promotion would have given with the latest top-ups."""
        say = Wording(site, pages.speak(request))
        name = request.query_params.get("name", "")
        found = {one.promotion.name: one for one in await _everything(site, say)}
        one = found.get(name)
        if one is None:
            raise PromotionUnknown
        seen = await _preview(site, await _rules(site), name)
        return pages.draw(
            request, "promotion.html", one=one, facts=one.facts, seen=preview_facts(seen, say)
        )

    return [show_promotions, look_back]


def _drafting_routes(pages: ConsolePages) -> list[Any]:
    desk = PromotionDesk(pages)

    @get(f"{PROMOTIONS}/new", opt=_OPT, include_in_schema=False)
    async def ask_draft(request: AnyRequest) -> Response[Any]:
        return draw_act(pages, request, desk.form(request, {}))

    @post(f"{PROMOTIONS}/new", status_code=200, opt=_OPT, include_in_schema=False)
    async def draft(request: AnyRequest) -> Response[Any]:
        fields = await read_ticked(request, TICKED)
        try:
            return await desk.draft(request, fields)
        except Refusal as refusal:
            return draw_act(pages, request, desk.form(request, fields), refusal)

    return [ask_draft, draft]


def _ending_routes(pages: ConsolePages) -> list[Any]:
    desk = PromotionDesk(pages)

    @get(f"{PROMOTIONS}/end", opt=_OPT, include_in_schema=False)
    async def ask_end(request: AnyRequest) -> Response[Any]:
        name = request.query_params.get("name", "")
        return draw_act(pages, request, await desk.end_form(request, name, {}))

    @post(f"{PROMOTIONS}/end", status_code=200, opt=_OPT, include_in_schema=False)
    async def end(request: AnyRequest) -> Response[Any]:
        name, fields = request.query_params.get("name", ""), await read_ticked(request, TICKED)
        form = await desk.end_form(request, name, fields)
        try:
            return await desk.end(request, name, fields)
        except Refusal as refusal:
            return draw_act(pages, request, form, refusal)

    return [ask_end, end]


class PromotionDesk:
    """Draws what is drafted, and has it asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    def form(self, request: AnyRequest, fields: Mapping[str, str]) -> Act:
        """Return the form that drafts a promotion."""
        texts = self.pages.speak(request)
        return Act(
            word="make_promotion",
            name=texts.get("console.to.promotions"),
            path=PROMOTIONS,
            inputs=draft_inputs(fields, self.site.operator, texts),
        )

    async def draft(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Say what the draft gives and would have given; when that was seen, ask for it.

        Raises FieldMissing, FieldMalformed, ReasonMissing, PromotionNameTaken, PromotionOver.
        """
        site, now = self.site, self.site.clock.now()
        drafted = read_draft(fields, site.operator, site.rules.validity)
        actor = actor_for(signed_in(request).staff, fields)
        names = {one.name for one in site.rules.promotions}
        wanted = await ask_promotion(site.database, names, drafted, now)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        say = Wording(site, self.pages.speak(request))
        rules = await _rules(site)
        rules = with_rules(rules, promotions=(*rules.promotions, drafted))
        seen = await _preview(site, rules, drafted.name)
        act = Act(
            word="make_promotion",
            name=say.texts.get("console.to.promotions"),
            path=PROMOTIONS,
            facts=[
                *promotion_facts(drafted, say),
                *preview_facts(seen, say),
                Fact("why", actor.why),
            ],
            carried={one: typed(fields, one) for one in (*TYPED, *TICKED)},
            takes_two=True,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    async def end_form(self, request: AnyRequest, name: str, fields: Mapping[str, str]) -> Act:
        """Return the page that asks for a promotion's end. Raises PromotionUnknown, -Over."""
        site = self.site
        wanted = await ask_ending(site.database, name, site.clock.now())
        say = Wording(site, self.pages.speak(request))
        return Act(
            word="end_promotion",
            name=name,
            path=PROMOTIONS,
            facts=promotion_facts(read_plain(wanted.before["promotion"]), say),
            inputs=[reason_input(fields)],
            takes_two=True,
            is_sure=True,
        )

    async def end(
        self, request: AnyRequest, name: str, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Ask for a promotion's end. Raises ReasonMissing, FormExpired."""
        actor, site = actor_for(signed_in(request).staff, fields), self.site
        if not is_confirmed(self.pages, fields):
            return draw_act(self.pages, request, await self.end_form(request, name, fields))
        wanted = await ask_ending(site.database, name, site.clock.now())
        return await ask_once(self.pages, request, wanted, actor, fields)


async def _everything(site: Site, say: Wording) -> list[Listed]:
    made = {one.promotion.name: one for one in await read_promotions(site.database)}
    every = [
        *site.rules.promotions,
        *(one.promotion for one in made.values()),
    ]
    return [_listed(one, made.get(one.name), site, say) for one in every]


def _listed(one: Promotion, made: MadePromotion | None, site: Site, say: Wording) -> Listed:
    state, query = one.standing(site.clock.now()), urlencode({"name": one.name})
    return Listed(
        promotion=one,
        state=state,
        facts=promotion_facts(one, say)[1:],
        look=f"{PROMOTIONS}/look?{query}",
        end=f"{PROMOTIONS}/end?{query}" if made is not None and state != "over" else "",
        made=made,
    )


async def _rules(site: Site) -> Rules:
    """Return the rules with the promotions as the database has them at this moment."""
    made = tuple(one.promotion for one in await read_promotions(site.database))
    return with_rules(site.rules, promotions=(*site.rules.promotions, *made))


async def _preview(site: Site, rules: Rules, name: str) -> Any:
    histories = await recent_topups(site.database, _LAST)
    # Beside the loop: lines with long histories take a while.
    return await asyncio.to_thread(preview, rules, name, histories)

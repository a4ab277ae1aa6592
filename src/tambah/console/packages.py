"""`/console/packages`: what is sold for credit; drafted, looked at and asked for by marketing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from tambah.console.package_draft import (
    CHOSEN,
    TICKED,
    TYPED,
    draft_inputs,
    fields_of,
    read_draft,
)
from tambah.console.package_words import package_facts
from tambah.console.pages import ConsolePages
from tambah.console.sessions import HOME
from tambah.domain.package import Package
from tambah.domain.refusals import PackageUnknown, Refusal
from tambah.domain.staff import Permission
from tambah.engine.approving.of_packages import (
    ask_package,
    ask_withdrawal,
    begins_at,
    read_plain,
    standing,
)
from tambah.engine.live_packages import all_packages
from tambah.store.package_versions import read_versions
from tambah.store.views.subscriptions import count_running
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

PACKAGES = f"{HOME}/packages"
_OPT = reaches(Permission.CONTENT_WRITE)
_STATES = ("running", "upcoming", "over")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A package on the list. request: that made this version, 0 for operator.toml's."""

    package: Package
    state: str
    facts: list[Fact]
    change: str
    withdraw: str
    request: int = 0


def package_editor_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of the catalogue of packages."""
    return [*_drafting_routes(pages), *_withdrawing_routes(pages)]


def _drafting_routes(pages: ConsolePages) -> list[Any]:
    desk = PackageEditor(pages)

    @get(PACKAGES, opt=_OPT, include_in_schema=False)
    async def show_catalogue(request: AnyRequest) -> Response[Any]:
        found = await _everything(pages.site, Wording(pages.site, pages.speak(request)))
        by_state = {state: [one for one in found if one.state == state] for state in _STATES}
        return pages.draw(request, "package_list.html", by_state=by_state)

    @get(f"{PACKAGES}/new", opt=_OPT, include_in_schema=False)
    async def ask_draft(request: AnyRequest) -> Response[Any]:
        fields = await desk.begin(request.query_params.get("code", ""))
        return draw_act(pages, request, desk.form(request, fields))

    @post(f"{PACKAGES}/new", status_code=200, opt=_OPT, include_in_schema=False)
    async def draft(request: AnyRequest) -> Response[Any]:
        fields = await read_ticked(request, TICKED)
        try:
            return await desk.draft(request, fields)
        except Refusal as refusal:
            return draw_act(pages, request, desk.form(request, fields), refusal)

    return [show_catalogue, ask_draft, draft]


def _withdrawing_routes(pages: ConsolePages) -> list[Any]:
    desk = PackageEditor(pages)

    @get(f"{PACKAGES}/withdraw", opt=_OPT, include_in_schema=False)
    async def ask_to_withdraw(request: AnyRequest) -> Response[Any]:
        code = request.query_params.get("code", "")
        return draw_act(pages, request, await desk.withdrawal_form(request, code, {}))

    @post(f"{PACKAGES}/withdraw", status_code=200, opt=_OPT, include_in_schema=False)
    async def withdraw(request: AnyRequest) -> Response[Any]:
        code, fields = request.query_params.get("code", ""), await read_ticked(request, TICKED)
        form = await desk.withdrawal_form(request, code, fields)
        try:
            return await desk.withdraw(request, code, fields)
        except Refusal as refusal:
            return draw_act(pages, request, form, refusal)

    return [ask_to_withdraw, withdraw]


class PackageEditor:
    """Draws what is drafted, and has it asked for."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    async def begin(self, code: str) -> dict[str, str]:
        """Return what the form begins with: the package as it stands, or nothing for a new one.

        Raises PackageUnknown.
        """
        if not code:
            return {}
        site = self.site
        sold = await all_packages(site.database, site.rules)
        stands = standing(sold, code, site.clock.now())
        if stands is None:
            raise PackageUnknown
        return fields_of(stands, site.rules.validity)

    def form(self, request: AnyRequest, fields: Mapping[str, str]) -> Act:
        """Return the form that drafts a package."""
        texts = self.pages.speak(request)
        return Act(
            word="sell_package",
            name=texts.get("console.to.packages"),
            path=PACKAGES,
            inputs=draft_inputs(fields, self.site.operator, texts),
        )

    async def draft(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Say what would be sold, from when and instead of what; once seen, ask for it.

        Raises FieldMissing, FieldMalformed, ReasonMissing, PackageOver.
        """
        site, now = self.site, self.site.clock.now()
        validity = site.rules.validity
        sold = await all_packages(site.database, site.rules)
        drafted = read_draft(fields, site.operator, validity, {one.code for one in sold})
        actor = actor_for(signed_in(request).staff, fields)
        wanted = await ask_package(site.database, site.rules, drafted, now)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        say = Wording(site, self.pages.speak(request))
        stands = standing(sold, drafted.code, now)
        begins = begins_at(drafted, stands, now, validity)
        act = Act(
            word="sell_package",
            name=say.texts.get("console.to.packages"),
            path=PACKAGES,
            facts=[
                *package_facts(drafted, say, stands),
                Fact("pack_since", say.when(begins)),
                *await _holders(site, drafted.code),
                Fact("why", actor.why),
            ],
            carried={one: typed(fields, one) for one in (*TYPED, *TICKED, CHOSEN, "reason")},
            takes_two=True,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    async def withdrawal_form(
        self, request: AnyRequest, code: str, fields: Mapping[str, str]
    ) -> Act:
        """Return the page that asks for a package to be sold no more. Raises PackageUnknown."""
        site = self.site
        wanted = await ask_withdrawal(site.database, site.rules, code, site.clock.now())
        say = Wording(site, self.pages.speak(request))
        stands = read_plain(wanted.before["package"])
        return Act(
            word="withdraw_package",
            name=say.texts.get("console.to.packages"),
            path=PACKAGES,
            facts=[*package_facts(stands, say), *await _holders(site, code)],
            inputs=[reason_input(fields)],
            takes_two=True,
            is_sure=True,
        )

    async def withdraw(
        self, request: AnyRequest, code: str, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Ask for a package to be sold no more. Raises ReasonMissing, FormExpired."""
        actor, site = actor_for(signed_in(request).staff, fields), self.site
        if not is_confirmed(self.pages, fields):
            act = await self.withdrawal_form(request, code, fields)
            return draw_act(self.pages, request, act)
        wanted = await ask_withdrawal(site.database, site.rules, code, site.clock.now())
        return await ask_once(self.pages, request, wanted, actor, fields)


async def _holders(site: Site, code: str) -> list[Fact]:
    """Say on how many lines a package runs: they keep what they bought, until it is renewed."""
    running, renewing = await count_running(site.database, code)
    if not running:
        return []
    return [Fact("pack_running", f"{running:,}"), Fact("pack_renewing", f"{renewing:,}")]


async def _everything(site: Site, say: Wording) -> list[Listed]:
    versions = await read_versions(site.database)
    made = {(one.what.code, one.what.since): one.approval_id for one in versions}
    sold = await all_packages(site.database, site.rules)
    return [
        _listed(one, made.get((one.code, one.on_sale_from), 0), site, say)
        for one in sorted(sold, key=lambda one: one.code)
    ]


def _listed(one: Package, request: int, site: Site, say: Wording) -> Listed:
    now, query = site.clock.now(), urlencode({"code": one.code})
    is_over = one.on_sale_until is not None and one.on_sale_until <= now
    state = "over" if is_over else "running" if one.on_sale_from <= now else "upcoming"
    return Listed(
        package=one,
        state=state,
        facts=[*package_facts(one, say)[1:], Fact("pack_since", say.when(one.on_sale_from))],
        change="" if is_over else f"{PACKAGES}/new?{query}",
        withdraw="" if is_over else f"{PACKAGES}/withdraw?{query}",
        request=request,
    )
